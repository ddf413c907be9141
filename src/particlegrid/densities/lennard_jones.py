"""`LennardJones`: the energy of a probe among the atoms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from particlegrid import _native
from particlegrid.batch import Batch
from particlegrid.densities.base import Density
from particlegrid.densities.drawing import Drawing
from particlegrid.densities.energy_units import ENERGY_UNITS, convert_energy
from particlegrid.densities.force_fields import FORCE_FIELDS, PROBES
from particlegrid.densities.tangent import Tangent
from particlegrid.elements import SYMBOLS, atomic_number
from particlegrid.errors import as_positive, choose

__all__ = ["LennardJones"]

_Parameters = tuple[float, float]


@dataclass(frozen=True, init=False)
class LennardJones(Density):
    """Lennard-Jones energy of a probe at every voxel's centre, summed over all atoms within a cutoff.

    ``U = sum of w 4 eps [(s/d)^12 - (s/d)^6]`` over the entries and their periodic images with d < cutoff, with the
    Lorentz-Berthelot rules ``s = (sigma_i + sigma_p) / 2`` and ``eps = sqrt(eps_i eps_p)``. An atom at the voxel's
    centre makes U infinite. Lattice points instead of centres: ``UnitCell(..., registration="point")``.

    Sums are made in float64 whatever the output, so that U is exact where repulsion and attraction cancel; `tol` of a
    `Voxelizer` plays no part. Where a pair lies at the cutoff to the last digits, rounding decides whether it counts.

    Parameters
    ----------
    forcefield : str or dict of str to (float, float)
        "UFF" (Rappe et al. 1992, doi 10.1021/ja00051a040), or (epsilon, sigma) by element: epsilon in `unit`, sigma
        in A. A channel scheme that gives widths gives sigmas.
    probe : str or (float, float)
        "CH4" and "H2" (one site), "He", "Ar", "Kr", "Xe", "N_N2", "C_CO2", "O_CO2" (sites of N2 and CO2), "H" (UFF), or
        its (epsilon, sigma). `particlegrid.densities.force_fields` has the numbers and their sources.
    cutoff : float
        In A.
    unit : {"eV", "K", "kJ/mol"}
        Of the values, of `cap` and of the epsilons given as numbers; K is the energy over the Boltzmann constant.
    cap : float, optional
        Largest value of the sum, in `unit`; above it, U is the cap, up to 65,504 for float16. Without one U runs to
        infinity, in float16 beyond that.
    shift : bool
        Subtract from each pair's term its value at the cutoff, so that U does not jump there.

    Raises
    ------
    ValueError, TypeError
        If a name is unknown, or a number is not what it should be.

    Notes
    -----
    Derivatives are those of the sum within the cutoff, which stands still; with `shift`, also of what is subtracted.
    Where an energy is infinite, within 1e-16 A of an atom, that atom's term has none.

    Examples
    --------
    >>> from particlegrid import AllAtoms, Grid, LennardJones, Structure, Voxelizer
    >>> argon = LennardJones({"Ar": (119.8, 3.405)}, probe=(119.8, 3.405), unit="K", cap=1e5)
    >>> points = Grid((1, 1, 3), [[1, 0, 0], [0, 1, 0], [0, 0, 4]], [-0.5, -0.5, -2])
    >>> Voxelizer(points, AllAtoms(), argon, dtype="float64")(Structure([[0, 0, 0]], ["Ar"])).round(2).ravel().tolist()
    [100000.0, -112.96, -2.83]
    """

    serial_bytes: ClassVar[int] = 0  # hundreds of atoms a voxel: the core counts them

    forcefield: str | Mapping[str, _Parameters] = "UFF"
    probe: str | _Parameters = "CH4"
    cutoff: float = 12.8
    unit: str = "eV"
    cap: float | None = None
    shift: bool = False

    def __init__(
        self,
        forcefield: str | Mapping[str, _Parameters] = "UFF",
        probe: str | _Parameters = "CH4",
        cutoff: float = 12.8,
        unit: str = "eV",
        cap: float | None = None,
        shift: bool = False,
    ) -> None:
        if isinstance(forcefield, Mapping):
            if not forcefield:
                raise ValueError('`forcefield` names no element; such a table is {"C": (epsilon, sigma)}')
            for name in forcefield:
                atomic_number(name)
            forcefield = {name: _check_pair(pair, f"forcefield[{name!r}]") for name, pair in forcefield.items()}
        else:
            _check_name(forcefield, "forcefield", FORCE_FIELDS, '{"C": (epsilon, sigma)}')
        if isinstance(probe, str):
            _check_name(probe, "probe", PROBES, "(epsilon, sigma)")
        else:
            probe = _check_pair(probe, "probe")
        if cap is not None and cap != 0:
            cap = as_positive(cap, "cap", str(unit))
        object.__setattr__(self, "forcefield", forcefield)
        object.__setattr__(self, "probe", probe)
        object.__setattr__(self, "cutoff", as_positive(cutoff, "cutoff", "A"))
        object.__setattr__(self, "unit", choose(unit, "unit", ENERGY_UNITS))
        object.__setattr__(self, "cap", None if cap is None else float(cap))
        object.__setattr__(self, "shift", bool(shift))

    def __hash__(self) -> int:
        table = tuple(sorted(self.forcefield.items())) if isinstance(self.forcefield, Mapping) else self.forcefield
        return hash((table, self.probe, self.cutoff, self.unit, self.cap, self.shift))

    @cached_property
    def probe_parameters(self) -> _Parameters:
        """The probe's epsilon in `unit` and sigma in A."""
        if isinstance(self.probe, str):
            epsilon, sigma = PROBES[self.probe]
            return convert_energy(epsilon, "K", self.unit), sigma
        return self.probe

    def atom_widths(self, batch: Batch) -> NDArray[np.float64]:
        """Sigma of every atom, shape (N,), in A.

        Raises
        ------
        ValueError
            If the force field has no parameters for an element.
        """
        widths = np.asarray(self._tables[1][batch.numbers])
        if not (widths > 0).all():
            missing = ", ".join(sorted({SYMBOLS[z] for z in batch.numbers[widths == 0]}))
            name = f"force field {self.forcefield!r}" if isinstance(self.forcefield, str) else "`forcefield`"
            raise ValueError(
                f"{name} has no parameters for {missing}; give a table with (epsilon, sigma) of each element"
            )
        return widths

    def atom_strengths(self, batch: Batch) -> NDArray[np.float64]:
        """``4 sqrt(eps_i eps_p)`` of every atom, shape (N,), in `unit`."""
        return np.asarray(self._tables[0][batch.numbers])

    def check_type(self, dtype: str) -> None:
        """Raise if the cap is beyond float16, which would make it infinite.

        Raises
        ------
        ValueError
            If it is.
        """
        if dtype == "float16" and self.cap is not None and self.cap > float(np.finfo(np.float16).max):
            raise ValueError(
                f"`cap` is {self.cap:g} {self.unit}, and float16 ends at 65504: lower it, or take float32 or bfloat16"
            )

    def draw_natively(self, drawing: Drawing) -> bool:
        """Draw with the kernel of blocks and near atoms."""
        _native.draw_lennard_jones(drawing, *self._pair_parameters)
        return True

    def push_forward(self, drawing: Drawing, direction: Tangent) -> bool:
        """How fast the sums change along a direction, before the cap."""
        _native.push_forward_lennard_jones(drawing, *self._pair_parameters, direction)
        return True

    def pull_back(self, drawing: Drawing, gradient: Tangent, direction: Tangent | None = None) -> bool:
        """Gradient of the sum of ``drawing.out`` times the sums, or times their change along a direction."""
        _native.pull_back_lennard_jones(drawing, *self._pair_parameters, gradient, direction)
        return True

    @property
    def _pair_parameters(self) -> tuple[float, float, bool]:
        return self.probe_parameters[1], self.cutoff, self.shift

    def finish(self, values: NDArray[Any]) -> None:
        """Cap the sums; infinities of both signs, of weights of both signs, add up to infinity."""
        values[np.isnan(values)] = np.inf
        if self.cap is not None:
            np.minimum(values, min(self.cap, float(np.finfo(values.dtype).max)), out=values)

    @cached_property
    def _tables(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Strengths and sigmas by atomic number."""
        if isinstance(self.forcefield, str):
            known = {n: (convert_energy(e, "K", self.unit), s) for n, (e, s) in FORCE_FIELDS[self.forcefield].items()}
        else:
            known = dict(self.forcefield)
        strengths, sigmas = np.zeros(len(SYMBOLS)), np.zeros(len(SYMBOLS))
        for name, (epsilon, sigma) in known.items():
            number = atomic_number(name)
            strengths[number] = 4 * sqrt(epsilon * self.probe_parameters[0])
            sigmas[number] = sigma
        return strengths, sigmas


def _check_pair(pair: Any, name: str) -> _Parameters:
    if isinstance(pair, str) or np.shape(pair) != (2,):
        raise TypeError(f"`{name}` must be two numbers, (epsilon, sigma), got {pair!r}")
    epsilon, sigma = pair
    # an atom that only occupies its place has epsilon 0
    return (float(epsilon) if epsilon == 0 else as_positive(epsilon, f"{name}[0]")), as_positive(
        sigma, f"{name}[1]", "A"
    )


def _check_name(name: Any, argument: str, known: Mapping[str, Any], otherwise: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"`{argument}` must be a name or {otherwise}, got {name!r}")
    if name not in known:
        options = ", ".join(map(repr, known))
        raise ValueError(f"`{argument}` must be one of {options}, or {otherwise}; got {name!r}")

"""`Boltzmann`: exp(-U / kT) of an energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.densities.base import Density
from particlegrid.densities.drawing import Drawing
from particlegrid.densities.energy_units import ENERGY_UNITS, convert_energy
from particlegrid.densities.tangent import Tangent
from particlegrid.errors import as_positive

__all__ = ["Boltzmann"]


@dataclass(frozen=True)
class Boltzmann(Density):
    """Boltzmann factors exp(-U / kT) of a density that is an energy, after its cap: what networks of MOFs read.

    0 where U is infinite, 1 far from all atoms, and without limit where U is low: its mean over a cell is the Henry
    constant of adsorption times kT.

    Parameters
    ----------
    of : LennardJones
        The energy; any density with a `unit` of "eV", "K" or "kJ/mol".
    temperature : float
        In K.

    Raises
    ------
    TypeError, ValueError
        If `of` is no energy, or the temperature is not positive.

    Examples
    --------
    >>> from particlegrid import AllAtoms, Boltzmann, Grid, LennardJones, Structure, Voxelizer
    >>> points = Grid((1, 1, 4), [[1, 0, 0], [0, 1, 0], [0, 0, 1.5]], [-0.5, -0.5, -0.75])
    >>> vox = Voxelizer(points, AllAtoms(), Boltzmann(LennardJones(probe="Kr"), temperature=298))
    >>> vox(Structure([[0, 0, 0]], ["C"])).astype(float).round(3).ravel().tolist()
    [0.0, 0.0, 0.004, 1.253]
    """

    of: Density
    temperature: float

    def __post_init__(self) -> None:
        unit = getattr(self.of, "unit", None)
        if not isinstance(self.of, Density) or unit not in ENERGY_UNITS:
            raise TypeError(f"`of` must be an energy such as LennardJones(), with a unit, got {self.of!r}")
        object.__setattr__(self, "temperature", as_positive(self.temperature, "temperature", "K"))
        object.__setattr__(self, "combine", self.of.combine)
        object.__setattr__(self, "serial_bytes", self.of.serial_bytes)

    def atom_widths(self, batch: Batch) -> NDArray[np.float64]:
        """Those of the energy, shape (N,), in A."""
        return self.of.atom_widths(batch)

    def atom_strengths(self, batch: Batch) -> NDArray[np.float64] | None:
        """Those of the energy, shape (N,)."""
        return self.of.atom_strengths(batch)

    def draw_natively(self, drawing: Drawing) -> bool:
        """Draw the energy, which `finish` turns into factors."""
        return self.of.draw_natively(drawing)

    def push_forward(self, drawing: Drawing, direction: Tangent) -> bool:
        """That of the energy."""
        return self.of.push_forward(drawing, direction)

    def pull_back(self, drawing: Drawing, gradient: Tangent, direction: Tangent | None = None) -> bool:
        """That of the energy."""
        return self.of.pull_back(drawing, gradient, direction)

    def finish(self, values: NDArray[Any]) -> None:
        """Cap the energies and take exp(-U / kT)."""
        self.of.finish(values)
        values *= -1 / convert_energy(self.temperature, "K", self.of.unit)  # type: ignore[attr-defined]
        with np.errstate(over="ignore", under="ignore"):
            np.exp(values, out=values)

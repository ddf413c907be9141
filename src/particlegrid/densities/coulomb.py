"""`Coulomb`: the electrostatic potential of point charges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from particlegrid import _native
from particlegrid.batch import Batch
from particlegrid.densities.base import Density
from particlegrid.densities.drawing import Drawing
from particlegrid.densities.tangent import Tangent
from particlegrid.elements import SYMBOLS, atomic_number

__all__ = ["COULOMB_CONSTANT", "Coulomb"]

COULOMB_CONSTANT = 14.399645468667815
"""e / (4 pi epsilon_0) in eV A / e^2, from CODATA 2022: e = 1.602176634e-19 C, epsilon_0 = 8.8541878188e-12 F/m."""


@dataclass(frozen=True, init=False)
class Coulomb(Density):
    """The electrostatic potential of point charges at the centres of voxels, in eV/e.

    A channel holds the sum over its entries of weight x charge x k / d, where d is the distance to the voxel's centre
    and k = 14.39964547 eV A / e^2. Without periodic axes that is the whole sum, however far the atoms. With three
    periodic axes it is the Ewald sum with conducting ("tin-foil") surroundings: the mean of the potential over the
    cell is zero, and a channel whose charges do not cancel is neutralised by a uniform background of its own.

    The energy of a charge q there is q times the value; q is in e, the energy in eV, and exp(-q value / kT) is its
    Boltzmann factor.

    Parameters
    ----------
    charges : str or dict of str to float
        The name of the per-atom property that holds the charges, or a charge for each element; in e.

    Raises
    ------
    ValueError
        If an element is unknown or a charge is not finite; when drawing, if an atom has no charge, lies more than 1e9 A
        from the grid, or if one or two axes are periodic: the potential of a slab or a rod is another sum.

    Notes
    -----
    A voxel's centre that lies within 1e-9 A of a charge holds inf with the sign of the charges there, or what the
    other charges leave if those there cancel: never NaN. Widths that a channel scheme gives have no effect.

    Periodic values are within `tol` (see `particlegrid.Voxelizer`) times k q / a of the infinite sum, plus rounding of
    the output type, where q is the largest charge of the channel and a = (V / n)^(1/3) the mean distance between its n
    charges in the cell's volume V. Two cut-offs follow from that bound: the terms left out in real and in reciprocal
    space are below half of it even if all of them had the same sign. The split between the two is the fastest one.

    Derivatives are those of the sums as they are made, at a fixed split and with fixed lists of images and of wave
    vectors: what changes with these is below `tol`. A voxel whose centre lies at a charge has the derivatives of what
    the other charges leave there, whether it holds that or inf: never NaN. Those by widths are zero.

    References
    ----------
    P. P. Ewald, Ann. Phys. 369, 253 (1921), doi:10.1002/andp.19213690304; the background as in J. S. Hub, B. L. de
    Groot, H. Grubmueller, G. Groenhof, J. Chem. Theory Comput. 10, 381 (2014), doi:10.1021/ct400626b.

    Examples
    --------
    >>> import particlegrid as pg
    >>> ion = pg.Structure([[0, 0, 0]], ["Na"], properties={"charge": [1.0]})
    >>> line = pg.Grid((1, 1, 3), axes=[[1, 0, 0], [0, 1, 0], [0, 0, 1]], origin=[-0.5, -0.5, 0.5])
    >>> values = pg.Voxelizer(line, pg.AllAtoms(), Coulomb())(ion)
    >>> print(values.ravel())
    [14.399646  7.199823  4.799882]
    """

    charges: str | Mapping[str, float] = "charge"

    serial_bytes: ClassVar[int] = 0  # arithmetic dominates at any size

    _split: ClassVar[float] = 0.0  # 1/A: the alpha of erfc(alpha d); 0 lets the core choose

    def __init__(self, charges: str | Mapping[str, float] = "charge") -> None:
        if isinstance(charges, Mapping):
            charges = {symbol: _check_charge(symbol, charge) for symbol, charge in charges.items()}
        elif not isinstance(charges, str):
            raise TypeError(f"`charges` must be the name of a per-atom property or a dict by element, got {charges!r}")
        object.__setattr__(self, "charges", charges)

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.charges.items())) if isinstance(self.charges, Mapping) else self.charges)

    def atom_widths(self, batch: Batch) -> NDArray[np.float64]:
        """Points have no width: 1 for every atom, shape (N,)."""
        return np.ones(len(batch.numbers))

    def atom_strengths(self, batch: Batch) -> NDArray[np.float64]:
        """Charge of every atom times k, shape (N,), in eV A / e.

        Raises
        ------
        ValueError
            If an atom has no charge, or one that is not finite.
        """
        return COULOMB_CONSTANT * self._list_charges(batch)

    def _list_charges(self, batch: Batch) -> NDArray[np.float64]:
        if isinstance(self.charges, Mapping):
            table = np.full(len(SYMBOLS), np.nan)
            for name, charge in self.charges.items():
                table[atomic_number(name)] = charge
            charges: NDArray[np.float64] = table[batch.numbers]
            if np.isnan(charges).any():
                missing = ", ".join(sorted({SYMBOLS[z] for z in batch.numbers[np.isnan(charges)]}))
                raise ValueError(f"`charges` has no charge for {missing}; a neutral element's is 0")
            return charges
        charges = np.asarray(batch.property(self.charges), np.float64)
        # a batch without structures knows no shapes
        if len(batch) and charges.shape != (len(batch.numbers),):
            raise ValueError(f"property {self.charges!r} must hold one charge for each atom, got shape {charges.shape}")
        wrong = np.flatnonzero(~np.isfinite(charges))
        if len(wrong):
            raise ValueError(f"property {self.charges!r} is {charges[wrong[0]]} at atom {wrong[0]} of the batch")
        return charges

    def draw_natively(self, drawing: Drawing) -> bool:
        """Draw by a direct sum, or by an Ewald sum where three axes are periodic."""
        _check_periodic(drawing)
        _native.draw_coulomb(drawing, self._split)
        return True

    def push_forward(self, drawing: Drawing, direction: Tangent) -> bool:
        """Write the change of either sum along a direction."""
        _check_periodic(drawing)
        _native.push_forward_coulomb(drawing, self._split, direction)
        return True

    def pull_back(self, drawing: Drawing, gradient: Tangent, direction: Tangent | None = None) -> bool:
        """Write the gradient of either sum, or of its change along a direction."""
        _check_periodic(drawing)
        _native.pull_back_coulomb(drawing, self._split, gradient, direction)
        return True


def _check_periodic(drawing: Drawing) -> None:
    if drawing.periodic is None:
        return
    axes = drawing.periodic.sum(axis=1)
    partly = np.flatnonzero((axes == 1) | (axes == 2))
    if len(partly):
        raise ValueError(
            f"structure {partly[0]} is periodic along {axes[partly[0]]} of 3 axes; Coulomb needs all three or "
            "none: set pbc=True, with enough vacuum in the cell, or pbc=False"
        )


def _check_charge(symbol: str, charge: float) -> float:
    atomic_number(symbol)
    if isinstance(charge, (bool, str)) or not isfinite(float(charge)):
        raise ValueError(f"`charges[{symbol!r}]` must be a finite number in e, got {charge!r}")
    return float(charge)

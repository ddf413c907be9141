"""Point charges: 1/d, or an Ewald sum with cut-offs so generous that only rounding is left."""

from __future__ import annotations

from itertools import product
from math import erfc, pi

import numpy as np
from numpy.typing import NDArray

from particlegrid.densities import Coulomb
from particlegrid.grid import Grid, count_voxels
from particlegrid.reference.base import draw_channel
from particlegrid.structure import Structure

__all__ = ["sum_directly", "sum_ewald"]

_Floats = NDArray[np.float64]
_CUT = 6.5  # erfc(6.5) = 4e-20: relative to the largest term of either sum
_AT_A_CHARGE = 1e-9  # A: positions are no more exact, so nearer than that is there


@draw_channel.register
def _(
    what: Coulomb, structure: Structure, grid: Grid, positions: _Floats, charges: _Floats, widths: _Floats
) -> _Floats:
    lattice, periodic = structure.cell, structure.pbc
    if not structure.pbc.any():
        lattice, periodic = np.asarray(grid.axes) * np.array(grid.shape)[:, None], np.asarray(grid.pbc)
    if periodic.any() and not periodic.all():
        raise ValueError("Coulomb needs three periodic axes or none")
    points = grid.centers().reshape(-1, 3)
    if lattice is not None and periodic.all():
        values = sum_ewald(points, positions, charges, np.asarray(lattice))
    else:
        values = sum_directly(points, positions, charges)
    return values.reshape(count_voxels(grid.shape))


def sum_directly(points: _Floats, positions: _Floats, charges: _Floats) -> _Floats:
    """Sum of charge / distance at each of (m, 3) points, shape (m,); inf with the charge's sign at a charge."""
    values = np.zeros(len(points))
    here = np.zeros((2, len(points)))  # charge at each point, and its magnitude
    for position, charge in zip(positions, charges):
        distance = np.linalg.norm(points - position, axis=1)
        there = distance < _AT_A_CHARGE
        here[:, there] += [[charge], [abs(charge)]]
        values += np.where(there, 0.0, charge / np.where(there, 1.0, distance))
    return _mark_charges(values, here)


def sum_ewald(
    points: _Floats, positions: _Floats, charges: _Floats, cell: _Floats, alpha: float | None = None
) -> _Floats:
    """Potential of charges that repeat along the rows of a cell, with a neutralising background, shape (m,).

    ``sum q erfc(alpha d) / d  +  4 pi / V sum over k != 0 of exp(-k^2 / 4 alpha^2) / k^2 Re(S(k) exp(i k r))
    -  pi Q / (V alpha^2)``, S(k) = sum q exp(-i k r_n), Q = sum q; any alpha (1/A) gives the same.
    """
    volume = abs(np.linalg.det(cell))
    if alpha is None:
        alpha = np.sqrt(pi) / volume ** (1 / 3)
    values = np.full(len(points), -pi * charges.sum() / (volume * alpha**2))
    here = np.zeros((2, len(points)))
    duals = np.asarray(np.linalg.inv(cell).T, np.float64)  # rows: k = 2 pi (m1 b1 + m2 b2 + m3 b3)
    for position, charge in zip(positions, charges):
        # the difference wrapped into the cell about 0, whose farthest point is no more than half the edges' sum away
        offset = (points - position) @ duals.T
        offset = (offset - np.round(offset)) @ cell
        reach = _CUT / alpha + 0.5 * np.linalg.norm(cell, axis=1).sum()
        for shift in _list_lattice(cell, reach):
            distance = np.linalg.norm(offset - shift, axis=1)
            there = distance < _AT_A_CHARGE
            here[:, there] += [[charge], [abs(charge)]]
            values[there] -= 2 * alpha / np.sqrt(pi) * charge  # of erfc(alpha d) / d - 1 / d as d vanishes
            values[~there] += charge * _erfc(alpha * distance[~there]) / distance[~there]
        for k in 2 * pi * _list_lattice(duals, alpha * _CUT / pi):
            if k.any():
                k2 = k @ k
                values += 4 * pi / volume * charge * np.exp(-k2 / (4 * alpha**2)) / k2 * np.cos(offset @ k)
    return _mark_charges(values, here)


def _mark_charges(values: _Floats, here: _Floats) -> _Floats:
    """`values` with inf where charges lie that do not cancel."""
    return np.where(abs(here[0]) > 1e-12 * here[1], np.copysign(np.inf, here[0]), values)


def _list_lattice(rows: _Floats, radius: float) -> _Floats:
    """All vectors of a lattice no longer than a radius, shape (m, 3)."""
    bounds = np.floor(radius * np.linalg.norm(np.linalg.inv(rows), axis=0)).astype(int)
    vectors: _Floats = np.array(list(product(*(range(-n, n + 1) for n in bounds)))) @ rows
    near: _Floats = vectors[np.linalg.norm(vectors, axis=1) <= radius]
    return near


_erfc = np.vectorize(erfc, otypes=[float])

"""Densities of the distance alone: their formulas at the distances of the voxel centres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from particlegrid.densities import Binary, GaussianQuadratic, Occupancy, Radial
from particlegrid.grid import Grid
from particlegrid.reference.base import evaluate, find_reach

__all__: list[str] = []

_Floats = NDArray[np.float64]


def _distances(position: _Floats, grid: Grid) -> _Floats:
    distances: _Floats = np.linalg.norm(grid.centers() - position, axis=-1)
    return distances


@evaluate.register
def _(what: GaussianQuadratic, position: _Floats, radius: float, grid: Grid) -> _Floats:
    d = _distances(position, grid)
    r, g = radius * what.scale, abs(what.multiple)
    gaussian = np.exp(-2 * d**2 / r**2)
    if what.multiple < 0:
        return np.where(d < g * r, gaussian, 0.0)
    q = d / r
    parabola = np.exp(-2 * g**2) * (4 * g**2 * q**2 - (4 * g + 8 * g**3) * q + 4 * g**4 + 4 * g**2 + 1)
    return np.where(d <= g * r, gaussian, np.where(d < find_reach(what, radius), np.maximum(parabola, 0), 0.0))


@find_reach.register
def _(what: GaussianQuadratic, radius: float) -> float:
    r, g = radius * what.scale, abs(what.multiple)
    return g * r if what.multiple < 0 else r * (1 + 2 * g**2) / (2 * g)


@evaluate.register
def _(what: Occupancy, position: _Floats, radius: float, grid: Grid) -> _Floats:
    d = _distances(position, grid)
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(d < what.cutoff, -np.expm1(-((radius / d) ** 12)), 0.0)


@find_reach.register
def _(what: Occupancy, radius: float) -> float:
    return what.cutoff


@evaluate.register
def _(what: Binary, position: _Floats, radius: float, grid: Grid) -> _Floats:
    return np.where(_distances(position, grid) < radius, 1.0, 0.0)


@find_reach.register
def _(what: Binary, radius: float) -> float:
    return radius


@evaluate.register
def _(what: Radial, position: _Floats, width: float, grid: Grid) -> _Floats:
    """Hermite's cubics through the values, with slopes from their neighbours."""
    y = np.array(what.values)
    slopes = np.gradient(y, edge_order=2) if len(y) > 2 else np.gradient(y)
    d = _distances(position, grid)
    place = np.minimum(d / what.cutoff, 1.0) * (len(y) - 1)
    i = np.minimum(place.astype(int), len(y) - 2)
    t = place - i
    value = (
        (1 + 2 * t) * (1 - t) ** 2 * y[i]
        + t * (1 - t) ** 2 * slopes[i]
        + t**2 * (3 - 2 * t) * y[i + 1]
        + t**2 * (t - 1) * slopes[i + 1]
    )
    return np.where(d < what.cutoff, value, 0.0)


@find_reach.register
def _(what: Radial, width: float) -> float:
    return what.cutoff

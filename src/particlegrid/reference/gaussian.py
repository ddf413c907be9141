"""Gaussians: integrals by erf over orthogonal voxels, by quadrature over sheared ones."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, erf, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from particlegrid.densities import Gaussian
from particlegrid.grid import Grid, count_voxels
from particlegrid.reference.base import evaluate, find_reach

__all__ = ["integrate_edges", "quadrature"]

_Floats = NDArray[np.float64]
_NODES = 12


@evaluate.register
def _(what: Gaussian, position: _Floats, sigma: float, grid: Grid) -> _Floats:
    if what.value == "point":
        distance2 = ((grid.centers() - position) ** 2).sum(axis=-1)
        peak = (2 * pi * sigma**2) ** -1.5 if what.normalize else 1.0
        return np.asarray(peak * np.exp(-distance2 / (2 * sigma**2)))
    directions = np.asarray(grid.axes) / grid.spacing[:, None]
    is_orthogonal = abs(directions @ directions.T - np.eye(3)).max() < 1e-9
    integral = (_integrate_boxes if is_orthogonal else _integrate_cells)(position, sigma, grid)
    return integral / grid.voxel_volume if what.value == "mean" else integral


@find_reach.register
def _(what: Gaussian, sigma: float) -> float:
    return 10 * sigma  # exp(-50) = 2e-22 of the peak


def _integrate_boxes(position: _Floats, sigma: float, grid: Grid) -> _Floats:
    factors, shape = [], count_voxels(grid.shape)
    for axis, edge in enumerate(np.asarray(grid.axes)):
        length = float(np.linalg.norm(edge))
        offset = float((position - grid.origin) @ edge) / length
        factors.append(integrate_edges(shape[axis], length, offset, sigma))
    integral: _Floats = np.einsum("i,j,k->ijk", *factors)
    return integral


def integrate_edges(n: int, length: float, offset: float, sigma: float) -> list[float]:
    """Integrals of the normal density about `offset` over the n edges of a row that begins at 0."""
    bounds = np.arange(n + 1) * length - offset
    return [_integrate(low, high, sigma) for low, high in pairwise(bounds)]


def _integrate(low: float, high: float, sigma: float) -> float:
    """Integral of the normal density of width sigma, centred on 0, from low to high."""
    return 0.5 * (erf(high / (sqrt(2) * sigma)) - erf(low / (sqrt(2) * sigma)))


def _integrate_cells(position: _Floats, sigma: float, grid: Grid) -> _Floats:
    """Gauss-Legendre in all three directions of each voxel, in pieces no longer than 2 sigma."""
    shape = count_voxels(grid.shape)
    integral = np.zeros(shape)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    axes = np.asarray(grid.axes)
    (us, wu), (vs, wv), (ts, wt) = (quadrature(ceil(length / (2 * sigma))) for length in grid.spacing)
    # far voxels hold nothing; an erf-free sum over all nodes of all of them would take minutes
    center_distance = np.linalg.norm((index + 0.5) @ axes + grid.origin - position, axis=-1)
    near = center_distance < 10 * sigma + 0.5 * grid.spacing.sum()
    corners = index[near] @ axes + grid.origin - position
    sums = np.zeros(len(corners))
    for u, a in zip(us, wu):
        for v, b in zip(vs, wv):
            for t, c in zip(ts, wt):
                distance2 = ((corners + np.array([u, v, t]) @ axes) ** 2).sum(axis=-1)
                sums += a * b * c * np.exp(-distance2 / (2 * sigma**2))
    integral[near] = sums * (2 * pi * sigma**2) ** -1.5 * grid.voxel_volume
    return integral


def quadrature(pieces: int) -> tuple[_Floats, _Floats]:
    """Nodes and weights on [0, 1], which is cut into equal pieces."""
    x, w = np.polynomial.legendre.leggauss(_NODES)
    nodes = (np.arange(pieces)[:, None] + 0.5 * (x + 1)) / pieces
    return nodes.ravel(), np.tile(0.5 * w / pieces, pieces)

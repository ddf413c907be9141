"""Gaussians integrated along an axis: in the plane at right angles to it, pixel by pixel and image by image."""

from __future__ import annotations

from itertools import product
from math import ceil, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from particlegrid.densities import Gaussian
from particlegrid.grid import Grid, find_projection
from particlegrid.reference.base import draw_channel
from particlegrid.reference.gaussian import integrate_edges, quadrature
from particlegrid.structure import Structure

__all__: list[str] = []

_Floats = NDArray[np.float64]
_REACH = 10  # sigmas; exp(-50) = 2e-22 of the peak


@draw_channel.register
def _(
    what: Gaussian, structure: Structure, grid: Grid, positions: _Floats, weights: _Floats, widths: _Floats
) -> _Floats:
    axis = find_projection(grid.shape)
    if axis is None:
        return draw_channel.dispatch(object)(what, structure, grid, positions, weights, widths)
    # two unit vectors that span the plane
    frame = np.linalg.svd(np.asarray(grid.axes)[axis : axis + 1])[2][1:]
    kept = [d for d in range(3) if d != axis]
    edges, origin = np.asarray(grid.axes)[kept] @ frame.T, frame @ np.asarray(grid.origin)
    shape = np.array([grid.shape[d] for d in kept], int)
    if structure.pbc.any():
        vectors = np.asarray(structure.cell)[structure.pbc]
    else:
        vectors = (np.asarray(grid.axes)[kept] * shape[:, None])[np.asarray(grid.pbc)[kept]]
    seen = vectors @ frame.T
    # one along the axis: its images are where the integral over a whole line finds them
    seen = seen[np.linalg.norm(seen, axis=1) > 1e-6 * np.linalg.norm(vectors, axis=1)]
    values = np.zeros(tuple(shape))
    for position, weight, sigma in zip(positions @ frame.T - origin, weights, widths):
        for image in _list_images(position, seen, edges * shape[:, None], _REACH * float(sigma)):
            values += weight * _evaluate(what, image, float(sigma), edges, shape)
    return values


def _list_images(position: _Floats, vectors: _Floats, sides: _Floats, reach: float) -> _Floats:
    """All images, shape (m, 2), within `reach` of the circle around the grid, which begins at (0, 0)."""
    if not len(vectors):
        return position[None]
    center = 0.5 * sides.sum(axis=0)
    radius = reach + 0.5 * float(np.linalg.norm(sides, axis=1).sum())
    duals = np.linalg.pinv(vectors).T
    middle, steps = duals @ (center - position), radius * np.linalg.norm(duals, axis=1)
    ranges = [np.arange(np.ceil(m - s), np.floor(m + s) + 1) for m, s in zip(middle, steps)]
    images = position + np.array(list(product(*ranges))).reshape(-1, len(vectors)) @ vectors
    return np.asarray(images[np.linalg.norm(images - center, axis=1) <= radius])


def _evaluate(what: Gaussian, position: _Floats, sigma: float, edges: _Floats, shape: NDArray[np.int64]) -> _Floats:
    """One Gaussian of weight 1, seen along the axis, on the pixels of a grid that begins at (0, 0)."""
    corners = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1) @ edges - position
    if what.value == "point":
        distance2 = ((corners + 0.5 * edges.sum(axis=0)) ** 2).sum(axis=-1)
        peak = 1 / (2 * pi * sigma**2) if what.normalize else sqrt(2 * pi) * sigma
        return np.asarray(peak * np.exp(-distance2 / (2 * sigma**2)))
    lengths, area = np.linalg.norm(edges, axis=1), abs(float(np.linalg.det(edges)))
    if abs(edges[0] @ edges[1]) < 1e-9 * lengths.prod():
        rows, columns = (
            integrate_edges(n, float(h), float(position @ edge / h), sigma) for n, h, edge in zip(shape, lengths, edges)
        )
        integral = np.outer(rows, columns)
    else:
        (us, wu), (vs, wv) = (quadrature(ceil(length / (2 * sigma))) for length in lengths)
        points = corners[:, :, None, None] + us[:, None, None] * edges[0] + vs[:, None] * edges[1]
        nodes = np.exp(-(points**2).sum(axis=-1) / (2 * sigma**2))
        integral = np.einsum("xyuv,u,v->xy", nodes, wu, wv) * area / (2 * pi * sigma**2)
    return np.asarray(integral / area if what.value == "mean" else integral)

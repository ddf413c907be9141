"""Spheres' shares of voxels: exact areas of slices, added up by Gauss-Legendre.

A voxel is sliced along its first edge. What a slice, a parallelogram, has in common with the sphere, a disk there, is a
closed form. The slices' areas are integrated piece by piece between the slices where the disk appears, touches a side
or passes a corner, with a substitution that removes the square roots at the pieces' ends. The volumes are good to 1e-12
of the larger of a voxel's and a sphere's volume.
"""

from __future__ import annotations

from itertools import pairwise, product
from math import pi

import numpy as np
from numpy.typing import NDArray

from particlegrid.densities import SphereOverlap
from particlegrid.grid import Grid, count_voxels
from particlegrid.reference.base import evaluate, find_reach

__all__: list[str] = []

_Floats = NDArray[np.float64]
_NODES = 40


@evaluate.register
def _(what: SphereOverlap, position: _Floats, radius: float, grid: Grid) -> _Floats:
    shape = count_voxels(grid.shape)
    volumes = np.zeros(shape)
    axes = np.asarray(grid.axes)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    corners = np.asarray(grid.origin) - position + index @ axes
    # a voxel is no farther from its centre than half the sum of its edges' lengths
    size = 0.5 * np.linalg.norm(axes, axis=1).sum()
    near = np.linalg.norm(corners + 0.5 * axes.sum(axis=0), axis=-1) < radius + size
    volumes[near] = _share_volumes(corners[near], axes, radius)
    divisor = {"voxel": grid.voxel_volume, "atom": 4 / 3 * pi * radius**3, "volume": 1.0}[what.per]
    return volumes / divisor


@find_reach.register
def _(what: SphereOverlap, radius: float) -> float:
    return radius


def _share_volumes(corners: _Floats, axes: _Floats, radius: float) -> _Floats:
    """Volume, shape (n,), that the sphere about 0 shares with each voxel, which has its first corner in `corners`."""
    a, b, c = axes
    normal = np.cross(b, c) / np.linalg.norm(np.cross(b, c))
    plane = np.stack([b / np.linalg.norm(b), np.cross(normal, b / np.linalg.norm(b))])  # directions within a slice
    pieces = np.sort(
        np.stack([np.zeros(len(corners)), *_list_breaks(corners, axes, radius), np.ones(len(corners))]), axis=0
    )
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    t = 0.5 * (nodes + 1)
    total = np.zeros(len(corners))
    for low, high in pairwise(pieces):
        u = low[:, None] + (high - low)[:, None] * (t * t * (3 - 2 * t))
        jacobian = (high - low)[:, None] * 6 * t * (1 - t) * 0.5 * weights
        first = corners[:, None] + u[..., None] * a
        square = radius**2 - (first @ normal) ** 2
        outline = np.stack([first, first + b, first + b + c, first + c]) @ plane.T
        total += (jacobian * _share_area(outline, np.sqrt(np.maximum(square, 0)))).sum(axis=1)
    volumes: _Floats = abs(a @ normal) * total
    return volumes


def _share_area(outline: _Floats, radius: _Floats) -> _Floats:
    """Area that the disk about 0 shares with a polygon, counterclockwise along the first axis (Green's theorem)."""
    area = np.zeros(radius.shape)
    for p, q in zip(outline, np.roll(outline, -1, axis=0)):
        side = q - p
        length2, middle = (side**2).sum(-1), -(p * side).sum(-1)
        root = np.sqrt(np.maximum(middle**2 - length2 * ((p**2).sum(-1) - radius**2), 0))
        enter, leave = (p + np.clip((middle + r) / length2, 0, 1)[..., None] * side for r in (-root, root))
        area += 0.5 * (_cross(enter, leave) + radius**2 * (_angle(p, enter) + _angle(leave, q)))
    return area


def _cross(p: _Floats, q: _Floats) -> _Floats:
    return np.asarray(p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0])


def _angle(p: _Floats, q: _Floats) -> _Floats:
    return np.asarray(np.arctan2(_cross(p, q), (p * q).sum(-1)))


def _list_breaks(corners: _Floats, axes: _Floats, radius: float) -> list[_Floats]:
    """Where along the first edge, 0 .. 1, the slices change their form; 0 where there is no such place."""
    a, b, c = axes

    def clip(u: _Floats) -> _Floats:
        return np.clip(np.nan_to_num(u, nan=0.0, posinf=0.0, neginf=0.0), 0, 1)

    breaks = []
    with np.errstate(invalid="ignore", divide="ignore"):
        normal = np.cross(b, c) / np.linalg.norm(np.cross(b, c))
        for sign in (-1, 1):  # the disk appears, vanishes
            breaks.append(clip((sign * radius - corners @ normal) / (a @ normal)))
            for along, across in ((b, c), (c, b)):  # it touches a side along one of the slices' edges
                face = np.cross(a, along) / np.linalg.norm(np.cross(a, along))
                inward = np.cross(face, along) / np.linalg.norm(along)
                for step in (0, 1):
                    start = corners + step * across
                    circle = np.sqrt(radius**2 - (start @ face) ** 2)
                    breaks.append(clip((sign * circle - start @ inward) / (a @ inward)))
            for i, j in product((0, 1), repeat=2):  # it passes a corner
                start = corners + i * b + j * c
                half = start @ a / (a @ a)
                breaks.append(clip(-half + sign * np.sqrt(half**2 - ((start**2).sum(-1) - radius**2) / (a @ a))))
    return breaks

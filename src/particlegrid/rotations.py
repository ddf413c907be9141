"""Rotation matrices for whole batches: random ones, those of the cube, axis flips and principal axes."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch

__all__ = [
    "FLIPS",
    "OCTAHEDRAL",
    "principal_axes",
    "quaternion_rotations",
    "small_rotations",
    "turn",
    "uniform_rotations",
]

_Floats = NDArray[np.float64]


def _signed_permutations() -> _Floats:
    found = []
    for order, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        matrix = np.array(signs)[:, None] * np.eye(3)[list(order)]
        if np.linalg.det(matrix) > 0:
            found.append(matrix)
    return np.array(found)


OCTAHEDRAL = _signed_permutations()
"""The 24 rotations of the cube, shape (24, 3, 3): signed permutation matrices; the first is the identity."""

_PROPER = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])
FLIPS = np.concatenate([_PROPER, -_PROPER])
"""Signs of the axes for the 8 axis flips, shape (8, 3): the identity first, then the other proper ones."""

_CROSS = np.array([[0, 0, 0, 0, 0, -1, 0, 1, 0], [0, 0, 1, 0, 0, 0, -1, 0, 0], [0, -1, 0, 1, 0, 0, 0, 0, 0]], float)


def turn(rotations: _Floats, vectors: _Floats) -> _Floats:
    """Matrices, shape (n, 3, 3), times vectors, shape (n, 3)."""
    # terms in this order, none fused: einsum's bits depend on the processor, and particlegrid.torch must give the same
    turned: _Floats = rotations[:, :, 0] * vectors[:, 0, None]
    turned += rotations[:, :, 1] * vectors[:, 1, None]
    turned += rotations[:, :, 2] * vectors[:, 2, None]
    return turned


def uniform_rotations(numbers: _Floats) -> _Floats:
    """Rotations uniform over SO(3), shape (n, 3, 3), from three numbers in [0, 1) each.

    K. Shoemake, "Uniform random rotations", in Graphics Gems III (1992), p. 124.
    """
    radius = np.sqrt(np.stack([1 - numbers[:, 0], numbers[:, 0]]))
    angle = 2 * np.pi * numbers[:, 1:3].T
    (x, z), (y, w) = radius * np.sin(angle), radius * np.cos(angle)
    return quaternion_rotations(w, np.stack([x, y, z], axis=1))


def small_rotations(numbers: _Floats, largest: float) -> _Floats:
    """Rotations about axes uniform on the sphere by angles uniform up to `largest`, in radians, from three numbers."""
    height, azimuth, half = 2 * numbers[:, 0] - 1, 2 * np.pi * numbers[:, 1], 0.5 * largest * numbers[:, 2]
    radius = np.sqrt(1 - height**2)
    axes = np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), height], axis=1)
    return quaternion_rotations(np.cos(half), np.sin(half)[:, None] * axes)


def quaternion_rotations(real: _Floats, imaginary: _Floats) -> _Floats:
    """Matrices, shape (n, 3, 3), of unit quaternions with parts of shapes (n,) and (n, 3)."""
    cross = (imaginary @ _CROSS).reshape(-1, 3, 3)  # cross @ v is the cross product of the imaginary part and v
    return np.asarray(np.eye(3) + 2 * (real[:, None, None] * cross + cross @ cross))


def principal_axes(batch: Batch, centers: _Floats) -> _Floats:
    """Right-handed frames, shape (n, 3, 3), axes in rows, the largest extent first."""
    counts = batch.counts
    offsets = batch.positions - np.repeat(centers, counts, axis=0)
    moments = _sum_atoms(batch, offsets[:, :, None] * offsets[:, None, :])
    # coinciding atoms or none: any axes will do, and these give the identity
    moments[np.trace(moments, axis1=1, axis2=2) < 1e-12] = np.diag([3.0, 2.0, 1.0])
    axes = np.ascontiguousarray(np.linalg.eigh(moments)[1].transpose(0, 2, 1)[:, ::-1])
    along = turn(np.repeat(axes, counts, axis=0), offsets)
    cubes = along * along * along  # ** 3 takes the slow road of pow
    lean, size = _sum_atoms(batch, cubes), _sum_atoms(batch, np.abs(cubes))
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    sign = np.where(np.abs(lean) > 1e-6 * size, lean, largest)
    axes[:, :2] *= np.where(sign[:, :2] < 0, -1.0, 1.0)[:, :, None]
    axes[:, 2] = np.cross(axes[:, 0], axes[:, 1])
    return axes


def _sum_atoms(batch: Batch, values: _Floats) -> _Floats:
    """Sums over the atoms of each structure, shape (n, ...); zero for a structure without atoms."""
    sums = np.zeros((len(batch), *values.shape[1:]))
    filled = batch.counts > 0
    if filled.any():
        # without the empty ones, for which reduceat would take an atom of a neighbour
        sums[filled] = np.add.reduceat(values, batch.offsets[:-1][filled], axis=0)
    return sums

"""`Transform`: a rotation about a centre and a shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from particlegrid.errors import as_array
from particlegrid.rotations import quaternion_rotations
from particlegrid.structure import Structure

__all__ = ["Transform"]

_Floats = NDArray[np.float64]

_ORTHOGONAL = 1e-6


@dataclass(frozen=True, eq=False)
class Transform:
    """A rotation about a centre and a shift: x' = R (x - center) + center + translation.

    Parameters
    ----------
    rotation : array_like, shape (3, 3) or (4,)
        An orthogonal matrix R that acts on column vectors, or a quaternion (w, x, y, z), which is normalised. A matrix
        may have determinant -1: mirrors and rotary inversions turn a chiral molecule into its other hand.
    center : array_like, shape (3,)
        The point about which is rotated, in A.
    translation : array_like, shape (3,)
        The shift after the rotation, in A.

    Raises
    ------
    ValueError
        If the matrix is not orthogonal to 1e-6, the quaternion is zero, or a shape is wrong.

    Examples
    --------
    A quarter turn about z:

    >>> turn = Transform([np.sqrt(0.5), 0, 0, np.sqrt(0.5)], translation=(0, 0, 5))
    >>> turn.apply([[1.0, 0.0, 0.0]]).round(6) + 0.0
    array([[0., 1., 5.]])
    >>> (turn.inverse() @ turn).apply([[1.0, 2.0, 3.0]]).round(6)
    array([[1., 2., 3.]])
    """

    rotation: _Floats
    center: _Floats
    translation: _Floats

    def __init__(self, rotation: ArrayLike, center: ArrayLike = (0, 0, 0), translation: ArrayLike = (0, 0, 0)) -> None:
        values = {
            "rotation": _as_matrix(rotation),
            "center": as_array(center, "center", (3,)),
            "translation": as_array(translation, "translation", (3,)),
        }
        for key, value in values.items():
            value.setflags(write=False)
            object.__setattr__(self, key, value)

    @overload
    def apply(self, points: Structure) -> Structure: ...
    @overload
    def apply(self, points: ArrayLike) -> _Floats: ...
    def apply(self, points: Structure | ArrayLike) -> Structure | _Floats:
        """Move points, or a structure with its cell.

        Parameters
        ----------
        points : array_like, shape (n, 3), or Structure
            Positions in A. Of a structure the positions move and the cell turns; its properties and info stay as they
            are: `apply_vectors` turns those that are vectors, such as forces.

        Returns
        -------
        ndarray, shape (n, 3), or Structure
        """
        if not isinstance(points, Structure):
            return self._move(as_array(points, "points", (None, 3)))
        s = points
        cell = None if s.cell is None else self.apply_vectors(s.cell)
        return Structure(self._move(s.positions), s.numbers, cell, s.pbc, s.bonds, s.properties, s.info, s.name)

    def apply_vectors(self, vectors: ArrayLike) -> _Floats:
        """Turn vectors, such as forces or cell rows: R v.

        Parameters
        ----------
        vectors : array_like, shape (n, 3)
            Rows in any unit.

        Returns
        -------
        ndarray, shape (n, 3)
        """
        turned: _Floats = as_array(vectors, "vectors", (None, 3)) @ self.rotation.T
        return turned

    def inverse(self) -> Transform:
        """The transform that undoes this one."""
        # R^-1 (x' - c - t) + c, written about the moved centre
        return Transform(self.rotation.T, self.center + self.translation, -self.translation)

    def compose(self, other: Transform) -> Transform:
        """The transform that does `other` first and then this one; also written ``self @ other``.

        Parameters
        ----------
        other : Transform
            What is done first.

        Returns
        -------
        Transform
            About `other`'s centre.
        """
        moved = self._move((other.center + other.translation)[None])[0]
        return Transform(self.rotation @ other.rotation, other.center, moved - other.center)

    def __matmul__(self, other: object) -> Transform:
        if not isinstance(other, Transform):
            return NotImplemented
        return self.compose(other)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Transform):
            return NotImplemented
        return all(np.array_equal(getattr(self, k), getattr(other, k)) for k in ("rotation", "center", "translation"))

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    def _move(self, positions: _Floats) -> _Floats:
        moved: _Floats = (positions - self.center) @ self.rotation.T + (self.center + self.translation)
        return moved


def _as_matrix(rotation: Any) -> _Floats:
    if np.shape(rotation) == (4,):
        return _from_quaternion(as_array(rotation, "rotation", (4,)))
    if np.shape(rotation) != (3, 3):
        raise ValueError(f"`rotation` must be a (3, 3) matrix or a quaternion (w, x, y, z), got {np.shape(rotation)}")
    matrix = as_array(rotation, "rotation", (3, 3))
    off = float(np.abs(matrix @ matrix.T - np.eye(3)).max())
    if off > _ORTHOGONAL:
        raise ValueError(f"`rotation` must be orthogonal: R R^T differs from 1 by {off:.2g}; transforms do not scale")
    return matrix


def _from_quaternion(quaternion: _Floats) -> _Floats:
    norm = float(np.linalg.norm(quaternion))
    if norm < 1e-12:
        raise ValueError("`rotation` is a zero quaternion, which stands for no rotation; none at all is (1, 0, 0, 0)")
    unit = quaternion[None] / norm
    matrix: _Floats = quaternion_rotations(unit[:, 0], unit[:, 1:])[0]
    return matrix

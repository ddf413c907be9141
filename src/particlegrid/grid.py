"""`Grid`: one affine lattice of voxels, and `Grids`: one for each structure of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from particlegrid.errors import as_array
from particlegrid.registry import Noun

if TYPE_CHECKING:
    from particlegrid.batch import Batch

__all__ = ["Grid", "Grids", "Shape", "as_shape", "count_voxels", "find_projection"]

_Floats = NDArray[np.float64]
_Rows = tuple[tuple[float, float, float], ...]
Shape = tuple[int | None, int | None, int | None]


@dataclass(frozen=True)
class Grid(Noun):
    """An affine lattice of voxels; also a placement that is the same for every structure.

    Voxel (i, j, k) is the parallelepiped of the points ``origin + (i + u) e1 + (j + v) e2 + (k + w) e3`` with
    0 <= u, v, w < 1, where e1, e2, e3 are the rows of `axes`; its centre has u = v = w = 1/2.

    Parameters
    ----------
    shape : int or sequence of 3 int
        Voxels along each axis. One of them may be None: the values then are integrals along that axis, over one period
        where the atoms repeat along it and over the whole line where they do not.
    axes : array_like, shape (3, 3)
        Edge vectors of one voxel, in A. Of an edge along a projected axis only the direction counts.
    origin : array_like, shape (3,)
        Corner of voxel (0, 0, 0), in A.
    pbc : sequence of 3 bool, optional
        Axes along which the grid repeats.

    Raises
    ------
    ValueError
        If the shape is not positive or the axes span no volume.

    Examples
    --------
    >>> grid = Grid((4, 4, 2), axes=[[0.5, 0, 0], [0, 0.5, 0], [0, 0, 1]], origin=[-1, -1, -1])
    >>> grid.voxel_volume
    0.25
    >>> grid.world_to_index([0, 0, 0])
    array([1.5, 1.5, 0.5])
    """

    shape: Shape
    axes: _Rows
    origin: tuple[float, float, float]
    pbc: tuple[bool, bool, bool] = (False, False, False)

    def __init__(self, shape: int | Shape, axes: ArrayLike, origin: ArrayLike, pbc: ArrayLike = (False,) * 3) -> None:
        edges = as_array(axes, "axes", (3, 3))
        if not abs(np.linalg.det(edges)) > 1e-9 * np.prod(np.linalg.norm(edges, axis=1)):
            raise ValueError(f"`axes` {edges.tolist()} span no volume")
        periodic = tuple(bool(p) for p in np.broadcast_to(np.asarray(pbc, bool), (3,)))
        object.__setattr__(self, "shape", as_shape(shape))
        object.__setattr__(self, "axes", tuple(tuple(row) for row in edges.tolist()))
        object.__setattr__(self, "origin", tuple(as_array(origin, "origin", (3,)).tolist()))
        object.__setattr__(self, "pbc", periodic)

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel, in A^3; of a projection the area of a pixel, seen along the projected axis, in A^2."""
        volume = float(abs(np.linalg.det(self.axes)))
        axis = find_projection(self.shape)
        return volume if axis is None else volume / float(self.spacing[axis])

    @property
    def spacing(self) -> _Floats:
        """Lengths of the voxel's edges, shape (3,), in A."""
        lengths: _Floats = np.linalg.norm(self.axes, axis=1)
        return lengths

    def index_to_world(self, index: ArrayLike) -> _Floats:
        """Cartesian coordinates in A of index coordinates (..., 3); a whole index is a voxel's centre."""
        return np.asarray((np.asarray(index, float) + 0.5) @ np.asarray(self.axes) + self.origin)

    def world_to_index(self, positions: ArrayLike) -> _Floats:
        """Index coordinates (..., 3) of positions in A; a voxel's centre is a whole index."""
        offsets = np.asarray(positions, float) - self.origin
        return np.asarray(np.linalg.solve(np.asarray(self.axes).T, offsets[..., None])[..., 0] - 0.5)

    def centers(self) -> _Floats:
        """Centres of the voxels, shape (X, Y, Z, 3), in A; of a projection (X, Y, 3)."""
        index = np.stack(np.meshgrid(*map(np.arange, count_voxels(self.shape)), indexing="ij"), axis=-1)
        axis = find_projection(self.shape)
        return self.index_to_world(index if axis is None else index.squeeze(axis))

    def place(self, batch: Batch) -> Grids:
        """This grid for each structure of `batch`."""
        return Grids.repeat(self.shape, np.asarray(self.axes), np.tile(self.origin, (len(batch), 1)), self.pbc)


@dataclass(frozen=True, eq=False)
class Grids:
    """The grids of a batch, in arrays.

    Attributes
    ----------
    shapes : ndarray, shape (n, 3), int64
        1 along a projected axis.
    axes : ndarray, shape (n, 3, 3), float64
        Voxel edge vectors, in A.
    origins : ndarray, shape (n, 3), float64
        Corners of voxel (0, 0, 0), in A.
    pbc : ndarray, shape (n, 3), bool
    fills_cells : bool
        Whether each grid is its structure's cell, so that nobody needs to look.
    projection : int or None
        The axis along which all of them are integrated.
    """

    shapes: NDArray[np.int64]
    axes: _Floats
    origins: _Floats
    pbc: NDArray[np.bool_]
    fills_cells: bool = False
    projection: int | None = None

    @classmethod
    def repeat(cls, shape: Shape, axes: _Floats, origins: _Floats, pbc: Any = (False,) * 3) -> Grids:
        """One shape, one set of axes, an origin for each structure; nothing is copied."""
        n = len(origins)
        return cls(
            np.broadcast_to(np.array(count_voxels(shape), np.int64), (n, 3)),
            np.broadcast_to(axes, (n, 3, 3)),
            origins,
            np.broadcast_to(np.array(pbc, bool), (n, 3)),
            projection=find_projection(shape),
        )

    def __len__(self) -> int:
        return len(self.origins)

    def __getitem__(self, i: int) -> Grid:
        shape = self.shapes[i].tolist()
        if self.projection is not None:
            shape[self.projection] = None
        return Grid(tuple(shape), self.axes[i], self.origins[i], self.pbc[i])

    @property
    def share_shape(self) -> bool:
        """Whether all shapes are the same, so that the values fit one array."""
        # an array made by `repeat` has stride 0 and needs no look at its values
        return self.shapes.strides[0] == 0 or bool((self.shapes == self.shapes[:1]).all())


def find_projection(shape: Shape) -> int | None:
    """The axis that is None, along which values are integrated; None if there is none."""
    return shape.index(None) if None in shape else None


def count_voxels(shape: Shape) -> tuple[int, int, int]:
    """The shape with 1 along a projected axis."""
    x, y, z = (1 if n is None else n for n in shape)
    return (x, y, z)


def as_shape(shape: Any) -> Shape:
    """Three positive ints, one of which may be None, from one or three."""
    values = (shape,) * 3 if np.ndim(shape) == 0 else tuple(shape)
    if len(values) != 3:
        raise ValueError(f"`shape` must be one or three numbers of voxels, got {shape!r}")
    if sum(value is None for value in values) > 1:
        raise ValueError(f"`shape` may have one axis of None, along which values are integrated, got {shape!r}")
    for value in values:
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise TypeError(f"`shape` must hold whole numbers of voxels, got {shape!r}")
        if value < 1:
            raise ValueError(f"`shape` must be at least 1 voxel along each axis, got {shape!r}")
    x, y, z = (None if value is None else int(value) for value in values)
    return (x, y, z)

"""Where: placements give each structure its grid."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from particlegrid.batch import Batch
from particlegrid.errors import OutsideBoxWarning, as_positive, as_vector, choose
from particlegrid.grid import Grids, Shape, as_shape, count_voxels, find_projection
from particlegrid.registry import Noun
from particlegrid.structure import complete_cell

__all__ = ["Around", "Box", "Placement", "UnitCell", "find_lattices"]

_Vector = tuple[float, float, float]


@runtime_checkable
class Placement(Protocol):
    """Anything that gives each structure of a batch a grid."""

    def place(self, batch: Batch) -> Grids:
        """The grids of a batch."""
        ...


@dataclass(frozen=True)
class Box(Noun):
    """A box of fixed shape and voxel size, centred on each structure or on a point.

    Parameters
    ----------
    shape : int or sequence of 3 int
        Voxels along each axis. One of them may be None: the values then are integrals along that axis, over one period
        where the atoms repeat along it and over the whole line where they do not, and have no such axis.
    spacing : float or sequence of 3 float
        Edge lengths of a voxel, in A; along a projected axis it does not matter.
    center : {"centroid", "origin"} or sequence of 3 float
        Where the box's centre lies: the mean of the atom positions, (0, 0, 0), or a point in A. A periodic structure
        has no centroid and needs one of the other two.
    outside : {"warn", "ignore", "error"}
        What to do when atoms lie outside the box.

    Raises
    ------
    ValueError
        If the shape or the spacing is not positive.

    Examples
    --------
    >>> from particlegrid import Batch, Structure
    >>> Box(32, spacing=0.5).place(Batch([Structure([[1, 2, 3]], ["C"])]))[0].origin
    (-7.0, -6.0, -5.0)
    """

    shape: Shape
    spacing: _Vector
    center: str | _Vector = "centroid"
    outside: str = "warn"

    def __init__(
        self,
        shape: int | Shape,
        spacing: float | tuple[float, float, float],
        center: str | ArrayLike = "centroid",
        outside: str = "warn",
    ) -> None:
        object.__setattr__(self, "shape", as_shape(shape))
        object.__setattr__(self, "spacing", _as_spacing(spacing))
        if isinstance(center, str):
            choose(center, "center", ("centroid", "origin"))
        else:
            center = tuple(as_vector(center, "center").tolist())
        object.__setattr__(self, "center", center)
        object.__setattr__(self, "outside", choose(outside, "outside", ("warn", "ignore", "error")))

    @property
    def extent(self) -> NDArray[np.float64]:
        """Edge lengths of the box, shape (3,), in A; infinite along a projected axis."""
        return np.multiply([np.inf if n is None else n for n in self.shape], self.spacing)

    def place(self, batch: Batch) -> Grids:
        """The box of each structure; atoms outside are counted and reported as `outside` says.

        Raises
        ------
        ValueError
            If atoms lie outside and `outside` is "error", or a periodic structure is to be centred on its centroid.
        """
        half = 0.5 * np.multiply(count_voxels(self.shape), self.spacing)
        if self.center == "centroid":
            if batch.pbc.any():
                raise ValueError('a periodic structure has no centroid; give Box(..., center="origin") or a point')
            centers = batch.centroids()
        else:
            point = (0.0, 0.0, 0.0) if self.center == "origin" else self.center
            centers = np.tile(np.array(point, float), (len(batch), 1))
        if self.outside != "ignore":
            self._check_outside(batch, centers)
        return Grids.repeat(self.shape, np.diag(self.spacing), centers - half)

    def _check_outside(self, batch: Batch, centers: NDArray[np.float64]) -> None:
        # a periodic axis has no outside
        beyond = np.abs(batch.positions - np.repeat(centers, batch.counts, axis=0)) > 0.5 * self.extent
        if batch.pbc.any():
            beyond &= ~np.repeat(batch.pbc, batch.counts, axis=0)
        if not beyond.any():
            return
        cut = beyond.any(axis=1)
        message = f"{int(cut.sum())} of {len(cut)} atoms lie outside the box"
        if len(batch) > 1:
            message += f" (in {len(np.unique(batch.owners[cut]))} of {len(batch)} structures)"
        message += f" of {' x '.join(f'{length:g}' for length in self.extent)} A"
        if self.outside == "error":
            raise ValueError(f'{message}; take a larger box or Box(..., outside="ignore")')
        warnings.warn(message, OutsideBoxWarning, stacklevel=4)


@dataclass(frozen=True)
class Around(Noun):
    """A box just large enough for each structure: shapes differ from one structure to the next.

    Parameters
    ----------
    spacing : float or sequence of 3 float
        Edge lengths of a voxel, in A.
    padding : float
        Free space around the outermost atoms, in A. The box is rounded up to whole voxels and centred on the middle of
        the atoms' bounding box.

    Examples
    --------
    >>> from particlegrid import Batch, Structure
    >>> Around(spacing=0.5, padding=2.0).place(Batch([Structure([[0, 0, 0], [0, 0, 0.74]], ["H", "H"])]))[0].shape
    (8, 8, 10)
    """

    spacing: _Vector
    padding: float

    def __init__(self, spacing: float | tuple[float, float, float], padding: float) -> None:
        object.__setattr__(self, "spacing", _as_spacing(spacing))
        if padding != 0:
            padding = as_positive(padding, "padding", "A")
        object.__setattr__(self, "padding", float(padding))

    def place(self, batch: Batch) -> Grids:
        """The box around each structure.

        Raises
        ------
        ValueError
            If a structure is periodic: it has no outermost atoms.
        """
        if batch.pbc.any():
            raise ValueError(
                "Around is for molecules; a periodic structure has no outermost atoms: use UnitCell or Box"
            )
        n = len(batch)
        low, high = np.zeros((n, 3)), np.zeros((n, 3))
        for i in range(n):
            atoms = batch.positions[batch.offsets[i] : batch.offsets[i + 1]]
            if len(atoms):
                low[i], high[i] = atoms.min(axis=0), atoms.max(axis=0)
        shapes = np.ceil((high - low + 2 * self.padding) / self.spacing - 1e-9).astype(np.int64).clip(min=1)
        origins = 0.5 * (low + high) - 0.5 * shapes * self.spacing
        axes = np.broadcast_to(np.diag(self.spacing), (n, 3, 3))
        return Grids(shapes, axes, origins, np.zeros((n, 3), bool))


@dataclass(frozen=True)
class UnitCell(Noun):
    """A grid that fills each structure's cell.

    Parameters
    ----------
    shape : int or sequence of 3 int, optional
        Voxels along a, b and c. One of them may be None: the values then are integrals along that edge, over one period
        where the structure repeats along it, and have no such axis.
    spacing : float, optional
        Longest edge of a voxel, in A; the number of voxels is rounded up. Give either this or `shape`.
    registration : {"voxel", "point"}
        Whether values belong to voxels (their centres or integrals over them) or to the points
        ``o + i e1 + j e2 + k e3``.
    """

    shape: Shape | None = None
    spacing: float | None = None
    registration: str = "voxel"

    def __post_init__(self) -> None:
        if (self.shape is None) == (self.spacing is None):
            raise ValueError("UnitCell takes either `shape` or `spacing`")
        if self.shape is not None:
            object.__setattr__(self, "shape", as_shape(self.shape))
        if self.spacing is not None:
            object.__setattr__(self, "spacing", as_positive(self.spacing, "spacing", "A"))
        choose(self.registration, "registration", ("voxel", "point"))

    def place(self, batch: Batch) -> Grids:
        """The cell of each structure.

        Raises
        ------
        ValueError
            If a structure has no cell.
        """
        n = len(batch)
        cells = np.zeros((n, 3, 3)) if batch.cells is None else batch.cells
        bare = ~cells.any(axis=(1, 2))
        if bare.any():
            raise ValueError(f"structure {int(np.argmax(bare))} has no cell; use Box or Around")
        if self.shape is not None:
            shapes = np.tile(np.array(count_voxels(self.shape), np.int64), (n, 1))
        else:
            edges = np.linalg.norm(cells, axis=2)
            shapes = np.ceil(edges / self.spacing - 1e-9).astype(np.int64).clip(min=1)
        axes = cells / shapes[:, :, None]
        origins = np.zeros((n, 3)) if self.registration == "voxel" else -0.5 * axes.sum(axis=1)
        projection = None if self.shape is None else find_projection(self.shape)
        return Grids(shapes, axes, origins, batch.pbc, fills_cells=True, projection=projection)


def find_lattices(batch: Batch, grids: Grids) -> tuple[NDArray[np.float64] | None, NDArray[np.bool_] | None]:
    """The vectors along which each structure repeats on its grid.

    A periodic structure repeats along its cell; one that is not, along the grid if that is periodic.

    Returns
    -------
    lattices : ndarray, shape (n, 3, 3), float64, or None
        Rows in A; None if nothing repeats.
    periodic : ndarray, shape (n, 3), bool, or None
        Which rows do.

    Raises
    ------
    ValueError
        If a periodic grid does not hold whole periods of the structure in it.
    """
    pbc = grids.pbc
    if grids.projection is not None:
        # an integral over one period of the structure, whatever the grid's edge
        pbc = pbc & (np.arange(3) != grids.projection)
    if not pbc.any() and not batch.pbc.any():
        return None, None
    if grids.fills_cells:
        return _complete_cells(batch), np.ascontiguousarray(batch.pbc)
    periods = grids.shapes[:, :, None] * grids.axes
    if not batch.pbc.any():
        return np.ascontiguousarray(periods), np.ascontiguousarray(pbc)
    lattices, periodic = periods.copy(), pbc.copy()
    crystals = batch.pbc.any(axis=1)
    periodic[crystals] = batch.pbc[crystals]
    lattices[crystals] = _complete_cells(batch)[crystals]
    # the grid's periods, counted in the structure's
    steps = periods @ np.linalg.inv(lattices)
    steps[~(pbc[:, :, None] & periodic[:, None, :])] = 0
    wrong = (abs(steps - np.round(steps)) > 1e-6).any(axis=(1, 2)) | (pbc & ~steps.any(axis=2)).any(axis=1)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(
            f"the grid repeats after {periods[i][pbc[i]].tolist()} A, no lattice vector of structure {i}; "
            "take UnitCell, or a Grid with pbc=False as a window into the crystal"
        )
    return lattices, periodic


def _complete_cells(batch: Batch) -> NDArray[np.float64]:
    cells = np.zeros((len(batch), 3, 3)) if batch.cells is None else batch.cells.copy()
    absent: NDArray[np.bool_] = (cells == 0).all(axis=2)
    if not absent.any():
        return cells
    for i in np.flatnonzero(absent.any(axis=1) & ~absent.all(axis=1)):
        cells[i] = complete_cell(cells[i], absent[i])
    return cells


def _as_spacing(spacing: float | tuple[float, float, float]) -> _Vector:
    values = as_vector(spacing, "spacing")
    if not (values > 0).all():
        raise ValueError(f"`spacing` must be positive, got {spacing!r}")
    return (float(values[0]), float(values[1]), float(values[2]))

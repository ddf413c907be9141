"""Grid to grid: the values of one grid at the voxel centres of another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from particlegrid import _native
from particlegrid.errors import check_out, choose
from particlegrid.grid import Grid, count_voxels, find_projection
from particlegrid.threads import count_threads

__all__ = ["check_source_and_target", "map_voxels", "resample", "resample_adjoint"]

_DTYPES = ("float32", "float64")
_METHODS = ("linear", "cubic")


def resample(
    values: ArrayLike,
    source: Grid,
    target: Grid,
    method: str = "linear",
    *,
    out: NDArray[Any] | None = None,
    threads: int | None = None,
) -> NDArray[Any]:
    """Interpolate values on one grid at the voxel centres of another.

    Parameters
    ----------
    values : array_like, shape (X, Y, Z), (C, X, Y, Z) or (n, C, X, Y, Z), float32 or float64
        Values at the voxel centres of `source`.
    source, target : Grid
        Any affine lattices: shifted, rotated, sheared, finer or coarser. Along the axes where `source` is periodic its
        values repeat; beyond the others they are zero. Whether `target` is periodic does not matter.
    method : {"linear", "cubic"}
        "linear" weighs the 8 voxels around a centre and is exact for values that are linear along each axis. "cubic"
        weighs 64 with Keys' kernel with a = -1/2 (Catmull-Rom) [1]_ and is exact for values that are quadratic along
        each axis; it may overshoot, so values >= 0 may give some slightly below 0.
    out : ndarray, optional
        Memory to write to: shape as returned, dtype as `values`, any strides that are whole elements.
    threads : int, optional
        See `particlegrid.threads.count_threads` for the default. The bits of the result do not depend on it.

    Returns
    -------
    ndarray, shape (..., X', Y', Z')
        The leading axes and dtype of `values`, the shape of `target`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind. Other dtypes are refused, since rounding back to 16 bits or to integers is
        the caller's choice.
    ValueError
        If a shape or the method is wrong, or the grids lie more than 1e9 voxels apart.

    Notes
    -----
    The weight of source voxel u for target voxel v is the product over axes of ``k(t - u)``, where t is the index
    coordinate of v's centre in `source` and k(x) = 1 - abs(x) for abs(x) <= 1 ("linear"), or k(x) = 3/2 abs(x)^3 -
    5/2 x^2 + 1 for abs(x) <= 1 and -1/2 abs(x)^3 + 5/2 x^2 - 4 abs(x) + 2 up to 2 ("cubic"). A periodic axis has an
    image of u in each period. Both kernels go through the values, so that resampling onto the same grid is exact.

    The grid ends half a voxel beyond its outermost centres, and the zeros outside count like any others: from the
    outermost centre the interpolant falls to zero within one voxel, half of it inside the grid (two voxels with
    "cubic"). This is scipy.ndimage's ``mode="grid-constant"``.

    Interpolation samples; it does not average. To go to voxels more than twice as large without aliasing, smooth
    first or draw the coarse grid from the atoms. The sum over voxels is not conserved.

    A target centre within 1e-9 of a source centre (in voxels) counts as on it, and voxels of weight zero are not read,
    so that infinite values and NaN spread only to the centres around them.

    References
    ----------
    .. [1] R. G. Keys, IEEE Trans. Acoust. Speech Signal Process. 29, 1153 (1981), doi:10.1109/TASSP.1981.1163711

    Examples
    --------
    A ramp along x, read at twice the resolution; values beyond the ends are zero:

    >>> coarse = Grid((4, 1, 1), axes=np.eye(3), origin=[0, 0, 0])
    >>> fine = Grid((8, 1, 1), axes=np.diag([0.5, 1, 1]), origin=[0, 0, 0])
    >>> resample(np.arange(4.0).reshape(4, 1, 1) + 1, coarse, fine).ravel()
    array([0.75, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 3.  ])
    """
    check_source_and_target(source, target, method)
    array = _as_values(values, source, "source")
    result = _prepare(array, target, out)
    maps = _map(source, target), _periodic(source)
    _native.resample(_as_5d(array), *maps, method, _as_5d(result), count_threads(threads))
    return result


def resample_adjoint(
    values: ArrayLike,
    source: Grid,
    target: Grid,
    method: str = "linear",
    *,
    out: NDArray[Any] | None = None,
    threads: int | None = None,
) -> NDArray[Any]:
    """The transpose of `resample`: from values on `target` to values on `source`.

    If ``resample(x, source, target)`` is A x, this is A^T y: it takes the gradient of a loss with respect to A x to the
    gradient with respect to x.

    Parameters
    ----------
    values : array_like, shape (..., X', Y', Z'), float32 or float64
        Values on `target`.
    source, target : Grid
        As given to `resample`.
    method : {"linear", "cubic"}
        As given to `resample`.
    out : ndarray, optional
        Memory to write to, all of it; what it held does not matter.
    threads : int, optional
        Threads share out structures and channels. The bits of the result do not depend on it.

    Returns
    -------
    ndarray, shape (..., X, Y, Z)
        The leading axes and dtype of `values`, the shape of `source`.

    Raises
    ------
    TypeError, ValueError
        As `resample` does.

    Examples
    --------
    >>> coarse = Grid((4, 1, 1), axes=np.eye(3), origin=[0, 0, 0])
    >>> fine = Grid((8, 1, 1), axes=np.diag([0.5, 1, 1]), origin=[0, 0, 0])
    >>> resample_adjoint(np.ones((8, 1, 1)), coarse, fine).ravel()
    array([1.75, 2.  , 2.  , 1.75])
    """
    check_source_and_target(source, target, method)
    array = _as_values(values, target, "target")
    result = _prepare(array, source, out)
    maps = _map(source, target), _periodic(source)
    _native.resample_adjoint(_as_5d(array), *maps, method, _as_5d(result), count_threads(threads))
    return result


def check_source_and_target(source: Grid, target: Grid, method: str) -> None:
    """Refuse what cannot be resampled: no grids, projections, an unknown method.

    Raises
    ------
    TypeError, ValueError
        Which of the arguments is wrong.
    """
    for grid, name in ((source, "source"), (target, "target")):
        if not isinstance(grid, Grid):
            raise TypeError(f"`{name}` must be a Grid, got {grid!r}")
        if find_projection(grid.shape) is not None:
            raise ValueError(
                f"`{name}` must have three axes, got a projection, {grid.shape}; draw it anew from the atoms"
            )
    choose(method, "method", _METHODS)


def map_voxels(
    source_axes: ArrayLike, source_origin: ArrayLike, target_axes: ArrayLike, target_origin: ArrayLike
) -> NDArray[np.float64]:
    """Where the target's voxels lie in the source's index coordinates: the first one, then a step along each axis.

    Parameters
    ----------
    source_axes, target_axes : array_like, shape (3, 3)
        Edge vectors of the voxels, in A.
    source_origin, target_origin : array_like, shape (3,)
        Corners of voxels (0, 0, 0), in A.

    Returns
    -------
    ndarray, shape (4, 3), float64
        In voxels of the source, whose centres are whole.
    """
    inverse, axes = np.linalg.inv(np.asarray(source_axes, float)), np.asarray(target_axes, float)
    start = ((np.full(3, 0.5) @ axes + target_origin) - source_origin) @ inverse - 0.5
    return np.vstack([start, axes @ inverse])


def _as_values(values: ArrayLike, grid: Grid, name: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.name not in _DTYPES:
        raise TypeError(f"`values` must be float32 or float64, got {array.dtype}: convert with .astype(np.float32)")
    if not 3 <= array.ndim <= 5 or array.shape[-3:] != grid.shape:
        expected = f"(X, Y, Z), (C, X, Y, Z) or (n, C, X, Y, Z) with the {name}'s {grid.shape} at the end"
        raise ValueError(f"`values` must have shape {expected}, got {array.shape}")
    return np.require(array, array.dtype.newbyteorder("="), "A")


def _prepare(values: NDArray[Any], grid: Grid, out: NDArray[Any] | None) -> NDArray[Any]:
    shape = values.shape[:-3] + count_voxels(grid.shape)
    if out is None:
        return np.empty(shape, values.dtype)
    check_out(out, shape, _DTYPES)
    if out.dtype != values.dtype:
        raise ValueError(f"`out` must have the dtype of `values`, {values.dtype}, got {out.dtype}")
    if np.may_share_memory(out, values):
        raise ValueError("`out` lies in the same memory as `values`, which is read while `out` is written")
    return out


def _as_5d(array: NDArray[Any]) -> NDArray[Any]:
    return array[(None,) * (5 - array.ndim)]


def _map(source: Grid, target: Grid) -> NDArray[np.float64]:
    return map_voxels(source.axes, source.origin, target.axes, target.origin)


def _periodic(source: Grid) -> NDArray[np.bool_]:
    return np.array(source.pbc, bool)

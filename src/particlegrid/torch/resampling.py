"""`resample` for tensors: an operator whose derivative is its transpose, and the transpose's is the operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from particlegrid import _native
from particlegrid.grid import Grid, count_voxels
from particlegrid.resampling import check_source_and_target, map_voxels
from particlegrid.threads import count_threads
from particlegrid.torch.resampling_plain import gather_voxels, scatter_voxels

__all__ = ["resample"]

# a lattice is 12 numbers: the rows of `axes`, then `origin`
_ARGUMENTS = (
    "(Tensor values, float[] source, float[] target, SymInt[] source_shape, SymInt[] target_shape, bool[] periodic, "
    "str method) -> Tensor"
)
_Shape = Sequence[int]
_Lattice = Sequence[float]


def resample(values: Tensor, source: Grid, target: Grid, method: str = "linear") -> Tensor:
    """Interpolate values on one grid at the voxel centres of another; `particlegrid.resample` for tensors.

    Differentiable in `values`, to any order. The grids are constants.

    Parameters
    ----------
    values : Tensor, shape (..., X, Y, Z), float32 or float64
        Values at the voxel centres of `source`, on any device.
    source, target : Grid
        Any affine lattices. Along the axes where `source` is periodic its values repeat; beyond the others they are
        zero.
    method : {"linear", "cubic"}
        As in `particlegrid.resample`.

    Returns
    -------
    Tensor, shape (..., X', Y', Z')
        The leading axes, dtype and device of `values`, the shape of `target`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If a shape or the method is wrong, or the grids lie more than 1e9 voxels apart.

    Notes
    -----
    On the CPU this is the native core, whose bits do not depend on the number of threads. Elsewhere it is ordinary
    torch operations, which agree to rounding. The operators are ``particlegrid::resample`` and
    ``particlegrid::resample_adjoint``.

    Examples
    --------
    >>> import numpy as np
    >>> coarse = Grid((4, 1, 1), axes=np.eye(3), origin=[0, 0, 0])
    >>> fine = Grid((8, 1, 1), axes=np.diag([0.5, 1, 1]), origin=[0, 0, 0])
    >>> ramp = torch.arange(1.0, 5.0).reshape(4, 1, 1).requires_grad_()
    >>> resample(ramp, coarse, fine).detach().ravel()
    tensor([0.7500, 1.2500, 1.7500, 2.2500, 2.7500, 3.2500, 3.7500, 3.0000])
    >>> resample(ramp, coarse, fine).sum().backward()
    >>> ramp.grad.ravel()
    tensor([1.7500, 2.0000, 2.0000, 1.7500])
    """
    check_source_and_target(source, target, method)
    if not isinstance(values, Tensor):
        raise TypeError(
            f"`values` must be a tensor, got {type(values).__name__}; for arrays take particlegrid.resample"
        )
    if values.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"`values` must be float32 or float64, got {values.dtype}: convert with .float()")
    if values.ndim < 3 or tuple(values.shape[-3:]) != source.shape:
        raise ValueError(
            f"`values` must have shape (..., X, Y, Z) with the source's {source.shape} at the end, "
            f"got {tuple(values.shape)}"
        )
    resampled: Tensor = torch.ops.particlegrid.resample(
        values,
        _list_lattice(source),
        _list_lattice(target),
        count_voxels(source.shape),
        count_voxels(target.shape),
        source.pbc,
        method,
    )
    return resampled


def _list_lattice(grid: Grid) -> list[float]:
    return [x for row in (*grid.axes, grid.origin) for x in row]


def _map(source: _Lattice, target: _Lattice) -> NDArray[np.float64]:
    rows = np.reshape(source, (4, 3)), np.reshape(target, (4, 3))
    return map_voxels(*(part for lattice in rows for part in (lattice[:3], lattice[3])))


def _check_shape(values: Tensor, shape: _Shape) -> None:
    if tuple(values.shape[-3:]) != tuple(shape):
        raise ValueError(f"`values` must have {tuple(shape)} as their last axes, got shape {tuple(values.shape)}")


def _as_5d(values: Tensor) -> NDArray[Any]:
    if values.ndim > 5:
        values = values.flatten(0, values.ndim - 5)
    array: NDArray[Any] = values.detach().numpy()
    return array[(None,) * (5 - array.ndim)]


def _register(name: str, transpose: str, written: int, native: Any, plain: Any) -> None:
    """One of the pair; `written` is where the constants of a call hold the shape of what it writes."""
    read = 5 - written

    def make_empty(values: Tensor, *constants: Any) -> Tensor:
        return values.new_empty((*values.shape[:-3], *constants[written]))

    def run_natively(values: Tensor, *constants: Any) -> Tensor:
        source, target, _, _, periodic, method = constants
        _check_shape(values, constants[read])
        out = make_empty(values, *constants)
        options = _map(source, target), np.array(periodic, bool), method
        native(_as_5d(values), *options, _as_5d(out), count_threads(None))
        return out

    def run_plainly(values: Tensor, *constants: Any) -> Tensor:
        source, target, _, _, periodic, method = constants
        _check_shape(values, constants[read])
        resampled: Tensor = plain(values, _map(source, target), constants[written], periodic, method)
        return resampled

    def set_up(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.constants = inputs[1:]

    def pull_back(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        return (getattr(torch.ops.particlegrid, transpose)(gradient, *ctx.constants), *(None,) * len(ctx.constants))

    qualified = f"particlegrid::{name}"
    torch.library.define(qualified, _ARGUMENTS, tags=torch.Tag.pt2_compliant_tag)
    torch.library.impl(qualified, "cpu", run_natively)
    torch.library.impl(qualified, "default", run_plainly)
    torch.library.register_fake(qualified, make_empty)
    torch.library.register_autograd(qualified, pull_back, setup_context=set_up)


_register("resample", "resample_adjoint", 3, _native.resample, gather_voxels)
_register("resample_adjoint", "resample", 2, _native.resample_adjoint, scatter_voxels)

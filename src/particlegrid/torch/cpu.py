"""The operators on the CPU: `Drawing`s over the tensors' memory for the native kernels, or plain torch without one."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from particlegrid.densities import Density, Drawing, Tangent
from particlegrid.memory import allocate
from particlegrid.threads import count_threads
from particlegrid.torch import derive
from particlegrid.torch.describe import find_density

__all__ = ["pull_back", "pull_back_twice", "push_forward", "voxelize"]

_LARGE = 1 << 20  # bytes; from there on `allocate` spares the page faults
_NAMES = {torch.float32: "float32", torch.float64: "float64"}


def voxelize(*drawn: Any) -> Tensor:
    """Draw natively; plain torch if there is no native kernel."""
    what = find_density(drawn[12])
    out = _allocate(drawn)
    if len(out) and not what.draw_natively(_make_drawing(what, drawn, out)):
        return derive.voxelize(*drawn)
    return out


def push_forward(*arguments: Any) -> Tensor:
    """J times a direction."""
    drawn, direction = arguments[:15], arguments[15:]
    what = find_density(drawn[12])
    out = _allocate(drawn)
    if len(out) and not what.push_forward(_make_drawing(what, drawn, out), _make_tangent(direction)):
        return derive.push_forward(*arguments)
    return out


def pull_back(grad: Tensor, *drawn: Any) -> tuple[Tensor, ...]:
    """J^T times a gradient."""
    return _pull_back(grad, drawn, None)


def pull_back_twice(grad: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    """The derivative of <gradient, J direction>."""
    return _pull_back(grad, arguments[:15], arguments[15:])


def _pull_back(grad: Tensor, drawn: Sequence[Any], direction: Sequence[Tensor] | None) -> tuple[Tensor, ...]:
    what = find_density(drawn[12])
    if not len(grad):
        return tuple(torch.zeros_like(tensor) for tensor in drawn[:6])
    gradient = tuple(torch.empty_like(tensor, memory_format=torch.contiguous_format) for tensor in drawn[:6])
    drawing = _make_drawing(what, drawn, _read(grad))
    along = None if direction is None else _make_tangent(direction)
    if what.pull_back(drawing, Tangent(*(tensor.numpy() for tensor in gradient)), along):
        return gradient
    if direction is None:
        return derive.pull_back(grad, *drawn)
    return derive.pull_back_twice(grad, *drawn, *direction)


def _make_drawing(what: Density, drawn: Sequence[Any], out: Tensor) -> Drawing:
    """Views of the tensors' memory; nothing is copied that is contiguous."""
    positions, weights, widths, axes, origins, lattices, atoms, channels, offsets, periodic = (
        tensor.contiguous().numpy() for tensor in drawn[:10]
    )
    if not np.count_nonzero(periodic):  # in a tenth of the time of any()
        lattices = periodic = None
    values = out.numpy()
    threads = count_threads() if values.nbytes >= what.serial_bytes else 1
    tol = drawn[14]
    return Drawing(
        positions, atoms, channels, weights, widths, offsets, axes, origins, lattices, periodic, values, tol, threads
    )


def _make_tangent(direction: Sequence[Tensor]) -> Tangent:
    return Tangent(*(_read(tensor).contiguous().numpy() for tensor in direction))


def _allocate(drawn: Sequence[Any]) -> Tensor:
    shape, dtype = (drawn[3].shape[0], drawn[11], *drawn[10]), drawn[13]
    if dtype not in _NAMES:
        raise TypeError(f"`dtype` must be torch.float32 or torch.float64, got {dtype}; cast the grids afterwards")
    if prod(shape) * dtype.itemsize < _LARGE:
        return torch.empty(shape, dtype=dtype)
    values: NDArray[Any] = allocate(shape, _NAMES[dtype])
    return torch.from_numpy(values)


def _read(tensor: Tensor) -> Tensor:
    """A tensor whose memory holds its values, each at a place of its own: a sum's gradient is one number at all."""
    tensor = tensor.resolve_neg()
    return tensor.contiguous() if 0 in tensor.stride() else tensor

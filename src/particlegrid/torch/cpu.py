"""The operators on the CPU: `Drawing`s over the tensors' memory for the native kernels, or plain torch without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from particlegrid.densities import Density, Drawing, Tangent
from particlegrid.densities.describe import find_density
from particlegrid.memory import allocate
from particlegrid.threads import count_threads
from particlegrid.torch import derive
from particlegrid.torch.tensor_drawing import TensorDrawing

__all__ = ["pull_back", "pull_back_twice", "push_forward", "voxelize"]

_NAMES = {torch.float32: "float32", torch.float64: "float64"}


def voxelize(*drawn: Any) -> Tensor:
    """Draw natively; plain torch if there is no native kernel."""
    what = find_density(drawn[12])
    values = _allocate(drawn)
    if len(values) and not what.draw_natively(_make_drawing(what, drawn, values)):
        return derive.voxelize(*drawn)
    return torch.from_numpy(values)


def push_forward(*arguments: Any) -> Tensor:
    """J times a direction."""
    drawn, direction = arguments[:15], arguments[15:]
    what = find_density(drawn[12])
    values = _allocate(drawn)
    if len(values) and not what.push_forward(_make_drawing(what, drawn, values), _make_tangent(direction)):
        return derive.push_forward(*arguments)
    return torch.from_numpy(values)


def pull_back(grad: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    """J^T times a gradient."""
    drawn, deform = arguments[:15], arguments[15:]
    if (gradient := _pull_back(grad, drawn, None, *deform)) is None:
        return derive.pull_back(grad, *drawn)
    return gradient


def pull_back_twice(grad: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    """The derivative of <gradient, J direction>."""
    drawn, direction, deform = arguments[:15], arguments[15:21], arguments[21:]
    if (gradient := _pull_back(grad, drawn, direction, *deform)) is None:
        return derive.pull_back_twice(grad, *drawn, *direction)
    return gradient


def _pull_back(
    grad: Tensor, drawn: Sequence[Any], direction: Sequence[Tensor] | None, deform: bool = True
) -> tuple[Tensor, ...] | None:
    """The gradient; None where there is no native kernel."""
    what = find_density(drawn[12])
    if not len(grad):
        return tuple(torch.zeros_like(tensor) for tensor in drawn[:6])
    gradient = tuple(torch.empty_like(tensor, memory_format=torch.contiguous_format) for tensor in drawn[:6])
    arrays = [tensor.numpy() for tensor in gradient]
    slope = Tangent(*arrays)
    if not deform:
        arrays[2][...], arrays[3][...] = 0, 0
        slope = replace(slope, widths=None, axes=None)
    along = None if direction is None else _make_tangent(direction)
    return gradient if what.pull_back(_make_drawing(what, drawn, _read(grad).numpy()), slope, along) else None


def _make_drawing(what: Density, drawn: Sequence[Any], values: NDArray[Any]) -> Drawing:
    threads = count_threads() if values.nbytes >= what.serial_bytes else 1
    return TensorDrawing.over(drawn[:10], values, drawn[14], threads)


def _make_tangent(direction: Sequence[Tensor]) -> Tangent:
    return Tangent(*(_read(tensor).numpy() for tensor in direction))


def _allocate(drawn: Sequence[Any]) -> NDArray[Any]:
    dtype = _NAMES.get(drawn[13])
    if dtype is None:
        raise TypeError(f"`dtype` must be torch.float32 or torch.float64, got {drawn[13]}; cast the grids afterwards")
    return allocate((drawn[3].shape[0], drawn[11], *drawn[10]), dtype)


def _read(tensor: Tensor) -> Tensor:
    """A tensor whose memory holds its values in one block, as the kernels of derivatives take them."""
    return tensor.resolve_neg().contiguous()

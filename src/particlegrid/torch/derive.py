"""The operators by plain torch: drawn with `particlegrid.torch.plain`, differentiated by autograd.

The way of densities without native derivatives, and of all but Gaussians on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from particlegrid.torch.describe import find_density

__all__ = ["pull_back", "pull_back_twice", "push_forward", "voxelize"]


def voxelize(*drawn: Any) -> Tensor:
    """Draw."""
    with torch.no_grad():
        return _draw(drawn[:6], drawn)


def pull_back(grad: Tensor, *drawn: Any) -> tuple[Tensor, ...]:
    """J^T times a gradient."""
    with torch.inference_mode(False), torch.enable_grad():
        geometry = _leaves(drawn[:6])
        return _differentiate(_draw(geometry, drawn), geometry, grad.detach())


def push_forward(*arguments: Any) -> Tensor:
    """J times a direction: the gradient by g of <J^T g, direction>."""
    drawn, direction = arguments[:15], arguments[15:]
    with torch.inference_mode(False), torch.enable_grad():
        geometry = _leaves(drawn[:6])
        grids = _draw(geometry, drawn)
        grad = torch.zeros_like(grids, requires_grad=True)
        pulled = _differentiate(grids, geometry, grad, create_graph=True)
        (pushed,) = _differentiate(_dot(pulled, direction), (grad,))
        return pushed


def pull_back_twice(grad: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    """The derivative of <gradient, J direction>."""
    drawn, direction = arguments[:15], arguments[15:]
    with torch.inference_mode(False), torch.enable_grad():
        geometry = _leaves(drawn[:6])
        pulled = _differentiate(_draw(geometry, drawn), geometry, grad.detach(), create_graph=True)
        return _differentiate(_dot(pulled, direction), geometry)


def _draw(geometry: Sequence[Tensor], drawn: Sequence[Any]) -> Tensor:
    from particlegrid.torch.plain import draw  # takes a while to load, and few need it
    from particlegrid.torch.scene import Scene

    scene = Scene(*geometry, *drawn[6:10])
    return draw(find_density(drawn[12]), scene, tuple(drawn[10]), drawn[11], drawn[13], drawn[14])


def _leaves(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    # a copy: what was made in inference mode cannot be recorded
    return tuple(tensor.detach().clone().requires_grad_() for tensor in tensors)


def _dot(tensors: Sequence[Tensor], direction: Sequence[Tensor]) -> Tensor:
    return torch.stack([(a * b.detach()).sum() for a, b in zip(tensors, direction)]).sum()


def _differentiate(
    values: Tensor, by: Sequence[Tensor], grad: Tensor | None = None, create_graph: bool = False
) -> tuple[Tensor, ...]:
    """Gradients of one tensor, zero where it does not depend on another."""
    if not values.requires_grad:
        return tuple(torch.zeros_like(tensor) for tensor in by)
    return torch.autograd.grad(values, by, grad, create_graph=create_graph, materialize_grads=True)

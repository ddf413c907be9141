"""The operators by plain torch: drawn with `particlegrid.torch.plain`, differentiated by autograd.

The way of densities without native derivatives, and of all but Gaussians on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any

import torch
from torch import Tensor
from torch._C import _dispatch_tls_local_exclude_set, _dispatch_tls_local_include_set, _ForceDispatchKeyGuard

from particlegrid.densities.describe import find_density

__all__ = ["pull_back", "pull_back_twice", "push_forward", "voxelize"]


def voxelize(*drawn: Any) -> Tensor:
    """Draw."""
    with torch.no_grad():
        return _draw(drawn[:6], drawn)


def pull_back(grad: Tensor, *drawn: Any) -> tuple[Tensor, ...]:
    """J^T times a gradient."""
    with _recording():
        geometry = _leaves(drawn[:6])
        return _differentiate(_draw(geometry, drawn), geometry, grad.detach())


def push_forward(*arguments: Any) -> Tensor:
    """J times a direction: the gradient by g of <J^T g, direction>."""
    drawn, direction = arguments[:15], arguments[15:]
    with _recording():
        geometry = _leaves(drawn[:6])
        grids = _draw(geometry, drawn)
        grad = torch.zeros_like(grids, requires_grad=True)
        pulled = _differentiate(grids, geometry, grad, create_graph=True)
        (pushed,) = _differentiate(_dot(pulled, direction), (grad,))
        return pushed


def pull_back_twice(grad: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    """The derivative of <gradient, J direction>."""
    drawn, direction = arguments[:15], arguments[15:]
    with _recording():
        geometry = _leaves(drawn[:6])
        pulled = _differentiate(_draw(geometry, drawn), geometry, grad.detach(), create_graph=True)
        return _differentiate(_dot(pulled, direction), geometry)


def _find_clean_state() -> tuple[Any, Any]:
    """The dispatcher's keys where nobody has changed them: in a thread of its own."""
    found: list[Any] = []
    thread = Thread(target=lambda: found.extend((_dispatch_tls_local_include_set(), _dispatch_tls_local_exclude_set())))
    thread.start()
    thread.join()
    return found[0], found[1]


_CLEAN = _find_clean_state()


@contextmanager
def _recording() -> Iterator[None]:
    """Autograd as at the top of a program.

    An operator's kernel runs below autograd, and below a dispatch mode half of autograd is on: its engine then crashed.
    """
    with _ForceDispatchKeyGuard(*_CLEAN), torch.inference_mode(False), torch.enable_grad():
        yield


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

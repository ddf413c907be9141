"""The operators on a GPU: Triton kernels for Gaussians, plain torch for the others.

First derivatives by Triton; products with second derivatives, and directional ones, by plain torch.
"""

from __future__ import annotations

import warnings
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from torch import Tensor

from particlegrid.densities import Gaussian
from particlegrid.densities.describe import find_density
from particlegrid.torch import derive
from particlegrid.torch.derive import push_forward

__all__ = ["pull_back", "pull_back_twice", "push_forward", "voxelize"]


def voxelize(*drawn: Any) -> Tensor:
    """Draw."""
    what = find_density(drawn[12])
    if type(what) is not Gaussian or (kernels := _find_kernels()) is None:
        return derive.voxelize(*drawn)
    values: Tensor = kernels.draw(what, _scene(drawn), tuple(drawn[10]), drawn[11], drawn[13], drawn[14])
    return values


def pull_back(grad: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    """J^T times a gradient; whatever is asked for, all six."""
    drawn = arguments[:15]
    what = find_density(drawn[12])
    if type(what) is not Gaussian or (kernels := _find_kernels()) is None:
        return derive.pull_back(grad, *drawn)
    return tuple(kernels.pull_back(what, _scene(drawn), grad, drawn[14]))


def pull_back_twice(grad: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    """The derivative of <gradient, J direction>."""
    return derive.pull_back_twice(grad, *arguments[:21])


def _scene(drawn: tuple[Any, ...]) -> Any:
    from particlegrid.torch.scene import Scene

    return Scene(*(tensor.contiguous() for tensor in drawn[:10]))


@cache
def _find_kernels() -> Any:
    """The Triton kernels, or None and one warning where there is no Triton."""
    if find_spec("triton") is None:
        warnings.warn(
            "Triton is not installed, so Gaussians are drawn on the GPU by plain torch, which is slower: "
            "pip install triton (triton-windows on Windows)",
            stacklevel=2,
        )
        return None
    return import_module("particlegrid.torch.triton")

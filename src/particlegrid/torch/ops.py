"""The operators ``torch.ops.particlegrid.*``: grids from flat tensors, and their derivatives.

``voxelize`` draws. With J its Jacobian by six geometry tensors (positions, weights, widths, axes, origins, lattices),
``push_forward`` is J times a direction, ``pull_back`` is J^T times a gradient, and ``pull_back_twice`` is the
derivative of <gradient, J direction>. Each is an operator, and they are one another's derivatives:

    voxelize' = pull_back;  pull_back' = (push_forward, pull_back_twice);  push_forward' = (pull_back, pull_back_twice)

so that autograd, `torch.compile` and `torch.export` see four names and no Python. The derivative of ``pull_back_twice``
raises. The operators know entries and grids; `particlegrid.torch.voxelize` makes these of positions and numbers.

Geometry is float64, indices are int64, and so are gradients and tangents float64; grids are float32 or float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._C import DispatchKey, DispatchKeySet, _after_autograd_keyset, _AutoDispatchBelowAutograd

from particlegrid.torch import cpu, cuda

try:
    from torch._C import _any_requires_grad
except ImportError:  # before PyTorch 2.5

    def _any_requires_grad(*args: Any, **kwargs: Any) -> bool:
        return any(isinstance(value, Tensor) and value.requires_grad for value in args)


__all__ = ["GEOMETRY", "pull_back", "pull_back_twice", "push_forward", "voxelize"]

GEOMETRY = ("positions", "weights", "widths", "axes", "origins", "lattices")
"""What grids are differentiated by, in the operators' order."""

_TANGENTS = ", ".join(f"Tensor {name}_tangent" for name in GEOMETRY)
_DRAWN = (
    "Tensor positions, Tensor weights, Tensor widths, Tensor axes, Tensor origins, Tensor lattices, Tensor atoms, "
    "Tensor channels, Tensor offsets, Tensor periodic, SymInt[] shape, SymInt channel_count, str density, "
    "ScalarType dtype, float tol"
)
_GRADIENTS = "(" + ", ".join(["Tensor"] * len(GEOMETRY)) + ")"
_N, _REST = len(GEOMETRY), 9  # geometry tensors; what else is drawn
_CPU_ALONE = DispatchKeySet(DispatchKey.CPU) | DispatchKeySet(DispatchKey.AutogradCPU)

_library: Any = torch.library.Library("particlegrid", "DEF")  # type: ignore[no-untyped-call]
for _schema in (
    f"voxelize({_DRAWN}) -> Tensor",
    f"pull_back(Tensor grad, {_DRAWN}, bool deform=True) -> {_GRADIENTS}",
    f"push_forward({_DRAWN}, {_TANGENTS}) -> Tensor",
    f"pull_back_twice(Tensor grad, {_DRAWN}, {_TANGENTS}, bool deform=True) -> {_GRADIENTS}",
):
    _library.define(_schema, tags=(torch.Tag.pt2_compliant_tag,))

voxelize: Any = torch.ops.particlegrid.voxelize.default
"""Draw: Tensor, shape (n, C, X, Y, Z)."""
pull_back: Any = torch.ops.particlegrid.pull_back.default
"""Six gradients of the sum of ``grad`` times what `voxelize` gives; zeros by widths and axes without `deform`."""
push_forward: Any = torch.ops.particlegrid.push_forward.default
"""How fast the grids change along six tangents."""
pull_back_twice: Any = torch.ops.particlegrid.pull_back_twice.default
"""Six gradients of the sum of ``grad`` times what `push_forward` gives; `deform` as of `pull_back`."""


def _like_grids(*drawn: Any) -> Tensor:
    axes, shape, channel_count, dtype = drawn[3], drawn[10], drawn[11], drawn[13]
    grids: Tensor = axes.new_empty((axes.shape[0], channel_count, *shape), dtype=dtype)
    return grids


def _like_geometry(grad: Tensor, *drawn: Any) -> tuple[Tensor, ...]:
    return tuple(torch.empty_like(tensor, memory_format=torch.contiguous_format) for tensor in drawn[:_N])


def _differentiate_voxelize(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    return (*pull_back(grad, *_load(ctx), _deforms(_find_needed(ctx))), *_none(_REST))


def _differentiate_pull_back(ctx: Any, *direction: Tensor) -> tuple[Any, ...]:
    inputs = _load(ctx)
    grad, drawn = inputs[0], inputs[1 : 1 + _N + _REST]
    needed = _find_needed(ctx)
    by_grad = push_forward(*drawn, *direction) if needed[0] else None
    by_geometry = _none(_N)
    if any(needed[1 : 1 + _N]):
        by_geometry = pull_back_twice(grad, *drawn, *direction, _deforms(needed[1:]))
    return (by_grad, *by_geometry, *_none(len(inputs) - 1 - _N))


def _differentiate_push_forward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    inputs = _load(ctx)
    needed = _find_needed(ctx)
    drawn, direction = inputs[: _N + _REST], inputs[_N + _REST :]
    by_geometry = by_direction = _none(_N)
    if any(needed[:_N]):
        by_geometry = pull_back_twice(grad, *drawn, *direction, _deforms(needed))
    if any(needed[-_N:]):
        by_direction = pull_back(grad, *drawn, _deforms(needed[-_N:]))
    return (*by_geometry, *_none(_REST), *by_direction)


def _differentiate_pull_back_twice(ctx: Any, *direction: Tensor) -> tuple[Any, ...]:
    raise NotImplementedError(
        "grids are differentiable twice, and this asks for a third derivative: take the last gradient with "
        "create_graph=False, or detach it"
    )


def _find_needed(ctx: Any) -> list[bool]:
    """Which of the tensors among the inputs this backward pass goes on to.

    `needs_input_grad` says what it might go on to. Training on forces by ``loss.backward(inputs=parameters)`` has no
    use for the second derivative by positions.
    """

    def is_next(node: Any) -> bool:
        try:
            return node is not None and bool(torch._C._will_engine_execute_node(node))
        except RuntimeError:  # of a leaf that `torch.autograd.grad` asks for, or outside a backward pass
            return True

    return [is_next(node) for node, _ in ctx.next_functions]


def _deforms(needed: list[bool]) -> bool:
    """Whether widths or axes are among the geometry that is needed: without them a Gaussian's gradient costs half."""
    return needed[GEOMETRY.index("widths")] or needed[GEOMETRY.index("axes")]


def _none(count: int) -> tuple[None, ...]:
    return (None,) * count


def _save(ctx: Any, inputs: tuple[Any, ...]) -> None:
    """Keep the inputs; never the grids that `voxelize` makes."""
    ctx.others = [None if isinstance(value, Tensor) else value for value in inputs]
    ctx.save_for_backward(*(value for value in inputs if isinstance(value, Tensor)))


def _load(ctx: Any) -> list[Any]:
    tensors = iter(ctx.saved_tensors)
    return [next(tensors) if value is None else value for value in ctx.others]


def _register(name: str, operator: Any, fake: Callable[..., Any], differentiate: Callable[..., Any]) -> None:
    """Register what an operator does on each device, with fake tensors, and under autograd.

    `torch.library.register_autograd` makes the same of `differentiate`, but goes through the dispatcher once more to
    reach the CPU, which takes 10 us of the 40 that a call may take.
    """
    on_cpu = getattr(cpu, name)

    def run(keyset: Any, inputs: tuple[Any, ...]) -> Any:
        if keyset == _CPU_ALONE:  # nothing traces, and nothing else stands between autograd and the CPU
            return on_cpu(*inputs)
        with _AutoDispatchBelowAutograd():
            return operator.redispatch(keyset & _after_autograd_keyset, *inputs)

    class Recorded(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, keyset: Any, *inputs: Any) -> Any:
            _save(ctx, inputs)
            return run(keyset, inputs)

        @staticmethod
        def backward(ctx: Any, *grads: Tensor) -> Any:
            return (None, *differentiate(ctx, *grads))

    Recorded.__name__ = Recorded.__qualname__ = f"particlegrid_{name}"

    def run_recorded(keyset: Any, *inputs: Any) -> Any:
        if torch.is_grad_enabled() and _any_requires_grad(*inputs):
            return Recorded.apply(keyset, *inputs)  # type: ignore[no-untyped-call]
        return run(keyset, inputs)

    _library.impl(name, on_cpu, "CPU")
    _library.impl(name, getattr(cuda, name), "CUDA")
    _library.impl(name, run_recorded, "Autograd", with_keyset=True)
    torch.library.register_fake(f"particlegrid::{name}", fake, lib=_library)


_register("voxelize", voxelize, _like_grids, _differentiate_voxelize)
_register("pull_back", pull_back, _like_geometry, _differentiate_pull_back)
_register("push_forward", push_forward, _like_grids, _differentiate_push_forward)
_register("pull_back_twice", pull_back_twice, _like_geometry, _differentiate_pull_back_twice)

"""JAX primitives: grids from flat arrays, and their derivatives.

`draw` draws. With J its Jacobian by six geometry arrays (positions, weights, widths, axes, origins, lattices),
`push_forward` is J times a direction, `pull_back` is J^T times a gradient, and `pull_back_twice` is the derivative of
<gradient, J direction>. They are one another's derivatives and transposes:

    draw'         = push_forward                      push_forward^T    = pull_back
    pull_back'    = (pull_back, pull_back_twice)      pull_back^T       = push_forward
                                                      pull_back_twice^T = pull_back_twice

Second derivatives are symmetric, so that `pull_back_twice` is its own transpose. The derivative of `push_forward` by
the geometry, `push_forward_twice`, has a transpose, `pull_back_twice`, but no kernel: reverse over forward mode works,
and forward over forward mode says that it does not.

Derivatives are taken by some of the six only: the static `by` lists which, and there is one operand or result for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching

__all__ = ["DRAWN", "GEOMETRY", "PRIMITIVES", "How", "draw", "pull_back", "pull_back_twice", "push_forward"]

GEOMETRY = ("positions", "weights", "widths", "axes", "origins", "lattices")
"""What grids are differentiated by, in the operands' order."""
DRAWN = (*GEOMETRY, "atoms", "channels", "offsets", "periodic")
"""Operands that say what is drawn; the latter four are int32, int32, int32 and bool."""
_N = len(DRAWN)
_Which = tuple[int, ...]


@dataclass(frozen=True)
class How:
    """What is static of a drawing.

    Attributes
    ----------
    density : str
        From `describe_density`.
    shape : tuple of 3 int
    channel_count : int
    dtype : {"float32", "float64"}
        Of the grids.
    tol : float
    threads : int or None
        As of a `Voxelizer`.
    """

    density: str
    shape: tuple[int, int, int]
    channel_count: int
    dtype: str
    tol: float
    threads: int | None

    def count_bytes(self, structures: int) -> int:
        """Of the grids of so many structures."""
        return structures * self.channel_count * int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


draw = Primitive("particlegrid_draw")
push_forward = Primitive("particlegrid_push_forward")
pull_back = Primitive("particlegrid_pull_back")
pull_back_twice = Primitive("particlegrid_pull_back_twice")
push_forward_twice = Primitive("particlegrid_push_forward_twice")
PRIMITIVES = (draw, push_forward, pull_back, pull_back_twice, push_forward_twice)

for _primitive in (pull_back, pull_back_twice):
    _primitive.multiple_results = True


# ---- results


def _like_grids(*operands: Any, how: How, **_: Any) -> Any:
    structures = operands[DRAWN.index("axes")].shape[0]
    return jax.core.ShapedArray((structures, how.channel_count, *how.shape), np.dtype(how.dtype))


def _like_geometry(grad: Any, *operands: Any, by: _Which, **_: Any) -> list[Any]:
    return [jax.core.ShapedArray(operands[i].shape, operands[i].dtype) for i in by]


for _primitive in (draw, push_forward, push_forward_twice):
    _primitive.def_abstract_eval(_like_grids)
for _primitive in (pull_back, pull_back_twice):
    _primitive.def_abstract_eval(_like_geometry)


@lru_cache(1024)
def _compile(primitive: Primitive, **static: Any) -> Callable[..., Any]:
    compiled: Callable[..., Any] = jax.jit(partial(primitive.bind, **static))
    return compiled


def _run(primitive: Primitive, *operands: Any, **static: Any) -> Any:
    try:
        return _compile(primitive, **static)(*operands)
    except jax.errors.JaxRuntimeError as error:
        _, separator, message = str(error).partition("INVALID_ARGUMENT: ")
        if not separator:
            raise
        raise ValueError(message) from None


for _primitive in PRIMITIVES:
    _primitive.def_impl(partial(_run, _primitive))


# ---- derivatives


def _differentiate_draw(primals: Sequence[Any], tangents: Sequence[Any], *, how: How) -> Any:
    grids = draw.bind(*primals, how=how)
    by, direction = _choose(tangents[: len(GEOMETRY)])
    return grids, push_forward.bind(*primals, *direction, how=how, by=by) if by else _zero(grids)


def _differentiate_push_forward(primals: Sequence[Any], tangents: Sequence[Any], *, how: How, by: _Which) -> Any:
    grids = push_forward.bind(*primals, how=how, by=by)
    drawn, direction = primals[:_N], primals[_N:]
    along, moved = _choose(tangents[: len(GEOMETRY)])
    changed, changes = _choose(tangents[_N:], by)
    tangent = _zero(grids)
    if changed:
        tangent = push_forward.bind(*drawn, *changes, how=how, by=changed)
    if along:
        more = push_forward_twice.bind(*drawn, *direction, *moved, how=how, by=by, along=along)
        tangent = ad.add_tangents(tangent, more)
    return grids, tangent


def _differentiate_pull_back(primals: Sequence[Any], tangents: Sequence[Any], *, how: How, by: _Which) -> Any:
    gradient = pull_back.bind(*primals, how=how, by=by)
    along, moved = _choose(tangents[1 : 1 + len(GEOMETRY)])
    changes = [_zero(part) for part in gradient]
    if type(tangents[0]) is not ad.Zero:
        changes = pull_back.bind(tangents[0], *primals[1:], how=how, by=by)
    if along:
        more = pull_back_twice.bind(*primals, *moved, how=how, by=by, along=along)
        changes = list(map(ad.add_tangents, changes, more))
    return gradient, changes


def _differentiate_pull_back_twice(
    primals: Sequence[Any], tangents: Sequence[Any], *, how: How, by: _Which, along: _Which
) -> Any:
    _refuse_third(tangents[1 : 1 + len(GEOMETRY)])
    static = {"how": how, "by": by}
    gradient = pull_back_twice.bind(*primals, **static, along=along)
    changes = [_zero(part) for part in gradient]
    if type(tangents[0]) is not ad.Zero:
        changes = pull_back_twice.bind(tangents[0], *primals[1:], **static, along=along)
    changed, directions = _choose(tangents[1 + _N :], along)
    if changed:
        more = pull_back_twice.bind(*primals[: 1 + _N], *directions, **static, along=changed)
        changes = list(map(ad.add_tangents, changes, more))
    return gradient, changes


def _differentiate_push_forward_twice(
    primals: Sequence[Any], tangents: Sequence[Any], *, how: How, by: _Which, along: _Which
) -> Any:
    _refuse_third(tangents[: len(GEOMETRY)])
    drawn, first, second = _split(primals, by)
    by_first, firsts = _choose(tangents[_N : _N + len(by)], by)
    by_second, seconds = _choose(tangents[_N + len(by) :], along)
    grids = push_forward_twice.bind(*primals, how=how, by=by, along=along)
    tangent = _zero(grids)
    if by_first:
        tangent = push_forward_twice.bind(*drawn, *firsts, *second, how=how, by=by_first, along=along)
    if by_second:
        more = push_forward_twice.bind(*drawn, *first, *seconds, how=how, by=by, along=by_second)
        tangent = ad.add_tangents(tangent, more)
    return grids, tangent


def _refuse_third(tangents: Sequence[Any]) -> None:
    if any(type(tangent) is not ad.Zero for tangent in tangents):
        raise NotImplementedError(
            "grids are differentiable twice, and this asks for a third derivative: pass what is not to be "
            "differentiated through jax.lax.stop_gradient"
        )


ad.primitive_jvps[draw] = _differentiate_draw
ad.primitive_jvps[push_forward] = _differentiate_push_forward
ad.primitive_jvps[pull_back] = _differentiate_pull_back
ad.primitive_jvps[pull_back_twice] = _differentiate_pull_back_twice
ad.primitive_jvps[push_forward_twice] = _differentiate_push_forward_twice


# ---- transposes


def _transpose_push_forward(grad: Any, *operands: Any, how: How, by: _Which) -> list[Any]:
    if type(grad) is ad.Zero:
        return [None] * len(operands)
    return [*[None] * _N, *pull_back.bind(grad, *operands[:_N], how=how, by=by)]


def _transpose_pull_back(grads: Sequence[Any], *operands: Any, how: How, by: _Which) -> list[Any]:
    given, direction = _choose(grads, by)
    pushed = push_forward.bind(*operands[1:], *direction, how=how, by=given) if given else None
    return [pushed] + [None] * _N


def _transpose_pull_back_twice(grads: Sequence[Any], *operands: Any, how: How, by: _Which, along: _Which) -> list[Any]:
    nothing: list[Any] = [None] * len(operands)
    given, direction = _choose(grads, by)
    if not given:
        return nothing
    drawn, along_which = operands[1 : 1 + _N], operands[1 + _N :]
    if ad.is_undefined_primal(operands[0]):
        nothing[0] = push_forward_twice.bind(*drawn, *along_which, *direction, how=how, by=along, along=given)
        return nothing
    gradient = pull_back_twice.bind(*operands[: 1 + _N], *direction, how=how, by=along, along=given)
    return [*nothing[: 1 + _N], *gradient]


def _transpose_push_forward_twice(grad: Any, *operands: Any, how: How, by: _Which, along: _Which) -> list[Any]:
    nothing: list[Any] = [None] * len(operands)
    if type(grad) is ad.Zero:
        return nothing
    drawn, first, second = _split(operands, by)
    if first and ad.is_undefined_primal(first[0]):
        gradient = pull_back_twice.bind(grad, *drawn, *second, how=how, by=by, along=along)
        return [*nothing[:_N], *gradient, *nothing[_N + len(by) :]]
    gradient = pull_back_twice.bind(grad, *drawn, *first, how=how, by=along, along=by)
    return [*nothing[: _N + len(by)], *gradient]


ad.primitive_transposes[push_forward] = _transpose_push_forward
ad.primitive_transposes[pull_back] = _transpose_pull_back
ad.primitive_transposes[pull_back_twice] = _transpose_pull_back_twice
ad.primitive_transposes[push_forward_twice] = _transpose_push_forward_twice


def _choose(tangents: Sequence[Any], names: _Which | None = None) -> tuple[_Which, list[Any]]:
    """Which tangents are not zero, by number or by these names, and those."""
    numbers = range(len(tangents)) if names is None else names
    chosen = [(i, tangent) for i, tangent in zip(numbers, tangents) if type(tangent) is not ad.Zero]
    return tuple(i for i, _ in chosen), [tangent for _, tangent in chosen]


def _split(operands: Sequence[Any], by: _Which) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
    end = _N + len(by)
    return operands[:_N], operands[_N:end], operands[end:]


def _zero(value: Any) -> Any:
    return ad.Zero(jax.typeof(value))


# ---- batches


def _batch(primitive: Primitive, operands: Sequence[Any], dims: Sequence[int | None], **static: Any) -> Any:
    """One call for all: a batch of drawings is a drawing of more structures."""
    size = next(operand.shape[dim] for operand, dim in zip(operands, dims) if dim is not None)
    stacked = [
        jnp.broadcast_to(operand, (size, *operand.shape)) if dim is None else jnp.moveaxis(operand, dim, 0)
        for operand, dim in zip(operands, dims)
    ]
    first = 1 if primitive.multiple_results else 0  # gradients come before what is drawn
    steps = jnp.arange(size, dtype=np.int32)[:, None]
    atoms, offsets = first + DRAWN.index("atoms"), first + DRAWN.index("offsets")
    stacked[atoms] = stacked[atoms] + steps * stacked[first].shape[1]
    starts = stacked[offsets] + steps * stacked[atoms].shape[1]
    joined = [values.reshape(values.shape[0] * values.shape[1], *values.shape[2:]) for values in stacked]
    joined[offsets] = jnp.concatenate([starts[:, :-1].reshape(-1), starts[-1:, -1]])
    results = primitive.bind(*joined, **static)
    if not primitive.multiple_results:
        return results.reshape(size, -1, *results.shape[1:]), 0
    return [values.reshape(size, values.shape[0] // size, *values.shape[1:]) for values in results], [0] * len(results)


for _primitive in PRIMITIVES:
    batching.primitive_batchers[_primitive] = partial(_batch, _primitive)

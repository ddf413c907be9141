"""What XLA runs for the primitives: handlers in the native core, on the CPU.

Gaussians are served without Python. All other densities are served by the numpy methods of `Density`, which a handler
calls with views of XLA's memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters import mlir
from numpy.typing import NDArray

from particlegrid import _native
from particlegrid.densities import Density, Drawing, Gaussian, Tangent
from particlegrid.densities.describe import find_density
from particlegrid.jax.primitives import (
    DRAWN,
    GEOMETRY,
    PRIMITIVES,
    How,
    draw,
    pull_back,
    pull_back_twice,
    push_forward,
    push_forward_twice,
)
from particlegrid.threads import count_threads

__all__ = ["register"]

_Arrays = list[NDArray[Any]]


def register() -> None:
    """Give XLA the handlers, and JAX the way to them.

    Raises
    ------
    ImportError
        If this JAX calls functions in a way that the core does not know.
    """
    for name, handler in _native.list_jax_handlers(serve).items():
        try:
            jax.ffi.register_ffi_target(name, handler, platform="cpu")
        except Exception as error:
            raise ImportError(
                f"jax {jax.__version__} does not take particlegrid's functions: {error}; "
                'pip install -U "particlegrid[jax]", or jax==0.10.2'
            ) from error
    lower: dict[Any, Callable[..., Any]] = {
        draw: partial(_lower_to_grids, "draw"),
        push_forward: partial(_lower_to_grids, "push_forward"),
        pull_back: _lower_to_geometry,
        pull_back_twice: _lower_to_geometry,
        push_forward_twice: _refuse_second_push,
    }
    for primitive in PRIMITIVES:
        rule = mlir.lower_fun(lower[primitive], multiple_results=primitive.multiple_results)
        mlir.register_lowering(primitive, rule, platform="cpu")
        mlir.register_lowering(primitive, _refuse_device)


def _refuse_device(ctx: Any, *operands: Any, **static: Any) -> Any:
    platforms = ", ".join(platform for platform in ctx.module_context.platforms if platform != "cpu")
    raise NotImplementedError(
        f"particlegrid.jax draws on the CPU alone, and this is compiled for {platforms}: put the arrays there with "
        'jax.device_put(x, jax.devices("cpu")[0]) and take the grids to the other device, run under '
        'jax.default_device(jax.devices("cpu")[0]), or take particlegrid.torch, which draws on GPUs'
    )


def _refuse_second_push(*operands: Any, **static: Any) -> Any:
    raise NotImplementedError(
        "grids have no second derivative in forward over forward mode: take forward over reverse, as jax.hessian does, "
        "or reverse over either"
    )


def _lower_to_grids(operation: str, *operands: Any, how: How, by: tuple[int, ...] = ()) -> Any:
    structures = operands[DRAWN.index("axes")].shape[0]
    result = jax.ShapeDtypeStruct((structures, how.channel_count, *how.shape), np.dtype(how.dtype))
    if operation == "push_forward":
        operands = (*operands[: len(DRAWN)], *_complete(operands, operands[len(DRAWN) :], by))
    return _call(operation, how, structures, [result], operands, 0)[0]


def _lower_to_geometry(
    grad: Any, *operands: Any, how: How, by: tuple[int, ...], along: tuple[int, ...] | None = None
) -> list[Any]:
    results = [jax.ShapeDtypeStruct(operands[i].shape, operands[i].dtype) for i in by]
    drawn = operands[: len(DRAWN)]
    direction = [] if along is None else _complete(operands, operands[len(DRAWN) :], along)
    wanted = sum(1 << i for i in by)
    return _call("pull_back", how, grad.shape[0], results, (grad, *drawn, *direction), wanted)


def _complete(drawn: Sequence[Any], direction: Sequence[Any], along: tuple[int, ...]) -> list[Any]:
    """All six parts of a direction, of which some are given."""
    given = dict(zip(along, direction))
    return [given.get(i, jnp.zeros_like(drawn[i])) for i in range(len(GEOMETRY))]


def _call(
    operation: str, how: How, structures: int, results: Sequence[Any], operands: Sequence[Any], wanted: int
) -> list[Any]:
    what = find_density(how.density)
    threads = count_threads(how.threads) if how.count_bytes(structures) >= what.serial_bytes else 1
    attributes = _find_native(operation, what, how.tol)
    if attributes is not None:
        name = f"particlegrid_{operation}"
        attributes |= {"threads": np.int64(threads), "wanted": np.int64(wanted)}
    else:
        # the text says everything: compiled programs may be kept on disk
        task = {"operation": operation, "density": how.density, "tol": how.tol, "threads": threads, "wanted": wanted}
        name, attributes = "particlegrid_call_python", {"task": json.dumps(task)}
    return list(jax.ffi.ffi_call(name, list(results))(*operands, **attributes))


def _find_native(operation: str, what: Density, tol: float) -> dict[str, Any] | None:
    """What the core wants to know of a density; None if Python has to ask it."""
    # point values take one of three kernels by the voxels' edges, and Python chooses
    if type(what) is not Gaussian or (operation == "draw" and what.value == "point"):
        return None
    cut, sheared_cut = what.find_cuts(tol)
    return {
        "density": "gaussian",
        "value": what.native_value,
        "cut": np.float64(cut),
        "sheared_cut": np.float64(sheared_cut),
        "tol": np.float64(tol),
    }


def serve(task: str, operands: _Arrays, results: _Arrays) -> None:
    """Do what a handler was asked for, with views of XLA's memory.

    Raises
    ------
    NotImplementedError
        If the density has no native kernel for it.
    """
    asked = json.loads(task)
    what = find_density(asked["density"])
    operation = asked["operation"]
    if operation == "pull_back":
        _pull_back(what, asked, operands, results)
        return
    drawing = _make_drawing(operands, results[0], asked)
    if operation == "draw":
        done = what.draw_natively(drawing)
    else:
        done = what.push_forward(drawing, Tangent(*map(_widen, operands[len(DRAWN) :])))
    _require(done, what, operation)


def _pull_back(what: Density, asked: dict[str, Any], operands: _Arrays, results: _Arrays) -> None:
    drawing = _make_drawing(operands[1:], operands[0], asked)
    direction = operands[1 + len(DRAWN) :]
    wanted = [i for i in range(len(GEOMETRY)) if asked["wanted"] >> i & 1]
    given = dict(zip(wanted, results))
    parts: list[Any] = []
    for i, name in enumerate(GEOMETRY):
        if name in ("widths", "axes") and not {2, 3} & given.keys():
            parts.append(None)
        elif i in given and given[i].dtype == np.float64:
            parts.append(given[i])
        else:
            parts.append(np.empty(operands[1 + i].shape))
    along = Tangent(*map(_widen, direction)) if direction else None
    _require(what.pull_back(drawing, Tangent(*parts), along), what, "pull_back")
    for i, result in given.items():
        if parts[i] is not result:
            result[...] = parts[i]


def _make_drawing(operands: _Arrays, out: NDArray[Any], asked: dict[str, Any]) -> Drawing:
    positions, weights, widths, axes, origins, lattices = map(_widen, operands[: len(GEOMETRY)])
    atoms, channels, offsets = (values.astype(np.int64) for values in operands[len(GEOMETRY) : -1][:3])
    periodic = operands[DRAWN.index("periodic")]
    repeats = bool(periodic.any())
    return Drawing(
        positions,
        atoms,
        channels,
        weights,
        widths,
        offsets,
        axes,
        origins,
        lattices if repeats else None,
        periodic if repeats else None,
        out,
        asked["tol"],
        asked["threads"],
    )


def _widen(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.ascontiguousarray(values, np.float64)


def _require(done: bool, what: Density, operation: str) -> None:
    if done:
        return
    if operation == "draw":
        raise NotImplementedError(f"{what!r} has no native kernel; a Voxelizer draws it by its definition")
    raise NotImplementedError(f"{what!r} has no derivatives")

"""The cost of a compiled call from JAX: one small molecule on 4^3 voxels, where next to nothing is drawn.

python benchmarks/jax_calls.py

A handler that needs no Python (Gaussians), one that calls Python (all other densities), and `jax.pure_callback` of a
function that does nothing, all in one run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import particlegrid as pg
from particlegrid.jax import lowering, voxelize
from timing import Task, repeat, time_rounds

CALLS, ROUNDS = 200, 15
POSITIONS = jnp.asarray(np.random.default_rng(0).normal(size=(8, 3)), jnp.float32)
NUMBERS = np.array([8, 1, 1, 1, 8, 1, 1, 8])
VOX = pg.Voxelizer(pg.Box(4, 0.5, outside="ignore"), pg.Elements("H", "O"), pg.Gaussian(0.5), threads=1)


def draw(positions: Any) -> Any:
    return voxelize(VOX, positions, NUMBERS)


def compile_pair(name: str) -> dict[str, Callable[[Any], Any]]:
    functions = {f"draw, {name}": draw, f"gradient, {name}": jax.grad(lambda x: (draw(x) ** 2).sum())}
    return {name: jax.jit(function).lower(POSITIONS).compile() for name, function in functions.items()}


def call_nothing(positions: Any) -> Any:
    return jax.pure_callback(np.asarray, jax.ShapeDtypeStruct(positions.shape, positions.dtype), positions)


def main() -> None:
    compiled = compile_pair("without Python")
    find = lowering._find_native
    lowering._find_native = lambda *_: None  # as of a density that the core's table lacks
    jax.clear_caches()
    compiled |= compile_pair("through Python")
    lowering._find_native = find
    compiled["nothing, by jax.pure_callback"] = jax.jit(call_nothing)

    def wait(function: Callable[[Any], Any]) -> Callable[[], Any]:
        return lambda: jax.block_until_ready(function(POSITIONS))

    tasks: dict[str, Task] = {name: repeat(wait(function), CALLS) for name, function in compiled.items()}
    for name, seconds in time_rounds(tasks, ROUNDS).items():
        print(f"{name:32s} {1e6 * seconds / CALLS:6.0f} us")


if __name__ == "__main__":
    main()

"""Projections in differentiable JAX: `particlegrid.projection`, step by step."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from particlegrid.densities import Gaussian
from particlegrid.jax.geometry import Placed, complete_cells
from particlegrid.jax.scene import Scene
from particlegrid.jax.structures import read
from particlegrid.projection import LONG, PARALLEL, WIDEST, flatten_lattices

__all__ = ["project"]


def project(scene: Scene, placed: Placed, what: Gaussian) -> tuple[Scene, tuple[int, int, int]]:
    """The scene in three dimensions that makes a projection, and its shape (X, 1, Y).

    Raises
    ------
    ValueError
        If a width is above 2e4 A, or a structure repeats so that the integral is infinite, as far as values are known.
    """
    axis = placed.projection
    assert axis is not None
    first, last = (d for d in range(3) if d != axis)
    order = np.array([first, axis, last])
    owners = jnp.searchsorted(scene.offsets, np.arange(len(scene.atoms)), side="right") - 1
    edges = scene.axes[:, axis]
    normals = edges / jnp.linalg.norm(edges, axis=1, keepdims=True)
    lengths = _find_lengths(scene, owners, what)
    flat = _flatten(scene.axes[:, order], normals[:, None])
    axes = jnp.stack([flat[:, 0], lengths * normals, flat[:, 2]], axis=1)
    weights = scene.weights
    if what.value == "mean":
        weights = weights * lengths[owners, 0]
    elif what.value == "point":
        weights = weights * (sqrt(2 * pi) * scene.widths)
    lattices, periodic = _flatten_lattices(scene.lattices[:, order], scene.periodic[:, order], normals)
    projected = scene._replace(
        positions=_flatten(scene.positions[scene.atoms], normals[owners]),
        atoms=jnp.arange(len(scene.atoms), dtype=np.int32),
        weights=weights,
        axes=axes,
        origins=_flatten(scene.origins, normals) - 0.5 * lengths * normals,
        lattices=lattices,
        periodic=periodic,
    )
    return projected, (placed.shape[first], 1, placed.shape[last])


def _find_lengths(scene: Scene, owners: Any, what: Gaussian) -> Any:
    """Edges of the voxels along the axis, shape (n, 1): constants, since nothing depends on them."""
    widths = jax.lax.stop_gradient(scene.widths)
    widest = jnp.full(len(scene.axes), 0.1, widths.dtype).at[owners].max(widths)
    known = read(widest)
    if known is not None and (known > WIDEST).any():
        raise ValueError(f"a projection takes widths up to {WIDEST:g} A, got {known.max():g}")
    return jnp.exp2(jnp.ceil(jnp.log2(widest * (1 if what.value == "point" else LONG))))[:, None]


def _flatten(vectors: Any, normals: Any) -> Any:
    """The vectors without their parts along the normals."""
    return vectors - (vectors * normals).sum(axis=-1, keepdims=True) * normals


def _flatten_lattices(lattices: Any, periodic: Any, normals: Any) -> tuple[Any, Any]:
    known = [read(values) for values in (lattices, periodic, normals)]
    if all(values is not None for values in known) and known[1].any():  # type: ignore[union-attr]
        flatten_lattices(*known)  # type: ignore[arg-type]  # raises where the integral is infinite
    flat = _flatten(lattices, normals[:, None])
    lengths = [jnp.linalg.norm(jax.lax.stop_gradient(vectors), axis=2) for vectors in (flat, lattices)]
    periodic = periodic & (lengths[0] > PARALLEL * lengths[1])
    return complete_cells(flat, ~periodic), periodic

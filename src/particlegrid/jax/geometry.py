"""Placements in differentiable JAX: voxels' edges, corners, and the vectors that atoms repeat along."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from particlegrid.batch import Batch
from particlegrid.grid import Grid, count_voxels, find_projection
from particlegrid.jax.structures import Atoms, make_numpy_batch, read, sum_by_structure
from particlegrid.placements import Around, Box, UnitCell, find_lattices

__all__ = ["Placed", "complete_cells", "place"]


class Placed(NamedTuple):
    """Grids of one shape, one for each of n structures.

    Attributes
    ----------
    shape : tuple of 3 int
        1 along a projected axis.
    axes : Array, shape (n, 3, 3)
    origins : Array, shape (n, 3)
    lattices : Array, shape (n, 3, 3)
    periodic : Array, shape (n, 3), bool
    projection : int or None
    """

    shape: tuple[int, int, int]
    axes: Any
    origins: Any
    lattices: Any
    periodic: Any
    projection: int | None


def place(where: Any, atoms: Atoms) -> Placed:
    """The grids of a batch.

    What a placement takes from the atoms or their cells is differentiated through: the centroid of a `Box`, the cell of
    a `UnitCell`, the outermost atoms of `Around`. A placement of one's own gives constants.

    Raises
    ------
    ValueError
        As `where.place` does, if the grids differ in shape, or if they follow from values that are traced.
    """
    if isinstance(where, Box):
        return _place_box(where, atoms)
    if isinstance(where, UnitCell) and where.shape is not None:
        return _place_cells(where, atoms, count_voxels(where.shape), find_projection(where.shape))
    if isinstance(where, Grid):
        return _place_grid(where, atoms)
    return _place_by_values(where, atoms)


def _place_box(where: Box, atoms: Atoms) -> Placed:
    positions, n, dtype = atoms.positions, atoms.size, atoms.positions.dtype
    half = 0.5 * np.multiply(count_voxels(where.shape), where.spacing)
    if where.center == "centroid":
        _require_molecules(where, atoms)
        present = (atoms.numbers != 0)[:, None]
        counts = jnp.maximum(sum_by_structure(present.astype(dtype), atoms), 1)
        centers = sum_by_structure(jnp.where(present, positions, 0), atoms) / counts
    else:
        point = (0.0, 0.0, 0.0) if where.center == "origin" else where.center
        centers = jnp.broadcast_to(jnp.asarray(point, dtype), (n, 3))
    if where.outside != "ignore":
        _check_outside(where, atoms)
    axes = jnp.broadcast_to(jnp.diag(jnp.asarray(where.spacing, dtype)), (n, 3, 3))
    lattices, periodic = _find_own_lattices(atoms)
    origins = centers - half.astype(dtype)
    return Placed(count_voxels(where.shape), axes, origins, lattices, periodic, find_projection(where.shape))


def _require_molecules(where: Box, atoms: Atoms) -> None:
    if atoms.pbc is None:
        return
    pbc = read(atoms.pbc)
    if pbc is None or pbc.any():
        known = "" if pbc is not None else "; `pbc` follows from a traced `cell`, so give pbc=False if nothing repeats"
        raise ValueError(
            f'a periodic structure has no centroid; give Box(..., center="origin") or a point, not {where!r}{known}'
        )


def _check_outside(where: Box, atoms: Atoms) -> None:
    """Warn or raise where values are known."""
    if _is_known(atoms):
        where.place(make_numpy_batch(atoms)[0])
    elif where.outside == "error":
        raise ValueError(
            'traced code cannot look where atoms lie: take Box(..., outside="ignore"), or call outside of jit and vmap'
        )


def _is_known(atoms: Atoms) -> bool:
    parts = (atoms.positions, atoms.numbers, atoms.cells, atoms.pbc)
    return all(part is None or read(part) is not None for part in parts)


def _place_cells(where: UnitCell, atoms: Atoms, shape: tuple[int, int, int], projection: int | None) -> Placed:
    if atoms.cells is None:
        raise ValueError("UnitCell needs the `cell` of each structure, shape (n, 3, 3), or (3, 3) for one")
    lattices, periodic = _find_own_lattices(atoms)
    axes = lattices / np.array(shape, lattices.dtype)[:, None]
    origins = jnp.zeros_like(axes[:, 0]) if where.registration == "voxel" else -0.5 * axes.sum(axis=1)
    return Placed(shape, axes, origins, lattices, periodic, projection)


def _place_grid(where: Grid, atoms: Atoms) -> Placed:
    n, dtype = atoms.size, atoms.positions.dtype
    shape, projection = count_voxels(where.shape), find_projection(where.shape)
    axes = jnp.asarray(where.axes, dtype)
    origins = jnp.broadcast_to(jnp.asarray(where.origin, dtype), (n, 3))
    lattices, periodic = _find_own_lattices(atoms)
    # an integral over one period of the structure, whatever the grid's edge
    pbc = [repeats and axis != projection for axis, repeats in enumerate(where.pbc)]
    if any(pbc):
        if atoms.cells is not None and _is_known(atoms):
            batch = make_numpy_batch(atoms)[0]
            find_lattices(batch, where.place(batch))  # raises where the two do not fit
        periods = axes * np.array(shape, dtype)[:, None]
        crystals = periodic.any(axis=1)[:, None]
        lattices = jnp.where(crystals[:, :, None], lattices, periods)
        periodic = jnp.where(crystals, periodic, np.array(pbc))
    return Placed(shape, jnp.broadcast_to(axes, (n, 3, 3)), origins, lattices, periodic, projection)


def _place_by_values(where: Any, atoms: Atoms) -> Placed:
    if not _is_known(atoms):
        raise ValueError(
            f"the shape of the grid follows from values in {where!r}, which traced code does not know: take Box or "
            "UnitCell(shape), or call outside of jit and vmap"
        )
    batch, present = make_numpy_batch(atoms)
    grids = where.place(batch)
    if not len(batch):
        raise ValueError("no structures came, and the placement alone does not say the shape of a grid")
    if not grids.share_shape:
        raise ValueError(
            f"{where!r} gives the structures grids of different shapes, and an array needs one for all; draw them one "
            "by one, or take Box(shape, spacing) or UnitCell(shape)"
        )
    x, y, z = grids.shapes[0].tolist()
    if isinstance(where, UnitCell):
        return _place_cells(where, atoms, (x, y, z), None)
    lattices, periodic = find_lattices(batch, grids)
    n, dtype = len(batch), atoms.positions.dtype
    origins = jnp.asarray(grids.origins, dtype)
    if type(where) is Around:
        origins = _follow_outermost(atoms, batch, present, grids)
    return Placed(
        (x, y, z),
        jnp.asarray(grids.axes, dtype),
        origins,
        jnp.zeros((n, 3, 3), dtype) if lattices is None else jnp.asarray(lattices, dtype),
        jnp.zeros((n, 3), bool) if periodic is None else jnp.asarray(periodic),
        grids.projection,
    )


def _follow_outermost(atoms: Atoms, batch: Batch, present: Any, grids: Any) -> Any:
    """Corners of boxes around the outermost atoms, of which the first counts where several are."""
    axes = np.arange(3)
    middles = []
    for start, end in zip(batch.offsets[:-1].tolist(), batch.offsets[1:].tolist()):
        some = batch.positions[start:end]
        if not len(some):
            middles.append(jnp.zeros(3, atoms.positions.dtype))
            continue
        low, high = present[start + some.argmin(axis=0)], present[start + some.argmax(axis=0)]
        middles.append(0.5 * (atoms.positions[low, axes] + atoms.positions[high, axes]))
    half = 0.5 * grids.shapes * grids.axes[:, axes, axes]
    return jnp.stack(middles) - half.astype(atoms.positions.dtype)


def _find_own_lattices(atoms: Atoms) -> tuple[Any, Any]:
    """The cells of the structures and the rows along which they repeat; zeros without cells."""
    if atoms.cells is None:
        return jnp.zeros((atoms.size, 3, 3), atoms.positions.dtype), jnp.zeros((atoms.size, 3), bool)
    absent = (jax.lax.stop_gradient(atoms.cells) == 0).all(axis=2)
    return complete_cells(atoms.cells, absent), atoms.pbc


def complete_cells(cells: Any, absent: Any) -> Any:
    """Replace absent rows by constant unit vectors at right angles to the rows that are there, right-handed.

    Parameters
    ----------
    cells : Array, shape (n, 3, 3)
        Rows in A.
    absent : Array, shape (n, 3), bool
        A structure without any row keeps its zeros.
    """
    rows = jnp.where(absent[:, :, None], 0, jax.lax.stop_gradient(cells))
    missing = absent.sum(axis=1)[:, None, None]
    # one missing: the normal of the two others
    normals = _scale(jnp.stack([jnp.cross(rows[:, i - 2], rows[:, i - 1]) for i in range(3)], axis=1))
    # two missing: the row that is there, crossed with the coordinate axis farthest from it, and once more
    only = rows.sum(axis=1)
    axis = jax.nn.one_hot(jnp.abs(only).argmin(axis=1), 3, dtype=rows.dtype)
    second = _scale(jnp.cross(only, axis))
    third = _scale(jnp.cross(only, second))
    # a cyclic order: the row that is there, then `second`, then `third`
    there = (~absent).astype(rows.dtype)
    pair = jnp.roll(there, 1, 1)[:, :, None] * second[:, None] + jnp.roll(there, 2, 1)[:, :, None] * third[:, None]
    filled = jnp.where(missing == 1, normals, jnp.where(missing == 2, pair, 0))
    return jnp.where(absent[:, :, None], filled, cells)


def _scale(vectors: Any) -> Any:
    lengths = jnp.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / jnp.maximum(lengths, np.finfo(vectors.dtype).tiny)

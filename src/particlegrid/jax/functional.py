"""`voxelize`: grids from flat batches of atoms, differentiable by all that is continuous."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from particlegrid.densities import Density
from particlegrid.densities.describe import describe_density
from particlegrid.jax.entries import list_entries
from particlegrid.jax.finish import finish
from particlegrid.jax.geometry import place
from particlegrid.jax.primitives import How, draw
from particlegrid.jax.projection import project
from particlegrid.jax.scene import Scene
from particlegrid.jax.structures import as_floats, gather
from particlegrid.voxelizer import Voxelizer

__all__ = ["voxelize"]


def voxelize(
    vox: Voxelizer,
    positions: Any,
    numbers: Any,
    *,
    batch: Any = None,
    cell: Any = None,
    pbc: Any = None,
    weights: Any = None,
    widths: Any = None,
    properties: Mapping[str, Any] | None = None,
) -> jax.Array:
    """Draw n structures with N atoms in all; differentiable twice by positions, cells, weights and widths.

    Works under `jax.jit`, `jax.vmap`, `jax.grad`, `jax.jvp`, `jax.jacfwd`, `jax.jacrev`, `jax.hessian` and what is made
    of them, on the CPU. Forward over forward mode and third derivatives raise.

    Parameters
    ----------
    vox : Voxelizer
        Where, which and what; static under jit.
    positions : Array, shape (N, 3), floating point
        In A; one structure after the other.
    numbers : Array, shape (N,), whole numbers
        Atomic numbers; 0 is no atom, by which structures are filled up to one size for `jax.vmap`. They may be traced
        where elements alone decide channels, weights and widths, as in `Elements`.
    batch : ndarray, shape (N,), whole numbers, optional
        Structure of each atom, rising from 0 to n - 1; a constant under jit. Without it all atoms are one structure.
    cell : Array, shape (n, 3, 3) or (3, 3), floating point, optional
        Cells in A, in rows; one for all if it has two axes. With three, it says n, so that structures at the end may be
        empty.
    pbc : bool, 3 of them, or Array, shape (n, 3) or (3,), bool, optional
        Along which rows of the cell the structures repeat; by default along all that are not 0.
    weights : Array, shape (N,) or (N, C), floating point, optional
        Of shape (N,): what multiplies the channel scheme's weights. Of shape (N, C): weights of each atom in each of
        the channels, in place of the scheme's; a scheme that knows its number of channels must have C.
    widths : Array, shape (N,), floating point, optional
        Width of each atom in A, in place of the density's and the scheme's.
    properties : dict of str to ndarray, shape (N, ...), optional
        Per-atom properties that the scheme or the density asks for; constants.

    Returns
    -------
    Array, shape (n, C, X, Y, Z)
        In the Voxelizer's dtype; of a projection (n, C, X, Y).

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be, or the structures cannot be drawn on grids of one shape.
    NotImplementedError
        If it is compiled for another device than the CPU, or for a derivative that there is not.

    Warns
    -----
    OutsideBoxWarning
        If atoms lie outside a box that warns. Traced code does not look.

    Notes
    -----
    Without ``jax.config.update("jax_enable_x64", True)``, positions, cells and boxes are rounded to float32, and so are
    gradients; between, the core computes in float64. At 20 A from the origin that moves an atom by up to 1e-6 A, and
    changes a Gaussian's values by up to 1.2e-6 / sigma (in 1/A) of its peak. Centre structures first, or turn it on.

    The gradient by positions includes that a centred `Box` moves with its atoms. That by `cell` is taken at fixed
    positions; with ``positions = fractions @ cell`` JAX makes of it the one at fixed fractions.

    Examples
    --------
    >>> import numpy as np
    >>> from particlegrid import Box, Elements, Gaussian
    >>> from particlegrid.jax import voxelize
    >>> vox = Voxelizer(Box(16, spacing=0.5), Elements("H", "O"), Gaussian(0.5))
    >>> positions = jnp.array([[0.0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]])
    >>> numbers = np.array([8, 1, 1])
    >>> grid = voxelize(vox, positions, numbers)
    >>> grid.shape, round(float(grid[0, 0].sum()), 4)
    ((1, 2, 16, 16, 16), 2.0)
    >>> slope = jax.jit(jax.grad(lambda x: (voxelize(vox, x, numbers) ** 2).sum()))(positions)
    >>> bool((abs(slope.sum(axis=0)) < 1e-5).all())  # the box moves with the molecule
    True
    """
    if not isinstance(vox, Voxelizer):
        raise TypeError(f"`vox` must be a particlegrid.Voxelizer, got {type(vox).__name__}")
    dtype = "float64" if vox.dtype == "float64" else "float32"
    if jax.dtypes.canonicalize_dtype(dtype) != dtype:
        raise ValueError(
            'JAX makes no float64 grids as it is set: jax.config.update("jax_enable_x64", True) first, or take '
            'Voxelizer(..., dtype="float32")'
        )
    atoms = gather(positions, numbers, batch, cell, pbc)
    weights = _check_values(weights, "weights", atoms.positions.shape[0], (1, 2))
    widths = _check_values(widths, "widths", atoms.positions.shape[0], (1,))
    placed = place(vox.where, atoms)
    entries = list_entries(vox, atoms, weights, widths, properties)
    scene = Scene(
        atoms.positions,
        entries.weights,
        entries.widths,
        placed.axes,
        placed.origins,
        placed.lattices,
        entries.atoms,
        entries.channels,
        entries.offsets,
        placed.periodic,
    )
    shape = placed.shape
    if placed.projection is not None:
        scene, shape = project(scene, placed, vox.what)  # type: ignore[arg-type]
    how = How(describe_density(vox.what), shape, entries.channel_count, dtype, vox.tol, vox.threads)
    grids = draw.bind(*map(jnp.asarray, scene), how=how)
    if type(vox.what).finish is not Density.finish:
        grids = finish(vox.what, grids)
    if placed.projection is not None:
        grids = grids.squeeze(3)
    result: jax.Array = grids if vox.dtype == dtype else grids.astype(vox.dtype)
    return result


def _check_values(values: Any, name: str, total: int, ranks: tuple[int, ...]) -> Any:
    if values is None:
        return None
    values = as_floats(values, name)
    if values.ndim not in ranks or values.shape[0] != total:
        shapes = f"({total},)" + (f" or ({total}, C)" if 2 in ranks else "")
        raise ValueError(f"`{name}` must have shape {shapes}, got {values.shape}")
    return values

"""`voxelize`: grids from flat batches of atoms, differentiable by all that is continuous."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from particlegrid.densities import Density
from particlegrid.densities.describe import describe_density
from particlegrid.torch import ops
from particlegrid.torch.entries import Entries, make_entries
from particlegrid.torch.finish import finish
from particlegrid.torch.geometry import Placed, place
from particlegrid.torch.projection import project
from particlegrid.torch.scene import Scene
from particlegrid.torch.structures import Atoms, gather, make_numpy_batch
from particlegrid.torch.tables import Tables
from particlegrid.voxelizer import Voxelizer

__all__ = ["Style", "draw", "make_style", "voxelize"]


@dataclass(frozen=True)
class Style:
    """What a Voxelizer says, as traced code wants it.

    Attributes
    ----------
    vox : Voxelizer
    description : str
        Of the density, for the operators.
    dtype : torch.dtype
        Of the sums: float32 or float64.
    out_dtype : torch.dtype
        Of the result.
    finish : callable or None
        ``finish(what, values)``, where sums are not the values yet.
    """

    vox: Voxelizer
    description: str
    dtype: torch.dtype
    out_dtype: torch.dtype
    finish: Callable[[Any, Tensor], Tensor] | None


def make_style(vox: Voxelizer) -> Style:
    """The style of a Voxelizer.

    Raises
    ------
    TypeError
        If it is none.
    """
    if not isinstance(vox, Voxelizer):
        raise TypeError(f"`vox` must be a particlegrid.Voxelizer, got {type(vox).__name__}")
    out_dtype: torch.dtype = getattr(torch, vox.dtype)
    dtype = torch.float64 if out_dtype == torch.float64 else torch.float32
    is_finished = type(vox.what).finish is not Density.finish
    # which function that is is looked up here: traced code has no singledispatch
    change = finish.dispatch(type(vox.what)) if is_finished else None
    return Style(vox, describe_density(vox.what), dtype, out_dtype, change)


def voxelize(
    vox: Voxelizer,
    positions: Tensor,
    numbers: Tensor,
    *,
    batch: Tensor | None = None,
    ptr: Tensor | None = None,
    batch_size: int | None = None,
    cell: Tensor | None = None,
    pbc: Tensor | bool | tuple[bool, bool, bool] | None = None,
    weights: Tensor | None = None,
    widths: Tensor | None = None,
    properties: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Draw n structures with N atoms in all; differentiable twice by positions, cells, weights and widths.

    Parameters
    ----------
    vox : Voxelizer
        Where, which and what. Its `threads` play no part: the operators take as many as torch.
    positions : Tensor, shape (N, 3), floating point
        In A; one structure after the other. Computed with in float64.
    numbers : Tensor, shape (N,), whole numbers
        Atomic numbers.
    batch : Tensor, shape (N,), whole numbers, optional
        Structure of each atom, rising from 0 to n - 1, as in PyTorch Geometric. Without it, and without `ptr`, all
        atoms are one structure.
    ptr : Tensor, shape (n + 1,), whole numbers, optional
        In place of `batch`: structure i owns the atoms ``ptr[i]:ptr[i + 1]``.
    batch_size : int, optional
        n, where neither `ptr` nor `cell` says it and structures at the end may be empty. Compiled graphs need one of
        the three beside `batch`.
    cell : Tensor, shape (n, 3, 3) or (3, 3), floating point, optional
        Cells in A, in rows; one for all if it has two axes.
    pbc : bool, 3 of them, or Tensor, shape (n, 3) or (3,), bool, optional
        Along which rows of the cell the structures repeat; by default along all that are not 0.
    weights : Tensor, shape (N,) or (N, C), floating point, optional
        Of shape (N,): what multiplies the channel scheme's weights. Of shape (N, C): weights of each atom in each of
        the channels, in place of the scheme's; a scheme that knows its number of channels must have C.
    widths : Tensor, shape (N,), floating point, optional
        Width of each atom in A, in place of the density's and the scheme's.
    properties : dict of str to Tensor, shape (N, ...), optional
        Per-atom properties that the scheme or the density asks for. They are constants: give `weights` or `widths` for
        a gradient.

    Returns
    -------
    Tensor, shape (n, C, X, Y, Z)
        In the Voxelizer's dtype; of a projection (n, C, X, Y).

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be, or the structures cannot be drawn on grids of one shape.

    Warns
    -----
    OutsideBoxWarning
        If atoms lie outside a box that warns. Compiled graphs do not look.

    Notes
    -----
    The gradient by positions includes that a centred `Box` moves with its atoms. That by `cell` is taken at fixed
    positions; with ``positions = fractions @ cell`` torch makes of it the one at fixed fractions.

    Examples
    --------
    >>> from particlegrid import Box, Elements, Gaussian
    >>> from particlegrid.torch import voxelize
    >>> vox = Voxelizer(Box(16, spacing=0.5), Elements("H", "O"), Gaussian(0.5))
    >>> positions = torch.tensor([[0.0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]], requires_grad=True)
    >>> grid = voxelize(vox, positions, torch.tensor([8, 1, 1]))
    >>> grid.shape, round(grid[0, 0].sum().item(), 4)
    (torch.Size([1, 2, 16, 16, 16]), 2.0)
    >>> (grid**2).sum().backward()
    >>> bool((positions.grad.sum(dim=0).abs() < 1e-6).all())  # the box moves with the molecule
    True
    """
    style = _find_style(vox)
    atoms = gather(positions, numbers, batch, ptr, batch_size, cell, pbc)
    return draw(style, _find_tables(vox, atoms.positions.device), atoms, weights, widths, properties)


_find_style = lru_cache(64)(make_style)


@lru_cache(64)
def _find_tables(vox: Voxelizer, device: torch.device) -> Tables:
    return Tables(*(None if table is None else table.to(device) for table in Tables.make(vox.which, vox.what)))


def draw(
    style: Style,
    tables: Tables,
    atoms: Atoms,
    weights: Tensor | None = None,
    widths: Tensor | None = None,
    properties: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Draw atoms; arguments as of `voxelize`."""
    if torch.compiler.is_compiling():
        return _draw(style, tables, atoms, weights, widths, properties)
    try:
        return _draw(style, tables, atoms, weights, widths, properties)
    except ValueError:
        # the numpy side says which atom of which structure it is
        wrong = (~atoms.positions.detach().isfinite()).nonzero().tolist()
        if wrong:
            raise ValueError(f"`positions[{wrong[0][0]}, {wrong[0][1]}]` is not finite") from None
        batch = make_numpy_batch(atoms, properties)
        which = style.vox.which.resolve(batch)
        if weights is None or weights.dim() == 1:
            which.list_entries(batch)
        if widths is None or widths.isnan().any():  # as learned ones are, of elements without
            style.vox.what.atom_widths(batch)
        raise


def _draw(
    style: Style,
    tables: Tables,
    atoms: Atoms,
    weights: Tensor | None,
    widths: Tensor | None,
    properties: Mapping[str, Tensor] | None,
) -> Tensor:
    vox = style.vox
    placed = place(vox.where, atoms)
    entries, channel_count = make_entries(vox, tables, atoms, weights, widths, properties)
    scene = _make_scene(atoms, entries, placed)
    shape = placed.shape
    if placed.projection is not None:
        scene, shape = project(scene, placed, vox.what)  # type: ignore[arg-type]
    grids: Tensor = ops.voxelize(*scene, shape, channel_count, style.description, style.dtype, vox.tol)
    if style.finish is not None:
        grids = style.finish(vox.what, grids)
    if placed.projection is not None:
        grids = grids.squeeze(3)
    return grids if style.out_dtype == style.dtype else grids.to(style.out_dtype)


def _make_scene(atoms: Atoms, entries: Entries, placed: Placed) -> Scene:
    return Scene(
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

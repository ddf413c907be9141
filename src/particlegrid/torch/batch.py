"""`GridBatch`: what a network gets, and how a `Batch` becomes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from particlegrid.batch import Batch
from particlegrid.canvas import Canvas
from particlegrid.grid import Grids, Shape, count_voxels, find_projection
from particlegrid.placements import Box
from particlegrid.voxelizer import Voxelizer

__all__ = ["GridBatch", "collate", "make_batch"]


class GridBatch(NamedTuple):
    """Grids, targets and atoms of B structures with N atoms in all.

    Attributes
    ----------
    grid : Tensor, shape (B, C, X, Y, Z)
        In the Voxelizer's dtype.
    targets : Tensor, shape (B, T), float32
        Labels in the units of the store; NaN where the store has none.
    points : Tensor, shape (N, 3), float32
        Places of the atoms in their grids along x, y, z: -1 at the lower face, +1 at the upper face. (For
        `torch.nn.functional.grid_sample` with ``align_corners=False`` reverse the order of the axes.)
    numbers : Tensor, shape (N,), int64
        Atomic numbers.
    batch : Tensor, shape (N,), int64
        Structure of each atom, from 0 to B - 1.
    indices : Tensor, shape (B,), int64
        Number of each structure in the store.
    """

    grid: Tensor
    targets: Tensor
    points: Tensor
    numbers: Tensor
    batch: Tensor
    indices: Tensor


def make_batch(
    vox: Voxelizer, batch: Batch, out: Tensor | None = None, canvas: Canvas | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Draw a batch into one tensor and locate its atoms in it.

    Parameters
    ----------
    vox : Voxelizer
        Its placement must give all structures grids of one shape.
    batch : Batch
        B structures with N atoms in all.
    out : Tensor, shape (B, C, X, Y, Z), optional
        Memory on the CPU to draw into; every element is written. A new tensor by default.
    canvas : Canvas, optional
        One over the memory of `out`: then only what was and is touched is written.

    Returns
    -------
    grid : Tensor, shape (B, C, X, Y, Z)
        `out`, if given.
    points : Tensor, shape (N, 3), float32
        Places of the atoms along x, y, z: -1 at the lower face of the grid, +1 at the upper face.
    numbers : Tensor, shape (N,), int64
    batch_index : Tensor, shape (N,), int64
        Structure of each atom.

    Raises
    ------
    ValueError, TypeError
        If the grids differ in shape, `out` does not fit, or a structure cannot be drawn.

    Examples
    --------
    >>> from particlegrid import Box, Elements, Gaussian, Structure
    >>> vox = Voxelizer(Box(16, spacing=0.5), Elements("H", "O"), Gaussian(0.5))
    >>> water = Structure([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]], ["O", "H", "H"])
    >>> grid, points, numbers, batch_index = make_batch(vox, Batch([water, water]))
    >>> grid.shape, points.shape, numbers.tolist(), batch_index.tolist()
    (torch.Size([2, 2, 16, 16, 16]), torch.Size([6, 3]), [8, 1, 1, 8, 1, 1], [0, 0, 0, 1, 1, 1])
    """
    grids = vox.where.place(batch)
    shape = (len(batch), len(vox.channels), *shape_of(vox))
    if out is None:
        out = torch.empty(shape, dtype=getattr(torch, vox.dtype))
    elif not isinstance(out, Tensor) or out.device.type != "cpu":
        given = f"one on {out.device}" if isinstance(out, Tensor) else type(out).__name__
        raise TypeError(f"`out` must be a tensor on the CPU, got {given}")
    # atoms outside the box are reported by the line above
    hush(vox)(batch, out=as_numpy(out) if canvas is None else canvas)
    owners = batch.owners
    points = _locate(batch.positions, grids, owners)
    return (
        out,
        torch.from_numpy(points),
        torch.from_numpy(batch.numbers.astype(np.int64)),
        torch.from_numpy(owners),
    )


def collate(samples: GridBatch | Sequence[GridBatch]) -> GridBatch:
    """The `collate_fn` for a `torch.utils.data.DataLoader` over a `GridDataset`.

    Parameters
    ----------
    samples : GridBatch or sequence of GridBatch
        A whole batch, which is handed on as it is, or several to be joined.

    Raises
    ------
    ValueError
        If there are none.
    """
    if isinstance(samples, GridBatch):
        return samples
    if not samples:
        raise ValueError("there are no samples to collate")
    starts = np.cumsum([0] + [len(sample.indices) for sample in samples])
    owners = [sample.batch + int(start) for sample, start in zip(samples, starts)]
    fields = [torch.cat(tensors) for tensors in zip(*(sample._replace(batch=o) for sample, o in zip(samples, owners)))]
    return GridBatch(*fields)


def as_numpy(tensor: Tensor) -> NDArray[Any]:
    """The memory of a tensor; bfloat16 as its bits."""
    tensor = tensor.detach()
    values: NDArray[Any] = (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return values


def shape_of(vox: Voxelizer) -> tuple[int, int, int]:
    """The grid's shape, which must not depend on the structure.

    Raises
    ------
    ValueError
        If the placement leaves it open, or the grids are projections.
    """
    shape: Shape | None = getattr(vox.where, "shape", None)
    if shape is None:
        raise ValueError(
            f"{vox.where!r} gives each structure a grid of its own shape, and a batch needs one for all; "
            "take Box(shape, spacing) or UnitCell(shape)"
        )
    if find_projection(shape) is not None:
        raise ValueError(f"a batch for a network has grids of three axes, got {vox.where!r}; call the Voxelizer itself")
    return count_voxels(shape)


def hush(vox: Voxelizer) -> Voxelizer:
    """The same Voxelizer, silent about atoms outside its box (a box that raises an error still does)."""
    where = vox.where
    if isinstance(where, Box) and where.outside == "warn":
        return replace(vox, where=replace(where, outside="ignore"))
    return vox


def _locate(positions: NDArray[np.float64], grids: Grids, owners: NDArray[np.int64]) -> NDArray[np.float32]:
    """Positions from the grid's centre in units of half its edges, shape (N, 3); wrapped along periodic axes."""
    if not len(positions):
        return np.empty((0, 3), np.float32)
    places = positions - grids.origins[owners]
    if grids.axes.strides[0] == 0 or (grids.axes == grids.axes[:1]).all():
        places = places @ np.linalg.inv(grids.axes[0] * grids.shapes[0][:, None])
    else:
        places = np.einsum("ni,nij->nj", places, np.linalg.inv(grids.axes * grids.shapes[:, :, None])[owners])
    if grids.pbc.any():
        places -= np.floor(places) * grids.pbc[owners]
    return (2 * places - 1).astype(np.float32)

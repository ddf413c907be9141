"""Placements in differentiable torch: voxels' edges, corners, and the vectors that atoms repeat along."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from particlegrid.grid import Grid, count_voxels, find_projection
from particlegrid.placements import Around, Box, UnitCell, find_lattices
from particlegrid.torch.structures import Atoms, make_numpy_batch, sum_by_structure

__all__ = ["Placed", "complete_cells", "place"]


class Placed(NamedTuple):
    """Grids of one shape, one for each of n structures.

    Attributes
    ----------
    shape : tuple of 3 int
        1 along a projected axis.
    axes : Tensor, shape (n, 3, 3), float64
    origins : Tensor, shape (n, 3), float64
    lattices : Tensor, shape (n, 3, 3), float64
    periodic : Tensor, shape (n, 3), bool
    projection : int or None
    """

    shape: tuple[int, int, int]
    axes: Tensor
    origins: Tensor
    lattices: Tensor
    periodic: Tensor
    projection: int | None


def place(where: Any, atoms: Atoms) -> Placed:
    """The grids of a batch.

    What a placement takes from the atoms or their cells is differentiated through: the centroid of a `Box`, the cell of
    a `UnitCell`, the outermost atoms of `Around`. A placement of one's own gives constants.

    Raises
    ------
    ValueError
        As `where.place` does, and if the grids differ in shape.
    """
    if isinstance(where, Box):
        return _place_box(where, atoms)
    if isinstance(where, UnitCell) and where.shape is not None:
        return _place_cells(where, atoms, count_voxels(where.shape), find_projection(where.shape))
    if isinstance(where, Grid):
        return _place_grid(where, atoms)
    if torch.compiler.is_compiling():
        raise ValueError(f"the shape of the grid follows from values in {where!r}: compile a Box or UnitCell(shape)")
    return _place_by_values(where, atoms)


def _place_box(where: Box, atoms: Atoms) -> Placed:
    positions = atoms.positions
    spacing = positions.new_tensor(where.spacing)
    half = positions.new_tensor([0.5 * n * h for n, h in zip(count_voxels(where.shape), where.spacing)])
    if where.center == "centroid":
        if atoms.pbc is not None:
            repeats = atoms.pbc.any()
            if torch.compiler.is_compiling():
                torch._assert_async(~repeats, "a periodic structure has no centroid")
            elif repeats:
                where.place(make_numpy_batch(atoms))  # raises
        counts = atoms.offsets.diff().clamp(min=1).unsqueeze(1)
        centers = sum_by_structure(positions, atoms) / counts
    else:
        point = (0.0, 0.0, 0.0) if where.center == "origin" else where.center
        centers = positions.new_tensor(point).expand(atoms.size, 3)
    if where.outside != "ignore":
        _check_outside(where, atoms, centers.detach())
    lattices, periodic = _find_own_lattices(atoms)
    axes = torch.diag(spacing).expand(atoms.size, 3, 3)
    return Placed(count_voxels(where.shape), axes, centers - half, lattices, periodic, find_projection(where.shape))


def _check_outside(where: Box, atoms: Atoms, centers: Tensor) -> None:
    compiling = torch.compiler.is_compiling()
    if compiling and where.outside == "warn":
        return
    with torch.no_grad():
        half = 0.5 * torch.tensor(where.extent.tolist(), dtype=torch.float64, device=centers.device)
        middles = centers if atoms.owners is None else centers.index_select(0, atoms.owners)
        beyond = (atoms.positions - middles).abs() > half
        if atoms.pbc is not None:
            beyond = beyond & ~(atoms.pbc if atoms.owners is None else atoms.pbc.index_select(0, atoms.owners))
        outside = beyond.any()
    if compiling:
        torch._assert_async(~outside, "atoms lie outside the box")
    elif outside:
        where.place(make_numpy_batch(atoms))  # warns or raises, and says how many


def _place_cells(where: UnitCell, atoms: Atoms, shape: tuple[int, int, int], projection: int | None) -> Placed:
    if atoms.cells is None:
        raise ValueError("UnitCell needs the `cell` of each structure, shape (n, 3, 3), or (3, 3) for one")
    lattices, periodic = _find_own_lattices(atoms)
    axes = lattices / lattices.new_tensor(shape).unsqueeze(1)
    origins = lattices.new_zeros((atoms.size, 3)) if where.registration == "voxel" else -0.5 * axes.sum(dim=1)
    return Placed(shape, axes, origins, lattices, periodic, projection)


def _place_grid(where: Grid, atoms: Atoms) -> Placed:
    n, shape, projection = atoms.size, count_voxels(where.shape), find_projection(where.shape)
    axes = atoms.positions.new_tensor(where.axes)
    origins = atoms.positions.new_tensor(where.origin).expand(n, 3)
    lattices, periodic = _find_own_lattices(atoms)
    # an integral over one period of the structure, whatever the grid's edge
    pbc = [repeats and axis != projection for axis, repeats in enumerate(where.pbc)]
    if any(pbc):
        periods = (axes * axes.new_tensor(shape).unsqueeze(1)).expand(n, 3, 3)
        crystals = periodic.any(dim=1)
        if not torch.compiler.is_compiling() and crystals.any():
            numpy_batch = make_numpy_batch(atoms)
            find_lattices(numpy_batch, where.place(numpy_batch))  # raises where the two do not fit
        lattices = torch.where(crystals[:, None, None], lattices, periods)
        periodic = torch.where(crystals[:, None], periodic, torch.tensor(pbc, device=periodic.device))
    return Placed(shape, axes.expand(n, 3, 3), origins, lattices, periodic, projection)


def _place_by_values(where: Any, atoms: Atoms) -> Placed:
    batch = make_numpy_batch(atoms)
    grids = where.place(batch)
    if not len(batch):
        raise ValueError("no structures came, and the placement alone does not say the shape of a grid")
    if not grids.share_shape:
        raise ValueError(
            f"{where!r} gives the structures grids of different shapes, and a tensor needs one for all; draw them one "
            "by one, or take Box(shape, spacing) or UnitCell(shape)"
        )
    x, y, z = grids.shapes[0].tolist()
    shape = (x, y, z)
    if isinstance(where, UnitCell):
        return _place_cells(where, atoms, shape, None)
    lattices, periodic = find_lattices(batch, grids)
    tensors = {
        "axes": grids.axes,
        "origins": grids.origins,
        "lattices": np.zeros((len(batch), 3, 3)) if lattices is None else lattices,
        "periodic": np.zeros((len(batch), 3), bool) if periodic is None else periodic,
    }
    device = atoms.positions.device
    placed = Placed(
        shape=shape,
        projection=grids.projection,
        **{name: torch.tensor(values, device=device) for name, values in tensors.items()},
    )
    if type(where) is Around:
        placed = placed._replace(origins=_follow_outermost(atoms, batch.offsets, placed))
    return placed


def _follow_outermost(atoms: Atoms, offsets: Any, placed: Placed) -> Tensor:
    """Corners of boxes around the outermost atoms, of which the first counts where several are."""
    positions = atoms.positions
    size = placed.axes.diagonal(dim1=1, dim2=2) * placed.axes.new_tensor(placed.shape)
    middles = []
    for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist()):
        some = positions[start:end]
        if not len(some):
            middles.append(positions.new_zeros(3))
            continue
        low, high = some.detach().argmin(dim=0, keepdim=True), some.detach().argmax(dim=0, keepdim=True)
        middles.append(0.5 * (some.gather(0, low) + some.gather(0, high))[0])
    return torch.stack(middles) - 0.5 * size


def _find_own_lattices(atoms: Atoms) -> tuple[Tensor, Tensor]:
    """The cells of the structures and the rows along which they repeat; zeros without cells."""
    if atoms.cells is None or atoms.pbc is None:
        device = atoms.positions.device
        periodic = torch.zeros((atoms.size, 3), dtype=torch.bool, device=device)
        return atoms.positions.new_zeros((atoms.size, 3, 3)), periodic
    absent = (atoms.cells == 0).all(dim=2)
    if not torch.compiler.is_compiling() and not absent.any():
        return atoms.cells, atoms.pbc
    return complete_cells(atoms.cells, absent), atoms.pbc


def complete_cells(cells: Tensor, absent: Tensor) -> Tensor:
    """Replace absent rows by constant unit vectors at right angles to the rows that are there, right-handed.

    Parameters
    ----------
    cells : Tensor, shape (n, 3, 3)
        Rows in A.
    absent : Tensor, shape (n, 3), bool
        A structure without any row keeps its zeros.
    """
    with torch.no_grad():
        rows = torch.where(absent[:, :, None], 0.0, cells)
        missing = absent.sum(dim=1)[:, None, None]
        # one missing: the normal of the two others
        normals = torch.stack([torch.linalg.cross(rows[:, i - 2], rows[:, i - 1]) for i in range(3)], dim=1)
        normals = normals / normals.norm(dim=2, keepdim=True).clamp(min=1e-300)
        # two missing: the row that is there, crossed with the coordinate axis farthest from it, and once more
        only = rows.sum(dim=1)
        axis = torch.nn.functional.one_hot(only.abs().argmin(dim=1), 3).to(rows.dtype)
        second = torch.linalg.cross(only, axis)
        second = second / second.norm(dim=1, keepdim=True).clamp(min=1e-300)
        third = torch.linalg.cross(only, second)
        third = third / third.norm(dim=1, keepdim=True).clamp(min=1e-300)
        # a cyclic order: the row that is there, then `second`, then `third`
        there = (~absent).to(rows.dtype)
        pair = there.roll(1, 1)[:, :, None] * second[:, None] + there.roll(2, 1)[:, :, None] * third[:, None]
        filled = torch.where(missing == 1, normals, torch.where(missing == 2, pair, 0.0))
    return torch.where(absent[:, :, None], filled, cells)

"""The sum over entries and their images, whatever the density."""

from __future__ import annotations

from functools import singledispatch
from itertools import product

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.channels import ChannelScheme
from particlegrid.densities import Density
from particlegrid.grid import Grid, count_voxels, find_projection
from particlegrid.projection import check_density
from particlegrid.structure import Structure

__all__ = ["draw_channel", "entry_widths", "evaluate", "find_reach", "list_images", "voxelize"]

_Floats = NDArray[np.float64]


def voxelize(structure: Structure, grid: Grid, which: ChannelScheme, what: Density) -> _Floats:
    """Draw a structure with all its periodic images and without truncation.

    Returns
    -------
    ndarray, shape (C, X, Y, Z), float64, or (C, X, Y) for a projection
        ``G[c, v] = sum over entries of channel c, and over their images, of w rho(v; r, s)``, or the maximum.
    """
    batch = Batch([structure])
    which = which.resolve(batch)
    entries = which.list_entries(batch)
    if find_projection(grid.shape) is not None:
        check_density(what)
    values = np.zeros((len(which.channels), *(n for n in grid.shape if n is not None)))
    strengths = what.atom_strengths(batch)
    weights = entries.weights if strengths is None else entries.weights * strengths[entries.atoms]
    widths = entry_widths(batch, which, what)
    for channel in range(len(values)):
        mine = (entries.channels == channel) & (weights != 0)
        positions = structure.positions[entries.atoms[mine]]
        values[channel] = draw_channel(what, structure, grid, positions, weights[mine], widths[mine])
    what.finish(values)
    return values


@singledispatch
def draw_channel(
    what: Density, structure: Structure, grid: Grid, positions: _Floats, weights: _Floats, widths: _Floats
) -> _Floats:
    """The values of one channel from its entries, shape (X, Y, Z).

    The images are counted out one by one; a density whose sum over images does not converge has a function of its own.
    """
    values = np.zeros(count_voxels(grid.shape))
    combine = np.maximum if what.combine == "max" else np.add
    for position, weight, width in zip(positions, weights, widths):
        # a molecule needs no reach, so a density of one's own can do without until it meets a crystal
        repeats = structure.pbc.any() or any(grid.pbc)
        reach = find_reach(what, float(width)) if repeats else np.inf
        for image in list_images(structure, grid, position, reach):
            combine(values, weight * evaluate(what, image, float(width), grid), out=values)
    return values


def entry_widths(batch: Batch, which: ChannelScheme, what: Density) -> _Floats:
    """Width of each entry, shape (m,), in A: the scheme's where it gives one, else the density's."""
    entries = which.list_entries(batch)
    widths = what.atom_widths(batch)[entries.atoms]
    return widths if entries.widths is None else np.where(np.isnan(entries.widths), widths, entries.widths)


def list_images(structure: Structure, grid: Grid, position: _Floats, reach: float) -> _Floats:
    """All images of a position, shape (m, 3), in A, within `reach` of the sphere around the grid."""
    lattice, periodic, shape = np.asarray(structure.cell), structure.pbc, np.array(count_voxels(grid.shape))
    if not structure.pbc.any():
        lattice, periodic = np.asarray(grid.axes) * shape[:, None], np.asarray(grid.pbc)
    if not periodic.any():
        return np.array([position])
    center = np.asarray(grid.origin) + 0.5 * shape @ np.asarray(grid.axes)
    corners = np.array(list(product((-0.5, 0.5), repeat=3))) * shape @ np.asarray(grid.axes)
    radius = reach + np.linalg.norm(corners, axis=1).max()
    # images n whose planes lie within the radius of the centre's: coordinates count in plane spacings
    duals = np.linalg.inv(lattice).T
    middle = duals @ (center - position)
    steps = radius * np.linalg.norm(duals, axis=1)
    ranges = [
        np.arange(np.ceil(m - s), np.floor(m + s) + 1) if p else np.zeros(1) for m, s, p in zip(middle, steps, periodic)
    ]
    images = position + np.array(list(product(*ranges))).reshape(-1, 3) @ lattice
    near: _Floats = images[np.linalg.norm(images - center, axis=1) <= radius]
    return near


@singledispatch
def evaluate(what: Density, position: _Floats, width: float, grid: Grid) -> _Floats:
    """rho of one atom of weight 1 at the voxels of a grid, shape (X, Y, Z): one function a density."""
    raise NotImplementedError(f"{type(what).__name__} has no definition here")


@singledispatch
def find_reach(what: Density, width: float) -> float:
    """Distance from an atom in A beyond which rho vanishes, for a voxel of any size."""
    raise NotImplementedError(f"{type(what).__name__} has no reach here, so its periodic images cannot be counted")

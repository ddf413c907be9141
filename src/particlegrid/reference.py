"""The definition in float64, slow and obvious: what every fast path is tested against."""

from __future__ import annotations

from functools import singledispatch
from itertools import pairwise
from math import erf, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.channels import ChannelScheme
from particlegrid.densities import Density, Gaussian
from particlegrid.grid import Grid
from particlegrid.structure import Structure

__all__ = ["entry_widths", "evaluate", "voxelize"]

_Floats = NDArray[np.float64]


def voxelize(structure: Structure, grid: Grid, which: ChannelScheme, what: Density) -> _Floats:
    """Draw a structure without images and without truncation.

    Returns
    -------
    ndarray, shape (C, X, Y, Z), float64
        ``G[c, v] = sum over entries of channel c of w rho(v; r, s)``.
    """
    batch = Batch([structure])
    which = which.resolve(batch)
    entries = which.list_entries(batch)
    values = np.zeros((len(which.channels), *grid.shape))
    widths = entry_widths(batch, which, what)
    for atom, channel, weight, width in zip(entries.atoms, entries.channels, entries.weights, widths):
        values[channel] += weight * evaluate(what, structure.positions[atom], float(width), grid)
    return values


def entry_widths(batch: Batch, which: ChannelScheme, what: Density) -> _Floats:
    """Width of each entry, shape (m,), in A: the scheme's where it gives one, else the density's."""
    entries = which.list_entries(batch)
    widths = what.atom_widths(batch)[entries.atoms]
    return widths if entries.widths is None else np.where(np.isnan(entries.widths), widths, entries.widths)


@singledispatch
def evaluate(what: Density, position: _Floats, width: float, grid: Grid) -> _Floats:
    """rho of one atom of weight 1 at the voxels of an orthogonal grid, shape (X, Y, Z): one function a density."""
    raise NotImplementedError(f"{type(what).__name__} has no definition here")


@evaluate.register
def _(what: Gaussian, position: _Floats, sigma: float, grid: Grid) -> _Floats:
    if what.value == "point":
        distance2 = ((grid.centers() - position) ** 2).sum(axis=-1)
        peak = (2 * pi * sigma**2) ** -1.5 if what.normalize else 1.0
        return np.asarray(peak * np.exp(-distance2 / (2 * sigma**2)))
    factors = []
    for axis, edge in enumerate(np.asarray(grid.axes)):
        length = float(np.linalg.norm(edge))
        offset = float((position - grid.origin) @ edge) / length
        bounds = np.arange(grid.shape[axis] + 1) * length - offset
        factors.append([_integrate(low, high, sigma) for low, high in pairwise(bounds)])
    integral: _Floats = np.einsum("i,j,k->ijk", *factors)
    return integral / grid.voxel_volume if what.value == "mean" else integral


def _integrate(low: float, high: float, sigma: float) -> float:
    """Integral of the normal density of width sigma, centred on 0, from low to high."""
    return 0.5 * (erf(high / (sqrt(2) * sigma)) - erf(low / (sqrt(2) * sigma)))

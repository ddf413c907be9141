"""Grid to grid in ordinary torch operations, for devices that the native core does not reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["gather_voxels", "scatter_voxels"]

_ON_CENTRE = 1e-9  # voxels; a centre this close to one of the source counts as on it
_FARTHEST = 1e9  # voxels; both as in native/core/resample.cpp

_Map = NDArray[np.float64]


def gather_voxels(values: Tensor, map: _Map, shape: Sequence[int], periodic: Sequence[bool], method: str) -> Tensor:
    """Values on the target from values on the source.

    Parameters
    ----------
    values : Tensor, shape (..., X, Y, Z), float32 or float64
        On the source.
    map : ndarray, shape (4, 3), float64
        See `particlegrid.resampling.map_voxels`.
    shape : sequence of 3 int
        Of the target.
    periodic : sequence of 3 bool
        Axes along which the source repeats.
    method : {"linear", "cubic"}
        As in `particlegrid.resample`.

    Returns
    -------
    Tensor, shape (..., X', Y', Z')

    Raises
    ------
    ValueError
        If the grids lie more than 1e9 voxels apart.
    """
    lead, rows = values.shape[:-3], values.flatten(-3)
    result = rows.new_zeros((*lead, prod(shape)))
    for index, weights in _list_taps(values, map, values.shape[-3:], shape, periodic, method):
        # what has weight zero is not read: infinite values and NaN stay where they are
        result += torch.where(weights != 0, weights * rows.index_select(-1, index), 0)
    return result.reshape(*lead, *shape)


def scatter_voxels(values: Tensor, map: _Map, shape: Sequence[int], periodic: Sequence[bool], method: str) -> Tensor:
    """The transpose of `gather_voxels`: values on the source, of the given shape, from values on the target."""
    lead, rows = values.shape[:-3], values.flatten(-3)
    result = rows.new_zeros((*lead, prod(shape)))
    for index, weights in _list_taps(values, map, shape, values.shape[-3:], periodic, method):
        result.index_add_(-1, index, torch.where(weights != 0, weights * rows, 0))
    return result.reshape(*lead, *shape)


def _list_taps(
    values: Tensor, map: _Map, source: Sequence[int], target: Sequence[int], periodic: Sequence[bool], method: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """One voxel of the source for each of the target, shape (X' Y' Z',), and its weight, in turn for all that count."""
    reach = np.abs(map[0]) + np.abs(map[1:]).T @ (np.array(target) - 1)
    if not reach.max() <= _FARTHEST:
        raise ValueError("the target must lie within 1e9 of the source's voxels from the source")
    start, *steps = torch.tensor(map, device=values.device)
    x, y, z = (torch.arange(n, dtype=torch.float64, device=values.device)[:, None] for n in target)
    t = start + (x * steps[0])[:, None, None] + (y * steps[1])[None, :, None] + (z * steps[2])[None, None]
    first = t.floor()
    f = t - first
    on = (f < _ON_CENTRE) | (f > 1 - _ON_CENTRE)
    first = (first + (on & (f > 0.5))).to(torch.int64)
    kernel = _weigh(torch.where(on, 0.0, f), method)
    axes: list[list[tuple[Tensor, Tensor]]] = []
    for axis, (n, repeats) in enumerate(zip(source, periodic)):
        taps = []
        for k, weights in enumerate(kernel):
            index, weight = first[..., axis] + (k + 1 - len(kernel) // 2), weights[..., axis]
            if repeats:
                index = index % n
            else:
                weight = torch.where((index >= 0) & (index < n), weight, 0)
                index = index.clamp(0, n - 1)
            taps.append((index.flatten(), weight.flatten().to(values.dtype)))
        axes.append(taps)
    for (i, u), (j, v), (h, w) in product(*axes):
        yield (i * source[1] + j) * source[2] + h, u * v * w


def _weigh(f: Tensor, method: str) -> tuple[Tensor, ...]:
    """Weights of the voxels around t = floor(t) + f, along an axis: 2, or 4 by Keys' kernel."""
    if method == "linear":
        return 1 - f, f
    return (
        ((1 - 0.5 * f) * f - 0.5) * f,
        (1.5 * f - 2.5) * f * f + 1,
        ((2 - 1.5 * f) * f + 0.5) * f,
        (0.5 * f - 0.5) * f * f,
    )

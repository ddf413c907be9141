"""Pairs of an entry and a periodic image that reach a grid, and the voxels they reach. Integers, without gradients."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from particlegrid.torch.scene import Scene

__all__ = ["Pairs", "list_pairs"]


class Pairs(NamedTuple):
    """Entries, each with a lattice translation that brings it near its grid.

    Attributes
    ----------
    numbers : Tensor, shape (P,), int64
        Places in the order of entries and, for each, of its images.
    entries, structures : Tensor, shape (P,), int64
    images : Tensor, shape (P, 3), int64
        Multiples of the lattice vectors by which an image is moved.
    first, last : Tensor, shape (P, 3), int64
        The voxels within reach are ``first:last`` along each axis.
    """

    numbers: Tensor
    entries: Tensor
    structures: Tensor
    images: Tensor
    first: Tensor
    last: Tensor

    def take(self, which: Tensor | slice) -> Pairs:
        """Some of the pairs."""
        return Pairs(*(field[which] for field in self))

    def split(self, voxels: int) -> Iterator[tuple[Pairs, tuple[int, int, int]]]:
        """Chunks of pairs with the size of a block that holds the voxels of each; a chunk holds `voxels` or one pair.

        Blocks of like sizes come together. There is a chunk, if an empty one, where there are no pairs: what is made of
        it is a function of all inputs, as autograd wants it.
        """
        extents = self.last - self.first
        # sorted by x, then y, then z: a chunk's largest block is not much larger than its others
        for axis in (2, 1, 0):
            order = extents[:, axis].sort(descending=True, stable=True).indices
            self, extents = self.take(order), extents[order]
        sizes = extents.tolist()
        start = 0
        while start < len(sizes) or start == 0:
            size, end = (1, 1, 1), start
            while end < len(sizes):
                grown = tuple(map(max, size, sizes[end]))
                if end > start and (end - start + 1) * prod(grown) > voxels:
                    break
                size, end = (grown[0], grown[1], grown[2]), end + 1
            yield self.take(slice(start, end)), size
            start = max(end, 1)


@torch.no_grad()
def list_pairs(scene: Scene, shape: tuple[int, int, int], reaches: Tensor) -> Pairs:
    """All pairs whose sphere of the entry's reach may touch a voxel.

    Parameters
    ----------
    scene : Scene
        n structures.
    shape : tuple of 3 int
        Of the grids.
    reaches : Tensor, shape (m,), float64
        Of each entry, in A.

    Returns
    -------
    Pairs
        Sorted by entry.
    """
    owners = scene.owners
    duals = torch.linalg.inv(scene.axes)  # columns
    margins = reaches[:, None] * torch.linalg.norm(duals, dim=1)[owners]  # counted in plane spacings
    index = _multiply(scene.positions[scene.atoms] - scene.origins[owners], duals[owners])
    whole = index.new_tensor(shape)
    entries, images = _list_images(scene, owners, index, -margins, whole + margins)
    structures = owners[entries]
    steps = scene.lattices @ duals  # index coordinates of the lattice vectors
    index = index[entries] + _multiply(images.to(index.dtype), steps[structures])
    # a position far beyond the grid does not fit an integer
    first = (index - margins[entries]).floor().clamp(min=0).minimum(whole).long()
    last = (index + margins[entries]).ceil().clamp(min=0).minimum(whole).long()
    touches = (first < last).all(dim=1)
    pairs = Pairs(torch.arange(len(entries), device=entries.device), entries, structures, images, first, last)
    return pairs.take(touches)


def _list_images(scene: Scene, owners: Tensor, index: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Entries, shape (P,), and lattice translations, shape (P, 3), that may bring `index` between `low` and `high`."""
    periodic = scene.periodic[owners]
    corners = index.new_tensor(list(product((0.0, 1.0), repeat=3)))
    region = (low - index)[:, None] + (high - low)[:, None] * corners  # (m, 8, 3)
    # coordinates in the span of the vectors that repeat, whatever the other rows hold
    rows = torch.where(scene.periodic[:, :, None], scene.lattices, 0.0)
    steps = region @ (scene.axes @ torch.linalg.pinv(rows))[owners]
    none = torch.zeros_like(periodic, dtype=torch.int64)
    least = torch.where(periodic, (steps.amin(dim=1) - 1e-9).ceil().long(), none)
    most = torch.where(periodic, (steps.amax(dim=1) + 1e-9).floor().long(), none)
    counts = (most - least + 1).clamp(min=0)
    totals = counts.prod(dim=1)
    entries = torch.arange(len(owners), device=owners.device).repeat_interleave(totals)
    place = torch.arange(len(entries), device=owners.device) - (totals.cumsum(0) - totals)[entries]
    counts, least = counts[entries], least[entries]
    z, place = place % counts[:, 2], place // counts[:, 2]
    images = least + torch.stack([place // counts[:, 1], place % counts[:, 1], z], dim=1)
    return entries, images


def _multiply(vectors: Tensor, matrices: Tensor) -> Tensor:
    return (vectors[:, None] @ matrices)[:, 0]

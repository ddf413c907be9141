"""Which images touch which tile of a grid: what the drawing kernels of all families share."""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from particlegrid.torch.triton.images import Images

__all__ = ["RANGES", "SCAN", "Queues", "first_of", "line_up", "scan"]

# Rows of the table of ranges: first voxel and the one after the last along x, y and z, then the channel. An image that
# touches nothing has the range [shape, 0).
RANGES = 7
SCAN = tl.constexpr(32)  # images that a program looks at together: the bits of a word
_SORTED_FROM = 64  # images of a structure; fewer are looked through in two steps


class Queues(NamedTuple):
    """The images that a program looks at.

    Attributes
    ----------
    order : Tensor, shape (M,), int64, or None
        Images by structure, channel and first plane; None stands for the order of the list.
    begins, ends : Tensor, int64
        Parts of the order: for each structure if it is None, else for each structure, channel and slab of planes.
    """

    order: Tensor | None
    begins: Tensor
    ends: Tensor


def line_up(images: Images, ranges: Tensor, channel_count: int, planes: int, slab: int) -> Queues:
    """Find the images for slabs of `slab` planes out of `planes`.

    Structures with many images have them sorted, so that a program sees its channel's alone, and of these the ones that
    begin at most the widest support before its slab.
    """
    count = len(images.entries)
    structures = len(images.starts) - 1
    if count <= _SORTED_FROM * structures:
        return Queues(None, images.starts[:-1], images.starts[1:])
    first, last = ranges[0].long(), ranges[1].long()
    keys = (images.owners * channel_count + ranges[6]) * (planes + 1) + first
    ranked, order = torch.sort(keys, stable=True)
    widest = (last - first).amax()
    groups = torch.arange(structures * channel_count, device=keys.device)[:, None] * (planes + 1)
    starts = torch.arange(0, planes, slab, device=keys.device)
    begins = torch.searchsorted(ranked, groups + (starts - widest + 1).clamp_min(0))
    ends = torch.searchsorted(ranked, groups + (starts + slab).clamp_max(planes))
    return Queues(order, begins, ends)


@triton.jit
def scan(ranges, order, base, end, count, channel, x, y, z, TX: tl.constexpr, TY: tl.constexpr, TZ: tl.constexpr,
         SORTED: tl.constexpr):  # fmt: skip
    """Bits of the images at base, base + 1, ... of the order that touch the tile at (x, y, z)."""
    lanes = tl.arange(0, SCAN)
    places = base + lanes
    inside = places < end
    images = places
    if SORTED:
        images = tl.load(order + places, mask=inside, other=0)
    rows = ranges + images
    touches = inside & (tl.load(rows, mask=inside, other=0) < x + TX)
    touches &= tl.load(rows + count, mask=inside, other=0) > x
    touches &= tl.load(rows + 2 * count, mask=inside, other=0) < y + TY
    touches &= tl.load(rows + 3 * count, mask=inside, other=0) > y
    touches &= tl.load(rows + 4 * count, mask=inside, other=0) < z + TZ
    touches &= tl.load(rows + 5 * count, mask=inside, other=0) > z
    touches &= tl.load(rows + 6 * count, mask=inside, other=-1) == channel
    return tl.sum(tl.where(touches, tl.full((SCAN,), 1, tl.int64) << lanes.to(tl.int64), 0))


@triton.jit
def first_of(bits):
    """Number of the lowest bit that is set, from the exponent of that bit as a float."""
    low = bits & -bits
    return (low.to(tl.float32).to(tl.int32, bitcast=True) >> 23) - 127

"""Gaussians on orthogonal voxels: products of weights along three axes.

One kernel makes the weights of every image along every axis, in float64, since differences of erf in float32 lose up to
1e-5 where voxels are fine; another adds up their products, tile by tile.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from particlegrid.torch.scene import Scene
from particlegrid.torch.triton.images import Images
from particlegrid.torch.triton.tiles import RANGES, SCAN, first_of, line_up, scan

__all__ = ["draw", "weigh"]

# Voxels of a tile: 1,024, whose rows are whole lines of 128 bytes in float32.
_TX, _TY, _TZ = 4, 8, 32
_CHUNK = 32


def weigh(scene: Scene, images: Images, shape: tuple[int, int, int], dtype: torch.dtype, value: str, cut: float,
          orders: int) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Weights of every image along the three axes.

    Parameters
    ----------
    scene : Scene
        What is drawn.
    images : Images
        Of its entries.
    shape : tuple of int
        Voxels of the grids.
    dtype : torch.dtype
        float32 or float64; of the weights.
    value : str
        What a voxel holds: "integral", "mean", "point" or "peak".
    cut : float
        Half-width of the support, in sigmas.
    orders : int
        1: the weights alone, those along x times the entry's weight and the density's scale; entries of weight 0 have
        empty ranges. 3: the weights and their first and second derivatives by the voxel's place, without these factors.

    Returns
    -------
    tables : Tensor, shape (M, orders, X + Y + Z)
    ranges : Tensor, shape (7, M), int32
        As `particlegrid.torch.triton.tiles` has them.
    """
    count = len(images.entries)
    tables = torch.empty((count, orders, sum(shape)), dtype=dtype, device=scene.axes.device)
    ranges = torch.empty((RANGES, count), dtype=torch.int32, device=scene.axes.device)
    if count:
        _weigh[(count,)](
            scene.positions, scene.weights, scene.widths, scene.axes, scene.origins, scene.lattices, scene.atoms,
            scene.channels, images.entries, images.owners, images.shifts, tables, ranges, count, *shape, cut,
            VALUE=value, ORDERS=orders, REPEATS=images.entry_starts is not None,
            CHUNK=_CHUNK, num_warps=1, enable_fp_fusion=True,
        )  # fmt: skip
    return tables, ranges


def draw(scene: Scene, images: Images, out: Tensor, value: str, cut: float) -> None:
    """Write every voxel of `out`, shape (n, C, X, Y, Z), float32 or float64, contiguous."""
    structures, channels, *shape = out.shape
    x, y, z = shape
    tables, ranges = weigh(scene, images, (x, y, z), out.dtype, value, cut, 1)
    queues = line_up(images, ranges, channels, x, _TX)
    tiles = triton.cdiv(x, _TX) * triton.cdiv(y, _TY) * triton.cdiv(z, _TZ)
    _draw[(tiles * channels * structures,)](
        out, tables, ranges, queues.order, queues.begins, queues.ends, len(images.entries), channels, x, y, z,
        SORTED=queues.order is not None, TX=_TX, TY=_TY, TZ=_TZ, num_warps=4, enable_fp_fusion=True,
    )  # fmt: skip


@triton.jit
def _load_vector(vector):
    return tl.load(vector), tl.load(vector + 1), tl.load(vector + 2)


@triton.jit
def _normal(s):
    return 0.3989422804014327 * tl.exp(-0.5 * s * s)


@triton.jit
def _weigh_axis(edge, px, py, pz, sigma, cut, scale, table, order_stride, low_place, high_place, size,
                POINT: tl.constexpr, ORDERS: tl.constexpr, CHUNK: tl.constexpr):  # fmt: skip
    """Write the weights along one axis and the range where they are not zero."""
    ex, ey, ez = _load_vector(edge)
    length = tl.sqrt(ex * ex + ey * ey + ez * ez)
    place = (px * ex + py * ey + pz * ez) / (length * length)
    reach = cut * sigma / length
    if POINT:
        # values fall off from the nearest voxel centre, which may itself be many sigmas away from the atom
        gap = place - tl.floor(place) - 0.5
        radius = tl.sqrt(gap * gap + reach * reach)
        low = tl.ceil(place - 0.5 - radius)
        high = tl.floor(place - 0.5 + radius) + 1.0
    else:
        low = tl.floor(place - reach)
        high = tl.ceil(place + reach)
    # limited while still a float: far atoms and wide Gaussians overflow an integer
    low = tl.where(low > 0.0, low, 0.0)
    high = tl.where(high < size, high, size.to(tl.float64))
    empty = (low >= high) | (scale == 0.0)
    low = tl.where(empty, size.to(tl.float64), low)
    high = tl.where(empty, 0.0, high)
    tl.store(low_place, low.to(tl.int32))
    tl.store(high_place, high.to(tl.int32))
    half = 0.5 * length / sigma
    for first in range(0, size, CHUNK):
        voxels = first + tl.arange(0, CHUNK)
        mask = voxels < size
        s = (voxels.to(tl.float64) + 0.5 - place) * (2.0 * half)
        if POINT:
            value = tl.exp(-0.5 * s * s)
        else:
            value = 0.5 * (tl.erf((s + half) * 0.7071067811865476) - tl.erf((s - half) * 0.7071067811865476))
        inside = (voxels >= low) & (voxels < high)
        target = table + voxels
        tl.store(target, tl.where(inside, value * scale, 0.0).to(target.dtype.element_ty), mask=mask)
        if ORDERS == 3:
            if POINT:
                slope = -s * value
                curve = (s * s - 1.0) * value
            else:
                above = _normal(s + half)
                below = _normal(s - half)
                slope = above - below
                curve = (s - half) * below - (s + half) * above
            slope = tl.where(inside, slope / sigma, 0.0)
            curve = tl.where(inside, curve / (sigma * sigma), 0.0)
            tl.store(target + order_stride, slope.to(target.dtype.element_ty), mask=mask)
            tl.store(target + 2 * order_stride, curve.to(target.dtype.element_ty), mask=mask)


@triton.jit
def _weigh(positions, weights, widths, axes, origins, lattices, atoms, channels, entries, owners, shifts, tables,
           ranges, count, X, Y, Z, cut, VALUE: tl.constexpr, ORDERS: tl.constexpr, REPEATS: tl.constexpr,
           CHUNK: tl.constexpr):  # fmt: skip
    image = tl.program_id(0).to(tl.int64)
    entry = tl.load(entries + image)
    structure = tl.load(owners + image)
    px, py, pz = _load_vector(positions + 3 * tl.load(atoms + entry))
    ox, oy, oz = _load_vector(origins + 3 * structure)
    px, py, pz = px - ox, py - oy, pz - oz
    if REPEATS:
        for a in tl.static_range(3):
            steps = tl.load(shifts + 3 * image + a)
            lx, ly, lz = _load_vector(lattices + 9 * structure + 3 * a)
            px, py, pz = px + steps * lx, py + steps * ly, pz + steps * lz
    sigma = tl.load(widths + entry)
    edges = axes + 9 * structure
    POINT: tl.constexpr = VALUE == "point" or VALUE == "peak"
    # the scale goes into x alone, and an entry of weight 0 has no range along x
    scale = tl.load(weights + entry)
    if ORDERS == 3:
        scale = scale * 0.0 + 1.0
    elif VALUE == "point":
        area = 6.283185307179586 * sigma * sigma
        scale = scale / (area * tl.sqrt(area))
    elif VALUE == "mean":
        for d in tl.static_range(3):
            ex, ey, ez = _load_vector(edges + 3 * d)
            scale = scale / tl.sqrt(ex * ex + ey * ey + ez * ez)
    total = X + Y + Z
    row = tables + image * (ORDERS * total)
    place = ranges + image
    _weigh_axis(edges, px, py, pz, sigma, cut, scale, row, total, place, place + count, X, POINT, ORDERS, CHUNK)
    one = scale * 0.0 + 1.0
    _weigh_axis(edges + 3, px, py, pz, sigma, cut, one, row + X, total, place + 2 * count, place + 3 * count, Y,
                POINT, ORDERS, CHUNK)  # fmt: skip
    _weigh_axis(edges + 6, px, py, pz, sigma, cut, one, row + X + Y, total, place + 4 * count, place + 5 * count, Z,
                POINT, ORDERS, CHUNK)  # fmt: skip
    tl.store(ranges + 6 * count + image, tl.load(channels + entry).to(tl.int32))


@triton.jit
def _draw(out, tables, ranges, order, begins, ends, count, channels, X, Y, Z, SORTED: tl.constexpr,
          TX: tl.constexpr, TY: tl.constexpr, TZ: tl.constexpr):  # fmt: skip
    tile = tl.program_id(0)
    # tiles of one grid run together, since they read the same tables
    slabs = tl.cdiv(X, TX)
    z = tile % tl.cdiv(Z, TZ) * TZ
    tile = tile // tl.cdiv(Z, TZ)
    y = tile % tl.cdiv(Y, TY) * TY
    tile = tile // tl.cdiv(Y, TY)
    slab = tile % slabs
    grid = tile // slabs  # structure, channel
    channel = grid % channels
    x = slab * TX
    queue = grid // channels
    if SORTED:
        queue = grid * slabs + slab
    xs, ys, zs = x + tl.arange(0, TX), y + tl.arange(0, TY), z + tl.arange(0, TZ)
    sums = tl.zeros((TX, TY, TZ), out.dtype.element_ty)
    end = tl.load(ends + queue)
    for base in range(tl.load(begins + queue), end, SCAN):
        bits = scan(ranges, order, base, end, count, channel, x, y, z, TX, TY, TZ, SORTED)
        while bits != 0:
            image = base + first_of(bits)
            bits = bits & (bits - 1)
            if SORTED:
                image = tl.load(order + image)
            row = tables + image * (X + Y + Z)
            wx = tl.load(row + xs, mask=xs < X, other=0.0)
            wy = tl.load(row + X + ys, mask=ys < Y, other=0.0)
            wz = tl.load(row + X + Y + zs, mask=zs < Z, other=0.0)
            sums += (wx[:, None] * wy[None, :])[:, :, None] * wz[None, None, :]
    places = ((grid.to(tl.int64) * X + xs)[:, None] * Y + ys[None, :])[:, :, None] * Z + zs[None, None, :]
    inside = ((xs < X)[:, None] & (ys < Y)[None, :])[:, :, None] & (zs < Z)[None, None, :]
    tl.store(out + places, sums, mask=inside, eviction_policy="evict_first")

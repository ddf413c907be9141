"""Gaussians on sheared voxels: sums over nodes of exponentials times polynomials, made where they are added."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from particlegrid.torch.scene import Scene
from particlegrid.torch.triton.images import Images, Lattice, find_scales
from particlegrid.torch.triton.shear import MOST_NODES, NUMBERS, count_terms, measure_shears
from particlegrid.torch.triton.tiles import SCAN, first_of, line_up, scan

__all__ = ["draw", "find_node", "find_rows", "load_series"]

_TX, _TY, _TZ = 4, 8, 32  # voxels of a tile


def draw(scene: Scene, images: Images, grid: Lattice, out: Tensor, value: str, cut: float, tol: float) -> None:
    """Write every voxel of `out`, shape (n, C, X, Y, Z), float32 or float64, contiguous."""
    structures, channels, *shape = out.shape
    x, y, z = shape
    terms = count_terms(out.dtype)
    shears = measure_shears(scene, images, grid, (x, y, z), value, cut, tol, terms)
    numbers = shears.numbers
    scales = find_scales(value, scene.widths[images.entries], grid.volumes[images.owners])
    numbers[:, 14] *= numbers[:, 15] * scales
    queues = line_up(images, shears.ranges, channels, x, _TX)
    tiles = triton.cdiv(x, _TX) * triton.cdiv(y, _TY) * triton.cdiv(z, _TZ)
    _draw[(tiles * channels * structures,)](
        out, numbers, shears.ranges, shears.nodes, queues.order, queues.begins, queues.ends, len(images.entries),
        channels, x, y, z, SORTED=queues.order is not None, TERMS=terms, NUMBERS=NUMBERS, MOST=MOST_NODES,
        TX=_TX, TY=_TY, TZ=_TZ, num_warps=4, enable_fp_fusion=True,
    )  # fmt: skip


@triton.jit
def find_rows(numbers, xs, ys):
    """Distances along the first two directions, in sigmas, of rows of voxels, and the voxel before the point of the row
    that is nearest to the atom and how far behind it that lies, in voxels. All float64: small differences of places."""
    t1 = xs.to(tl.float64) + 0.5 - tl.load(numbers)
    t2 = ys.to(tl.float64) + 0.5 - tl.load(numbers + 1)
    nearest = tl.load(numbers + 2) - 0.5 - tl.load(numbers + 6) * t1 - tl.load(numbers + 7) * t2
    home = tl.floor(nearest)
    first = tl.load(numbers + 3) * t1
    second = tl.load(numbers + 4) * (t2 + tl.load(numbers + 8) * t1)
    return first, second, home, nearest - home


@triton.jit
def find_node(nodes, number, count, pieces, MOST: tl.constexpr):
    """Place and weight of a node of an edge, of which each piece has `count` nodes."""
    rule = nodes + (count - 1) * MOST + number % count
    place = (number // count + 0.5 + tl.load(rule)) / pieces - 0.5
    return place, tl.load(rule + MOST * MOST) / pieces


@triton.jit
def load_series(numbers, FLOAT: tl.constexpr, TERMS: tl.constexpr, NUMBERS: tl.constexpr):
    """Coefficients of the polynomial, in registers."""
    series = (tl.load(numbers + NUMBERS).to(FLOAT),)
    for j in tl.static_range(1, TERMS):
        series = series + (tl.load(numbers + (NUMBERS + j)).to(FLOAT),)  # type: ignore[assignment]  # noqa: RUF005 - Triton
    return series


@triton.jit
def _draw(out, numbers, ranges, nodes, order, begins, ends, count, channels, X, Y, Z, SORTED: tl.constexpr,
          TERMS: tl.constexpr, NUMBERS: tl.constexpr, MOST: tl.constexpr, TX: tl.constexpr, TY: tl.constexpr,
          TZ: tl.constexpr):  # fmt: skip
    FLOAT: tl.constexpr = out.dtype.element_ty
    tile = tl.program_id(0)
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
    rows = tl.arange(0, TX * TY)
    xs, ys, zs = x + rows // TY, y + rows % TY, z + tl.arange(0, TZ)
    sums = tl.zeros((TX * TY, TZ), FLOAT)
    end = tl.load(ends + queue)
    for base in range(tl.load(begins + queue), end, SCAN):
        bits = scan(ranges, order, base, end, count, channel, x, y, z, TX, TY, TZ, SORTED)
        while bits != 0:
            image = base + first_of(bits)
            bits = bits & (bits - 1)
            if SORTED:
                image = tl.load(order + image)
            at = numbers + image.to(tl.int64) * (NUMBERS + TERMS)
            sums = _add(sums, at, nodes, xs, ys, zs, FLOAT, TERMS, NUMBERS, MOST)
    places = ((grid.to(tl.int64) * X + xs) * Y + ys)[:, None] * Z + zs[None, :]
    inside = ((xs < X) & (ys < Y))[:, None] & (zs < Z)[None, :]
    tl.store(out + places, sums, mask=inside, eviction_policy="evict_first")


@triton.jit
def _add(sums, numbers, nodes, xs, ys, zs, FLOAT: tl.constexpr, TERMS: tl.constexpr, NUMBERS: tl.constexpr,
         MOST: tl.constexpr):  # fmt: skip
    """Add one image to a tile, rows by voxels along z."""
    first, second, home, part = find_rows(numbers, xs, ys)
    l1 = tl.load(numbers + 3).to(FLOAT)
    l2 = tl.load(numbers + 4).to(FLOAT)
    l3 = tl.load(numbers + 5).to(FLOAT)
    alpha, beta, gamma = tl.load(numbers + 6), tl.load(numbers + 7), tl.load(numbers + 8)
    count1, pieces1 = tl.load(numbers + 9).to(tl.int32), tl.load(numbers + 10).to(tl.int32)
    count2, pieces2 = tl.load(numbers + 11).to(tl.int32), tl.load(numbers + 12).to(tl.int32)
    float_pieces3 = tl.load(numbers + 13)
    pieces3 = float_pieces3.to(tl.int32)
    scale = tl.load(numbers + 14)
    series = load_series(numbers, FLOAT, TERMS, NUMBERS)
    first, second = first.to(FLOAT), second.to(FLOAT)
    third = l3 * ((zs[None, :] - home[:, None]) - part[:, None]).to(FLOAT)
    for a in range(count1 * pieces1):
        u, weight1 = find_node(nodes, a, count1, pieces1, MOST)
        s1 = first + l1 * u.to(FLOAT)
        for b in range(count2 * pieces2):
            v, weight2 = find_node(nodes, b, count2, pieces2, MOST)
            s2 = second + l2 * (v + gamma * u).to(FLOAT)
            square = s1 * s1 + s2 * s2
            weight = (scale * weight1 * weight2).to(FLOAT)
            for c in range(pieces3):
                s3 = third + l3 * (alpha * u + beta * v + (c + 0.5) / float_pieces3 - 0.5).to(FLOAT)
                y = s3 * s3
                p = tl.zeros_like(y) + series[TERMS - 1]
                for j in tl.static_range(TERMS - 1):
                    p = p * y + series[TERMS - 2 - j]
                sums += weight * tl.exp(-0.5 * (square[:, None] + y)) * p
    return sums

"""Gradients of Gaussians on sheared voxels: each image sums up the voxels that it reaches."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from particlegrid.torch.scene import Scene
from particlegrid.torch.triton.images import Images, Lattice
from particlegrid.torch.triton.shear import MOST_NODES, NUMBERS, count_terms, measure_shears
from particlegrid.torch.triton.sheared import find_node, find_rows, load_series

__all__ = ["contract"]

_ROWS, _BZ = 16, 16


def contract(scene: Scene, images: Images, grid: Lattice, grad: Tensor, value: str, cut: float,
             tol: float) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Sums over the voxels of `grad` times an image's value and its derivatives by the voxels' place.

    Parameters
    ----------
    scene : Scene
        What is drawn.
    images : Images
        Of its entries.
    grid : Lattice
        The voxels' edges.
    grad : Tensor, shape (n, C, X, Y, Z)
        float32 or float64, contiguous.
    value : str
        What a voxel holds: "integral", "mean", "point" or "peak".
    cut : float
        Radius of the support, in sigmas.
    tol : float
        Of the sums over nodes.

    Returns
    -------
    sums : Tensor, shape (M, 10), float64
        As `particlegrid.torch.triton.separable_gradient.contract` has them.
    frames : Tensor, shape (n, 3, 3)
        The directions 1, 2, 3 (rows).
    """
    channels, x, y, z = grad.shape[1:]
    count, terms = len(images.entries), count_terms(grad.dtype)
    sums = torch.empty((count, 10), dtype=torch.float64, device=grad.device)
    shears = measure_shears(scene, images, grid, (x, y, z), value, cut, tol, terms)
    if count:
        _contract[(count,)](
            grad, shears.numbers, shears.ranges, shears.nodes, images.owners, sums, count, channels, x, y, z,
            TERMS=terms, NUMBERS=NUMBERS, MOST=MOST_NODES, ROWS=_ROWS, BZ=_BZ, num_warps=2, enable_fp_fusion=True,
        )  # fmt: skip
    per_sigma = 1.0 / scene.widths[images.entries, None]
    return sums * torch.cat([torch.ones_like(per_sigma), *[per_sigma] * 3, *[per_sigma**2] * 6], dim=1), shears.frames


@triton.jit
def _contract(grad, numbers, ranges, nodes, owners, sums, count, channels, X, Y, Z, TERMS: tl.constexpr,
              NUMBERS: tl.constexpr, MOST: tl.constexpr, ROWS: tl.constexpr, BZ: tl.constexpr):  # fmt: skip
    FLOAT: tl.constexpr = grad.dtype.element_ty
    image = tl.program_id(0).to(tl.int64)
    place = ranges + image
    low_x, high_x = tl.load(place), tl.load(place + count)
    low_y, high_y = tl.load(place + 2 * count), tl.load(place + 3 * count)
    low_z, high_z = tl.load(place + 4 * count), tl.load(place + 5 * count)
    numbers += image * (NUMBERS + TERMS)
    grid = tl.load(owners + image) * channels + tl.load(place + 6 * count)
    values = grad + grid * X * Y * Z
    l1 = tl.load(numbers + 3).to(FLOAT)
    l2 = tl.load(numbers + 4).to(FLOAT)
    l3 = tl.load(numbers + 5).to(FLOAT)
    alpha, beta, gamma = tl.load(numbers + 6), tl.load(numbers + 7), tl.load(numbers + 8)
    count1, pieces1 = tl.load(numbers + 9).to(tl.int32), tl.load(numbers + 10).to(tl.int32)
    count2, pieces2 = tl.load(numbers + 11).to(tl.int32), tl.load(numbers + 12).to(tl.int32)
    float_pieces3 = tl.load(numbers + 13)
    pieces3 = float_pieces3.to(tl.int32)
    series = load_series(numbers, FLOAT, TERMS, NUMBERS)
    # no row needs more than the whole axis
    half = tl.minimum(tl.load(numbers + 16), (X + Y + Z).to(tl.float64)).to(tl.int32)
    width = tl.maximum(high_y - low_y, 1)
    d0 = tl.zeros((ROWS, BZ), FLOAT)
    d1, d2, d3, d11, d22, d33, d12, d13, d23 = d0, d0, d0, d0, d0, d0, d0, d0, d0
    for first_row in range(0, (high_x - low_x) * (high_y - low_y), ROWS):
        row = first_row + tl.arange(0, ROWS)
        xs, ys = low_x + row // width, low_y + row % width
        first, second, home, part = find_rows(numbers, xs, ys)
        first, second = first.to(FLOAT), second.to(FLOAT)
        for step in range(-half, half + 1, BZ):
            offsets = step + tl.arange(0, BZ)
            zs = home[:, None] + offsets[None, :]
            inside = (xs < high_x)[:, None] & (zs >= low_z) & (zs < high_z) & (offsets <= half)[None, :]
            zs = tl.where(inside, zs, 0.0).to(tl.int64)
            g = tl.load(values + (xs.to(tl.int64) * Y + ys)[:, None] * Z + zs, mask=inside, other=0.0)
            third = l3 * (offsets[None, :] - part[:, None]).to(FLOAT)
            for a in range(count1 * pieces1):
                u, weight1 = find_node(nodes, a, count1, pieces1, MOST)
                s1 = (first + l1 * u.to(FLOAT))[:, None]
                for b in range(count2 * pieces2):
                    v, weight2 = find_node(nodes, b, count2, pieces2, MOST)
                    s2 = (second + l2 * (v + gamma * u).to(FLOAT))[:, None]
                    weight = (weight1 * weight2).to(FLOAT)
                    for c in range(pieces3):
                        s3 = third + l3 * (alpha * u + beta * v + (c + 0.5) / float_pieces3 - 0.5).to(FLOAT)
                        y = s3 * s3
                        # the polynomial, its derivative by y and half its second
                        p = tl.zeros_like(y) + series[TERMS - 1]
                        p1, p2 = tl.zeros_like(y), tl.zeros_like(y)
                        for j in tl.static_range(TERMS - 1):
                            p2 = p2 * y + p1
                            p1 = p1 * y + p
                            p = p * y + series[TERMS - 2 - j]
                        e = g * weight * tl.exp(-0.5 * (s1 * s1 + s2 * s2 + y))
                        f = e * p
                        f3 = e * s3 * (2.0 * p1 - p)
                        d0 += f
                        d1 -= s1 * f
                        d2 -= s2 * f
                        d3 += f3
                        d11 += (s1 * s1 - 1.0) * f
                        d22 += (s2 * s2 - 1.0) * f
                        d33 += e * (2.0 * p1 + 8.0 * y * p2 - 4.0 * y * p1 + (y - 1.0) * p)
                        d12 += s1 * s2 * f
                        d13 -= s1 * f3
                        d23 -= s2 * f3
    scale = tl.load(numbers + 14)
    target = sums + 10 * image
    tl.store(target, _total(d0, scale))
    tl.store(target + 1, _total(d1, scale))
    tl.store(target + 2, _total(d2, scale))
    tl.store(target + 3, _total(d3, scale))
    tl.store(target + 4, _total(d11, scale))
    tl.store(target + 5, _total(d22, scale))
    tl.store(target + 6, _total(d33, scale))
    tl.store(target + 7, _total(d12, scale))
    tl.store(target + 8, _total(d13, scale))
    tl.store(target + 9, _total(d23, scale))


@triton.jit
def _total(parts, scale):
    return tl.sum(tl.sum(parts.to(tl.float64), 1), 0) * scale

"""Gradients of Gaussians on orthogonal voxels: each image sums up the voxels that it reaches."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from particlegrid.torch.scene import Scene
from particlegrid.torch.triton.images import Images
from particlegrid.torch.triton.separable import weigh

__all__ = ["contract"]

_BY, _BZ = 16, 16


def contract(scene: Scene, images: Images, grad: Tensor, value: str, cut: float) -> Tensor:
    """Sums over the voxels of `grad` times an image's value and its derivatives by the voxels' place.

    Parameters
    ----------
    scene : Scene
        What is drawn.
    images : Images
        Of its entries.
    grad : Tensor, shape (n, C, X, Y, Z)
        float32 or float64, contiguous.
    value : str
        What a voxel holds: "integral", "mean", "point" or "peak".
    cut : float
        Half-width of the support, in sigmas.

    Returns
    -------
    Tensor, shape (M, 10), float64
        Without weights and scales; first derivatives along the voxels' edges 1, 2, 3, then second ones along 11, 22,
        33, 12, 13, 23; in 1/A and 1/A^2.
    """
    channels, x, y, z = grad.shape[1:]
    count = len(images.entries)
    sums = torch.empty((count, 10), dtype=torch.float64, device=grad.device)
    if count:
        tables, ranges = weigh(scene, images, (x, y, z), grad.dtype, value, cut, 3)
        _contract[(count,)](
            grad, tables, ranges, images.owners, sums, count, channels, x, y, z, BY=_BY, BZ=_BZ, num_warps=2,
            enable_fp_fusion=True,
        )  # fmt: skip
    return sums


@triton.jit
def _contract(grad, tables, ranges, owners, sums, count, channels, X, Y, Z, BY: tl.constexpr, BZ: tl.constexpr):
    image = tl.program_id(0).to(tl.int64)
    place = ranges + image
    low_x, high_x = tl.load(place), tl.load(place + count)
    low_y, high_y = tl.load(place + 2 * count), tl.load(place + 3 * count)
    low_z, high_z = tl.load(place + 4 * count), tl.load(place + 5 * count)
    grid = tl.load(owners + image) * channels + tl.load(place + 6 * count)
    values = grad + grid * X * Y * Z
    total = X + Y + Z
    row = tables + image * (3 * total)
    zero = tl.full((), 0.0, tl.float64)
    s0, s1, s2, s3 = zero, zero, zero, zero
    s11, s22, s33, s12, s13, s23 = zero, zero, zero, zero, zero, zero
    for first_y in range(low_y, high_y, BY):
        ys = first_y + tl.arange(0, BY)
        wy = row + X + ys
        y0 = tl.load(wy, mask=ys < high_y, other=0.0).to(tl.float64)
        y1 = tl.load(wy + total, mask=ys < high_y, other=0.0).to(tl.float64)
        y2 = tl.load(wy + 2 * total, mask=ys < high_y, other=0.0).to(tl.float64)
        for first_z in range(low_z, high_z, BZ):
            zs = first_z + tl.arange(0, BZ)
            wz = row + X + Y + zs
            z0 = tl.load(wz, mask=zs < high_z, other=0.0).to(tl.float64)[None, :]
            z1 = tl.load(wz + total, mask=zs < high_z, other=0.0).to(tl.float64)[None, :]
            z2 = tl.load(wz + 2 * total, mask=zs < high_z, other=0.0).to(tl.float64)[None, :]
            # planes first: three sums a voxel, and no thread waits for another
            a0 = tl.zeros((BY, BZ), grad.dtype.element_ty)
            a1 = tl.zeros((BY, BZ), grad.dtype.element_ty)
            a2 = tl.zeros((BY, BZ), grad.dtype.element_ty)
            inside = (ys < high_y)[:, None] & (zs < high_z)[None, :]
            plane = values + low_x.to(tl.int64) * Y * Z + ys[:, None] * Z + zs[None, :]
            for x in range(low_x, high_x):
                g = tl.load(plane, mask=inside, other=0.0)
                plane += Y * Z
                a0 += g * tl.load(row + x)
                a1 += g * tl.load(row + total + x)
                a2 += g * tl.load(row + 2 * total + x)
            b0, b1, b2 = a0.to(tl.float64), a1.to(tl.float64), a2.to(tl.float64)
            a0z0, a0z1, a0z2 = tl.sum(b0 * z0, 1), tl.sum(b0 * z1, 1), tl.sum(b0 * z2, 1)
            a1z0, a1z1, a2z0 = tl.sum(b1 * z0, 1), tl.sum(b1 * z1, 1), tl.sum(b2 * z0, 1)
            s0 += tl.sum(a0z0 * y0, 0)
            s1 += tl.sum(a1z0 * y0, 0)
            s2 += tl.sum(a0z0 * y1, 0)
            s3 += tl.sum(a0z1 * y0, 0)
            s11 += tl.sum(a2z0 * y0, 0)
            s22 += tl.sum(a0z0 * y2, 0)
            s33 += tl.sum(a0z2 * y0, 0)
            s12 += tl.sum(a1z0 * y1, 0)
            s13 += tl.sum(a1z1 * y0, 0)
            s23 += tl.sum(a0z1 * y1, 0)
    target = sums + 10 * image
    tl.store(target, s0)
    tl.store(target + 1, s1)
    tl.store(target + 2, s2)
    tl.store(target + 3, s3)
    tl.store(target + 4, s11)
    tl.store(target + 5, s22)
    tl.store(target + 6, s33)
    tl.store(target + 7, s12)
    tl.store(target + 8, s13)
    tl.store(target + 9, s23)

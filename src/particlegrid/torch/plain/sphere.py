"""Spheres' shares of voxels, in closed form.

The voxel is cut as in `native/core/ball_cells.hpp`: into tetrahedra from the centre to the foot on a face i, the foot
on its edge with face j, and a corner; d, e and t are their steps in units of the radius, at right angles to each other.
Here their shares of the ball are added up corner by corner, without sums over edges. The formulas are written so that
none of their derivatives divides zero by zero.
"""

from __future__ import annotations

from itertools import permutations
from math import pi

import torch
from torch import Tensor

from particlegrid.densities import SphereOverlap
from particlegrid.torch.plain.base import evaluate, find_cost, find_reach
from particlegrid.torch.plain.windows import Windows, dot, spread, volumes

__all__: list[str] = []

_ROUNDING = 2e-14  # of the radius cubed: what the sums of about fifty terms of order 1 are off by
# 1 - d^2 - e^2, below which a ball that dips through an edge does not count: what it holds beyond is below 1e-16, and
# up to 1e-4 of second derivatives; more would be lost by division by roots of that number
_TOUCHING = 1e-8


@evaluate.register
def _(what: SphereOverlap, windows: Windows) -> Tensor:
    radius, axes = windows.widths, windows.axes
    voxel = spread(volumes(axes))
    divisor = {"voxel": voxel, "atom": spread(4 / 3 * pi * radius**3), "volume": torch.ones_like(voxel)}[what.per]
    shares = _sum_tetrahedra(windows)
    x, y, z = windows.offsets(place=0.0, more=1)
    holds = (x * x + y * y + z * z <= spread(radius) ** 2).to(shares.dtype)
    is_whole = torch.nn.functional.avg_pool3d(holds, 2, stride=1) == 1
    common = torch.where(shares > _ROUNDING, shares * spread(radius) ** 3, 0.0)
    return torch.where(is_whole, voxel, common) / divisor


@find_reach.register
def _(what: SphereOverlap, widths: Tensor, tol: float) -> Tensor:
    return widths


@find_cost.register
def _(what: SphereOverlap) -> int:
    return 25


def _sum_tetrahedra(windows: Windows) -> Tensor:
    """Volumes in common in units of the radius cubed, shape (P, W1, W2, W3)."""
    radius, axes = windows.widths, windows.axes
    across = torch.linalg.cross(axes.roll(-1, dims=1), axes.roll(-2, dims=1))
    normals = across / torch.linalg.norm(across, dim=2, keepdim=True)
    # along the edges, also of a left-handed voxel
    normals = normals * dot(normals, axes).detach().sign()[..., None]
    units = axes / torch.linalg.norm(axes, dim=2, keepdim=True)
    corners = [component / spread(radius) for component in windows.offsets(place=0.0, more=1)]
    distances = []
    for i in range(3):
        steps = windows.steps(i, place=0.0, more=1)
        heights = dot(windows.anchors, normals[:, i])[:, None] + steps * dot(axes[:, i], normals[:, i])[:, None]
        distances.append(_lay_along(i, heights / radius[:, None]))
    total: Tensor | float = 0.0
    for i, j, k in permutations(range(3)):
        cosine = dot(normals[:, i], normals[:, j])
        sine = torch.sqrt(1 - cosine**2)
        e = (distances[j] - distances[i] * spread(cosine)) / spread(sine)
        t = sum(corners[d] * spread(units[:, k, d]) for d in range(3))
        assert isinstance(t, Tensor)
        total = total + _share_tetrahedron(distances[i], e, t)
    assert isinstance(total, Tensor)
    return total.diff(dim=1).diff(dim=2).diff(dim=3)


def _lay_along(axis: int, rows: Tensor) -> Tensor:
    """Numbers for each plane of corners, shape (P, W), against blocks."""
    shape = [len(rows), 1, 1, 1]
    shape[1 + axis] = rows.shape[1]
    return rows.reshape(shape)


def _share_tetrahedron(d: Tensor, e: Tensor, t: Tensor) -> Tensor:
    """What the ball of radius 1 shares with a tetrahedron; odd in d, e and t."""
    d, e, t = torch.broadcast_tensors(d, e, t)  # type: ignore[no-untyped-call]
    sign = 1 - 2 * ((d < 0) ^ (e < 0) ^ (t < 0)).to(d.dtype)
    # a zero counts as positive, in its derivatives as well
    d, e, t = (torch.where(x < 0, -x, x) for x in (d, e, t))
    in_plane = d.detach() ** 2 + e.detach() ** 2
    is_inside = in_plane + t.detach() ** 2 <= 1
    meets_edge = ~is_inside & (in_plane < 1 - _TOUCHING)
    is_beyond = ~is_inside & ~meets_edge

    def choose(which: Tensor, *otherwise: float) -> list[Tensor]:
        return [torch.where(which, x, y) for x, y in zip((d, e, t), otherwise)]

    values = torch.where(meets_edge, _share_near(*choose(meets_edge, 0.5, 0.5, 1.0)), d * e * t / 6)
    return sign * torch.where(is_beyond, _share_far(*choose(is_beyond, 0.5, 1.0, 1.0)), values)


def _share_near(d: Tensor, e: Tensor, t: Tensor) -> Tensor:
    """The share if the corner lies outside the ball, which its edge meets, as it does at the step c.

    With c^2 = 1 - d^2 - e^2, L^2 = d^2 + e^2 + t^2 and p = d (3 - d^2) / 6, the share is
    ``d e c / 6 + p [atan(t / e) - atan(c / e)] - [atan(d t / (e L)) - atan(d c / e)] / 3``. Both differences are one
    arc tangent each; the second is that of d e (t - c L) / (e^2 L + d^2 t c), of which d^2 + e^2 is cancelled:
    t - c L = (d^2 + e^2) (L^2 - 1) / (t + c L), and L - t c = (d^2 + e^2) (1 + L^2 - d^2 - e^2) / (L + t c).
    """
    q = d * d + e * e
    c = torch.sqrt(1 - q)
    length2 = q + t * t
    length = torch.sqrt(length2)
    p = d * (3 - d * d) / 6
    first = torch.atan2(e * (t - c), e * e + t * c)
    # (e^2 L + d^2 t c) / q, which is as exact where q is large
    is_large = q > 0.5
    large = (e * e * length + d * d * t * c) / torch.where(is_large, q, 1.0)
    small = length - d * d * (1 + length2 - q) / (length + t * c)
    second = torch.atan2(d * e * (length2 - 1), (t + c * length) * torch.where(is_large, large, small))
    return d * e * c / 6 + p * first - second / 3


def _share_far(d: Tensor, e: Tensor, t: Tensor) -> Tensor:
    """The share if the ball does not meet the edge.

    ``p atan(t / e) - atan(d t / (e L)) / 3``, where p = 1/3 if the ball does not meet the face either; the difference
    of the arc tangents is that of t e / (d L + d^2 + e^2).
    """
    length = torch.sqrt(d * d + e * e + t * t)
    meets_face = d < 1
    cap = torch.where(meets_face, d * (3 - d * d) / 6 - 1 / 3, 0.0)
    angle = torch.atan2(t, torch.where(meets_face, e, 1.0))
    return cap * angle + torch.atan2(t * e, d * length + d * d + e * e) / 3

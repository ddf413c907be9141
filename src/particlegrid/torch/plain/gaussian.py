"""Gaussians: integrals by erf over orthogonal voxels, by erf and quadrature over any, and values at centres."""

from __future__ import annotations

from functools import lru_cache, partial
from math import ceil, factorial, pi, sqrt

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from particlegrid.densities import Gaussian
from particlegrid.densities.gaussian import find_cut
from particlegrid.torch.plain.base import add_up, draw, find_reach
from particlegrid.torch.plain.pairs import list_pairs
from particlegrid.torch.plain.windows import Windows, dot, spread, volumes
from particlegrid.torch.scene import Scene

__all__: list[str] = []

_ORTHOGONAL = 3  # a kind of structures; the others are named by their longest edge


@find_reach.register
def _(what: Gaussian, widths: Tensor, tol: float) -> Tensor:
    return find_cut(tol) * widths


@draw.register
def _(
    what: Gaussian, scene: Scene, shape: tuple[int, int, int], channel_count: int, dtype: torch.dtype, tol: float
) -> Tensor:
    pairs = list_pairs(scene, shape, find_reach(what, scene.widths.detach(), tol))
    if what.value == "point":
        return add_up(scene, pairs, shape, channel_count, partial(_sample, what.normalize)).to(dtype)
    divide = what.value == "mean"
    kinds = _find_kinds(scene)
    values = scene.axes.new_zeros((len(scene.axes), channel_count, *shape))
    for kind in torch.unique(kinds).tolist():
        part = pairs.take(kinds[pairs.structures] == kind)
        if kind == _ORTHOGONAL:
            values = values + add_up(scene, part, shape, channel_count, partial(_integrate_boxes, divide))
        else:
            rules = [_make_rule(pieces, tol) for pieces in _count_pieces(scene, part.entries, part.structures)]
            rules[kind] = (np.zeros(1), np.ones(1))
            formula = partial(_integrate_cells, divide, kind, rules)
            cost = len(rules[0][0]) * len(rules[1][0]) * len(rules[2][0])
            values = values + add_up(scene, part, shape, channel_count, formula, cost)
    return values.to(dtype)


def _sample(normalize: bool, windows: Windows) -> Tensor:
    sigma = windows.widths
    heights = windows.weights * (2 * pi * sigma**2) ** -1.5 if normalize else windows.weights
    return spread(heights) * torch.exp(windows.squares() * spread(-0.5 / sigma**2))


def _integrate_boxes(divide: bool, windows: Windows) -> Tensor:
    """Products of differences of erf over voxels with edges at right angles."""
    factors = []
    for d in range(3):
        edge = windows.axes[:, d]
        length = torch.linalg.norm(edge, dim=1, keepdim=True)
        faces = dot(windows.anchors, edge)[:, None] / length + windows.steps(d, place=0.0, more=1) * length
        factors.append(0.5 * torch.erf(faces / (sqrt(2) * windows.widths[:, None])).diff(dim=1))
    x, y, z = factors
    x = x * _weights(divide, windows)[:, None]
    return x[:, :, None, None] * y[:, None, :, None] * z[:, None, None, :]


def _weights(divide: bool, windows: Windows) -> Tensor:
    return windows.weights / volumes(windows.axes) if divide else windows.weights


def _integrate_cells(divide: bool, along: int, rules: list[tuple[np.ndarray, np.ndarray]], windows: Windows) -> Tensor:
    """Differences of erf along one edge, at Gauss-Legendre nodes along the two others."""
    across = [d for d in range(3) if d != along]
    sigma = sqrt(2) * windows.widths
    edge = windows.axes[:, along]
    length = torch.linalg.norm(edge, dim=1)
    unit = edge / length[:, None]
    # lines through the nodes, parallel to the edge: where they meet the plane at right angles to it, and how high
    lines: Tensor | float = 0.0
    for turn, vector in ((0, windows.anchors), (0, windows.axes[:, across[0]]), (1, windows.axes[:, across[1]])):
        steps = torch.ones_like(vector[:, :1])
        if vector is not windows.anchors:
            d = across[turn]
            nodes = steps.new_tensor(rules[d][0])
            steps = (windows.steps(d, place=0.0)[:, :, None] + nodes).flatten(1)
        height = dot(vector, unit)
        plane = torch.cat([vector - height[:, None] * unit, height[:, None]], dim=1)
        lines = lines + (steps[:, :, None, None] if turn == 0 else steps[:, None, :, None]) * plane[:, None, None]
    assert isinstance(lines, Tensor)
    x, y, z, height = (lines / sigma[:, None, None, None]).unbind(dim=-1)
    sections = torch.exp(-(x * x + y * y + z * z))
    faces = windows.steps(along, place=0.0, more=1) * (length / sigma)[:, None]
    integrals = torch.erf(height[..., None] + faces[:, None, None]).diff(dim=-1)
    b, c = (windows.size[d] for d in across)
    u, w = (sections.new_tensor(rules[d][1]) for d in across)
    shape = (len(sigma), b, len(u), c, len(w))
    sections = sections.reshape(shape) * u[:, None, None] * w
    values = (sections[..., None] * integrals.reshape(*shape, -1)).sum(dim=(2, 4))
    # a voxel's section at right angles to the edge, over 2 pi sigma^2; half of the difference of erf
    factors = 0.5 * _weights(divide, windows) * volumes(windows.axes) / (length * pi * sigma**2)
    return (values * spread(factors)).movedim(3, 1 + along)


def _find_kinds(scene: Scene) -> Tensor:
    """How each structure's voxels are integrated, shape (n,).

    The product for orthogonal voxels is blind to edges that turn, so it does not do where derivatives by them are
    wanted.
    """
    axes = scene.axes.detach()
    lengths = torch.linalg.norm(axes, dim=2)
    longest: Tensor = lengths.argmax(dim=1)
    tangent = forward_ad.unpack_dual(scene.axes).tangent  # type: ignore[no-untyped-call]
    if tangent is not None or (torch.is_grad_enabled() and scene.axes.requires_grad):
        return longest
    edges = axes / lengths[:, :, None]
    cosines = (edges * edges.roll(1, dims=1)).sum(dim=2).abs()
    return torch.where((cosines <= 1e-9).all(dim=1), _ORTHOGONAL, longest)


def _count_pieces(scene: Scene, entries: Tensor, structures: Tensor) -> list[float]:
    """The longest edges along each axis, in sigmas."""
    lengths = torch.linalg.norm(scene.axes.detach(), dim=2)[structures] / scene.widths.detach()[entries, None]
    return [*map(float, lengths.amax(dim=0))] if len(lengths) else [1.0] * 3


@lru_cache
def _make_rule(length: float, tol: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes on [0, 1] and weights that integrate Gaussians of width 1 / length within tol / 100 of their peak.

    Equal pieces of at most 2 sigma. The remainder of n nodes is length^(2n) (n!)^4 / ((2n + 1) (2n)!^3) times a 2n-th
    derivative (Davis and Rabinowitz, Methods of Numerical Integration, 1984, 2.7.12), which Cramer's bound limits to
    1.0865 sqrt((2n)!) (Abramowitz and Stegun 22.14.17). Derivatives of the integral are of a higher order, by two at
    most; the hundredth is for them.
    """
    pieces = max(1, ceil(length / 2))
    step, n = length / pieces, 1
    while 1.0865 * step ** (2 * n) * factorial(n) ** 4 / ((2 * n + 1) * float(factorial(2 * n)) ** 2.5) > tol / 100:
        n += 1
    x, w = np.polynomial.legendre.leggauss(n)
    nodes = (np.arange(pieces)[:, None] + 0.5 * (x + 1)) / pieces
    return nodes.ravel(), np.tile(0.5 * w / pieces, pieces)

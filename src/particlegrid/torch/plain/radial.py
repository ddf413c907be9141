"""Densities of the distance alone: their formulas at the distances of the voxel centres."""

from __future__ import annotations

from math import exp

import torch
from torch import Tensor

from particlegrid.densities import Binary, GaussianQuadratic, Occupancy, Radial
from particlegrid.torch.plain.base import evaluate, find_reach
from particlegrid.torch.plain.windows import Windows, spread, tie

__all__: list[str] = []


@evaluate.register
def _(what: GaussianQuadratic, windows: Windows) -> Tensor:
    g = abs(what.multiple)
    squares = windows.squares() / (spread(windows.widths) * what.scale) ** 2
    gaussian = torch.exp(-2 * squares)
    if what.multiple < 0:
        return torch.where(squares < g**2, gaussian, 0.0)
    is_gaussian = squares <= g**2
    ratio = _roots(torch.where(is_gaussian, g**2, squares))
    parabola = exp(-2 * g**2) * (2 * g * ratio - (1 + 2 * g**2)) ** 2
    return torch.where(is_gaussian, gaussian, torch.where(ratio < (1 + 2 * g**2) / (2 * g), parabola, 0.0))


@find_reach.register
def _(what: GaussianQuadratic, widths: Tensor, tol: float) -> Tensor:
    g = abs(what.multiple)
    return widths * what.scale * (g if what.multiple < 0 else (1 + 2 * g**2) / (2 * g))


@evaluate.register
def _(what: Occupancy, windows: Windows) -> Tensor:
    squares = windows.squares()
    ratio = squares / spread(windows.widths) ** 2
    # exp(-q^-6) is 0 for q = 0.33, and its derivatives with it
    is_full = ratio < 0.33
    values = torch.where(is_full, 1.0, -torch.expm1(-(torch.where(is_full, 1.0, ratio) ** -6)))
    return torch.where(squares.sqrt() < what.cutoff, values, 0.0)


@find_reach.register
def _(what: Occupancy, widths: Tensor, tol: float) -> Tensor:
    return torch.full_like(widths, what.cutoff)


@evaluate.register
def _(what: Binary, windows: Windows) -> Tensor:
    squares, radii = windows.squares(), spread(windows.widths)
    # a constant of positions and radii, on which it depends
    return tie(torch.where(squares.sqrt() < radii, 1.0, 0.0) + 0.0 * squares, windows.widths)


@find_reach.register
def _(what: Binary, widths: Tensor, tol: float) -> Tensor:
    return widths


@evaluate.register
def _(what: Radial, windows: Windows) -> Tensor:
    distances = _roots(windows.squares())
    table = distances.new_tensor(what.tabulate())
    places = distances * (len(table) / what.cutoff)
    intervals = places.detach().long().clamp(max=len(table) - 1)
    t = places - intervals
    a, b, c, d = table[intervals].unbind(dim=-1)
    return tie(torch.where(distances < what.cutoff, a + t * (b + t * (c + t * d)), 0.0), windows.widths)


@find_reach.register
def _(what: Radial, widths: Tensor, tol: float) -> Tensor:
    return torch.full_like(widths, what.cutoff)


def _roots(squares: Tensor) -> Tensor:
    """Square roots, of derivative 0 where they are 0."""
    is_zero = squares == 0
    return torch.where(is_zero, 0.0, torch.where(is_zero, 1.0, squares).sqrt())

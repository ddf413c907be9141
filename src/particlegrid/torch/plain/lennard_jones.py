"""Lennard-Jones energies, before their cap, and the energies that Boltzmann factors are made of."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from particlegrid.densities import Boltzmann, LennardJones
from particlegrid.torch.plain.base import add_up, draw, find_reach
from particlegrid.torch.plain.pairs import list_pairs
from particlegrid.torch.plain.windows import Windows, spread
from particlegrid.torch.scene import Scene

__all__: list[str] = []

# d^2 / s^2: nearer than that (s/d)^12 is taken as infinite, so that its second derivatives stay finite elsewhere
_AT_AN_ATOM = 1e-40


@find_reach.register
def _(what: LennardJones, widths: Tensor, tol: float) -> Tensor:
    return torch.full_like(widths, what.cutoff)


@draw.register
def _(
    what: LennardJones, scene: Scene, shape: tuple[int, int, int], channel_count: int, dtype: torch.dtype, tol: float
) -> Tensor:
    pairs = list_pairs(scene, shape, find_reach(what, scene.widths.detach(), tol))
    return add_up(scene, pairs, shape, channel_count, partial(_energies, what)).to(dtype)


def _energies(what: LennardJones, windows: Windows) -> Tensor:
    weights = spread(windows.weights)
    squares = windows.squares()
    width2 = spread(0.5 * (windows.widths + what.probe_parameters[1])) ** 2
    at_atom = squares <= _AT_AN_ATOM * width2.detach()
    ratio = (width2 / torch.where(at_atom, 1.0, squares)) ** 3
    values = ratio * (ratio - 1)
    if what.shift:
        at_cutoff = (width2 / what.cutoff**2) ** 3
        values = values - at_cutoff * (at_cutoff - 1)
    values = weights * torch.where(squares.sqrt() < what.cutoff, values, 0.0)
    # an entry of weight 0 is absent; infinity is constant
    infinity = torch.where(weights == 0, 0.0, torch.copysign(torch.full_like(weights, torch.inf), weights)).detach()
    return torch.where(at_atom, infinity, values)


@draw.register
def _(
    what: Boltzmann, scene: Scene, shape: tuple[int, int, int], channel_count: int, dtype: torch.dtype, tol: float
) -> Tensor:
    return draw(what.of, scene, shape, channel_count, dtype, tol)

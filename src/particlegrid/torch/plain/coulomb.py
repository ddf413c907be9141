"""Point charges: 1/d, or an Ewald sum."""

from __future__ import annotations

from functools import partial
from math import log, pi, sqrt

import torch
from torch import Tensor

from particlegrid.densities import Coulomb
from particlegrid.torch.plain.base import add_up, draw
from particlegrid.torch.plain.memory import Memory
from particlegrid.torch.plain.pairs import list_pairs
from particlegrid.torch.plain.windows import Windows, dot, spread, tie, volumes
from particlegrid.torch.scene import Scene

__all__: list[str] = []

_AT_A_CHARGE = 1e-9  # A: positions are no more exact, so nearer than that is there


@draw.register
def _(
    what: Coulomb, scene: Scene, shape: tuple[int, int, int], channel_count: int, dtype: torch.dtype, tol: float
) -> Tensor:
    repeats = scene.periodic.sum(dim=1)
    partly = torch.nonzero((repeats == 1) | (repeats == 2))[:, 0]
    if len(partly):
        raise ValueError(
            f"structure {int(partly[0])} is periodic along {int(repeats[partly[0]])} of 3 axes; Coulomb needs all "
            "three or none: set pbc=True, with enough vacuum in the cell, or pbc=False"
        )
    splits = _choose_splits(scene)
    # terms left out of either sum are below tol / 1000 of those next to a charge
    cut = sqrt(log(1e3 / tol))
    reaches = torch.where(splits > 0, cut / splits, torch.inf)[scene.owners]
    pairs = list_pairs(scene, shape, reaches)
    values = add_up(scene, pairs, shape, channel_count, partial(_potentials, splits))
    here = list_pairs(scene, shape, torch.full_like(reaches, _AT_A_CHARGE))
    charge, amount = (add_up(scene, here, shape, channel_count, partial(_charges_here, size)) for size in (False, True))
    parts = []
    for i in range(len(scene.axes)):
        waves = values.new_zeros(channel_count, *shape)
        if splits[i] > 0:
            waves = _add_waves(scene, i, shape, channel_count, float(splits[i]), cut)
        parts.append(waves)
    if parts:
        values = values + torch.stack(parts)
    marked = charge.abs() > 1e-12 * amount
    return torch.where(marked, torch.copysign(torch.full_like(charge, torch.inf), charge), values).to(dtype)


@torch.no_grad()
def _choose_splits(scene: Scene) -> Tensor:
    """The alpha of erfc(alpha d) in 1/A for which both sums cost about the same, shape (n,); 0 without periods."""
    counts = scene.offsets.diff().clamp(min=1).to(scene.lattices.dtype)
    cells = torch.where(scene.periodic.all(dim=1)[:, None, None], scene.lattices, torch.eye(3).to(scene.lattices))
    alphas = sqrt(pi) * (counts / volumes(cells) ** 2) ** (1 / 6)
    return torch.where(scene.periodic.all(dim=1), alphas, 0.0)


def _potentials(splits: Tensor, windows: Windows) -> Tensor:
    """w erfc(alpha d) / d, which is w / d for alpha = 0; at a charge, what the others see of it there: -w erf / d."""
    squares = windows.squares()
    alphas = spread(splits[windows.pairs.structures])
    here = squares <= _AT_A_CHARGE**2
    distances = torch.where(here, 1.0, squares).sqrt()
    values = torch.where(here, -2 * alphas / sqrt(pi), torch.erfc(alphas * distances) / distances)
    return spread(windows.weights) * tie(values, windows.widths)


def _charges_here(size: bool, windows: Windows) -> Tensor:
    weights = spread(windows.weights.detach())
    here = windows.squares().detach() <= _AT_A_CHARGE**2
    return torch.where(here, weights.abs() if size else weights, 0.0)


def _add_waves(
    scene: Scene, structure: int, shape: tuple[int, int, int], channel_count: int, alpha: float, cut: float
) -> Tensor:
    """The sum over reciprocal vectors for one structure, and its background, shape (C, X, Y, Z).

    ``4 pi / V sum over k != 0 of exp(-k^2 / 4 alpha^2) / k^2 Re(S(k)* exp(i k r)) - pi Q / (V alpha^2)``.
    """
    entries = slice(int(scene.offsets[structure]), int(scene.offsets[structure + 1]))
    cell, axes = scene.lattices[structure], scene.axes[structure]
    volume = volumes(cell[None])[0]
    duals = torch.linalg.inv(cell).T  # rows
    positions = scene.positions[scene.atoms[entries]] - scene.origins[structure]
    ones = torch.nn.functional.one_hot(scene.channels[entries], channel_count).to(cell.dtype)
    charges = ones * scene.weights[entries, None]  # (m, C)
    steps = [torch.arange(n, device=cell.device) + 0.5 for n in shape]
    background = -pi / (volume * alpha**2) * charges.sum(dim=0)[:, None, None, None]

    def add_chunk(waves: Tensor) -> Tensor:
        k = 2 * pi * waves.to(cell.dtype) @ duals
        squares = dot(k, k)
        heights = 8 * pi / volume * torch.exp(-squares / (4 * alpha**2)) / squares  # k and -k
        factors = heights[:, None] * (_turn(-k @ positions.T) @ charges.to(torch.complex128))  # (K, C)
        x, y, z = (_turn((k @ axes[d])[:, None] * steps[d]) for d in range(3))
        rows = (factors[:, :, None] * x[:, None]).flatten(1)  # (K, C X)
        planes = (y[:, :, None] * z[:, None]).flatten(1)  # (K, Y Z)
        return (rows.T @ planes).real.reshape(channel_count, *shape)

    values = background.expand(-1, *shape)
    memory, numbers = Memory(cell.device), shape[1] * shape[2] + channel_count * shape[0]
    for waves in torch.split(_list_waves(duals, alpha * cut / pi), max(1, memory.chunk // numbers)):
        values = values + memory.call(add_chunk, waves, numbers=len(waves) * numbers)
    return values


def _turn(angles: Tensor) -> Tensor:
    return torch.polar(torch.ones_like(angles), angles)


@torch.no_grad()
def _list_waves(duals: Tensor, radius: float) -> Tensor:
    """Half of the integers m != 0 with abs(m @ duals) <= radius, one of m and -m each, shape (K, 3)."""
    bounds = (radius * torch.linalg.norm(torch.linalg.inv(duals), dim=0)).floor().long().tolist()
    ranges = [torch.arange(-n, n + 1, device=duals.device) for n in bounds]
    waves = torch.cartesian_prod(*ranges)
    waves = waves[len(waves) // 2 + 1 :]  # those after 0 in the order of the list
    near: Tensor = waves[torch.linalg.norm(waves.to(duals.dtype) @ duals, dim=1) <= radius]
    return near

"""The sum over entries and their images, or their maximum, whatever the density."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import singledispatch

import torch
from torch import Tensor

from particlegrid.densities import Density
from particlegrid.torch.plain.memory import Memory
from particlegrid.torch.plain.pairs import Pairs, list_pairs
from particlegrid.torch.plain.windows import Windows, spread
from particlegrid.torch.scene import Scene

__all__ = ["add_up", "draw", "evaluate", "find_cost", "find_reach"]

# Values whose relative difference is below this are one: rounding does not decide between atoms of equal distance.
_TIE = 1e-12


@singledispatch
def draw(
    what: Density, scene: Scene, shape: tuple[int, int, int], channel_count: int, dtype: torch.dtype, tol: float
) -> Tensor:
    """Draw the combined values of a scene, before `Density.finish`.

    Parameters
    ----------
    what : Density
        What an entry looks like.
    scene : Scene
        n structures on grids of one shape.
    shape : tuple of 3 int
        X, Y, Z.
    channel_count : int
        C.
    dtype : torch.dtype
        Of the result. All arithmetic is in float64.
    tol : float
        As that of `particlegrid.Voxelizer`.

    Returns
    -------
    Tensor, shape (n, C, X, Y, Z)
        Differentiable by positions, weights, widths, axes, origins and lattices of the scene, as often as the density
        is smooth; which images and voxels an entry reaches counts as fixed. Where a maximum is taken, the derivative is
        that of the largest value, of the first entry if there are several, and 0 where no value is above 0.

    Raises
    ------
    NotImplementedError
        If the density has no formula here.

    Examples
    --------
    >>> import torch
    >>> from particlegrid import Gaussian
    >>> from particlegrid.torch.plain import draw
    >>> from particlegrid.torch.scene import Scene
    >>> zero, double = torch.zeros(1, dtype=torch.int64), torch.float64
    >>> position = torch.tensor([[0.3, 0, 0]], dtype=double, requires_grad=True)
    >>> one, axes = torch.ones(1, dtype=double), torch.eye(3, dtype=double)[None]
    >>> origin, unique = torch.full((1, 3), -4.0, dtype=double), torch.zeros(1, 3, dtype=torch.bool)
    >>> scene = Scene(position, one, one, axes, origin, 0 * axes, zero, zero, torch.tensor([0, 1]), unique)
    >>> values = draw(Gaussian(), scene, (8, 8, 8), 1, double, 1e-12)
    >>> moment = (values.sum(dim=(0, 1, 3, 4)) * torch.arange(8)).sum()
    >>> bool(torch.autograd.grad(moment, position)[0][0, 0].sub(1).abs() < 0.01)
    True
    """
    pairs = list_pairs(scene, shape, find_reach(what, scene.widths.detach(), tol))
    combine = _take_largest if what.combine == "max" else add_up

    def formula(windows: Windows) -> Tensor:
        return spread(windows.weights) * evaluate(what, windows)

    return combine(scene, pairs, shape, channel_count, formula, find_cost(what)).to(dtype)


@singledispatch
def evaluate(what: Density, windows: Windows) -> Tensor:
    """rho of an entry of weight 1 at the voxels around it, shape (P, W1, W2, W3): one function a density."""
    raise NotImplementedError(_lacks(what))


@singledispatch
def find_reach(what: Density, widths: Tensor, tol: float) -> Tensor:
    """Distance in A beyond which rho of entries of these widths vanishes, shape (m,), for a voxel of any size."""
    raise NotImplementedError(_lacks(what))


@singledispatch
def find_cost(what: Density) -> int:
    """How much more memory the formula takes for a voxel than others, which keep up to 110 bytes for autograd."""
    return 1


def _lacks(what: Density) -> str:
    return (
        f"{type(what).__name__} has no formula in torch, so torch can neither draw nor differentiate it; register its "
        "`evaluate` and `find_reach` of particlegrid.torch.plain"
    )


def add_up(
    scene: Scene,
    pairs: Pairs,
    shape: tuple[int, int, int],
    channel_count: int,
    formula: Callable[[Windows], Tensor],
    cost: int = 1,
) -> Tensor:
    """The sum over all pairs, shape (n, C, X, Y, Z), float64.

    Parameters
    ----------
    scene, pairs, shape, channel_count
        What to draw where.
    formula : callable
        Weight times rho of the entries at the voxels of `Windows`, shape (P, W1, W2, W3).
    cost : int
        Numbers that the formula makes for a voxel, for the size of chunks.
    """
    out = scene.axes.new_zeros((len(scene.axes) * channel_count * shape[0] * shape[1] * shape[2],))
    memory = Memory(out.device)
    for windows in _cut(scene, pairs, shape, cost):
        places = windows.places(scene.channels, channel_count).flatten()
        values = memory.call(formula, windows, numbers=len(places) * cost)
        out.index_add_(0, places, values.flatten())
    return out.reshape(len(scene.axes), channel_count, *shape)


def _take_largest(
    scene: Scene,
    pairs: Pairs,
    shape: tuple[int, int, int],
    channel_count: int,
    formula: Callable[[Windows], Tensor],
    cost: int,
) -> Tensor:
    """The largest of 0 and weight times rho over all pairs: which pair wins is found first, then drawn alone."""
    none = torch.iinfo(torch.int64).max
    with torch.no_grad():
        best = scene.axes.new_zeros((len(scene.axes) * channel_count * shape[0] * shape[1] * shape[2],))
        for windows in _cut(scene, pairs, shape, cost):
            places = windows.places(scene.channels, channel_count).flatten()
            best.scatter_reduce_(0, places, formula(windows).flatten(), "amax")
        winners = torch.full_like(best, none, dtype=torch.int64)
        for windows in _cut(scene, pairs, shape, cost):
            places = windows.places(scene.channels, channel_count)
            values, largest = formula(windows), best[places]
            wins = (values > 0) & (values >= (1 - _TIE) * largest)
            numbers = spread(windows.pairs.numbers).expand(-1, *windows.size)
            winners.scatter_reduce_(0, places[wins], numbers[wins], "amin")
        at = torch.nonzero(winners != none)[:, 0]
        won = pairs.take(torch.searchsorted(pairs.numbers, winners[at]))
        x, y, z = shape
        voxels = torch.stack([at // (y * z) % x, at // z % y, at % z], dim=1)
        won = won._replace(first=voxels, last=voxels + 1)
    return add_up(scene, won, shape, channel_count, formula, cost)


def _cut(scene: Scene, pairs: Pairs, shape: tuple[int, int, int], cost: int) -> Iterator[Windows]:
    for part, size in pairs.split(max(1, Memory(scene.axes.device).chunk // cost)):
        yield Windows(scene, part, size, shape)

"""Lennard-Jones energies and their Boltzmann factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from particlegrid.densities import Boltzmann, LennardJones
from particlegrid.grid import Grid
from particlegrid.reference.base import evaluate, find_reach

__all__: list[str] = []

_Floats = NDArray[np.float64]


@evaluate.register
def _(what: LennardJones, position: _Floats, sigma: float, grid: Grid) -> _Floats:
    width = 0.5 * (sigma + what.probe_parameters[1])
    distance = np.linalg.norm(grid.centers() - position, axis=-1)
    with np.errstate(divide="ignore", over="ignore"):
        ratio = (width / distance) ** 6
    # (s/d)^6 [(s/d)^6 - 1] is infinite at d = 0, where the difference of both powers would be no number
    values = ratio * (ratio - 1)
    if what.shift:
        at_cutoff = (width / what.cutoff) ** 6
        values -= at_cutoff * (at_cutoff - 1)
    return np.where(distance < what.cutoff, values, 0.0)


@find_reach.register
def _(what: LennardJones, sigma: float) -> float:
    return what.cutoff


@evaluate.register
def _(what: Boltzmann, position: _Floats, width: float, grid: Grid) -> _Floats:
    return evaluate(what.of, position, width, grid)


@find_reach.register
def _(what: Boltzmann, width: float) -> float:
    return find_reach(what.of, width)

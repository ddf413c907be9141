"""Networks that read voxel grids.

All are called alike, ``model(grid, points, numbers, batch)``, and give (B, outputs):

- ``grid (B, C, X, Y, Z)`` float32,
- ``points (N, 3)`` float32, the atoms' positions in the box: x, y, z from -1 at the lower face to +1 at the upper one,
- ``numbers (N,)`` int64, atomic numbers,
- ``batch (N,)`` int64, the structure of each atom, ascending.

A network's ``config`` is a JSON-able dict from which `build` makes it again: ``build(**model.config)``. This package
needs torch alone and knows nothing of the rest of particlegrid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from .resnet import GridResNet
from .sampling import AtomSampler
from .voxelcnn import AtomReadoutCNN

__all__ = ["MODELS", "AtomReadoutCNN", "AtomSampler", "GridResNet", "build"]

MODELS: dict[str, Callable[..., nn.Module]] = {"atom_readout": AtomReadoutCNN, "resnet": GridResNet}
"""The networks that `build` knows, by name."""


def build(name: str, **config: Any) -> nn.Module:
    """Make a network, with random weights.

    Parameters
    ----------
    name : str
        One of `MODELS`.
    **config
        The network's own parameters; `channels` and `outputs` at least.

    Raises
    ------
    ValueError
        If no network has the name.

    Examples
    --------
    >>> model = build("atom_readout", channels=5, outputs=3)
    >>> same = build(**model.config)
    """
    if name not in MODELS:
        raise ValueError(f"`name` is {name!r}; the networks are {', '.join(sorted(MODELS))}")
    return MODELS[name](**config)

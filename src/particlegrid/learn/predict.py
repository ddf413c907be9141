"""`Predictor`: a trained network that takes structures and gives properties."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from particlegrid.adapt import as_batch
from particlegrid.data import Store
from particlegrid.errors import OutsideBoxWarning
from particlegrid.learn.checkpoint import Checkpoint
from particlegrid.learn.recipe import Recipe
from particlegrid.structure import Structure
from particlegrid.torch import GridLoader
from particlegrid.torch.batch import hush

__all__ = ["Predictor", "Tally", "predict_scores"]

_Floats = NDArray[np.float64]


@dataclass
class Tally:
    """What happened in a prediction: seconds spent, atoms outside the box and structures that have such atoms."""

    grid_seconds: float = 0.0
    network_seconds: float = 0.0
    outside_atoms: int = 0
    outside_structures: int = 0

    def add(self, other: Tally) -> None:
        """Count in what happened in another prediction."""
        self.grid_seconds += other.grid_seconds
        self.network_seconds += other.network_seconds
        self.outside_atoms += other.outside_atoms
        self.outside_structures += other.outside_structures


class Predictor:
    """A trained network that takes structures and gives properties.

    Parameters
    ----------
    checkpoint : Checkpoint
    batch_size : int
        Structures that go through the network together.

    Attributes
    ----------
    targets : tuple of str
        Names of the properties, in the order of the columns.
    units : dict of str to str
        Unit of each property; empty where none is known.
    checkpoint : Checkpoint
    """

    def __init__(self, checkpoint: Checkpoint, *, batch_size: int = 64) -> None:
        self.checkpoint = checkpoint
        self.batch_size = batch_size
        self.targets = checkpoint.targets.names
        self.units = dict(zip(checkpoint.targets.names, checkpoint.targets.units))
        self.tally = Tally()
        self.model = checkpoint.build_model()

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, batch_size: int = 64) -> Self:
        """Take the network from a checkpoint, or from the folder of a run.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If the file is damaged or something else; it is named.
        """
        return cls(Checkpoint.load(path), batch_size=batch_size)

    def __call__(self, structures: Any, views: int | None = None) -> _Floats:
        """Predict the properties of structures.

        Parameters
        ----------
        structures : object
            A Structure, a Store, anything `as_structure` takes, or an iterable of these.
        views : int, optional
            Views (axis flips) of each structure to average, by default those of the recipe. One is the fastest.

        Returns
        -------
        ndarray, shape (n, T), float64
            A row for each structure (one row if a single structure came), a column for each of `targets`, in `units`.

        Raises
        ------
        TypeError, ValueError
            If something is no structure, has no atoms or elements that the network does not know, or there are not so
            many views.

        Warns
        -----
        OutsideBoxWarning
            If atoms lie outside the box, so that the network does not see them whole.
        """
        recipe = self.checkpoint.recipe
        views = recipe.views if views is None else views
        if isinstance(views, bool) or not isinstance(views, int) or not 1 <= views <= recipe.count_views():
            raise ValueError(f"`views` must lie between 1 and {recipe.count_views()}, got {views!r}")
        source = structures if isinstance(structures, Store) else list(as_batch(structures)[0])
        if not isinstance(source, Store):
            for i, structure in enumerate(source):
                if not len(structure):
                    raise ValueError(f"`structures[{i}]` has no atoms; there is nothing to predict")
        scores, self.tally = predict_scores(self.model, source, recipe, views=views, batch_size=self.batch_size)
        if self.tally.outside_atoms:
            size = " x ".join(f"{edge:g}" for edge in getattr(recipe.voxelizer.where, "extent", ()))
            warnings.warn(
                f"{self.tally.outside_atoms} atoms (in {self.tally.outside_structures} of {len(source)} structures) "
                f"lie outside the network's box{size and f' of {size} A'}; do not trust their predictions",
                OutsideBoxWarning,
                stacklevel=2,
            )
        return self.checkpoint.targets.restore(scores)


def predict_scores(
    model: torch.nn.Module,
    store: Store | Sequence[Structure],
    recipe: Recipe,
    *,
    indices: ArrayLike | None = None,
    views: int = 1,
    batch_size: int = 64,
) -> tuple[_Floats, Tally]:
    """Outputs of a network, shape (n, T), averaged over views; `indices` choose structures of the store."""
    chosen = np.arange(len(store)) if indices is None else np.asarray(indices)
    scores = np.zeros((len(chosen), len(recipe.targets)))
    tally = Tally()
    if not len(chosen):
        return scores, tally
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for k in range(views):
                _add_view(model, store, recipe, chosen, k, min(batch_size, len(chosen)), scores, tally)
    finally:
        model.train(training)
    return scores / views, tally


def _add_view(
    model: torch.nn.Module,
    store: Store | Sequence[Structure],
    recipe: Recipe,
    chosen: NDArray[np.int64],
    k: int,
    batch_size: int,
    scores: _Floats,
    tally: Tally,
) -> None:
    """Add the network's outputs for view `k` to `scores`."""
    loader = GridLoader(
        store,
        hush(recipe.voxelizer),
        indices=chosen,
        batch_size=batch_size,
        shuffle=False,
        augment=recipe.view(k),
        buffers=1,
        drop_last=False,
    )
    row, before = 0, time.perf_counter()
    for batch in loader:
        drawn = time.perf_counter()
        outputs = model(batch.grid, batch.points, batch.numbers, batch.batch).numpy()
        scores[row : row + len(outputs)] += outputs
        row += len(outputs)
        if k == 0:
            outside = (batch.points.abs() > 1).any(dim=1)
            tally.outside_atoms += int(outside.sum())
            tally.outside_structures += len(torch.unique(batch.batch[outside]))
        done = time.perf_counter()
        tally.grid_seconds += drawn - before
        tally.network_seconds += done - drawn
        before = done

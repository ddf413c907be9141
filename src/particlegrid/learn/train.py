"""`train`: from a store and a recipe to a trained network."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

import particlegrid
from particlegrid.data import Store
from particlegrid.learn.checkpoint import CHECKPOINT_FILE, Checkpoint
from particlegrid.learn.interrupt import Guard
from particlegrid.learn.progress import OnProgress, Progress
from particlegrid.learn.recipe import Recipe
from particlegrid.learn.schedule import Budget
from particlegrid.learn.targets import Targets, gather_labels
from particlegrid.learn.threads import torch_threads
from particlegrid.learn.trainer import Trainer

__all__ = ["Run", "train"]

_Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Run:
    """What a training left behind.

    Attributes
    ----------
    folder : Path
        Holds the checkpoint ``last.pt`` and ``history.json``.
    checkpoint : Checkpoint
    history : list of dict
        Step, epoch, samples, seconds, mean training loss (z-scores) since the entry before, and now and then
        "validation_mae" by target (one view, physical units).
    validation_mae : dict of str to float
        Mean absolute errors at the end, with all views; empty if the training was interrupted.
    interrupted : bool
        Whether it was stopped before its budget was spent.
    seconds : float
        Training time with the validations on the way, over all sessions.
    steps, samples : int
        Optimizer steps, and molecules seen.
    gridding_ms, network_ms : float
        Milliseconds a molecule for its grid and for the network's step.
    """

    folder: Path
    checkpoint: Checkpoint
    history: list[dict[str, Any]]
    validation_mae: dict[str, float]
    interrupted: bool
    seconds: float
    steps: int
    samples: int
    gridding_ms: float
    network_ms: float


def train(
    store: Store,
    train_indices: ArrayLike,
    valid_indices: ArrayLike,
    recipe: Recipe,
    folder: str | os.PathLike[str],
    *,
    minutes: float | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    resume: bool = False,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
) -> Run:
    """Train a network on a store.

    The budget is one of `minutes`, `epochs` and `steps`. With minutes the learning rate follows the clock, so that a
    slower machine makes fewer steps of a complete schedule. With the other two a run is repeatable to the bit on one
    machine with the same number of threads, and a resumed run equals one that was never stopped.

    Ctrl-C, SIGTERM or a KeyboardInterrupt from `on_progress` stops it after the step in hand and leaves a checkpoint
    that predicts and can be resumed.

    Parameters
    ----------
    store : Store
        Where the structures and their labels are.
    train_indices, valid_indices : array_like of int
        Structures of the store to learn from, and to validate on (the first ``recipe.validation_size`` of them).
    recipe : Recipe
        Everything else that decides the result.
    folder : str or PathLike
        Gets ``last.pt`` and ``history.json``, each replaced in one step; made if it does not exist.
    minutes, epochs : float, optional
        Wall-clock time, or passes over the training structures.
    steps : int, optional
        Optimizer steps.
    resume : bool
        Continue from the checkpoint in `folder`, if there is one.
    threads : int, optional
        Threads of torch and of the gridding; by default as many as there are processors for it.
    on_progress : callable, optional
        Called with a `Progress` after every step.

    Returns
    -------
    Run

    Raises
    ------
    FileExistsError
        If the folder holds a checkpoint and `resume` is False.
    ValueError
        If the budget is not one of the three, indices or labels do not fit, or the checkpoint to resume from has
        another recipe or other training structures.
    FloatingPointError
        If the loss is no longer finite; the last checkpoint stays.
    """
    Budget.choose(minutes, epochs, steps, epoch_steps=1)  # a wrong one is refused before anything is written
    trained, valid = _as_rows(train_indices, "train_indices", store), _as_rows(valid_indices, "valid_indices", store)
    path = Path(folder)
    last = path / CHECKPOINT_FILE
    if last.exists() and not resume:
        raise FileExistsError(f"{last} exists; continue it with resume=True or choose another `folder`")
    units = tuple(store.units.get(name, "") for name in recipe.targets)
    targets = Targets.measure(recipe.targets, units, gather_labels(store, recipe.targets, trained))
    path.mkdir(parents=True, exist_ok=True)
    provenance = _describe(store, trained)
    with Guard() as guard, torch.random.fork_rng(devices=[]), torch_threads(threads):
        torch.manual_seed(recipe.seed)
        trainer = Trainer(store, trained, valid, recipe, targets, path, provenance)
        if last.exists():
            _restore(trainer, last)
        else:
            trainer.save()  # so that there is a checkpoint from the first moment on
        budget = Budget.choose(minutes, epochs, steps, len(trainer.loader))
        interrupted, errors = True, {}
        try:
            trainer.run(budget, _Reporter(trainer, budget, guard, on_progress))
            interrupted = False
            if on_progress is not None:
                on_progress(Progress("train", 1.0, message=f"{trainer.steps:,} steps, {trainer.samples:,} molecules"))
            errors = trainer.validate(views=recipe.views)
            guard.check()
        except KeyboardInterrupt:
            pass
        if trainer.whole:
            trainer.save()
        checkpoint = trainer.checkpoint() if trainer.whole else Checkpoint.load(last)
    seen = max(trainer.samples, 1)
    return Run(
        path,
        checkpoint,
        trainer.history,
        errors,
        interrupted,
        trainer.seconds,
        trainer.steps,
        trainer.samples,
        1000 * trainer.grid_seconds / seen,
        1000 * trainer.network_seconds / seen,
    )


class _Reporter:
    """Tells the caller how the training goes, and stops it when a signal has come."""

    def __init__(self, trainer: Trainer, budget: Budget, guard: Guard, on_progress: OnProgress | None) -> None:
        self._trainer, self._budget, self._guard, self._tell = trainer, budget, guard, on_progress
        self._loss: float | None = None
        self._step_seconds: float | None = None

    def __call__(self, fraction: float, loss: float, seconds: float) -> None:
        self._guard.check()
        if self._tell is None:
            return
        self._loss = loss if self._loss is None else 0.98 * self._loss + 0.02 * loss
        mean = seconds if self._step_seconds is None else 0.95 * self._step_seconds + 0.05 * seconds
        self._step_seconds = mean
        if self._budget.seconds is not None:
            left = self._budget.seconds * (1 - fraction)
        else:
            left = ((self._budget.steps or 0) - self._trainer.steps) * mean
        rate = self._trainer.loader.batch_size / mean
        message = f"step {self._trainer.steps:,}, {self._trainer.samples:,} molecules"
        self._tell(Progress("train", min(fraction, 1.0), self._loss, rate, max(left, 0.0), message))


def _as_rows(indices: ArrayLike, name: str, store: Store) -> _Rows:
    rows = np.asarray(indices)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows):
        raise ValueError(f"`{name}` must be whole numbers of shape (n,) with n > 0, got {rows.dtype} of {rows.shape}")
    outside = (rows < 0) | (rows >= len(store))
    if outside.any():
        i = int(np.argmax(outside))
        raise ValueError(f"`{name}[{i}]` is {rows[i]}; the store has the structures 0 to {len(store) - 1}")
    return rows.astype(np.int64)


def _describe(store: Store, trained: _Rows) -> dict[str, Any]:
    return {
        "particlegrid": particlegrid.__version__,
        "torch": torch.__version__,
        "store": store.path.name,
        "source": str(store.manifest.get("source", "")),
        "train_size": len(trained),
        "train_sha256": hashlib.sha256(",".join(map(str, trained.tolist())).encode()).hexdigest(),
    }


def _restore(trainer: Trainer, last: Path) -> None:
    checkpoint = Checkpoint.load(last)
    before, now = checkpoint.recipe.to_dict(), trainer.recipe.to_dict()
    changed = [key for key in now if now[key] != before.get(key)]
    if changed:
        raise ValueError(f"{last} was trained by another recipe ({', '.join(changed)} differ); choose another `folder`")
    same = ("store", "source", "train_sha256")
    if any(checkpoint.provenance.get(key) != trainer.provenance[key] for key in same):
        raise ValueError(f"{last} was trained on other structures; choose another `folder`")
    if checkpoint.training is None:
        raise ValueError(f"{last} holds no state to resume from")
    trainer.restore(checkpoint)

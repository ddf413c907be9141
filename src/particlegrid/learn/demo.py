"""The demo: from QM9 to a trained network and a report that compares it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from particlegrid.data import Split, Store, load_qm9, split_qm9
from particlegrid.elements import SYMBOLS
from particlegrid.learn.baselines import Baseline, CompositionBaseline, MeanBaseline, SpectralKernelRidge
from particlegrid.learn.checkpoint import CHECKPOINT_FILE
from particlegrid.learn.demo_results import collect_results, measure_row
from particlegrid.learn.predict import Predictor, Tally, predict_scores
from particlegrid.learn.progress import OnProgress, Progress
from particlegrid.learn.recipe import Recipe, default_recipe
from particlegrid.learn.report import write_report
from particlegrid.learn.results import ResultRow
from particlegrid.learn.targets import gather_labels
from particlegrid.learn.threads import torch_threads
from particlegrid.learn.train import train

__all__ = ["RUN_FOLDER", "TARGETS", "run_demo"]

TARGETS = ("gap", "homo", "lumo")
"""Learned together; the first is what the report is about."""

RUN_FOLDER = "run"
"""Where the checkpoint lies in the demo's folder."""

_CHUNK = 250


def run_demo(
    folder: str | os.PathLike[str],
    *,
    minutes: float = 8.0,
    train_size: int = 110_000,
    test_size: int = 2000,
    seed: int = 0,
    resume: bool = False,
    store: Store | None = None,
    split: Split | None = None,
    recipe: Recipe | None = None,
    on_progress: OnProgress | None = None,
) -> Path:
    """Train on HOMO, LUMO and gap of QM9, compare with baselines on test molecules, and write a report.

    QM9 is packed once into the user's cache. The baselines are fitted first, so that the training has the machine to
    itself. If the training is stopped (Ctrl-C), the report is made of what has been learned by then, and says so.

    Parameters
    ----------
    folder : str or PathLike
        Gets ``report.html``, ``report.md``, ``metrics.json`` and, in ``run``, the checkpoint. What an earlier demo left
        there is replaced.
    minutes : float
        Training time.
    train_size : int
        Molecules to learn from: the first ones of the split's training part.
    test_size : int
        Molecules to test on: the first ones of the split's test part.
    seed : int
        Of the network's first weights, the order of the molecules and the augmentation.
    resume : bool
        Continue the training in `folder` instead of replacing it.
    store, split, recipe : optional
        Other data (with labels gap, homo and lumo), another split and another recipe.
    on_progress : callable, optional
        Called with a `Progress`; stages are "data", "baselines", "train", "evaluate" and "report".

    Returns
    -------
    Path
        The report, ``report.html``.

    Raises
    ------
    ValueError
        If there are not so many molecules.
    """
    if (store is None) != (split is None):
        raise ValueError("`store` and `split` go together; give both or neither")
    tell = on_progress or (lambda progress: None)
    folder = Path(folder)
    with torch_threads() as threads:
        tell(Progress("data", 0.0, message="opening QM9; the first time it is packed, which takes about a minute"))
        name = "QM9" if store is None else store.path.name
        store, split = store or load_qm9(), split or split_qm9()
        chosen = _cut(split, train_size, test_size)
        recipe = recipe or _choose_recipe(store, chosen.train, seed)
        truth = gather_labels(store, TARGETS, chosen.test)
        tell(Progress("data", 1.0, message=f"{len(store):,} molecules"))
        rows = list(_fit_baselines(store, chosen, truth, tell))
        if not resume:
            (folder / RUN_FOLDER / CHECKPOINT_FILE).unlink(missing_ok=True)
        run = train(
            store,
            chosen.train,
            chosen.valid,
            recipe,
            folder / RUN_FOLDER,
            minutes=minutes,
            resume=resume,
            on_progress=on_progress,
        )
        predictor = Predictor(run.checkpoint)
        values, tally = _evaluate(predictor, store, chosen.test, tell)
        tell(Progress("report", 0.0, message="pictures and tables"))
        results, volume = collect_results(
            data_set=name,
            store=store,
            split=chosen,
            split_hash=split.sha256,
            run=run,
            predictor=predictor,
            values=values,
            truth=truth,
            tally=tally,
            baselines=rows,
            threads=threads,
            command=f"particlegrid demo --minutes {minutes:g} --train-size {len(chosen.train)}",
        )
        path = write_report(results, volume, folder)
    mae = results.ours.metrics["gap"]["mae"]
    tell(Progress("report", 1.0, message=f"gap MAE {mae.value:.3f} {results.targets[0].unit}"))
    return path


def _cut(split: Split, train_size: int, test_size: int) -> Split:
    for part, size, name in ((split.train, train_size, "train_size"), (split.test, test_size, "test_size")):
        if not 1 <= size <= len(part):
            raise ValueError(f"`{name}` must lie between 1 and {len(part):,}, got {size!r}")
    return Split(split.train[:train_size], split.valid, split.test[:test_size])


def _choose_recipe(store: Store, trained: NDArray[np.int64], seed: int) -> Recipe:
    elements = [SYMBOLS[z] for z in np.unique(store.batch(trained).numbers)]
    atom_target = "charge" if "charge" in store.property_names else None
    return default_recipe(elements, TARGETS, atom_target=atom_target, seed=seed)


def _fit_baselines(store: Store, split: Split, truth: NDArray[np.float64], tell: OnProgress) -> Iterator[ResultRow]:
    """Rows of the cheap methods, fitted on the same molecules as the network or the first of them."""
    spectral = SpectralKernelRidge()
    methods: tuple[tuple[str, Baseline, int, str], ...] = (
        ("the mean of the training molecules", MeanBaseline(), len(split.train), "the same value for every molecule"),
        ("composition", CompositionBaseline(), len(split.train), "linear in the number of atoms of each element"),
        (
            "spectral kernel ridge",
            spectral,
            min(spectral.max_train, len(split.train)),
            "Matern kernel on pair spectra of the elements; its cost grows with the cube of the training molecules",
        ),
    )
    labels = gather_labels(store, TARGETS, split.train)
    for k, (name, baseline, used, note) in enumerate(methods):
        tell(Progress("baselines", k / len(methods), message=name))
        start = time.monotonic()
        baseline.fit(store, split.train[:used], labels[:used])
        seconds = time.monotonic() - start
        values = baseline.predict(store, split.test)
        yield measure_row(name, TARGETS, values, truth, note=note, train_seconds=seconds, train_size=used)
    tell(Progress("baselines", 1.0))


def _evaluate(
    predictor: Predictor, store: Store, rows: NDArray[np.int64], tell: OnProgress
) -> tuple[NDArray[np.float64], Tally]:
    """Predictions for the test molecules, with all views."""
    recipe, tally, parts, start = predictor.checkpoint.recipe, Tally(), [], time.monotonic()
    for first in range(0, len(rows), _CHUNK):
        scores, part = predict_scores(
            predictor.model,
            store,
            recipe,
            indices=rows[first : first + _CHUNK],
            views=recipe.views,
            batch_size=predictor.batch_size,
        )
        parts.append(scores)
        tally.add(part)
        done = min(first + _CHUNK, len(rows)) / len(rows)
        elapsed = time.monotonic() - start
        tell(
            Progress(
                "evaluate", done, None, done * len(rows) / elapsed, elapsed * (1 / done - 1), f"{recipe.views} views"
            )
        )
    return predictor.checkpoint.targets.restore(np.concatenate(parts)), tally

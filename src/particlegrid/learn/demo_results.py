"""What the demo measured, put together for the report."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.data import Split, Store
from particlegrid.learn.metrics import evaluate
from particlegrid.learn.predict import Predictor, Tally, predict_scores
from particlegrid.learn.results import Cost, LearningCurve, ResultRow, Results, Target, TestSet, Timings
from particlegrid.learn.train import Run
from particlegrid.structure import Structure
from particlegrid.volume import Volume

__all__ = ["collect_results", "measure_row"]

_Floats = NDArray[np.float64]

_LABELS = {"gap": "HOMO–LUMO gap", "homo": "HOMO energy", "lumo": "LUMO energy"}
_GAP_WORDS = {
    "direct": "the network's own output for it",
    "difference": "the predicted LUMO less the predicted HOMO",
    "average": "the mean of the network's own output for it and of predicted LUMO less HOMO",
}
_TIMED = 20


def measure_row(name: str, targets: Sequence[str], values: _Floats, truth: _Floats, **options: Any) -> ResultRow:
    """A row of the report's table from predictions and truth, both (n, T)."""
    metrics = {target: evaluate(values[:, i], truth[:, i]) for i, target in enumerate(targets)}
    return ResultRow(name, "measured", metrics, **options)


def collect_results(
    *,
    data_set: str,
    store: Store,
    split: Split,
    split_hash: str,
    run: Run,
    predictor: Predictor,
    values: _Floats,
    truth: _Floats,
    tally: Tally,
    baselines: Sequence[ResultRow],
    threads: int,
    command: str,
) -> tuple[Results, Volume]:
    """All that the report says, and the grid of the molecule that it shows."""
    recipe, targets = run.checkpoint.recipe, run.checkpoint.targets
    parameters = sum(p.numel() for p in predictor.model.parameters())
    test = store.batch(split.test)
    heavy = np.bincount(test.owners[test.numbers > 1], minlength=len(test))
    example = _choose_example(store, split.test, predictor)
    ours = measure_row(
        "3D network on voxel grids",
        targets.names,
        values,
        truth,
        note=f"this run; {run.samples:,} molecules seen in {run.steps:,} steps",
        train_seconds=run.seconds,
        train_size=len(split.train),
        parameters=parameters,
        ours=True,
    )
    results = Results(
        data_set=data_set,
        targets=tuple(Target(name, unit, _LABELS[name]) for name, unit in zip(targets.names, targets.units)),
        rows=(ours, *baselines),
        curve=_make_curve(run, targets.names[0]),
        test=TestSet(values, truth, test.counts, heavy),
        timings=Timings(run.seconds, run.samples / max(run.seconds, 1e-9), run.gridding_ms, run.network_ms),
        cost=Cost(
            1000 * tally.grid_seconds / len(split.test),
            1000 * tally.network_seconds / len(split.test),
            predictor.batch_size,
            f"CPU, {threads} thread{'s' * (threads > 1)}",
            recipe.views,
        ),
        train_size=len(split.train),
        validation_size=min(len(split.valid), recipe.validation_size),
        parameters=parameters,
        hardware=_describe_machine(threads),
        date=datetime.date.today().isoformat(),
        command=command,
        seeds=(recipe.seed,),
        split_hash=split_hash,
        voxelizer=recipe.voxelizer.to_dict(),
        model=f"{recipe.model} ({', '.join(f'{key} {value}' for key, value in recipe.model_config.items())})",
        example=example,
        notes=tuple(_write_notes(run, predictor, store, split, tally)),
    )
    return results, recipe.voxelizer.volume(example)


def _make_curve(run: Run, target: str) -> LearningCurve:
    def column(values: list[Any]) -> _Floats:
        return np.array([np.nan if value is None else value for value in values], np.float64)

    return LearningCurve(
        target,
        column([entry["seconds"] for entry in run.history]),
        column([entry["samples"] for entry in run.history]),
        column([entry["loss"] for entry in run.history]),
        column([entry.get("validation_mae", {}).get(target) for entry in run.history]),
    )


def _choose_example(store: Store, rows: NDArray[np.int64], predictor: Predictor) -> Structure:
    """The first test molecule with the most elements, turned as the network sees it."""
    batch = store.batch(rows)
    kinds = np.zeros((len(batch), 119), bool)
    kinds[batch.owners, batch.numbers] = True
    row = rows[[int(np.argmax(kinds.sum(axis=1)))]]
    one, view = store.batch(row), predictor.checkpoint.recipe.view(0)
    return one[0] if view is None else view.draw(one, 0, row).apply(one)[0]


def _write_notes(run: Run, predictor: Predictor, store: Store, split: Split, tally: Tally) -> list[str]:
    recipe, targets = run.checkpoint.recipe, run.checkpoint.targets
    notes = []
    if run.interrupted:
        notes.append(
            f"The training was interrupted after {run.seconds:.0f} seconds: the learning rate was still high, and the "
            "figures are worse than those of a complete run."
        )
    notes.append(f"The gap is {_GAP_WORDS[targets.gap_rule]}, chosen on the validation molecules.")
    if recipe.atom_target:
        notes.append(
            f"In training the network also learned the atoms' {recipe.atom_target}s, known for the training molecules; "
            "predictions do not use them."
        )
    if tally.outside_atoms:
        notes.append(
            f"{tally.outside_atoms} atoms (in {tally.outside_structures} of the test molecules) lie outside the box: "
            "the network does not see those molecules whole. They count in all figures."
        )
    alone = _time_alone(predictor, store, split.test[:_TIMED])
    notes.append(
        f"Predicted alone, not in a batch, a molecule takes {alone[0]:.1f} ms for its grids and {alone[1]:.1f} ms for "
        f"the network with {recipe.views} views (median of {len(split.test[:_TIMED])} test molecules)."
    )
    return notes


def _time_alone(predictor: Predictor, store: Store, rows: NDArray[np.int64]) -> tuple[float, float]:
    """Median milliseconds for the grids and the network of one molecule, all views."""
    recipe = predictor.checkpoint.recipe
    tallies = [predict_scores(predictor.model, store, recipe, indices=[row], views=recipe.views)[1] for row in rows]
    grid, network = ([getattr(t, name) for t in tallies] for name in ("grid_seconds", "network_seconds"))
    return 1000 * statistics.median(grid), 1000 * statistics.median(network)


def _describe_machine(threads: int) -> str:
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name}, {threads} of {os.cpu_count()} processors, {platform.system()}"

"""``particlegrid train``: a store into a network."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.cli.inputs import parse_numbers, parse_shape
from particlegrid.cli.terminal import ProgressDisplay, say
from particlegrid.elements import SYMBOLS
from particlegrid.placements import Box

if TYPE_CHECKING:
    from particlegrid.data import Store
    from particlegrid.learn.recipe import Recipe

__all__ = ["train"]

_CHUNK = 50_000
_SAMPLED = 2_000


def train(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="Folder that `particlegrid pack` made.")],
    target: Annotated[
        list[str], typer.Option("--target", metavar="T", help="Label to predict; give it once for each.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="RUN", help="Folder for the checkpoint.")],
    minutes: Annotated[float, typer.Option(metavar="M", help="Time to train for.")] = 8.0,
    valid: Annotated[float, typer.Option(metavar="F", help="Part that is kept for validation.")] = 0.1,
    shape: Annotated[
        str | None, typer.Option(metavar="N|X,Y,Z", help="Voxels along each axis; 24,16,12 by default.")
    ] = None,
    spacing: Annotated[
        str | None, typer.Option(metavar="H|X,Y,Z", help="Edge of a voxel in Å; 0.5 by default.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the split, the weights and the augmentation.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from RUN's checkpoint.")] = False,
) -> None:
    """Train a network to predict labels of a store.

    Ctrl-C keeps a checkpoint in RUN that predicts and from which --resume continues.
    """
    from particlegrid.data import random_split
    from particlegrid.learn.checkpoint import CHECKPOINT_FILE
    from particlegrid.learn.train import train as train_network

    if not minutes > 0:
        raise ValueError(f"--minutes must be positive, got {minutes:g}")
    if not 0 < valid < 1:
        raise ValueError(f"--valid must lie between 0 and 1, got {valid}")
    data = _open_store(store)
    if (output / CHECKPOINT_FILE).exists() and not resume:
        raise FileExistsError(f"{output} holds a trained network; continue it with --resume or choose another -o")
    rows = _find_labelled(data, target)
    split = random_split(len(rows), (1.0 - valid, valid, 0.0), seed)
    if not len(split.train) or not len(split.valid):
        raise ValueError(f"{len(rows)} structures are too few to keep a part of {valid:g} for validation")
    recipe = _make_recipe(data, target, shape, spacing, seed)
    _check_sizes(data.subset(rows[split.train[:_SAMPLED]]), recipe)
    with ProgressDisplay(sys.stdout) as display:
        run = train_network(
            data,
            rows[split.train],
            rows[split.valid],
            recipe,
            output,
            minutes=minutes,
            resume=resume,
            on_progress=display,
        )
    if run.interrupted:
        say(f"stopped after {run.seconds / 60:.1f} minutes; {output} predicts, and --resume continues")
        raise typer.Exit(130)
    print(f"{output}: {run.samples:,} structures seen in {run.seconds / 60:.1f} minutes")
    for name, error in run.validation_mae.items():
        print(f"validation MAE of {name}: {error:.4g} {data.units.get(name, '')}".rstrip())


def _open_store(path: Path) -> Store:
    from particlegrid.data import Store

    if not path.exists():
        raise FileNotFoundError(f"there is no store {path}; `particlegrid pack` makes one")
    if not path.is_dir():
        raise ValueError(f"{path} is a file; `particlegrid pack {path} -o STORE` makes a store of it")
    return Store(path)


def _find_labelled(data: Store, targets: list[str]) -> NDArray[np.int64]:
    """Rows that have a value of every target."""
    whole = np.ones(len(data), bool)
    for name in targets:
        if name not in data.manifest["labels"]:
            known = ", ".join(data.manifest["labels"]) or "none"
            raise ValueError(f"the store has no label {name!r}; there is {known}")
        values = data.labels(name)
        if values.dtype.kind not in "fiub" or values.ndim != 1:
            raise ValueError(f"label {name!r} is not one number a structure and cannot be a target")
        whole &= np.isfinite(values)
    if not whole.all():
        say(f"warning: {int((~whole).sum()):,} of {len(whole):,} structures lack a label and are left out")
    return np.flatnonzero(whole)


def _make_recipe(data: Store, targets: list[str], shape: str | None, spacing: str | None, seed: int) -> Recipe:
    from particlegrid.learn.recipe import default_recipe

    seen = np.zeros(len(SYMBOLS), bool)
    for first in range(0, len(data), _CHUNK):
        seen[data.batch(np.arange(first, min(first + _CHUNK, len(data)))).numbers] = True
    elements = [SYMBOLS[number] for number in np.flatnonzero(seen)]
    # charges teach the network chemistry; predictions do not need them
    atom_target = "charge" if "charge" in data.property_names else None
    recipe = default_recipe(elements, targets, atom_target=atom_target, seed=seed)
    box = recipe.voxelizer.where
    assert isinstance(box, Box)
    box = Box(
        box.shape if shape is None else parse_shape(shape),
        box.spacing if spacing is None else parse_numbers(spacing, "--spacing"),
        outside="ignore",
    )
    return replace(recipe, voxelizer=replace(recipe.voxelizer, where=box))


def _check_sizes(sample: Store, recipe: Recipe) -> None:
    """Warn if structures do not fit the box, as they are turned for training."""
    rows = np.arange(len(sample))
    batch: Batch = sample.batch(rows)
    view = recipe.view(0)
    if view is not None:
        batch = view.draw(batch, 0, rows).apply(batch)
    extent: NDArray[np.float64] = recipe.voxelizer.where.extent  # type: ignore[attr-defined]
    offsets = np.abs(batch.positions - np.repeat(batch.centroids(), batch.counts, axis=0))
    beyond = np.unique(batch.owners[(offsets > 0.5 * extent).any(axis=1)])
    if len(beyond):
        size = " x ".join(f"{edge:g}" for edge in extent)
        say(
            f"warning: {len(beyond):,} of {len(sample):,} sampled structures reach out of the box of {size} A; "
            "give a larger --shape"
        )

"""``particlegrid predict``: properties of structures by a trained network."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from particlegrid.cli.inputs import read_sources
from particlegrid.cli.terminal import say, tell_skipped
from particlegrid.structure import Structure

if TYPE_CHECKING:
    from particlegrid.learn.predict import Predictor

__all__ = ["predict"]

_CHUNK = 512


class _Row(NamedTuple):
    name: str
    formula: str
    values: NDArray[np.float64]


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training, or a checkpoint file.")],
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="Files of any readable format, or SMILES.")],
    comma_separated: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    views: Annotated[
        int | None, typer.Option(metavar="N", help="Orientations to average; 1 is the fastest, all by default.")
    ] = None,
) -> None:
    """Predict properties with a trained network.

    Structures that the network cannot take, such as those with an element it has not learnt, are named on stderr.
    """
    if not run.exists():
        raise FileNotFoundError(f"there is no run {run}; `particlegrid train` makes one")
    from particlegrid.learn.predict import Predictor

    predictor = Predictor.load(run)
    most = predictor.checkpoint.recipe.count_views()
    if views is not None and not 1 <= views <= most:
        raise ValueError(f"--views must lie between 1 and {most} for this network, got {views}")
    header = ["name", "formula", *(f"{name} ({unit})" if unit else name for name, unit in predictor.units.items())]
    skipped: list[tuple[str, int, str]] = []
    rows = _predict_rows(predictor, read_sources(inputs, skipped), views)
    first = next(rows, None)
    if first is None:
        tell_skipped(skipped)
        raise ValueError("there is no structure to predict")
    if comma_separated:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(header)
        for row in chain([first], rows):
            writer.writerow([row.name, row.formula, *(f"{value:.6g}" for value in row.values)])
    else:
        _print_table(header, [first, *rows])
    tell_skipped(skipped)


def _predict_rows(predictor: Predictor, structures: Iterator[Structure], views: int | None) -> Iterator[_Row]:
    """A row for each structure that the network takes, chunk by chunk; the others are named.

    Raises
    ------
    ValueError
        If it takes none of them.
    """
    good, refused = 0, []
    while chunk := list(islice(structures, _CHUNK)):
        try:
            values = list(predictor(chunk, views=views))
        except (TypeError, ValueError, NotImplementedError):
            values = [_predict_one(predictor, structure, views) for structure in chunk]  # one of them does not fit
        for structure, value in zip(chunk, values):
            if isinstance(value, Exception):
                refused.append(f"no prediction for {structure.name or structure.formula}: {value}")
            else:
                good += 1
                yield _Row(structure.name or "", structure.formula, value)
    if refused and not good:
        raise ValueError(refused[0] + (f" (and {len(refused) - 1:,} more)" if len(refused) > 1 else ""))
    for text in refused:
        say(f"warning: {text}")


def _predict_one(
    predictor: Predictor, structure: Structure, views: int | None
) -> NDArray[np.float64] | TypeError | ValueError | NotImplementedError:
    try:
        row: NDArray[np.float64] = predictor([structure], views=views)[0]
    except (TypeError, ValueError, NotImplementedError) as error:
        return error
    return row


def _print_table(header: list[str], rows: list[_Row]) -> None:
    texts = [header, *([row.name, row.formula, *(f"{value:.4f}" for value in row.values)] for row in rows)]
    widths = [max(len(text[k]) for text in texts) for k in range(len(header))]
    for text in texts:
        left = [cell.ljust(width) for cell, width in zip(text[:2], widths)]
        right = [cell.rjust(width) for cell, width in zip(text[2:], widths[2:])]
        print("  ".join(left + right).rstrip())

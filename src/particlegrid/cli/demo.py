"""``particlegrid demo``: from QM9 to a trained network and a report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from particlegrid.cli.terminal import ProgressDisplay, Stage, say

__all__ = ["demo"]


def demo(
    minutes: Annotated[float, typer.Option(metavar="M", help="Time to train for.")] = 8.0,
    train_size: Annotated[int, typer.Option(metavar="N", help="Molecules to learn from, at most 110,000.")] = 110_000,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the report.")] = Path(
        "report"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Continue the training in DIR.")] = False,
) -> None:
    """Train a network on QM9's HOMO-LUMO gaps and report how good it is.

    Packs QM9 once into a cache, makes the grids on the fly, compares with baselines on molecules that were not learnt
    from, and writes report.html, report.md and metrics.json. Ctrl-C leaves a usable network and report.
    """
    if not minutes > 0:
        raise ValueError(f"--minutes must be positive, got {minutes:g}")
    if train_size < 1:
        raise ValueError(f"--train-size must be at least 1, got {train_size}")
    if output.exists() and not output.is_dir():
        raise FileExistsError(f"{output} is a file; -o takes a folder")
    from particlegrid.learn.demo import run_demo

    trained = 0.0
    with ProgressDisplay(sys.stdout) as display:

        def show(progress: Stage) -> None:
            nonlocal trained
            if progress.stage == "train":
                trained = progress.done
            display(progress)

        report = run_demo(output, minutes=minutes, train_size=train_size, resume=resume, on_progress=show)
    print(f"the report is {report}; try: particlegrid predict {report.parent / 'run'} CCO")
    if trained < 1:
        say("stopped before the time was up: the report is of what was learned by then; --resume continues")
        raise typer.Exit(130)

"""`Progress`: what long work tells whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["OnProgress", "Progress"]


@dataclass(frozen=True)
class Progress:
    """How far one stage of the work has come.

    Parameters
    ----------
    stage : str
        What is being done, such as "train"; a new name begins a new stage.
    done : float
        Finished part of the stage, 0 to 1.
    loss : float, optional
        Running mean of the training loss (z-scores).
    samples_per_second : float, optional
    seconds_left : float, optional
        Until the end of the stage.
    message : str
        One line for people.
    """

    stage: str
    done: float
    loss: float | None = None
    samples_per_second: float | None = None
    seconds_left: float | None = None
    message: str = ""


OnProgress = Callable[[Progress], object]
"""Called often and from the working thread: be quick. Raising KeyboardInterrupt stops a training in good order."""

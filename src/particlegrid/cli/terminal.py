"""What commands say: lines on stderr, warnings, and progress."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from particlegrid.errors import UnreadableRecordWarning

__all__ = ["ProgressDisplay", "Stage", "one_line", "say", "tell_skipped", "warnings_as_lines"]

_NAMED = 20
_LINE_SECONDS = 10.0


def say(text: str) -> None:
    """One line on stderr, with the program's name before it."""
    print(f"particlegrid: {text}", file=sys.stderr, flush=True)


def one_line(error: BaseException) -> str:
    """An exception's message as one line."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if hasattr(error, "format_message"):
        text = error.format_message()
    elif isinstance(error, KeyError) and error.args:
        text = str(error.args[0])  # str() would add quotes
    else:
        text = str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Show each warning once and as one line. Skipped records are told by `tell_skipped` instead."""
    shown = set()

    def show(message: Warning | str, *where: Any, **more: Any) -> None:
        text = " ".join(str(message).split())
        if text not in shown:
            shown.add(text)
            say(f"warning: {text}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreadableRecordWarning)
        warnings.showwarning = show
        yield


def tell_skipped(skipped: Sequence[tuple[str, int, str]], where: str = "") -> None:
    """Name the records that were skipped, the first twenty one by one; `where` says where the rest can be found."""
    if not skipped:
        return
    say(f"warning: skipped {len(skipped):,} record{'s' * (len(skipped) > 1)} that cannot be read (counted from 0):")
    for file, record, message in skipped[:_NAMED]:
        say(f"  {file + ', ' if file else ''}record {record}: {message}")
    if len(skipped) > _NAMED:
        say(f"  and {len(skipped) - _NAMED:,} more{where}")


class Stage(Protocol):
    """What `ProgressDisplay` shows: `particlegrid.learn.progress.Progress` is one."""

    @property
    def stage(self) -> str: ...
    @property
    def done(self) -> float: ...
    @property
    def loss(self) -> float | None: ...
    @property
    def samples_per_second(self) -> float | None: ...
    @property
    def seconds_left(self) -> float | None: ...
    @property
    def message(self) -> str: ...


class ProgressDisplay:
    """Progress of long work: a bar for each stage on a terminal, else a line now and then.

    Parameters
    ----------
    file : text stream, optional
        Where to; stderr by default, which leaves stdout to results.

    Examples
    --------
    >>> with ProgressDisplay(sys.stdout) as display:
    ...     display.count("packed", 2000)
    packed 2,000
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = sys.stderr if file is None else file
        console = Console(file=self._file)
        self._bars: Progress | None = None
        if console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("[bold]{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[figures]}", markup=False),
                console=console,
            )
        self._tasks: dict[str, Any] = {}
        self._lined: dict[str, float] = {}

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, progress: Stage) -> None:
        """Show how far a stage has come."""
        parts = [f"{100 * min(progress.done, 1.0):3.0f} %"]
        if progress.loss is not None:
            parts.append(f"loss {progress.loss:.4f}")
        if progress.samples_per_second is not None:
            parts.append(f"{progress.samples_per_second:,.0f} samples/s")
        if progress.seconds_left is not None and progress.done < 1:
            parts.append(f"{_duration(progress.seconds_left)} left")
        if progress.message:
            parts.append(progress.message)
        self._show(progress.stage, min(progress.done, 1.0), "  ".join(parts), finished=progress.done >= 1)

    def count(self, what: str, number: int) -> None:
        """Show a growing number whose end is not known."""
        self._show(what, None, f"{number:,}", finished=False)

    def _show(self, stage: str, done: float | None, figures: str, finished: bool) -> None:
        if self._bars is not None:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(stage, total=None if done is None else 1.0, figures=figures)
            self._bars.update(self._tasks[stage], completed=done or 0.0, figures=figures)
            return
        now = time.monotonic()
        if finished and self._lined.get(stage) == float("inf"):
            return  # the end of a stage is told once
        if finished or now - self._lined.get(stage, -_LINE_SECONDS) >= _LINE_SECONDS:
            self._lined[stage] = float("inf") if finished else now
            print(stage, figures, file=self._file, flush=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"

"""Interleaved timing: ratios within one run, since absolute times of a shared machine drift.

Tasks of one thread are timed by the processor time of this process, which neighbours that take the processor away do
not lengthen; on a quiet machine it is the time on the wall.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import date

from peers.client import PeerTask

Task = Callable[[], object] | PeerTask


def time_rounds(tasks: Mapping[str, Task], rounds: int, wall: bool = False, calls: int = 1) -> dict[str, float]:
    """Median seconds of each task, run in turn `rounds` times after one warm-up; a peer's task is timed over there.

    `wall` takes the time on the wall, for tasks of several threads. A turn is `calls` calls: of tasks that
    are over in a millisecond, the first pays for the caches that the task before it left (a crystal took 1.3 ms instead
    of 0.8), and nobody draws one grid now and then.
    """
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(rounds + 1):
        for name, task in tasks.items():
            taken = sum(task.clock() if isinstance(task, PeerTask) else _clock(task, wall) for _ in range(calls))
            if turn:
                seconds[name].append(taken / calls)
    return {name: statistics.median(values) for name, values in seconds.items()}


def _clock(task: Callable[[], object], wall: bool) -> float:
    now = time.perf_counter if wall else time.process_time
    start = now()
    task()
    return now() - start


def repeat(task: Callable[[], object], times: int) -> Callable[[], None]:
    """A task that calls another `times` times, for those that are too short for the clock."""

    def run() -> None:
        for _ in range(times):
            task()

    return run


def pin_to_one_processor() -> None:
    """Run on one processor, where the system can do that; peers started later inherit it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def unpin() -> None:
    """Run on any processor."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


def describe_machine() -> str:
    """Processor, its number, and the date."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as lines:
            model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {date.today().isoformat()}"

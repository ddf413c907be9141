"""How many threads torch takes for a piece of work."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

__all__ = ["torch_threads"]


@contextmanager
def torch_threads(threads: int | None = None) -> Iterator[int]:
    """Set torch's number of threads for a while; grids are drawn by as many.

    Parameters
    ----------
    threads : int, optional
        By default torch's own number, but no more than the processors that the container may use: torch counts those
        of the machine, and with 64 threads on a quota of two processors every step waits for the slowest.

    Examples
    --------
    >>> with torch_threads(1):
    ...     torch.get_num_threads()
    1
    """
    if threads is not None and threads < 1:
        raise ValueError(f"`threads` must be at least 1, got {threads}")
    before = torch.get_num_threads()
    chosen = threads or int(max(1, min(before, _quota())))
    torch.set_num_threads(chosen)
    try:
        yield chosen
    finally:
        torch.set_num_threads(before)


def _quota(root: Path = Path("/sys/fs/cgroup")) -> float:
    """Processors that the control group allows, infinite without a limit (and where there are no control groups)."""
    try:
        if (root / "cpu.max").exists():
            limit, period = (root / "cpu.max").read_text().split()
        else:
            limit, period = ((root / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return math.inf if limit.strip() in ("max", "-1") else int(limit) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf

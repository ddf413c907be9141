"""How many threads a native call takes."""

from __future__ import annotations

import os
import sys

__all__ = ["MAX_THREADS", "count_threads"]

MAX_THREADS = 1024
"""Most threads that one call may ask for."""


def count_threads(threads: int | None = None) -> int:
    """Threads for one call.

    The first of these that is set: the argument, the environment variable ``PARTICLEGRID_NUM_THREADS``, torch's count
    if torch is loaded (1 in its data-loading workers), 1 in a multiprocessing child, the processors this process may
    run on.

    Raises
    ------
    TypeError, ValueError
        If the argument or the variable is not a positive whole number.
    """
    if threads is not None:
        if isinstance(threads, bool) or not isinstance(threads, int):
            raise TypeError(f"`threads` must be a whole number or None, got {threads!r}")
        if not 1 <= threads <= MAX_THREADS:
            raise ValueError(f"`threads` must be at least 1 and at most {MAX_THREADS}, got {threads}")
        return threads
    if text := os.environ.get("PARTICLEGRID_NUM_THREADS"):
        if not text.isdecimal() or not 1 <= int(text) <= MAX_THREADS:
            raise ValueError(f"PARTICLEGRID_NUM_THREADS must be a whole number from 1 to {MAX_THREADS}, got {text!r}")
        return int(text)
    if (torch := sys.modules.get("torch")) is not None and hasattr(torch, "get_num_threads"):
        return min(int(torch.get_num_threads()), MAX_THREADS)
    # a child has loaded multiprocessing; importing it here would cost every `import particlegrid` 8 ms
    if (process := sys.modules.get("multiprocessing.process")) is not None and process.parent_process() is not None:
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

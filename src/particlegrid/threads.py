"""How many threads a native call takes."""

from __future__ import annotations

import os
import sys

__all__ = ["count_threads"]


def count_threads(threads: int | None = None) -> int:
    """Threads for one call.

    The first of these that is set: the argument, the environment variable ``PARTICLEGRID_NUM_THREADS``, torch's count
    if torch is loaded (1 in its data-loading workers), 1 in a multiprocessing child, the processors this process may
    run on.

    Raises
    ------
    ValueError
        If the argument or the variable is not a positive whole number.
    """
    if threads is not None:
        return threads
    if text := os.environ.get("PARTICLEGRID_NUM_THREADS"):
        if not text.isdigit() or int(text) < 1:
            raise ValueError(f"PARTICLEGRID_NUM_THREADS must be a positive whole number, got {text!r}")
        return int(text)
    if (torch := sys.modules.get("torch")) is not None and hasattr(torch, "get_num_threads"):
        return int(torch.get_num_threads())
    # a child has loaded multiprocessing; importing it here would cost every `import particlegrid` 8 ms
    if (process := sys.modules.get("multiprocessing.process")) is not None and process.parent_process() is not None:
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""`import particlegrid` in fresh processes, compiled files in place: milliseconds, and numpy's share of them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile

from timing import describe_machine

CODE = """
import json, time
begin = time.perf_counter()
import numpy
between = time.perf_counter()
import particlegrid
print(json.dumps([between - begin, time.perf_counter() - between]))
"""


def main() -> None:
    """Print the median of 15 processes."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = cache
        rows = []
        for _ in range(16):
            done = subprocess.run(
                [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=environment
            )
            rows.append(json.loads(done.stdout))
    numpy_alone, added = (1000 * statistics.median(column) for column in zip(*rows[1:], strict=True))
    print(
        f"{describe_machine()}\nimport particlegrid {numpy_alone + added:.0f} ms, of which numpy {numpy_alone:.0f} ms"
    )


if __name__ == "__main__":
    main()

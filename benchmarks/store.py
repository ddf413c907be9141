"""The packed store: time to pack QM9, to open it in a fresh process, and random access as Batches of 64.

Run: python benchmarks/store.py [--no-pack]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time

import numpy as np

from particlegrid.data import Store, load_qm9

OPEN = """
import time, sys
from particlegrid.data import Store
start = time.perf_counter()
store = Store(sys.argv[1])
print(time.perf_counter() - start)
"""


def time_batches(store: Store, size: int = 64, rounds: int = 5, batches: int = 1000) -> float:
    """Structures a second of one core's time, the best of some rounds."""
    random = np.random.default_rng(0)
    picks = random.integers(0, len(store), (batches, size))
    best = np.inf
    for _ in range(rounds):
        start = time.process_time()
        for indices in picks:
            store.batch(indices)
        best = min(best, time.process_time() - start)
    return batches * size / best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-pack", action="store_true", help="do not time the packing")
    if not parser.parse_args().no_pack:
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            load_qm9(folder)
            print(f"pack QM9                 {time.process_time() - start:12.1f} s of CPU")
    store = load_qm9()
    opened = [
        float(subprocess.run([sys.executable, "-c", OPEN, str(store.path)], capture_output=True, check=True).stdout)
        for _ in range(5)
    ]
    print(f"open, fresh process      {1000 * min(opened):12.2f} ms")
    print(f"size on disk             {sum(f.stat().st_size for f in store.path.iterdir()) / 1e6:12.1f} MB")
    print(f"Batches of 64 random ids {time_batches(store):12,.0f} structures/s")
    start = time.perf_counter()
    for i in range(2000):
        store[i]
    print(f"store[i]                 {2000 / (time.perf_counter() - start):12,.0f} structures/s")


if __name__ == "__main__":
    main()

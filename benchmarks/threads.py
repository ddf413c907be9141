"""Two threads against one where arithmetic dominates: ratio 5.

python benchmarks/threads.py --data FOLDER
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import crystal
import lennard_jones
import particlegrid as pg
import pocket
import workloads
from command_line import run
from ratios import Ratio
from timing import repeat, time_rounds, unpin

ROUNDS = 15


def measure() -> Iterator[Ratio]:
    """Ratio 5, two threads; the process is pinned no more."""
    unpin()
    framework = workloads.crystal("irmof1")
    atoms, scheme = workloads.pocket()
    zinc = pg.Elements("Zn", other="channel")
    print("Two threads, one structure a call")
    yield _measure_ceiling()
    cases: dict[str, tuple[pg.Structure, Callable[[int], pg.Voxelizer]]] = {
        "B pocket": (atoms, lambda threads: pocket.make_voxelizer(scheme, threads)),
        "C gamma = 89, point": (framework, lambda threads: crystal.make_voxelizer(zinc, "point", threads=threads)),
        "C gamma = 89, integral": (
            framework,
            lambda threads: crystal.make_voxelizer(zinc, "integral", "voxel", threads=threads),
        ),
        "D Lennard-Jones": (framework, lennard_jones.make_voxelizer),
    }
    for name, (structure, make) in cases.items():
        batch = pg.Batch([structure])
        out = make(1)(batch).astype(np.float32)
        seconds = time_rounds({str(n): _draw(make(n), batch, out) for n in (1, 2)}, ROUNDS, wall=True)
        note = f"{4 / seconds['2']:,.0f} / {4 / seconds['1']:,.0f} grids/s"
        yield Ratio(5, f"{name}: two threads / one", seconds["1"] / seconds["2"], 1.8, note=note)


def _measure_ceiling() -> Ratio:
    """What two threads gain where nothing is shared: arithmetic in the cache, without Python's lock."""
    block = bytes(1 << 16)  # few enough calls that Python's lock does not count
    hash_blocks = repeat(lambda: hashlib.sha256(block), 200)
    with ThreadPoolExecutor(2) as pool:

        def run_on(threads: int) -> Callable[[], None]:
            def wait() -> None:
                for task in [pool.submit(hash_blocks) for _ in range(threads)]:
                    task.result()

            return wait

        seconds = time_rounds({str(n): run_on(n) for n in (1, 2)}, ROUNDS, wall=True)
    return Ratio(5, "hashing: two threads / one", 2 * seconds["1"] / seconds["2"], None, note="what the machine gives")


def _draw(vox: pg.Voxelizer, batch: pg.Batch, out: np.ndarray) -> Callable[[], None]:
    return repeat(lambda: vox(batch, out=out), 4)


if __name__ == "__main__":
    run(measure, __doc__)

"""The cost of one call: one atom, one channel, 4^3 voxels, through the numpy door: ratio 7.

python benchmarks/overhead.py
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import particlegrid as pg
from command_line import run
from ratios import Ratio
from timing import Task, repeat, time_rounds

CALLS, ROUNDS = 1000, 15


def measure() -> Iterator[Ratio]:
    """Ratio 7."""
    structure = pg.Structure([[0.1, 0.2, 0.3]], ["C"])
    vox = pg.Voxelizer(pg.Box(4, 0.5, outside="ignore"), pg.AllAtoms(), pg.Gaussian(0.5), threads=1)
    out = np.zeros((1, 4, 4, 4), np.float32)
    print("Overhead: one atom, 4^3 voxels")
    tasks: dict[str, Task] = {
        "into out": repeat(lambda: vox(structure, out=out), CALLS),
        "new array": repeat(lambda: vox(structure), CALLS),
    }
    seconds = time_rounds(tasks, ROUNDS)
    for name, target in (("into out", 5.0), ("new array", None)):
        yield Ratio(7, f"one tiny grid, {name}, microseconds", 1e6 * seconds[name] / CALLS, target, at_most=True)


if __name__ == "__main__":
    run(measure, __doc__)

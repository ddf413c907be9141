"""The Lennard-Jones energy of CH4 in IRMOF-1, 32^3 points of the cell, cutoff 12.8 A: ratio 4, D.

python benchmarks/lennard_jones.py --data FOLDER
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import particlegrid as pg
from command_line import run
from peers.client import start_peer
from ratios import Ratio
from timing import Task, time_rounds
from workloads import crystal, fractional

SHAPE, CUTOFF, ROUNDS = 32, 12.8, 3


def make_voxelizer(threads: int = 1) -> pg.Voxelizer:
    """The Voxelizer of this workload."""
    energy = pg.LennardJones(probe="CH4", cutoff=CUTOFF, unit="K")
    return pg.Voxelizer(pg.UnitCell((SHAPE,) * 3, registration="point"), pg.AllAtoms(), energy, threads=threads)


def measure() -> Iterator[Ratio]:
    """Ratio 4, D."""
    structure = crystal("irmof1")
    batch = pg.Batch([structure])
    out = np.zeros((1, 1, SHAPE, SHAPE, SHAPE), np.float32)
    vox = make_voxelizer()
    print(f"D: {structure.name}, {len(structure)} atoms, {SHAPE}^3, CH4, cutoff {CUTOFF} A")
    inputs = {
        "numbers": structure.numbers,
        "fractional": fractional(structure),
        "cell": structure.cell,
        "shape": SHAPE,
        "cutoff": CUTOFF,
    }
    with start_peer("fast_grid_lj", inputs) as peers:
        tasks: dict[str, Task] = {"ours": lambda: vox(batch, out=out), **peers}
        seconds = time_rounds(tasks, ROUNDS)
        if peers:
            _check_peer(vox(structure)[0], peers["fast-grid"].result())
    what, target = f"D {SHAPE}^3: / fast-grid", 100
    if "fast-grid" in seconds:
        note = f"{1 / seconds['ours']:,.1f} / {1 / seconds['fast-grid']:,.2f} grids/s"
        yield Ratio(4, what, seconds["fast-grid"] / seconds["ours"], target, note=note)
    else:
        yield Ratio(4, what, None, target, note="make bench-peers")


def _check_peer(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Raise if fast-grid's energies below 5,000 K are others than ours; it is infinite or NaN on an atom."""
    low = np.isfinite(theirs) & (theirs < 5000)
    difference = np.abs(ours[low] - theirs[low])
    print(f"   fast-grid differs by {np.median(difference):.2g} K (median), {difference.max():.2g} K (largest)")
    if np.median(difference) > 1:
        raise RuntimeError("fast-grid drew something else")


if __name__ == "__main__":
    run(measure, __doc__)

"""A protein's pocket, 4,108 atoms of which 961 lie in a box of 48^3 voxels of 0.5 A, 12 channels: ratio 4, B.

python benchmarks/pocket.py [--data FOLDER]
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import particlegrid as pg
from command_line import run
from peers.client import start_peer
from ratios import Ratio
from timing import Task, time_rounds
from workloads import pocket

SHAPE, SPACING, SIGMA, ROUNDS = 48, 0.5, 0.5, 21


def make_voxelizer(scheme: pg.Elements, threads: int = 1, peak_one: bool = False) -> pg.Voxelizer:
    """The Voxelizer of this workload; `peak_one` gives what libmolgrid draws, exp(-d^2 / 2 sigma^2) at points."""
    box = pg.Box(SHAPE, SPACING, center="origin", outside="ignore")
    density = pg.Gaussian(SIGMA, "point", normalize=False) if peak_one else pg.Gaussian(SIGMA)
    return pg.Voxelizer(box, scheme, density, threads=threads)


def measure() -> Iterator[Ratio]:
    """Ratio 4, B."""
    structure, scheme = pocket()
    batch = pg.Batch([structure])
    out = np.zeros((1, len(scheme.channels), SHAPE, SHAPE, SHAPE), np.float32)
    vox = make_voxelizer(scheme)
    print(f"B: {len(structure):,} atoms, {len(scheme.channels)} channels, {SHAPE}^3, sigma {SIGMA} A")
    inputs = {
        "positions": structure.positions,
        "channels": structure.numbers - 1,
        "offsets": [0, len(structure)],
        "batch": 1,
        "n_channels": len(scheme.channels),
        "shape": SHAPE,
        "spacing": SPACING,
        "sigma": SIGMA,
        "centered": False,
    }
    with start_peer("libmolgrid", inputs) as peers:
        tasks: dict[str, Task] = {"ours": lambda: vox(batch, out=out), **peers}
        seconds = time_rounds(tasks, ROUNDS, calls=5)
        if peers:
            drawn = peers["gaussian to 4 sigma"].result()
            ours = make_voxelizer(scheme, peak_one=True)(batch)
            # each of the atoms that reach a voxel lacks up to exp(-8) = 3.4e-4
            if np.abs(ours - drawn).max() > 1e-2:
                raise RuntimeError(f"libmolgrid drew something else: values differ by {np.abs(ours - drawn).max():.1g}")
    for name, target in (("gaussian to 4 sigma", 18.0), ("default", None)):
        if name in seconds:
            note = f"{1 / seconds['ours']:,.0f} / {1 / seconds[name]:,.0f} grids/s"
            yield Ratio(4, f"B {SHAPE}^3: / libmolgrid, {name}", seconds[name] / seconds["ours"], target, note=note)
        elif target:
            yield Ratio(4, f"B {SHAPE}^3: / libmolgrid, {name}", None, target, note="make bench-peers")


if __name__ == "__main__":
    run(measure, __doc__)

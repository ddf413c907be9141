"""A metal-organic framework in its whole cell, 64^3, 2 channels, all images: ratio 4, C.

    python benchmarks/crystal.py --data FOLDER

IRMOF-1 with gamma = 89 degrees as it is, and in a cube; and a small skewed cell (angles 86/77/77). gemmi draws a
sphere of 5 sigma, whose error is 6e-6 of the peak; ours keeps `tol` = 1e-6.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import particlegrid as pg
from command_line import run
from peers.client import start_peer
from ratios import Ratio
from timing import Task, time_rounds
from workloads import crystal, fractional, with_cell

SHAPE, SIGMA, ROUNDS = 64, 0.5, 21


def make_voxelizer(scheme: pg.ChannelScheme, value: str, registration: str = "point", threads: int = 1) -> pg.Voxelizer:
    """The Voxelizer of this workload."""
    return pg.Voxelizer(
        pg.UnitCell((SHAPE,) * 3, registration=registration), scheme, pg.Gaussian(SIGMA, value), threads=threads
    )


def measure() -> Iterator[Ratio]:
    """Ratio 4, C."""
    triclinic = crystal("irmof1")
    cube = with_cell(triclinic, 25.832 * np.eye(3))
    skewed = crystal("nigbow")
    yield from _measure_crystal("cube", cube, pg.Elements("Zn", other="channel"), {"point": 15, "integral": 15})
    yield from _measure_crystal(
        "gamma = 89", triclinic, pg.Elements("Zn", other="channel"), {"point": 5, "integral": 1.5}
    )
    yield from _measure_crystal(
        "86/77/77", skewed, pg.Elements("H", other="channel"), {"point": None, "integral": None}
    )


def _measure_crystal(
    name: str, structure: pg.Structure, scheme: pg.Elements, targets: dict[str, float | None]
) -> Iterator[Ratio]:
    batch = pg.Batch([structure])
    channels = scheme.list_entries(batch).channels
    out = np.zeros((1, 2, SHAPE, SHAPE, SHAPE), np.float32)
    print(f"C: {structure.name}, {name}: {len(structure)} atoms, 2 channels, sigma {SIGMA} A")
    point, integral = make_voxelizer(scheme, "point"), make_voxelizer(scheme, "integral", "voxel")
    inputs = {
        "channels": channels,
        "fractional": fractional(structure),
        "cell": structure.cell,
        "sigma": SIGMA,
        "cut": 5.0,
        "shape": SHAPE,
    }
    with start_peer("gemmi_density", inputs) as peers:
        tasks: dict[str, Task] = {
            "point": lambda: point(batch, out=out),
            "integral": lambda: integral(batch, out=out),
            **peers,
        }
        seconds = time_rounds(tasks, ROUNDS, calls=5)
        if peers:
            difference = np.abs(point(batch)[0] - peers["gemmi"].result()).max()
            if difference > 2e-5 * (2 * np.pi * SIGMA**2) ** -1.5:
                raise RuntimeError(f"gemmi drew something else: values differ by {difference:.1g} 1/A^3")
    for value, target in targets.items():
        what = f"C {name}: {value} / gemmi at 5 sigma"
        if "gemmi" in seconds:
            note = f"{1 / seconds[value]:,.0f} / {1 / seconds['gemmi']:,.0f} grids/s"
            yield Ratio(4, what, seconds["gemmi"] / seconds[value], target, note=note)
        else:
            yield Ratio(4, what, None, target, note="make bench-peers")


if __name__ == "__main__":
    run(measure, __doc__)

"""Small molecules in batches of 64, one thread: ratios 1, 2 and 3.

    python benchmarks/molecules.py [--data FOLDER]

The floor is the time to zero the same buffer with streaming stores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle

import numpy as np

import particlegrid as pg
from command_line import run
from particlegrid import _native
from peers.client import start_peer
from ratios import Ratio
from timing import Task, time_rounds
from workloads import small_molecules, split_batch

ELEMENTS = ("H", "C", "N", "O", "F")
SPACINGS = {32: 0.5, 48: 0.375, 64: 0.25}
BATCH, SIGMA = 64, 0.5
ROUNDS = {32: 31, 48: 21, 64: 15}
FLOOR = {32: 0.75, 48: 0.82, 64: 0.75}
KEPT = {32: 1.2, 48: 1.4, 64: None}
SPARSE = {32: None, 48: 2, 64: None}
# The code of the 2022 paper cannot be installed; its rate as a fraction of the floor on an AMD EPYC (AVX2)
ORIGINAL = {32: 0.14, 48: 0.16, 64: 0.17}


def measure() -> Iterator[Ratio]:
    """Ratios 1, 2 and 3 for each grid size."""
    molecules, source = small_molecules(2000)
    print(f"A: {source}, batches of {BATCH}, {len(ELEMENTS)} channels, sigma {SIGMA} A")
    for shape in SPACINGS:
        yield from _measure_size(molecules, shape)


def _measure_size(molecules: pg.Batch, shape: int) -> Iterator[Ratio]:
    batches = split_batch(molecules, BATCH)
    out = np.zeros((BATCH, len(ELEMENTS), shape, shape, shape), np.float32)
    out16 = np.zeros(out.shape, np.float16)
    canvas = pg.Canvas(np.zeros_like(out))
    inputs = {
        "positions": molecules.positions,
        "channels": pg.Elements(*ELEMENTS).list_entries(molecules).channels,
        "offsets": molecules.offsets,
        "batch": BATCH,
        "n_channels": len(ELEMENTS),
        "shape": shape,
        "spacing": SPACINGS[shape],
        "sigma": SIGMA,
        "centered": True,
    }
    with start_peer("libmolgrid", inputs) as peers:
        tasks: dict[str, Task] = {
            "floor": lambda: _native.stream_zeros(out),
            "float32": _draw(_voxelizer(shape), batches, out),
            "float16": _draw(_voxelizer(shape, "float16"), batches, out16),
            "kept": _draw(_voxelizer(shape), batches, canvas),
            "sparse": _draw_sparse(_voxelizer(shape), batches, "coo"),
            "sparse blocks": _draw_sparse(_voxelizer(shape), batches, "blocks"),
            "fresh": _draw(_voxelizer(shape), batches, None),
            "fresh zeros": lambda: np.empty(out.shape, np.float32).fill(0),
            **peers,
        }
        seconds = time_rounds(tasks, ROUNDS[shape])
        if peers:
            _check_peer(batches[0], shape, peers["gaussian to 4 sigma"].result())
    rate = {name: BATCH / value for name, value in seconds.items()}

    def ratio(number: int, what: str, name: str, other: str, target: float | None) -> Ratio:
        note = f"{rate[name]:,.0f} / {rate[other]:,.0f} molecules/s" if other in rate else "make bench-peers"
        value = rate[name] / rate[other] if other in rate else None
        return Ratio(number, f"A {shape}^3: {what}", value, target, note=note)

    yield ratio(1, "float32 / write floor", "float32", "floor", FLOOR[shape])
    yield ratio(1, "float16 / float32", "float16", "float32", 1.4)
    yield ratio(1, "fresh memory / (allocate + fill)", "fresh", "fresh zeros", 5)
    original = rate["float32"] / rate["floor"] / ORIGINAL[shape]
    yield Ratio(2, f"A {shape}^3: / original ParticleGrid", original, 5, note=f"quoted: {ORIGINAL[shape]} of the floor")
    yield ratio(2, "/ libmolgrid's default", "float32", "default", 6)
    yield ratio(2, "/ libmolgrid, Gaussian to 4 sigma", "float32", "gaussian to 4 sigma", 10)
    yield ratio(3, "kept buffer / write floor", "kept", "floor", KEPT[shape])
    yield ratio(3, "sparse values / write floor", "sparse", "floor", SPARSE[shape])
    yield ratio(3, "sparse blocks / write floor", "sparse blocks", "floor", SPARSE[shape])


def _voxelizer(shape: int, dtype: str = "float32", peak_one: bool = False) -> pg.Voxelizer:
    box = pg.Box(shape, SPACINGS[shape], outside="ignore")
    density = pg.Gaussian(SIGMA, "point", normalize=False) if peak_one else pg.Gaussian(SIGMA)
    return pg.Voxelizer(box, pg.Elements(*ELEMENTS), density, dtype=dtype, threads=1)


def _draw(vox: pg.Voxelizer, batches: list[pg.Batch], out: np.ndarray | pg.Canvas | None) -> Callable[[], object]:
    turns = cycle(batches)
    return lambda: vox(next(turns), out=out)


def _draw_sparse(vox: pg.Voxelizer, batches: list[pg.Batch], layout: str) -> Callable[[], object]:
    turns = cycle(batches)
    kept = None

    def draw() -> None:
        nonlocal kept
        kept = vox.sparse(next(turns), layout=layout, out=kept)

    return draw


def _check_peer(batch: pg.Batch, shape: int, drawn: np.ndarray) -> None:
    """Raise if libmolgrid's values are not ours at the same points; its cut at 4 sigma is exp(-8) = 3.4e-4 an atom."""
    ours = _voxelizer(shape, peak_one=True)(batch)
    difference = float(np.abs(ours - drawn).max())
    if difference > 2e-3:
        raise RuntimeError(f"libmolgrid drew something else: values of 1 differ by {difference:.1g}")


if __name__ == "__main__":
    run(measure, __doc__)

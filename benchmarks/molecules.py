"""Small molecules in batches of 64, one thread: molecules per second, beside the write floor and beside libmolgrid.

    python benchmarks/molecules.py            # 32^3 and 48^3
    python benchmarks/molecules.py 32 48 64

The floor is the time to zero the same buffer with streaming stores. libmolgrid runs if `make bench-peers` has installed
it in ``.venv-peers``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import particlegrid as pg
from particlegrid import _native
from timing import describe_machine, pin_to_one_processor, time_rounds
from workloads import small_molecules, split_batch

ELEMENTS = ("H", "C", "N", "O", "F")
SPACINGS = {32: 0.5, 48: 0.375, 64: 0.25}
BATCH, ROUNDS, SIGMA = 64, 31, 0.5
# targets.md: measured there on the code of the 2022 paper, which cannot be installed
ORIGINAL = {32: 0.14, 48: 0.16, 64: 0.17}


def peer_rates(molecules: pg.Batch, shape: int) -> dict[str, float]:
    """libmolgrid's molecules/s, or nothing if it is not installed."""
    python = Path(__file__).resolve().parents[1] / ".venv-peers/bin/python"
    if not python.exists():
        return {}
    channels = pg.Elements(*ELEMENTS).list_entries(molecules).channels
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "molecules.npz"
        np.savez(file, positions=molecules.positions, channels=channels, offsets=molecules.offsets)
        script = Path(__file__).parent / "peers/libmolgrid.py"
        command = [str(python), str(script), str(file), str(shape), str(SPACINGS[shape])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"libmolgrid failed:\n{done.stderr}")
    rates: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return rates


def measure(molecules: pg.Batch, shape: int) -> None:
    """Print the rates and ratios of one grid size."""
    batches = split_batch(molecules, BATCH)
    turn = iter(range(10**9))

    def draw(vox: pg.Voxelizer, out: np.ndarray | None) -> object:
        return vox(batches[next(turn) % len(batches)], out=out)

    def voxelizer(dtype: str) -> pg.Voxelizer:
        box = pg.Box(shape, SPACINGS[shape], outside="ignore")
        return pg.Voxelizer(box, pg.Elements(*ELEMENTS), pg.Gaussian(SIGMA), dtype=dtype, threads=1)

    single, half = voxelizer("float32"), voxelizer("float16")
    out = np.zeros((BATCH, len(ELEMENTS), shape, shape, shape), np.float32)
    out16 = np.zeros(out.shape, np.float16)
    seconds = time_rounds(
        {
            "floor": lambda: _native.stream_zeros(out),
            "float32": lambda: draw(single, out),
            "float16": lambda: draw(half, out16),
            "numpy fill": lambda: out.fill(0),
            "fresh": lambda: draw(single, None),
            "fresh zeros": lambda: np.empty(out.shape, np.float32).fill(0),
        },
        ROUNDS,
    )
    rate = {name: BATCH / value for name, value in seconds.items()}
    floor = rate["floor"]
    print(f"\n{shape}^3 at {SPACINGS[shape]} A, sigma {SIGMA} A, {len(ELEMENTS)} channels, molecules/s")
    for name, value in rate.items():
        print(f"  {name:28s} {value:10,.0f}   {value / floor:6.2f} of the floor")
    print(f"  ratio 1: float32 / floor              {rate['float32'] / floor:6.2f}")
    print(f"           float16 / float32            {rate['float16'] / rate['float32']:6.2f}")
    print(f"           fresh / (allocate + fill)    {rate['fresh'] / rate['fresh zeros']:6.2f}")
    print(
        f"  ratio 2: / original ParticleGrid      {rate['float32'] / floor / ORIGINAL[shape]:6.2f}"
        f"   (quoted: its {ORIGINAL[shape]} of the floor)"
    )
    peers = peer_rates(molecules, shape)
    for name, value in peers.items():
        print(f"           / libmolgrid {name:16s} {rate['float32'] / value:6.2f}   ({value:,.0f} molecules/s)")
    if not peers:
        print("           / libmolgrid: not installed; `make bench-peers` installs it")


def main() -> None:
    """Measure the sizes named on the command line."""
    shapes = [int(text) for text in sys.argv[1:]] or [32, 48]
    pin_to_one_processor()
    molecules, source = small_molecules(2000)
    print(f"{source}; {_native.active_instruction_set()}, one thread; {describe_machine()}")
    for shape in shapes:
        measure(molecules, shape)


if __name__ == "__main__":
    main()

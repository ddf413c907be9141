"""All structures of CoRE MOF 2019 ASR at 0.5 A, Gaussians of 0.5 A, one channel for each element that is present.

    python benchmarks/core_mof.py [--limit N] [--rounds N]

The CIF files are those of the package core-mof 2019.1 (PyPI; data CC BY 4.0, doi:10.1021/acs.jced.9b00835). Prints what
cannot be read, the time of reading and of drawing, and the memory as it goes on: a second round needs no more than the
first. That each channel adds up to its number of atoms is checked for every structure.
"""

from __future__ import annotations

import argparse
import tarfile
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import particlegrid as pg
from packages import find_package
from timing import describe_machine


def main() -> None:
    """Read and draw one structure after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, help="only the first N files")
    parser.add_argument("--rounds", type=int, default=1, help="how often all are read and drawn")
    options = parser.parse_args()
    vox = pg.Voxelizer(pg.UnitCell(spacing=0.5), pg.PresentElements(), pg.Gaussian(0.5))
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(find_package("CoRE_MOF") / "data/2019-ASR.tar.xz") as archive:
            archive.extractall(folder, filter="data")
        files = sorted(path for path in Path(folder).rglob("*.cif") if not path.name.startswith("."))[: options.limit]
        for _ in range(options.rounds):
            _draw_all(vox, files)


def _draw_all(vox: pg.Voxelizer, files: list[Path]) -> None:
    reading = drawing = 0.0
    grids = atoms = values = 0
    worst = 0.0
    errors: list[tuple[str, int, str]] = []
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pg.errors.UnreadableRecordWarning)  # they are named below
        for structure in pg.iread(files, errors=errors):
            read = time.perf_counter()
            array = vox(structure)
            done = time.perf_counter()
            reading, drawing = reading + read - start, drawing + done - read
            counts = np.unique(structure.numbers, return_counts=True)[1]
            worst = max(worst, float(np.abs(array.sum(axis=(1, 2, 3), dtype=float) / counts - 1).max()))
            grids, atoms, values = grids + 1, atoms + len(structure), values + array.size
            if grids % 1000 == 0:
                print(f"{grids:6d} structures, {_memory()}", flush=True)
            start = time.perf_counter()
    for file, _, message in errors:
        print(f"not read: {Path(file).name}: {message}")
    print(f"{grids} of {len(files)} structures, {atoms:,} atoms, {values / 1e9:.2f} thousand million values")
    print(f"reading {reading:.1f} s, drawing {drawing:.1f} s: {grids / drawing:,.0f} grids/s, {_memory()}")
    print(f"largest error of a channel's total: {worst:.1e}")


def _memory() -> str:
    """Resident memory now and at its highest, where the system tells it."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    except OSError:
        return "memory unknown"
    now, highest = (int(lines[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))
    return f"memory {now:.0f} MB, highest {highest:.0f} MB"


if __name__ == "__main__":
    main()

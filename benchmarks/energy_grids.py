"""Our Lennard-Jones energies against the 12 CH4 grids that moftransformer 2.2.0 (PyPI, MIT) ships as examples.

    python benchmarks/energy_grids.py

Each is 30^3 energies in K, float16, clamped at 60,000, made by GRIDAY with UFF and TraPPE's CH4 and a plain cut at
12.8 A, at points i / 30 of a supercell whose edges are at least 30 A; the file .grid beside it gives these edges. In
the .griddata16 file, a pickled array, the values are the 54,000 bytes after the mark of a bytes object of that length
(x fastest); it is never unpickled. Near an atom float16 is coarse: 32 K apart at 40,000 K.

Printed for each: the median difference over all points and over those of negative energy, the 95th percentile of the
relative difference below the clamp, and, at 1,000 random points, the largest difference from a lattice sum in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import particlegrid as pg
from packages import find_package

CUTOFF, CLAMP = 12.8, 60_000.0
# TraPPE's united atom CH4: epsilon in K, sigma in A; Martin and Siepmann, doi:10.1021/jp972543+
METHANE = (148.0, 3.73)
# UFF's well depth D in kcal/mol and its distance x in A; Rappe et al., doi:10.1021/ja00051a040, table 1
UFF = {
    "H": (0.044, 2.886),
    "C": (0.105, 3.851),
    "N": (0.069, 3.660),
    "O": (0.060, 3.500),
    "Na": (0.030, 2.983),
    "Si": (0.402, 4.295),
    "Mn": (0.013, 2.961),
    "Cu": (0.005, 3.495),
    "Zn": (0.124, 2.763),
    "Ga": (0.415, 4.383),
    "Br": (0.251, 4.189),
    "Cd": (0.228, 2.848),
    "In": (0.599, 4.463),
    "Nd": (0.010, 3.575),
    "Dy": (0.007, 3.428),
    "U": (0.022, 3.395),
}
KELVIN = 503.2195  # per kcal/mol
Floats = NDArray[np.float64]


def sum_lattice(structure: pg.Structure, points: Floats) -> Floats:
    """Energy of CH4 at points, in K: every image of every atom within the cutoff, one after the other."""
    assert structure.cell is not None
    inverse = np.linalg.inv(structure.cell)
    # atoms and points in the cell at the origin: images within the cutoff are then at most `reach` cells away
    inside = [(at - np.floor(at)) @ structure.cell for at in (structure.positions @ inverse, points @ inverse)]
    reach = np.ceil(CUTOFF * np.linalg.norm(inverse, axis=0)).astype(int)
    total = np.zeros(len(points))
    for cell in np.ndindex(*(2 * reach + 1)):
        shift = (np.array(cell) - reach) @ structure.cell
        for position, symbol in zip(inside[0] + shift, structure.symbols, strict=True):
            depth, distance = UFF[symbol]
            epsilon = np.sqrt(depth * KELVIN * METHANE[0])
            sigma = (distance / 2 ** (1 / 6) + METHANE[1]) / 2
            d2 = ((inside[1] - position) ** 2).sum(axis=1)
            d2[d2 > CUTOFF**2] = np.inf
            six = (sigma**2 / d2) ** 3
            total += 4 * epsilon * (six**2 - six)
    return np.minimum(total, CLAMP)


def compare(file: Path) -> list[float]:
    """The four figures of one structure."""
    structure = pg.read(file)
    assert structure.cell is not None
    edges = np.array(file.with_suffix(".grid").read_text().split()[1:4], float)
    repeats = np.round(edges / np.linalg.norm(structure.cell, axis=1)).astype(int)
    data = file.with_suffix(".griddata16").read_bytes()
    first = data.index(b"B" + (54_000).to_bytes(4, "little")) + 5
    shipped = np.frombuffer(data, "<f2", 27_000, first).astype(float).reshape(30, 30, 30, order="F")

    large = repeats[:, None] * structure.cell
    grid = pg.Grid((30, 30, 30), large / 30, -(large / 30).sum(axis=0) / 2)  # a voxel's centre is its point
    energy = pg.LennardJones(probe="CH4", cutoff=CUTOFF, unit="K", cap=CLAMP)
    ours = pg.Voxelizer(grid, pg.AllAtoms(), energy)(structure)[0].astype(float)

    difference = np.abs(ours - shipped)
    relative = (difference / np.maximum(np.abs(shipped), 1e-9))[shipped < CLAMP]
    chosen = np.random.default_rng(0).integers(0, 30, (1000, 3))
    summed = sum_lattice(structure, chosen / 30 @ large)
    from_sum = (np.abs(ours[tuple(chosen.T)] - summed) / (np.abs(summed) + 1))[summed < CLAMP]
    medians = [float(np.median(difference)), float(np.median(difference[shipped < 0]))]
    return [*medians, float(100 * np.percentile(relative, 95)), float(from_sum.max(initial=0))]


def main() -> None:
    """Compare each structure, and print the worst."""
    folder = find_package("moftransformer") / "examples/dataset/total"
    print(f"{'':24s}     median  where U < 0    95 % within    from lattice sum, / (|U| + 1 K)")
    worst = np.zeros(4)
    for file in sorted(folder.glob("*.cif")):
        figures = compare(file)
        worst = np.maximum(worst, figures)
        _print_row(file.stem, figures)
    _print_row("largest", worst.tolist())
    _print_row("target", [0.3, None, 3.0, 1e-5])


def _print_row(name: str, figures: Sequence[float | None]) -> None:
    formats = ("{:.3f} K", "{:.3f} K", "{:.2f} %", "{:.1e}")
    texts = ["" if x is None else text.format(x) for x, text in zip(figures, formats)]
    print(f"{name:24s}" + "".join(f"{text:>12s}" for text in texts))


if __name__ == "__main__":
    main()

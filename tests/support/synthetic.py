"""Made-up results of a training run, for tests of reports."""

import numpy as np

from particlegrid import Structure
from particlegrid.channels import Elements
from particlegrid.densities import Gaussian
from particlegrid.grid import Grid
from particlegrid.learn.metrics import evaluate
from particlegrid.learn.results import Cost, LearningCurve, ResultRow, Results, Target, TestSet, Timings
from particlegrid.reference import voxelize
from particlegrid.volume import Volume

TARGETS = (Target("gap", "eV", "HOMO–LUMO gap"), Target("homo", "eV", "HOMO"), Target("lumo", "eV", "LUMO"))
SPREAD = {"The network": 0.35, "Mean of the training molecules": 1.3, "Composition": 1.0, "Spectral": 0.3}
WHICH, WHAT = Elements("H", "C", "N", "O", "F"), Gaussian(0.5)


def make_example():
    """Glycine, roughly."""
    return Structure(
        [
            [-1.9, 0.1, 0.0],
            [-0.7, -0.7, 0.1],
            [0.6, 0.1, 0.0],
            [0.7, 1.3, -0.1],
            [1.7, -0.7, 0.1],
            [-2.0, 0.6, 0.9],
            [-1.9, 0.8, -0.7],
            [-0.7, -1.3, 1.0],
            [-0.7, -1.4, -0.7],
            [2.5, -0.1, 0.0],
        ],
        ["N", "C", "C", "O", "O", "H", "H", "H", "H", "H"],
        bonds=[[0, 1, 1], [1, 2, 1], [2, 3, 2], [2, 4, 1], [0, 5, 1], [0, 6, 1], [1, 7, 1], [1, 8, 1], [4, 9, 1]],
        name="glycine",
    )


def make_volume(structure=None, shape=(24, 20, 16)):
    structure = structure or make_example()
    grid = Grid(shape, 0.5 * np.eye(3), structure.positions.mean(axis=0) - 0.25 * np.array(shape))
    return Volume(voxelize(structure, grid, WHICH, WHAT).astype(np.float32), grid, WHICH.channels, structure)


def make_results(molecules=400, **changes):
    """Errors are normal, with the widths of `SPREAD`."""
    rng = np.random.default_rng(0)
    heavy = rng.choice([6, 7, 8, 9], molecules, p=[0.05, 0.1, 0.2, 0.65])
    truth = rng.normal([6.9, -6.5, 0.4], [1.3, 0.6, 1.2], (molecules, 3))
    rows, ours = [], None
    for name, spread in SPREAD.items():
        guess = truth + rng.normal(0, spread, truth.shape)
        ours = guess if ours is None else ours
        metrics = {t.name: evaluate(guess[:, i], truth[:, i], resamples=200) for i, t in enumerate(TARGETS)}
        rows.append(
            ResultRow(name, "measured", metrics, f"note on {name.lower()}", 3.2, 11_000, ours=name == "The network")
        )
    steps = np.linspace(10, 452, 30)
    curve = LearningCurve(
        "gap",
        steps,
        steps * 118,
        0.9 * np.exp(-steps / 150) + 0.1 + 0.02 * rng.random(30),
        np.where(np.arange(30) % 3 == 2, 0.8 * np.exp(-steps / 120) + 0.28, np.nan),
    )
    values = {
        "data_set": "QM9",
        "targets": TARGETS,
        "rows": tuple(rows),
        "curve": curve,
        "test": TestSet(ours, truth, heavy + rng.integers(4, 12, molecules), heavy),
        "timings": Timings(452.1, 118.3, 0.031, 8.4),
        "cost": Cost(0.029, 1.93, 64, "two CPU cores"),
        "train_size": 11_000,
        "validation_size": 1_000,
        "parameters": 612_345,
        "hardware": "two cores of an x86-64 CPU",
        "date": "2025-01-31",
        "command": "particlegrid demo --minutes 7.5 --train-size 11000",
        "seeds": (0,),
        "split_hash": "3f9a1c77",
        "voxelizer": {
            "where": {"type": "Box", "shape": [24, 20, 16], "spacing": [0.5, 0.5, 0.5], "center": "centroid"},
            "which": WHICH.to_dict(),
            "what": WHAT.to_dict(),
            "dtype": "float32",
        },
        "model": "ResNet with atom read-out",
        "example": make_example(),
        "notes": ("These results are made up.",),
    }
    return Results(**values | changes)

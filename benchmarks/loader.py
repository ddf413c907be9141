"""Structures a second from GridLoader: QM9, float32 batches of (64, 5, 32, 32, 32), two threads, no workers.

    python benchmarks/loader.py [--rounds 5] [--batches 300] [--threads 2]

Prints medians of interleaved rounds, and beside them the floor: filling the same buffers with zeros.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import numpy as np
import torch

from particlegrid import Batch, Box, Elements, Gaussian, Voxelizer
from particlegrid.augment import Augmentation
from particlegrid.torch import GridLoader, PrincipalFrame, RandomRotation
from particlegrid.torch.source import SourceStore

BATCH = 64


class Synthetic:
    """Random atoms in molecules of the sizes of QM9: 18.0 +- 3.0 atoms, 1.8 A across."""

    def __init__(self, n: int = 20_000) -> None:
        random = np.random.default_rng(0)
        self.offsets = np.r_[0, np.cumsum(random.normal(18.0, 3.0, n).round().clip(3, 29).astype(int))]
        self.positions = 1.8 * random.normal(size=(self.offsets[-1], 3))
        self.numbers = random.choice([1, 6, 7, 8, 9], self.offsets[-1], p=[0.51, 0.35, 0.06, 0.078, 0.002])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def batch(self, indices: np.ndarray) -> Batch:
        low, counts = self.offsets[indices], np.diff(self.offsets)[indices]
        offsets = np.r_[0, np.cumsum(counts)]
        atoms = np.repeat(low - offsets[:-1], counts) + np.arange(offsets[-1])
        return Batch.from_arrays(self.positions[atoms], self.numbers[atoms], offsets)

    def labels(self, name: str) -> np.ndarray:
        return np.zeros(len(self))


def open_store() -> tuple[SourceStore, str]:
    """QM9, or molecules of its sizes where it is not installed."""
    try:
        from particlegrid.data import load_qm9

        return load_qm9(), "QM9"
    except ImportError as error:
        return Synthetic(), f"synthetic molecules of QM9's sizes ({error})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    store, name = open_store()

    box = Box(32, spacing=0.5, outside="ignore")
    vox = Voxelizer(box, Elements("H", "C", "N", "O", "F"), Gaussian(0.5), threads=options.threads)
    augmentations: dict[str, Augmentation | None] = {
        "no augmentation": None,
        "RandomRotation": RandomRotation(seed=0),
        "RandomRotation with jitter": RandomRotation(seed=0, jitter=0.25),
        "PrincipalFrame, tilt, jitter": PrincipalFrame(seed=0, tilt=5, jitter=0.25),
    }
    chosen = np.random.default_rng(0).integers(0, len(store), options.batches * BATCH)
    loaders = {
        label: GridLoader(store, vox, ["gap"], indices=chosen, batch_size=BATCH, augment=augment)
        for label, augment in augmentations.items()
    }
    buffers = [torch.empty(BATCH, 5, 32, 32, 32).zero_() for _ in range(3)]
    rates: dict[str, list[float]] = {}

    def note(label: str, start: float) -> None:
        rates.setdefault(label, []).append(options.batches * BATCH / (time.perf_counter() - start))

    for epoch in range(options.rounds):
        start = time.perf_counter()
        for k in range(options.batches):
            buffers[k % 3].zero_()
        note("floor: zeros, torch", start)
        start = time.perf_counter()
        for k in range(options.batches):
            buffers[k % 3].numpy().fill(0.0)
        note("floor: zeros, numpy (one thread)", start)
        for label, loader in loaders.items():
            loader.set_epoch(epoch)
            next(iter(loader))  # makes the ring
            start = time.perf_counter()
            for _ in loader:
                pass
            note(label, start)

    atoms = len(store.batch(chosen).numbers) / len(chosen)
    print(f"{name}; {atoms:.1f} atoms a structure; batches of {BATCH} x 5 x 32^3 float32; {options.threads} threads")
    floor = median(rates["floor: zeros, torch"])
    for label, values in rates.items():
        print(f"{label:34s} {median(values):8,.0f} structures/s   {median(values) / floor:5.2f} of the floor")


if __name__ == "__main__":
    main()

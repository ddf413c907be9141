"""What the benchmarks draw."""

from __future__ import annotations

import numpy as np

import particlegrid as pg


def small_molecules(n: int) -> tuple[pg.Batch, str]:
    """QM9 molecules if qm9pack is installed, else random ones of the same size; and which."""
    try:
        from particlegrid.data import load_qm9

        store = load_qm9()
    except ImportError:
        rng = np.random.default_rng(0)
        counts = rng.integers(14, 24, n)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        positions = rng.normal(0, 1.7, (offsets[-1], 3))
        numbers = rng.choice(np.array([1, 6, 7, 8, 9], np.uint8), offsets[-1], p=[0.51, 0.35, 0.06, 0.078, 0.002])
        return pg.Batch.from_arrays(positions, numbers, offsets), "random molecules of QM9's size"
    return store.batch(np.random.default_rng(0).choice(len(store), n, replace=False)), "QM9 molecules"


def split_batch(batch: pg.Batch, size: int) -> list[pg.Batch]:
    """Batches of `size` structures; an incomplete last one is dropped."""
    parts = []
    for first in range(0, len(batch) - size + 1, size):
        low, high = batch.offsets[first], batch.offsets[first + size]
        offsets = batch.offsets[first : first + size + 1] - low
        parts.append(pg.Batch.from_arrays(batch.positions[low:high], batch.numbers[low:high], offsets))
    return parts

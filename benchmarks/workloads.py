"""What the benchmarks draw."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def pocket() -> tuple[pg.Structure, pg.Elements]:
    """A protein's binding pocket in 12 channels, about (0, 0, 0), and its channel scheme.

    Without ``workloads.npz`` it is random atoms of about the same density. The file gives each atom a channel from 0 to
    11 and no element; element number c + 1 stands for channel c.
    """
    file = _workloads()
    if file is not None:
        positions, channels = file["pocket_positions"].astype(float), file["pocket_channels"]
    else:
        rng = np.random.default_rng(0)
        positions = rng.uniform(-19.4, 19.4, (4108, 3))
        channels = rng.integers(0, 12, 4108)
    symbols = ("H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg")
    return pg.Structure(positions, channels + 1, name="pocket"), pg.Elements(*symbols)


def crystal(name: str) -> pg.Structure:
    """IRMOF-1 (cubic but for gamma = 89) or "nigbow" (86/77/77), from ``workloads.npz``.

    Raises
    ------
    FileNotFoundError
        If it is not said where the file is.
    """
    file = _workloads()
    if file is None:
        raise FileNotFoundError(
            f"{name} is in workloads.npz; say where it is: PARTICLEGRID_DATA=folder, or --data folder"
        )
    cell = file[f"{name}_cell"]
    return pg.Structure(file[f"{name}_frac"] @ cell, file[f"{name}_numbers"], cell, name=name)


def fractional(structure: pg.Structure) -> NDArray[np.float64]:
    """Positions in units of the cell."""
    assert structure.cell is not None
    return np.asarray(structure.positions @ np.linalg.inv(structure.cell))


def with_cell(structure: pg.Structure, cell: NDArray[np.float64]) -> pg.Structure:
    """The same fractions of another cell."""
    return pg.Structure(fractional(structure) @ cell, structure.numbers, cell, name=structure.name)


def data_folder() -> Path | None:
    """Where the project's data files lie: PARTICLEGRID_DATA, which ``--data`` sets."""
    folder = os.environ.get("PARTICLEGRID_DATA")
    return Path(folder) if folder else None


def _workloads() -> Mapping[str, NDArray[Any]] | None:
    folder = data_folder()
    return None if folder is None else dict(np.load(folder / "workloads.npz"))

"""Structures of every kind that a store holds."""

from __future__ import annotations

import numpy as np
import pytest

from particlegrid import Structure
from particlegrid.data import Store, pack


def make_structures() -> list[Structure]:
    """Eleven structures: molecules with and without bonds, crystals, a slab, one without atoms; labels of each kind."""
    random = np.random.default_rng(7)
    structures = []
    for i in range(11):
        n = 0 if i == 4 else int(random.integers(1, 9))
        bonds = [(0, j, 1) for j in range(1, n)] if i % 3 == 0 else None
        structures.append(
            Structure(
                random.normal(size=(n, 3)),
                random.integers(1, 119, n),
                cell=np.diag([4.0, 5.0, 6.0 + i]) + random.normal(scale=0.1, size=(3, 3)) if i in (2, 5, 9) else None,
                pbc=(True, True, False) if i == 5 else None,
                bonds=bonds,
                properties={"charge": random.normal(size=n), "force": random.normal(size=(n, 3)).astype(np.float32)},
                info={"energy": float(random.normal()), "count": i, "odd": bool(i % 2), "smiles": "C" * i},
                name=None if i == 3 else f"é-{i}",
            )
        )
    return structures


@pytest.fixture(scope="session")
def structures() -> list[Structure]:
    return make_structures()


@pytest.fixture(params=[1, 4, 100], ids=["shard-of-1", "shards-of-4", "one-shard"])
def store(request: pytest.FixtureRequest, tmp_path, structures: list[Structure]) -> Store:
    return pack(structures, tmp_path / "store", shard_size=request.param, units={"energy": "eV", "charge": "e"})

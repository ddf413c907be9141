"""`Batch`: many structures end to end."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from particlegrid import Batch, Structure


def make(n: int, seed: int, **extra: object) -> Structure:
    rng = np.random.default_rng(seed)
    return Structure(rng.normal(size=(n, 3)), rng.integers(1, 9, n), properties={"charge": rng.normal(size=n)}, **extra)


def test_round_trip_through_arrays() -> None:
    items = [make(3, 0), make(0, 1), make(5, 2, cell=np.eye(3) * 4)]
    batch = Batch(items)
    assert list(batch) == items
    assert batch[-1] == items[-1]
    assert list(batch[1:]) == items[1:]
    arrays = Batch.from_arrays(
        batch.positions,
        batch.numbers,
        batch.offsets,
        cells=batch.cells,
        pbc=batch.pbc,
        properties={"charge": batch.property("charge")},
    )
    assert list(arrays) == items
    assert list(pickle.loads(pickle.dumps(arrays))) == items
    assert batch.counts.tolist() == [3, 0, 5]
    assert batch.owners.tolist() == [0] * 3 + [2] * 5


def test_centroids() -> None:
    items = [make(3, 0), make(0, 1), make(5, 2), make(0, 3)]
    centroids = Batch(items).centroids()
    for item, centroid in zip(items, centroids):
        expected = item.positions.mean(axis=0) if len(item) else np.zeros(3)
        assert centroid == pytest.approx(expected)
    assert Batch([]).centroids().shape == (0, 3)
    assert not Batch([make(0, 1)] * 2).centroids().any()


def test_what_it_refuses() -> None:
    with pytest.raises(TypeError, match=r"`structures\[1\]` is a str, not a Structure"):
        Batch([make(1, 0), "water"])
    with pytest.raises(IndexError):
        Batch([make(1, 0)])[1]
    with pytest.raises(ValueError, match="structure 1 has no property 'spin'; it has charge"):
        Batch([Structure([], [], properties={"spin": []}), make(1, 0)]).property("spin")
    positions, numbers = np.zeros((3, 3)), np.ones(3, np.uint8)
    with pytest.raises(ValueError, match="`offsets` must rise from 0 to the number of atoms, 3"):
        Batch.from_arrays(positions, numbers, np.array([0, 2]))
    with pytest.raises(ValueError, match="`offsets` must rise"):
        Batch.from_arrays(positions, numbers, np.array([0, 2, 1, 3]))
    with pytest.raises(ValueError, match="`numbers` run from 1 to 262; atomic numbers from 1 to 118"):
        Batch.from_arrays(positions, np.array([1, 262, 6]), np.array([0, 3]))
    with pytest.raises(ValueError, match=r"`positions` must have shape \(3, 3\)"):
        Batch.from_arrays(positions[:2], numbers, np.array([0, 3]))


def test_with_positions_keeps_the_rest() -> None:
    batch = Batch([make(3, 0), make(2, 1, name="b")])
    moved = batch.with_positions(batch.positions + 1)
    assert moved[1].name == "b"
    assert np.array_equal(moved[1].positions, batch[1].positions + 1)
    assert np.array_equal(moved.property("charge"), batch.property("charge"))

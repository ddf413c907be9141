"""`Structure`: what it takes, what it refuses, and what survives."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from particlegrid import Structure


def test_fields_are_checked_copies() -> None:
    positions = np.zeros((2, 3), np.float32)
    s = Structure(positions, [1, 8], bonds=[[0, 1, 1]], properties={"charge": [0.1, -0.1]}, info={"energy": -1.5})
    positions[:] = 9
    assert s.positions.dtype == np.float64
    assert s.numbers.dtype == np.uint8
    assert not s.positions.any()
    assert s.cell is None
    assert not s.pbc.any()
    with pytest.raises(ValueError, match="read-only"):
        s.positions[0, 0] = 1
    with pytest.raises(AttributeError):
        s.name = "x"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(numbers=[1, 119]), r"`numbers\[1\]` is 119; atomic numbers run from 1 to 118"),
        (dict(numbers=[0, 1]), r"`numbers\[0\]` is 0"),
        (dict(numbers=[1]), r"`numbers` must have shape \(2,\)"),
        (dict(numbers=["H", "Q"]), "'Q' is not the symbol of an element"),
        (dict(numbers=["H", "he"]), "did you mean 'He'"),
        (dict(positions=[[0, 0, 0], [0, np.nan, 0]]), r"`positions\[1, 1\]` is nan"),
        (dict(positions=[[0, 0], [1, 1]]), r"`positions` must have shape \(n, 3\), got \(2, 2\)"),
        (dict(cell=[[1, 0, 0], [2, 0, 0], [0, 0, 1]]), "`cell` is singular"),
        (dict(cell=np.eye(2)), r"`cell` must have shape \(3, 3\)"),
        (dict(pbc=True), r"`pbc\[0\]` is True but `cell\[0\]` is zero or missing"),
        (dict(cell=np.eye(3), pbc=[True, False]), "`pbc` must be a bool or three"),
        (dict(bonds=[[0, 2, 1]]), r"`bonds\[0\]` is \[0, 2, 1\]; atoms run from 0 to 1"),
        (dict(bonds=[[0, 1, 1.5]]), "`bonds` must hold whole numbers"),
        (dict(properties={"charge": [1.0]}), r"`properties\['charge'\]` must have 2 rows"),
    ],
)
def test_bad_input_is_named(arguments: dict, message: str) -> None:
    full = {"positions": [[0, 0, 0], [0, 0, 1]], "numbers": [1, 1]} | arguments
    with pytest.raises(ValueError, match=message):
        Structure(**full)


@pytest.mark.parametrize("numbers", [[1.5, 1], [True, None]])
def test_numbers_of_a_wrong_type(numbers: list) -> None:
    with pytest.raises(TypeError, match="`numbers` must be"):
        Structure([[0, 0, 0], [0, 0, 1]], numbers)


def test_cells() -> None:
    assert Structure([], [], cell=np.zeros((3, 3))).cell is None
    assert Structure([], [], cell=np.eye(3)).pbc.tolist() == [True] * 3
    slab = Structure([], [], cell=[[3, 0, 0], [1, 4, 0], [0, 0, 0]])
    assert slab.pbc.tolist() == [True, True, False]
    assert np.linalg.det(slab.cell) == pytest.approx(12)
    assert slab.cell[2] == pytest.approx([0, 0, 1])
    wire = Structure([], [], cell=[[0, 0, 0], [0, 0, 0], [0, 0, 5]], pbc=[False, False, True])
    assert abs(np.linalg.det(wire.cell)) == pytest.approx(5)
    left_handed = Structure([], [], cell=np.diag([1, 1, -1]))
    assert np.linalg.det(left_handed.cell) == pytest.approx(-1)


def test_equality_pickle_and_words() -> None:
    s = Structure([[0, 0, 0]] * 3, ["O", "H", "H"], cell=np.eye(3) * 9, info={"a": np.arange(3)}, name="w")
    again = pickle.loads(pickle.dumps(s))
    assert again == s
    assert not again.positions.flags.writeable
    assert s != Structure([[0, 0, 0]] * 3, ["O", "H", "H"], name="w")
    assert s != Structure(s.positions, s.numbers, s.cell, info={"a": np.arange(4)}, name="w")
    assert s.formula == "H2O"
    assert s.symbols == ["O", "H", "H"]
    assert repr(s) == "Structure('w', H2O, periodic)"
    assert len(Structure([], [])) == 0
    assert repr(Structure([], [])) == "Structure(no atoms)"
    with pytest.raises(TypeError):
        hash(s)

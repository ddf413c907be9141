"""Prediction: any structures, any number, views averaged, and clear words for what cannot be predicted."""

import numpy as np
import pytest

from particlegrid import Structure
from particlegrid.errors import OutsideBoxWarning
from particlegrid.learn.predict import Predictor, predict_scores
from particlegrid.learn.train import train


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("predict")


@pytest.fixture
def predictor(store, parts, recipe, folder):
    if not (folder / "last.pt").exists():
        train(store, parts[0], parts[1], recipe, folder, steps=20)
    return Predictor.load(folder, batch_size=32)


def test_shapes_and_units(predictor, store):
    values = predictor(store.subset(range(40)))
    assert values.shape == (40, 3)
    assert values.dtype == np.float64
    assert predictor.targets == ("homo", "lumo", "gap")
    assert predictor.units == {"homo": "eV", "lumo": "eV", "gap": "eV"}
    assert predictor(store[0]).shape == (1, 3)
    assert predictor([]).shape == (0, 3)


def test_every_kind_of_input_gives_the_same(predictor, store):
    structures = [store[i] for i in range(5)]
    values = predictor(structures)
    assert np.array_equal(predictor(store.subset(range(5))), values)
    assert np.array_equal(predictor(store.batch(range(5))), values)
    assert np.array_equal(predictor((s.numbers, s.positions) for s in structures), values)
    # batches of other sizes may round otherwise
    assert np.allclose(np.concatenate([predictor(s) for s in structures]), values, rtol=0, atol=1e-5)


def test_the_frame_makes_it_independent_of_orientation(predictor, store):
    structure = store[0]
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    moved = Structure(structure.positions @ turn.T + [5.0, -3.0, 1.0], structure.numbers)
    assert np.allclose(predictor(moved, views=8), predictor(structure, views=8), atol=1e-4)


def test_views_are_averaged(predictor, store):
    recipe, targets = predictor.checkpoint.recipe, predictor.checkpoint.targets
    structures = [store[i] for i in range(6)]
    one, _ = predict_scores(predictor.model, structures, recipe, views=1)
    two, _ = predict_scores(predictor.model, structures, recipe, views=2)
    assert not np.array_equal(one, two)
    assert np.array_equal(predictor(structures), targets.restore(two))  # the recipe has 2
    assert np.array_equal(predictor(structures, views=1), targets.restore(one))
    for wrong in (0, 9, True, 1.5):
        with pytest.raises(ValueError, match="`views` must lie between 1 and 8"):
            predictor(structures, views=wrong)


def test_unknown_elements_and_empty_structures(predictor):
    with pytest.raises(ValueError, match="Cl"):
        predictor(Structure([[0, 0, 0], [0, 0, 1.3]], ["H", "Cl"]))
    with pytest.raises(ValueError, match=r"`structures\[0\]` has no atoms"):
        predictor(Structure([], []))
    with pytest.raises(TypeError, match=r"read with particlegrid\.read"):
        predictor("molecule.xyz")


def test_atoms_outside_the_box_are_told(predictor, store):
    chain = Structure([[1.4 * i, 0.3 * (i % 2), 0.1 * (i % 3)] for i in range(20)], ["C"] * 20)
    with pytest.warns(OutsideBoxWarning, match=r"12 atoms \(in 1 of 2 structures\) lie outside .* of 12 x 9 x 7.5 A"):
        predictor([store[0], chain])


def test_it_counts_where_the_time_goes(predictor, store):
    predictor(store.subset(range(40)))
    assert predictor.tally.grid_seconds > 0
    assert predictor.tally.network_seconds > 0

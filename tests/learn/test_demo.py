"""The demo from a store to a report, on a few hundred made-up molecules."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from particlegrid.data import QM9_UNITS, Split, pack
from particlegrid.learn import demo as demo_module
from particlegrid.learn.demo import TARGETS, run_demo
from particlegrid.learn.predict import Predictor
from particlegrid.learn.recipe import default_recipe
from particlegrid.learn.results import Results


@pytest.fixture
def split(parts):
    return Split(*parts)


@pytest.fixture
def small(recipe):
    return replace(recipe, targets=TARGETS, validation_size=50)


def read(folder):
    return Results.from_dict(json.loads((folder / "metrics.json").read_text())["results"])


def test_from_a_store_to_a_report(store, split, small, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.pt").write_bytes(b"of an earlier demo, which is replaced")
    seen = []
    options = {"store": store, "split": split, "recipe": small, "train_size": 400, "test_size": 60}
    path = run_demo(tmp_path, minutes=4 / 60, **options, on_progress=seen.append)
    assert path == tmp_path / "report.html"
    assert path.stat().st_size > 10_000
    assert (tmp_path / "report.md").exists()
    stages = list(dict.fromkeys(p.stage for p in seen))
    assert stages == ["data", "baselines", "train", "evaluate", "report"]
    assert all([p for p in seen if p.stage == stage][-1].done == 1 for stage in stages)

    results = read(tmp_path)
    assert [target.name for target in results.targets] == ["gap", "homo", "lumo"]
    assert [row.kind for row in results.rows] == ["measured"] * 4  # nothing is quoted for unknown data
    assert results.data_set == "tiny"
    assert (results.train_size, results.validation_size, len(results.test.atoms)) == (400, 50, 60)
    assert results.split_hash == split.sha256
    assert results.command == "particlegrid demo --minutes 0.0666667 --train-size 400"
    assert not any("interrupted" in note for note in results.notes)
    assert math.isfinite(results.curve.validation_mae[-1])

    # what the report says is what the checkpoint predicts
    rows = split.test[:60]
    values = Predictor.load(tmp_path / "run")(store.subset(rows))
    truth = np.stack([store.labels(name)[rows] for name in TARGETS], axis=1)
    assert np.allclose(results.test.predictions, values, atol=1e-5)
    assert np.array_equal(results.test.targets, truth)
    mae = {row.name: row.metrics["gap"]["mae"].value for row in results.rows}
    assert mae["3D network on voxel grids"] == pytest.approx(np.abs(values - truth)[:, 0].mean(), rel=1e-5)
    train = store.labels("gap")[split.train[:400]]
    assert mae["the mean of the training molecules"] == pytest.approx(np.abs(truth[:, 0] - train.mean()).mean())
    assert mae["3D network on voxel grids"] < mae["the mean of the training molecules"]
    assert results.cost.gridding_ms > 0
    assert results.cost.network_ms > 0
    assert results.cost.views == small.views


def test_stopped_training_still_gives_a_report_and_can_go_on(store, split, small, tmp_path):
    left = [3]

    def stop(progress):
        if progress.stage == "train":
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

    options = {"store": store, "split": split, "recipe": small, "train_size": 300, "test_size": 40}
    run_demo(tmp_path, minutes=5, **options, on_progress=stop)
    results = read(tmp_path)
    assert any("interrupted" in note for note in results.notes)
    assert "interrupted" in (tmp_path / "report.md").read_text()
    assert len(Predictor.load(tmp_path / "run")(store[0])) == 1
    seconds = results.timings.training_seconds

    run_demo(tmp_path, minutes=(seconds + 1) / 60, resume=True, **options)
    longer = read(tmp_path)
    assert not any("interrupted" in note for note in longer.notes)
    assert longer.timings.training_seconds >= seconds + 1
    assert longer.curve.samples[-1] > results.curve.samples[-1]


def test_qm9_gets_the_default_recipe_and_the_quoted_rows(molecules, tmp_path, monkeypatch):
    """All as for QM9, with other molecules in its place."""
    units = {name: QM9_UNITS[name] for name in TARGETS}
    store = pack(molecules(300), tmp_path / "store", units=units)
    monkeypatch.setattr(demo_module, "load_qm9", lambda: store)
    monkeypatch.setattr(
        demo_module, "split_qm9", lambda: Split(np.arange(200), np.arange(200, 250), np.arange(250, 300))
    )
    run_demo(tmp_path / "report", minutes=1 / 60, train_size=200, test_size=50, seed=4)
    results = read(tmp_path / "report")
    assert results.data_set == "QM9"
    quoted = [row for row in results.rows if row.kind == "quoted"]
    assert [row.metrics["gap"]["mae"].value for row in quoted] == [0.456]
    checkpoint = Predictor.load(tmp_path / "report" / "run").checkpoint
    expected = default_recipe(["H", "C", "O"], TARGETS, atom_target="charge", seed=4)
    assert checkpoint.recipe.voxelizer == expected.voxelizer
    assert checkpoint.recipe.augmentation == expected.augmentation
    assert checkpoint.recipe.atom_target == "charge"
    assert results.seeds == (4,)


def test_sizes_that_do_not_fit(store, split, small, tmp_path):
    for size in (0, 501):
        with pytest.raises(ValueError, match=f"`train_size` must lie between 1 and 500, got {size}"):
            run_demo(tmp_path, store=store, split=split, recipe=small, train_size=size, test_size=10)
    with pytest.raises(ValueError, match="`test_size` must lie between 1 and 100, got 2000"):
        run_demo(tmp_path, store=store, split=split, recipe=small, train_size=10)
    with pytest.raises(ValueError, match="go together"):
        run_demo(tmp_path, store=store)

"""train, predict and demo."""

import csv
import io

import numpy as np
import pytest

pytest.importorskip("torch")

from particlegrid.learn.predict import Predictor
from particlegrid.learn.progress import Progress


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


# ---- train


def test_train_leaves_a_run_and_tells_of_it(run_folder, call):
    assert (run_folder / "last.pt").exists()
    output = call("info", run_folder).stdout
    assert "target gap  " in output
    assert "channels      H O" in output


def test_train_shows_progress_and_continues(call, store, tmp_path, run_folder):
    options = ("--target", "gap", "-o", tmp_path / "run", "--shape", "8", "--minutes")
    result = call("train", store, *options, "0.01")
    assert result.exit_code == 0, result.output
    assert "samples/s" in result.stdout
    assert "loss" in result.stdout
    assert "validation MAE of gap" in result.stdout
    assert result.stdout.rstrip().endswith("eV")
    result = call("train", store, *options, "0.02", "--resume")
    assert result.exit_code == 0, result.output


def test_train_warns_of_a_small_box(call, store, tmp_path):
    result = call("train", store, "--target", "gap", "-o", tmp_path / "run", "--minutes", "0.005", "--shape", "2")
    assert result.exit_code == 0, result.output
    assert "reach out of the box of 1 x 1 x 1 A" in result.stderr


def test_train_refuses(refuse, store, run_folder, tmp_path, water):
    new = tmp_path / "new"
    assert "no label 'bap'; there is gap" in refuse("train", store, "--target", "bap", "-o", new)
    assert "--resume" in refuse("train", store, "--target", "gap", "-o", run_folder)
    assert "no store" in refuse("train", tmp_path / "no", "--target", "gap", "-o", new)
    assert "particlegrid pack" in refuse("train", water, "--target", "gap", "-o", new)
    assert "manifest" in refuse("train", tmp_path, "--target", "gap", "-o", new)
    assert "--valid" in refuse("train", store, "--target", "gap", "-o", new, "--valid", "2")
    assert "minutes" in refuse("train", store, "--target", "gap", "-o", new, "--minutes", "-1")
    assert "--shape" in refuse("train", store, "--target", "gap", "-o", new, "--shape", "a")


# ---- predict


def test_predict_prints_a_table_with_units(call, run_folder, water):
    result = call("predict", run_folder, water)
    assert result.exit_code == 0, result.output
    header, row = result.stdout.splitlines()
    assert header.split() == ["name", "formula", "gap", "(eV)"]
    assert row.split()[:2] == ["water", "H2O"]
    assert np.isfinite(float(row.split()[2]))


def test_predict_csv_is_what_the_library_says(call, run_folder, store, water):
    from particlegrid import iread

    waters = store.parent / "waters.xyz"
    rows = table(call("predict", run_folder, waters, water, "--csv").stdout)
    assert len(rows) == 81
    expected = Predictor.load(run_folder)([*iread(waters), *iread(water)])[:, 0]
    assert np.allclose([float(row["gap (eV)"]) for row in rows], expected, rtol=1e-5)


def test_predict_takes_smiles(call, run_folder):
    pytest.importorskip("rdkit")
    (row,) = table(call("predict", run_folder, "O", "--csv", "--views", "1").stdout)
    assert row["formula"] == "H2O"


def test_predict_names_what_the_network_does_not_know(call, refuse, run_folder, water, tmp_path):
    other = tmp_path / "salt.xyz"
    other.write_text("1\nsodium\nNa 0 0 0\n")
    result = call("predict", run_folder, water, other, "--csv")
    assert result.exit_code == 0
    assert [row["name"] for row in table(result.stdout)] == ["water"]
    assert len(result.stderr.splitlines()) == 1
    assert "no prediction for sodium" in result.stderr
    assert "Na" in refuse("predict", run_folder, other)


def test_predict_refuses(refuse, run_folder, tmp_path, water):
    pytest.importorskip("rdkit")
    assert "'c1ccc'" in refuse("predict", run_folder, "c1ccc")
    assert "no file missing.xyz" in refuse("predict", run_folder, "missing.xyz")
    assert "no run" in refuse("predict", tmp_path / "no", water)
    assert "no checkpoint" in refuse("predict", tmp_path, water)
    assert "--views" in refuse("predict", run_folder, water, "--views", "99")
    (tmp_path / "bad.pt").write_text("hello")
    assert "bad.pt" in refuse("predict", tmp_path / "bad.pt", water)


# ---- demo


@pytest.fixture
def fake_demo(monkeypatch):
    """A demo that only tells of its progress; its keyword arguments are kept."""
    demo = pytest.importorskip("particlegrid.learn.demo")
    seen = {}

    def run(folder, *, on_progress, **options):
        seen.update(options, folder=folder)
        on_progress(Progress("data", 1.0, message="130,831 molecules"))
        on_progress(Progress("train", 0.5, loss=0.25, samples_per_second=1234.0, seconds_left=125.0))
        if seen["minutes"] > 1:
            on_progress(Progress("train", 1.0))
        return folder / "report.html"

    monkeypatch.setattr(demo, "run_demo", run)
    return seen


def test_demo_tells_where_the_report_is(call, fake_demo, tmp_path):
    result = call("demo", "--minutes", "3", "--train-size", "500", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert fake_demo == {"minutes": 3.0, "train_size": 500, "folder": tmp_path / "out", "resume": False}
    assert "data 100 %  130,831 molecules" in result.stdout
    assert "loss 0.2500  1,234 samples/s  2 min 05 s left" in result.stdout
    assert str(tmp_path / "out" / "report.html") in result.stdout


def test_demo_that_was_stopped(call, fake_demo, tmp_path):
    result = call("demo", "--minutes", "1", "-o", tmp_path / "out")
    assert result.exit_code == 130
    assert "report.html" in result.stdout
    assert len(result.stderr.splitlines()) == 1


def test_demo_refuses(refuse, water):
    assert "--minutes" in refuse("demo", "--minutes", "0")
    assert "--train-size" in refuse("demo", "--train-size", "0")
    assert "is a file" in refuse("demo", "-o", water)

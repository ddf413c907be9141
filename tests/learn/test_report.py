"""Reports: what they say follows from the results, and they are written whole."""

import json
from dataclasses import replace

import numpy as np
import pytest
from synthetic import TARGETS, make_results, make_volume

from particlegrid.learn import report
from particlegrid.learn.document import Cited
from particlegrid.learn.metrics import Estimate
from particlegrid.learn.report import write_report
from particlegrid.learn.report_text import _compare, write_sections
from particlegrid.learn.results import ResultRow, Results
from particlegrid.volume import Volume

pytest.importorskip("matplotlib")
pytest.importorskip("k3d")
pytest.importorskip("ase")

FILES = {
    "report.html",
    "report.md",
    "metrics.json",
    "parity.png",
    "learning_curve.png",
    "error_by_size.png",
    "channels.png",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "deep" / "report"
    assert write_report(make_results(), make_volume(), folder) == folder / "report.html"
    return folder


def row(name, mae, kind="measured", ours=False, half=0.01):
    bounds = (mae - half, mae + half) if kind == "measured" else (None, None)
    return ResultRow(name, kind, {"gap": {"mae": Estimate(mae, *bounds)}}, ours=ours)


def test_all_files_are_there_and_no_others(folder):
    assert {path.name for path in folder.iterdir()} == FILES
    for name in FILES:
        if name.endswith("png"):
            assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_metrics_json_holds_the_results(folder):
    back = Results.read(folder / "metrics.json")
    results = make_results()
    assert back.rows[:-1] == results.rows
    assert (back.rows[-1].name, back.rows[-1].kind) == ("calibrated GFN2-xTB", "quoted")
    assert back.example == results.example
    for part in ("curve", "test"):
        for key, value in vars(getattr(results, part)).items():
            np.testing.assert_array_equal(getattr(getattr(back, part), key), value)
    for key in ("data_set", "targets", "timings", "cost", "seeds", "notes", "command", "parameters", "voxelizer"):
        assert json.dumps(Results.to_dict(back)[key]) == json.dumps(results.to_dict()[key])


def test_markdown_says_the_same_figures(folder):
    text = (folder / "report.md").read_text(encoding="utf-8")
    results = make_results()
    for target in TARGETS:
        value = results.ours.metrics[target.name]["mae"]
        assert f"**{value.value:.3f} ({value.low:.3f}–{value.high:.3f})**" in text
    assert "calibrated GFN2-xTB (quoted, not measured here) | 0.456 | – | – |" in text
    assert "74 s, 80 s, 110 s" in text
    assert "is the one that DFT had optimised" in text
    for name in FILES:
        assert f"]({name})" in text or not name.endswith("png")


def test_every_number_of_a_table_is_cited(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    results = Results.from_dict(metrics["results"])
    for section in write_sections(results, make_volume(), metrics):
        for block in section.blocks:
            for table_row in getattr(block, "rows", ()):
                for column, cell in enumerate(table_row.cells):
                    if column in (0, *block.words):
                        continue
                    words = "".join(part for part in cell if not isinstance(part, Cited))
                    assert not any(c.isdigit() for c in words), words


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (row("Forest", 0.30), "It beats Forest."),
        (row("Forest", 0.10), "It does not beat Forest."),
        (row("Forest", 0.215), "It cannot be told apart from Forest: the intervals overlap."),
        (row("Forest", 0.21, "quoted"), "It cannot be told apart from Forest (quoted): the intervals overlap."),
        (row("Forest", 0.22, "quoted"), "It beats Forest (quoted)."),
    ],
)
def test_the_verdict_follows_from_the_numbers(other, sentence):
    results = make_results(rows=(row("Network", 0.2, ours=True), other))
    assert _compare(results, "gap") == sentence


def test_verdicts_of_several_methods():
    others = (row("A", 0.3), row("B", 0.1), row("C", 0.4), row("D", 0.5))
    results = make_results(rows=(row("Network", 0.2, ours=True), *others))
    assert _compare(results, "gap") == "It does not beat B. It beats A, C and D."
    assert _compare(make_results(rows=(row("Network", 0.2, ours=True),)), "gap") == "There is nothing to compare with."


def test_an_unknown_data_set_has_nothing_quoted(tmp_path):
    write_report(make_results(60, data_set="alloys"), make_volume(), tmp_path)
    text = (tmp_path / "report.md").read_text()
    for word in ("xTB", "DFT", "quoted"):
        assert word not in text
    assert json.loads((tmp_path / "metrics.json").read_text())["quoted_costs"] == []


def test_one_target_few_molecules_and_a_bare_curve(tmp_path):
    results = make_results(4)
    curve = replace(results.curve, **{k: getattr(results.curve, k)[:0] for k in vars(results.curve) if k != "target"})
    test = replace(results.test, predictions=results.test.predictions[:, :1], targets=results.test.targets[:, :1])
    rows = tuple(replace(r, metrics={"gap": r.metrics["gap"]}) for r in results.rows)
    results = replace(results, targets=TARGETS[:1], rows=rows, test=test, curve=curve)
    write_report(results, make_volume(), tmp_path)
    assert "# HOMO–LUMO gap of QM9 molecules from voxel grids" in (tmp_path / "report.md").read_text()


@pytest.fixture
def old(tmp_path):
    """A folder with a report and a file of someone else's."""
    files = {name: f"old {name}".encode() for name in (*FILES, "weights.pt")}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return files


def read_all(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_failure_leaves_the_old_report(old, tmp_path, monkeypatch):
    def fail(title, sections):
        raise RuntimeError("stopped")

    monkeypatch.setattr(report, "render_html", fail)
    with pytest.raises(RuntimeError, match="stopped"):
        write_report(make_results(60), make_volume(), tmp_path)
    assert read_all(tmp_path) == old


def test_a_full_disk_leaves_the_old_report(old, tmp_path, monkeypatch):
    write = report.Path.write_bytes

    def fill_up(path, content):
        if path.name == "report.html":
            raise OSError("disk full")
        return write(path, content)

    monkeypatch.setattr(report.Path, "write_bytes", fill_up)
    with pytest.raises(OSError, match="disk full"):
        report._place_files(dict.fromkeys(FILES, b"new"), tmp_path)
    assert read_all(tmp_path) == old


def test_other_files_stay(old, tmp_path):
    report._place_files(dict.fromkeys(FILES, b"new"), tmp_path)
    assert read_all(tmp_path) == dict.fromkeys(FILES, b"new") | {"weights.pt": b"old weights.pt"}


def test_bad_results_are_named(tmp_path):
    volume = make_volume()
    with pytest.raises(ValueError, match="must have its structure"):
        write_report(make_results(20), Volume(volume.array, volume.grid, volume.channels), tmp_path)
    results = make_results(20)
    with pytest.raises(ValueError, match="exactly one of `rows` must have ours=True, got 0"):
        replace(results, rows=results.rows[1:])
    with pytest.raises(ValueError, match="`kind` must be one of 'measured', 'quoted', got 'guessed'"):
        row("A", 0.1, kind="guessed")
    with pytest.raises(ValueError, match="row 'The network' has metrics of"):
        replace(results, targets=TARGETS[:1])
    with pytest.raises(ValueError, match="lengths differ"):
        replace(results.test, atoms=np.arange(3))
    with pytest.raises(ValueError, match="the learning curve is of 'charge', no target"):
        replace(results, curve=replace(results.curve, target="charge"))

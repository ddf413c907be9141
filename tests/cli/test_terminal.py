"""Progress on a terminal and in a log."""

import io
from types import SimpleNamespace

from particlegrid.cli import terminal
from particlegrid.cli.terminal import ProgressDisplay, one_line


def stage(name, done, **values):
    return SimpleNamespace(
        **{"stage": name, "done": done, "loss": None, "samples_per_second": None, "seconds_left": None, "message": ""}
        | values
    )


def test_lines_come_now_and_then(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    file = io.StringIO()
    with ProgressDisplay(file) as display:
        for step in range(1001):
            now[0] += 0.05
            display(stage("train", step / 1000, loss=1 - step / 2000, seconds_left=50 - step / 20))
        display(stage("train", 1.0))
        display(stage("report", 0.0, message="pictures"))
    lines = file.getvalue().splitlines()
    assert lines[0] == "train   0 %  loss 1.0000  50 s left"
    assert lines[-2] == "train 100 %  loss 0.5000"
    assert lines[-1] == "report   0 %  pictures"
    assert len(lines) == 7  # each ten seconds of fifty, and the two ends


def test_a_terminal_gets_a_bar(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    file = io.StringIO()
    with ProgressDisplay(file) as display:
        display(stage("train", 0.25, loss=0.5, samples_per_second=2000.0, seconds_left=3700.0))
        display.count("packed", 1234)
    text = file.getvalue()
    assert "\x1b[" in text
    assert "━" in text
    assert "loss 0.5000  2,000 samples/s  1 h 01 min left" in text
    assert "1,234" in text


def test_errors_become_one_line():
    assert one_line(ValueError("a\n  b.")) == "a b"
    assert one_line(KeyError("no channel")) == "no channel"
    assert one_line(PermissionError(13, "Permission denied", "/x")) == "/x: Permission denied"
    assert one_line(MemoryError()) == "MemoryError"

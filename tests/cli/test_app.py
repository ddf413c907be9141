"""Help, exit codes and errors of the command line as a whole."""

import os
import re
import signal
import subprocess
import sys

import pytest

import particlegrid
from particlegrid.cli import main
from particlegrid.cli.app import make_app

COMMANDS = ("info", "voxelize", "pack", "train", "predict", "demo")


def run(*arguments, code=None, **environment):
    """A process of its own."""
    start = [sys.executable, "-c", code] if code else [sys.executable, "-m", "particlegrid.cli"]
    environment = {**os.environ, "COLUMNS": "100", **environment}
    return subprocess.run(
        [*start, *map(str, arguments)], capture_output=True, text=True, env=environment, check=False, timeout=120
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(call, command):
    result = call(command, "--help")
    assert result.exit_code == 0
    assert f"Example: particlegrid {command}" in re.sub(r"\s+", " ", result.stdout)


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_the_commands(call, arguments):
    result = call(*arguments)
    assert result.exit_code == 0
    assert all(re.search(rf"\b{command}\b", result.stdout) for command in COMMANDS)


def test_version(call):
    assert call("--version").stdout == f"particlegrid {particlegrid.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("fly",), "No such command 'fly'"),
        (("--fly",), "--fly"),
        (("pack",), "Missing argument 'IN...'"),
        (("pack", "a.xyz"), "--output"),
        (("predict", "run"), "Missing argument"),
        (("voxelize", "a.xyz", "-o", "a.npz", "--sigma", "wide"), "--sigma"),
    ],
)
def test_wrong_usage(refuse, arguments, expected):
    line = refuse(*arguments)
    assert expected in line
    assert "--help" in line


def test_a_typo_gets_a_suggestion(refuse):
    assert "Did you mean 'predict'" in refuse("predct")


def test_debug_keeps_the_traceback(call, monkeypatch):
    result = call("--debug", "info", "nowhere.xyz")
    assert isinstance(result.exception, FileNotFoundError)
    monkeypatch.setenv("PARTICLEGRID_DEBUG", "1")
    assert isinstance(call("info", "nowhere.xyz").exception, FileNotFoundError)


def test_process_exit_codes(water):
    done = run("info", water)
    assert (done.returncode, done.stderr) == (0, "")
    assert "H2O" in done.stdout
    done = run("info", "nowhere.xyz")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "particlegrid: error: there is no file nowhere.xyz\n"


def test_help_loads_nothing_heavy():
    code = """
import sys
from particlegrid.cli import main
try:
    main(["--help"])
except SystemExit as end:
    assert not end.code
heavy = [name for name in ("torch", "ase", "rdkit", "gemmi", "matplotlib", "monai", "scipy") if name in sys.modules]
sys.exit(str(heavy) if heavy else 0)
"""
    done = run(code=code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_without_its_packages_it_says_what_to_install(package):
    code = f"import sys; sys.modules[{package!r}] = None; from particlegrid.cli import main; main(['info'])"
    done = run(code=code)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f'particlegrid: error: this needs {package}, which is not installed: pip install "particlegrid[cli]"\n'
    )


def test_main_ends_the_process():
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0


def test_an_interrupt_is_one_line_and_130(call, monkeypatch, water):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("particlegrid.io.iread", interrupt)
    result = call("voxelize", water, "-o", water.with_suffix(".npz"))
    assert result.exit_code == 130
    assert result.stderr == "particlegrid: stopped\n"


def test_ctrl_c_in_training_leaves_a_network(store, tmp_path):
    pytest.importorskip("torch")
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "particlegrid.cli", "train", store, "--target", "gap", "-o", folder, "--shape", "8"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().startswith("train")  # a step is done
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert len(errors.splitlines()) == 1
    assert "--resume" in errors
    done = run("predict", folder, store.parent / "waters.xyz", "--csv")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 81


def test_a_closed_pipe_is_no_error(store, run_folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "particlegrid.cli", "predict", run_folder, store.parent / "waters.xyz", "--csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    with process.stderr:
        errors = process.stderr.read()
    process.wait(60)
    assert "Traceback" not in errors


def test_every_command_is_listed_here():
    assert {command.callback.__name__ for command in make_app().registered_commands} == set(COMMANDS)

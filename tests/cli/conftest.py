"""The command line in this process, files to feed it, and a network that was trained for a moment."""

import random

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")

from typer.testing import CliRunner

from particlegrid.cli.app import make_app

WATER = "3\nwater\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n"


@pytest.fixture
def call():
    """Run a command: ``call("pack", path, "-o", store)`` gives exit_code, stdout and stderr."""
    app = make_app()

    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def refuse(call):
    """Run a command that must end with exit code 2 and one line on stderr; gives that line."""

    def run(*arguments):
        result = call(*arguments)
        assert result.exit_code == 2, result.output
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("particlegrid: error: ")
        return lines[0]

    return run


@pytest.fixture
def water(tmp_path):
    path = tmp_path / "water.xyz"
    path.write_text(WATER)
    return path


def _write_waters(path, n, broken=()):
    """Waters with a gap that depends on their shape, as extended xyz; the broken records have a word for a number."""
    draw = random.Random(0)
    with open(path, "w") as file:
        for i in range(n):
            y = 0.55 + 0.1 * draw.random()
            file.write(f"3\nProperties=species:S:1:pos:R:3 gap={10 * y:.4f}\n")
            file.write(f"O 0 0 {'zero' if i in broken else 0}\nH 0.76 {y:.4f} 0\nH -0.76 0.59 0\n")
    return path


@pytest.fixture
def write_waters():
    """The function that writes them: ``write_waters(path, n, broken=())``."""
    return _write_waters


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """A packed store of 80 waters with a label gap in eV."""
    pytest.importorskip("safetensors")
    pytest.importorskip("ase")
    folder = tmp_path_factory.mktemp("cli")
    _write_waters(folder / "waters.xyz", 80)
    result = CliRunner().invoke(
        make_app(), ["pack", str(folder / "waters.xyz"), "-o", str(folder / "store"), "--unit", "gap=eV"]
    )
    assert result.exit_code == 0, result.output
    return folder / "store"


@pytest.fixture(scope="session")
def run_folder(store):
    """A network trained on the store for a second and a half."""
    pytest.importorskip("torch")
    folder = store.parent / "run"
    result = CliRunner().invoke(
        make_app(), ["train", str(store), "--target", "gap", "-o", str(folder), "--minutes", "0.025", "--shape", "8"]
    )
    assert result.exit_code == 0, result.output
    return folder

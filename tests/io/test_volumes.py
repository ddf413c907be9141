"""Volumes survive files: bit for bit in .npz, to seven digits in .cube as ASE reads it."""

import json

import numpy as np
import pytest

from particlegrid import Structure
from particlegrid.grid import Grid
from particlegrid.io import volumes
from particlegrid.io.volumes import read_volume, write_volume
from particlegrid.volume import Volume

SHEARED = [[0.4, 0.0, 0.0], [0.1, 0.5, 0.0], [0.05, -0.1, 0.6]]


@pytest.fixture
def volume():
    rng = np.random.default_rng(0)
    structure = Structure(
        rng.normal(size=(3, 3)),
        ["O", "H", "H"],
        cell=[[4, 0, 0], [1, 5, 0], [0, 0, 6]],
        pbc=(True, False, True),
        bonds=[[0, 1, 1], [0, 2, 1]],
        properties={"charge": [-0.8, 0.4, 0.4], "label": ["a", "b", "c"]},
        info={"gap": 7.5, "tags": ["x", 1], "dipole": np.arange(3.0), "steps": np.int64(4)},
        name="water",
    )
    array = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    return Volume(array, Grid((3, 4, 5), SHEARED, (-1.0, 0.5, 1 / 3), pbc=(True, False, True)), ("H", "O"), structure)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_npz_keeps_everything(volume, dtype, tmp_path):
    volume = Volume(volume.array.astype(dtype), volume.grid, volume.channels, volume.structure)
    volume.save(tmp_path / "v.npz")
    back = Volume.load(tmp_path / "v.npz")
    assert back.array.dtype == dtype
    assert back.array.tobytes() == volume.array.tobytes()
    assert back.grid == volume.grid
    assert back.channels == volume.channels
    assert back.structure == volume.structure
    assert back.structure.positions.tobytes() == volume.structure.positions.tobytes()


def test_npz_without_a_structure(volume, tmp_path):
    write_volume(Volume(volume.array, volume.grid, volume.channels), tmp_path / "v.NPZ")
    assert read_volume(tmp_path / "v.NPZ").structure is None


def test_npz_refuses_what_it_cannot_keep(volume, tmp_path):
    structure = Structure([[0, 0, 0]], ["H"], info={"mol": object()})
    with pytest.raises(TypeError, match=r"`info\['mol'\]` is a object"):
        write_volume(Volume(volume.array, volume.grid, volume.channels, structure), tmp_path / "v.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("channel", [None, "O"])
def test_cube_as_ase_reads_it(volume, channel, tmp_path):
    cube = pytest.importorskip("ase.io.cube")
    path = tmp_path / "v.cube"
    volume.save(path, channel)
    with open(path) as file:
        comment = file.readline()
        file.seek(0)
        content = cube.read_cube(file)
    expected = volume.array.sum(axis=0, dtype=float) if channel is None else volume["O"]
    assert ("sum of the channels H O" in comment) == (channel is None)
    np.testing.assert_allclose(content["data"], expected, rtol=1e-6)
    # lengths have six decimals, in Bohr
    np.testing.assert_allclose(content["spacing"], SHEARED, atol=1e-6)
    np.testing.assert_allclose(content["origin"], volume.grid.centers()[0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(content["atoms"].positions, volume.structure.positions, atol=1e-6)
    np.testing.assert_array_equal(content["atoms"].numbers, volume.structure.numbers)


def test_cube_comes_back(volume, tmp_path):
    pytest.importorskip("ase")
    write_volume(volume, tmp_path / "v.cube", "H")
    back = read_volume(tmp_path / "v.cube")
    assert back.channels == ("H",)
    np.testing.assert_allclose(back.grid.centers(), volume.grid.centers(), atol=1e-5)
    np.testing.assert_allclose(back["H"], volume["H"], rtol=1e-6)
    write_volume(volume, tmp_path / "sum.cube")
    assert read_volume(tmp_path / "sum.cube").channels == ("H+O",)


def test_cube_without_atoms(volume, tmp_path):
    pytest.importorskip("ase")
    write_volume(Volume(volume.array, volume.grid, volume.channels), tmp_path / "v.cube")
    back = read_volume(tmp_path / "v.cube")
    assert back.structure is None
    np.testing.assert_allclose(back.array[0], volume.array.sum(axis=0), rtol=1e-6)


def test_cube_refuses_infinities(volume, tmp_path):
    pytest.importorskip("ase")
    volume.array[0, 0, 0, 0] = np.inf
    with pytest.raises(ValueError, match="finite"):
        write_volume(volume, tmp_path / "v.cube")


@pytest.mark.parametrize(
    ("name", "channel", "message"),
    [
        ("v.xyz", None, r"suffix '\.xyz'; known are \.cube, \.npz"),
        ("v", None, "suffix ''"),
        ("v.cube", "N", "no channel 'N'; there is H, O"),
        ("v.npz", "H", "holds every channel"),
    ],
)
def test_bad_requests_are_named(volume, name, channel, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_volume(volume, tmp_path / name, channel)
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_volumes(tmp_path):
    pytest.importorskip("ase")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="`header` and `array` are expected"):
        read_volume(tmp_path / "other.npz")
    np.savez(tmp_path / "grid.npz", array=np.zeros(3), header=json.dumps({"grid": {"type": "AllAtoms"}}))
    with pytest.raises(ValueError, match="its grid is a AllAtoms"):
        read_volume(tmp_path / "grid.npz")
    (tmp_path / "text.cube").write_text("not\na\ncube\n")
    with pytest.raises(ValueError, match="is no cube file"):
        read_volume(tmp_path / "text.cube")


def test_a_failed_write_leaves_the_old_file(volume, tmp_path, monkeypatch):
    path = tmp_path / "v.npz"
    write_volume(volume, path)
    old = path.read_bytes()

    def break_off(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(volumes.np, "savez_compressed", break_off)
    with pytest.raises(OSError, match="disk full"):
        write_volume(volume, path)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]

"""info, voxelize and pack."""

import json

import numpy as np
import pytest

from particlegrid import (
    AllAtoms,
    Binary,
    Box,
    Coulomb,
    Elements,
    Gaussian,
    GaussianQuadratic,
    LennardJones,
    Occupancy,
    SphereOverlap,
    UnitCell,
    Volume,
    Voxelizer,
    _native,
    iread,
    read,
)
from particlegrid.data import Store

pytest.importorskip("ase")


@pytest.fixture
def thousand(tmp_path, write_waters):
    """A thousand records, three of them broken."""
    return write_waters(tmp_path / "thousand.xyz", 1000, broken=(17, 400, 999))


# ---- info


def test_info_shows_the_installation(call):
    lines = dict(line.split(maxsplit=1) for line in call("info").stdout.splitlines())
    assert lines["numpy"] == np.__version__
    assert _native.active_instruction_set() in lines["instruction"]
    assert {"torch", "ase", "rdkit", "typer"} <= lines.keys()


def test_info_says_how_to_install_what_is_missing(call, monkeypatch):
    from importlib import metadata

    def find(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", find)
    assert 'not installed: pip install "particlegrid[chem]"' in call("info").stdout


def test_info_of_structures(call, water, thousand):
    result = call("info", water)
    assert "H2O" in result.stdout
    assert "elements    H O" in result.stdout
    result = call("info", thousand)
    assert "structures  997" in result.stdout
    assert len(result.stderr.splitlines()) == 4


def test_info_of_a_store(call, store):
    output = call("info", store).stdout
    assert "structures  80" in output
    assert "eV" in next(line for line in output.splitlines() if line.startswith("label gap"))


def test_info_of_volumes(call, water):
    for suffix in (".npz", ".cube"):
        path = water.with_suffix(suffix)
        assert call("voxelize", water, "-o", path, "--shape", "16").exit_code == 0
        assert "16 x 16 x 16 voxels" in call("info", path).stdout


def test_info_of_nothing_known(refuse, tmp_path):
    assert "neither a store" in refuse("info", tmp_path)
    (tmp_path / "a.npz").write_text("not a zip")
    refuse("info", tmp_path / "a.npz")
    (tmp_path / "a.unheard").write_text("?")
    refuse("info", tmp_path / "a.unheard")
    assert "no file" in refuse("info", tmp_path / "b.xyz")


# ---- voxelize


def test_voxelize_one(call, water):
    path = water.with_suffix(".npz")
    result = call("voxelize", water, "-o", path, "--shape", "24,20,16", "--spacing", "0.4", "--sigma", "0.3")
    assert result.exit_code == 0, result.output
    vox = Voxelizer(Box((24, 20, 16), 0.4), Elements("H", "O"), Gaussian(0.3))
    volume = Volume.load(path)
    assert volume.channels == ("H", "O")
    assert np.array_equal(volume.array, vox(read(water)))


def test_voxelize_around_and_options(call, water):
    path = water.with_suffix(".npz")
    options = ("--around", "2", "--elements", "O,H", "--value", "mean", "--dtype", "float64")
    assert call("voxelize", water, "-o", path, *options).exit_code == 0
    volume = Volume.load(path)
    assert volume.channels == ("O", "H")
    assert volume.array.dtype == np.float64
    assert volume.grid.shape == (12, 10, 8)


def test_voxelize_many(call, thousand, tmp_path):
    path = tmp_path / "many.npz"
    result = call("voxelize", thousand, "-o", path, "--shape", "8")
    assert result.exit_code == 0
    assert [line.split("record ")[1].split(":")[0] for line in result.stderr.splitlines()[1:]] == ["17", "400", "999"]
    with np.load(path) as content:
        assert content["array"].shape == (997, 2, 8, 8, 8)
        assert content["channels"].tolist() == ["H", "O"]
        assert len(content["names"]) == len(content["origins"]) == 997
        vox = Voxelizer.from_dict(json.loads(str(content["voxelizer"])))
        with pytest.warns(UserWarning, match="could not be read"):
            structures = list(iread(thousand))
        assert np.array_equal(vox(structures[-1]), content["array"][-1])
    assert "997 x 2 x 8 x 8 x 8" in call("info", path).stdout


CRYSTAL = """2
Lattice="4 0 0 -2 3.4 0 0 0 5" Properties=species:S:1:pos:R:3:charge:R:1 pbc="T T T"
Na 0 0 0 1
Cl 0.5 1.5 2.5 -1
"""


@pytest.fixture
def crystal(tmp_path):
    path = tmp_path / "crystal.xyz"
    path.write_text(CRYSTAL)
    return path


@pytest.mark.parametrize(
    ("options", "where", "which", "what"),
    [
        ((), UnitCell(spacing=0.5), Elements("Na", "Cl"), Gaussian(0.5)),
        (("--shape", "9,8,7", "--sigma", "0.8", "--value", "mean"), UnitCell((9, 8, 7)), None, Gaussian(0.8, "mean")),
        (("--spacing", "0.7", "--elements", "Cl,Na"), UnitCell(spacing=0.7), Elements("Cl", "Na"), Gaussian(0.5)),
        (("--density", "gaussian-quadratic"), UnitCell(spacing=0.5), None, GaussianQuadratic()),
        (("--density", "occupancy"), UnitCell(spacing=0.5), None, Occupancy()),
        (("--density", "binary"), UnitCell(spacing=0.5), None, Binary()),
        (("--density", "sphere-overlap"), UnitCell(spacing=0.5), None, SphereOverlap()),
        (("--density", "coulomb"), UnitCell(spacing=0.5), AllAtoms(), Coulomb()),
        (("--density", "lennard-jones"), UnitCell(spacing=0.5), AllAtoms(), LennardJones()),
        (
            ("--density", "lennard-jones", "--probe", "H2", "--cap", "2"),
            UnitCell(spacing=0.5),
            AllAtoms(),
            LennardJones(probe="H2", cap=2),
        ),
    ],
)
def test_voxelize_fills_cells_with_any_density(call, crystal, options, where, which, what):
    path = crystal.with_suffix(".npz")
    result = call("voxelize", crystal, "-o", path, *options)
    assert result.exit_code == 0, result.output
    volume = Volume.load(path)
    expected = Voxelizer(where, which or Elements("Na", "Cl"), what).volume(read(crystal))
    assert volume.channels == expected.channels
    assert volume.grid == expected.grid
    np.testing.assert_array_equal(volume.array, expected.array)


def test_voxelize_many_cells(call, crystal, tmp_path):
    other = tmp_path / "other.xyz"
    other.write_text(CRYSTAL.replace("0 0 5", "0 1 6"))
    path = tmp_path / "cells.npz"
    assert call("voxelize", crystal, other, "-o", path, "--shape", "6").exit_code == 0
    structures = [read(crystal), read(other)]
    with np.load(path) as content:
        np.testing.assert_allclose(6 * content["axes"], [s.cell for s in structures])
        vox = Voxelizer.from_dict(json.loads(str(content["voxelizer"])))
        np.testing.assert_array_equal(content["array"], vox(structures))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--around", "2"), "--around is for molecules"),
        (("--shape", "8", "--spacing", "0.5"), "not both"),
        (("--spacing", "0.5,0.5,0.6"), "one number"),
        (("--density", "fog"), "lennard-jones"),
        (("--density", "binary", "--sigma", "0.4"), "--sigma goes with --density gaussian"),
        (("--probe", "H2"), "--probe goes with --density lennard-jones"),
    ],
)
def test_voxelize_refuses_for_cells(refuse, crystal, options, expected):
    assert expected in refuse("voxelize", crystal, "-o", crystal.with_suffix(".npz"), *options)


def test_voxelize_refuses_molecules_and_cells_together(refuse, crystal, water, tmp_path):
    assert "1 of 2 structures are periodic" in refuse("voxelize", crystal, water, "-o", tmp_path / "a.npz")


def test_voxelize_warns_of_atoms_outside(call, water):
    result = call("voxelize", water, "-o", water.with_suffix(".npz"), "--shape", "2")
    assert result.exit_code == 0
    assert result.stderr == "particlegrid: warning: 2 of 3 atoms lie outside the box of 1 x 1 x 1 A\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--elements", "H,Xx"), "'Xx' is not the symbol of an element"),
        (("--elements", "H"), "no channel"),
        (("--sigma", "-1"), "`sigma` must be positive"),
        (("--value", "sum"), "'integral', 'mean', 'point'"),
        (("--dtype", "int8"), "float32"),
        (("--shape", "3,4"), "--shape must be one number or three"),
        (("--shape", "2.5"), "whole numbers"),
        (("--shape", "0"), "shape"),
        (("--spacing", "x"), "--spacing"),
        (("--spacing", "-1"), "`spacing` must be positive"),
        (("--around", "2", "--shape", "8"), "not both"),
        (("--around", "-2",), "`padding`"),
    ],
)  # fmt: skip
def test_voxelize_refuses(refuse, water, options, expected):
    path = water.with_suffix(".npz")
    assert expected in refuse("voxelize", water, "-o", path, *options)
    assert not path.exists()


def test_voxelize_refuses_paths(refuse, call, water, tmp_path, write_waters):
    assert "no file" in refuse("voxelize", tmp_path / "no.xyz", "-o", tmp_path / "a.npz")
    assert ".npz or .cube" in refuse("voxelize", water, "-o", tmp_path / "a.foo")
    assert "is a folder" in refuse("voxelize", water, "-o", tmp_path)
    assert "no folder" in refuse("voxelize", water, "-o", tmp_path / "no" / "a.npz")
    two = write_waters(tmp_path / "two.xyz", 2)
    assert "holds one structure" in refuse("voxelize", two, "-o", tmp_path / "a.cube")
    assert "GB" in refuse("voxelize", two, "-o", tmp_path / "a.npz", "--shape", "2000")
    (tmp_path / "empty.xyz").touch()
    assert "empty" in refuse("voxelize", tmp_path / "empty.xyz", "-o", tmp_path / "a.npz")
    (tmp_path / "long.xyz").write_text("1\n\nO 0 0 0\n2\n\nO 0 0 0\nO 0 0 5\n")
    assert "different shapes" in refuse("voxelize", tmp_path / "long.xyz", "-o", tmp_path / "a.npz", "--around", "2")
    assert not list(tmp_path.glob("*.npz*"))


# ---- pack


def test_pack_skips_and_names_broken_records(call, thousand, tmp_path):
    result = call("pack", thousand, "-o", tmp_path / "store", "--unit", "gap=eV")
    assert result.exit_code == 0, result.output
    assert "997 structures, labels: gap (eV)" in result.stdout
    named = [line for line in result.stderr.splitlines() if "record " in line and thousand.name in line]
    assert [line.split("record ")[1].split(":")[0] for line in named] == ["17", "400", "999"]
    packed = Store(tmp_path / "store")
    assert len(packed) == 997
    assert packed.units == {"gap": "eV"}
    assert packed.manifest["skipped"]["count"] == 3


def test_pack_names_twenty_and_counts_the_rest(call, tmp_path, write_waters):
    path = write_waters(tmp_path / "bad.xyz", 30, broken=range(25))
    errors = call("pack", path, "-o", tmp_path / "store").stderr
    assert errors.count(", record ") == 20
    assert "and 5 more; the first 1,000 are in" in errors


def test_pack_keeps_labels_asked_for(call, water, tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text("1\nProperties=species:S:1:pos:R:3 gap=5 dipole=1\nO 0 0 0\n")
    assert call("pack", path, water, "-o", tmp_path / "store", "--label", "dipole", "--float32").exit_code == 0
    packed = Store(tmp_path / "store")
    assert list(packed.manifest["labels"]) == ["dipole"]
    assert packed.manifest["positions"]["dtype"] == "float32"


def test_pack_refuses(refuse, water, store, tmp_path):
    assert "exists" in refuse("pack", water, "-o", store)
    assert "no file" in refuse("pack", tmp_path / "no.xyz", "-o", tmp_path / "new")
    assert "NAME=UNIT" in refuse("pack", water, "-o", tmp_path / "new", "--unit", "gap")
    assert "is a folder" in refuse("pack", tmp_path, "-o", tmp_path / "new")
    assert not (tmp_path / "new").exists()

"""POSCAR, JSON, and what ASE reads."""

import gzip
import json

import numpy as np
import pytest

from particlegrid.adapt import to_ase, to_pymatgen
from particlegrid.errors import UnreadableRecordWarning
from particlegrid.io import iread, read
from particlegrid.structure import Structure

CELL = np.array([[4.0, 0.0, 0.0], [0.5, 5.0, 0.0], [0.25, 0.75, 6.0]])
SALT = Structure([[0, 0, 0], [1, 1.5, 2]], ["Na", "Cl"], CELL)


def assert_salt(structure):
    assert structure.symbols == ["Na", "Cl"]
    np.testing.assert_allclose(structure.positions, SALT.positions, atol=1e-6)
    np.testing.assert_allclose(structure.cell, CELL, atol=1e-6)
    assert structure.pbc.all()


@pytest.mark.parametrize("name", ["POSCAR", "CONTCAR.relaxed", "salt.vasp", "salt.poscar", "POSCAR.gz"])
def test_poscar(tmp_path, name):
    write = pytest.importorskip("ase.io").write
    write(tmp_path / name, to_ase(SALT), format="vasp", direct=True)
    assert_salt(read(tmp_path / name))


def test_broken_poscar(tmp_path):
    pytest.importorskip("ase.io")
    (tmp_path / "POSCAR").write_text("salt\n1.0\n4 0 0\n0 4 0\n")
    with pytest.raises(ValueError, match=r"POSCAR, record 0: "):
        read(tmp_path / "POSCAR")


@pytest.mark.parametrize("name", ["salt.traj", "salt.db", "salt.json", "salt.xsf", "salt.gen"])
def test_formats_of_ase(tmp_path, name):
    write = pytest.importorskip("ase.io").write
    write(tmp_path / name, to_ase(SALT))
    assert_salt(read(tmp_path / name))


def test_ase_format_by_name(tmp_path):
    write = pytest.importorskip("ase.io").write
    write(tmp_path / "odd.name", [to_ase(SALT)] * 3, format="traj")
    assert len(list(iread(tmp_path / "odd.name", format="traj"))) == 3


def test_trajectory_cut_off(tmp_path):
    write = pytest.importorskip("ase.io").write
    path = tmp_path / "salt.xsf"
    write(path, [to_ase(SALT)] * 2)
    path.write_text(path.read_text()[:-40])
    with pytest.warns(UnreadableRecordWarning, match="could not be read"):
        list(iread(path))


class TestJson:
    @pytest.fixture(autouse=True)
    def _needs_pymatgen(self):
        pytest.importorskip("pymatgen.core")

    def test_one_crystal(self, tmp_path):
        path = tmp_path / "salt.json.gz"
        path.write_bytes(gzip.compress(json.dumps(to_pymatgen(SALT).as_dict()).encode()))
        assert_salt(read(path))

    def test_molecule(self, tmp_path):
        path = tmp_path / "oxygen.json"
        molecule = Structure([[0, 0, 0], [0, 0, 1.2]], ["O", "O"], info={"spin_multiplicity": 3})
        path.write_text(json.dumps(to_pymatgen(molecule).as_dict()))
        assert read(path) == molecule

    def test_rows_one_broken(self, tmp_path):
        row = {"material_id": "mp-22862", "structure": to_pymatgen(SALT).as_dict(), "band_gap": 5.0, "sites": [1]}
        path = tmp_path / "rows.json"
        path.write_text(json.dumps([row, {"structure": {"@class": "Structure"}}, {"a": 1}, 7, row]))
        errors = []
        with pytest.warns(UnreadableRecordWarning, match="3 of 5"):
            first, second = iread(path, errors=errors)
        assert_salt(second)
        assert first.name == "mp-22862"
        assert first.info == {"material_id": "mp-22862", "band_gap": 5.0}
        assert [record for _, record, _ in errors] == [1, 2, 3]
        assert errors[1][2] == "neither a structure of pymatgen nor one of JARVIS: its keys are a"
        assert errors[2][2] == "expected a JSON object, got '7'"


def test_jarvis(tmp_path):
    atoms = {
        "lattice_mat": CELL.tolist(),
        "coords": (SALT.positions @ np.linalg.inv(CELL)).tolist(),
        "elements": ["Na", "Cl "],
        "cartesian": False,
        "props": ["", ""],
    }
    path = tmp_path / "jarvis.json"
    path.write_text(json.dumps([{"jid": "JVASP-1", "atoms": atoms, "formation_energy_peratom": -2.1}]))
    structure = read(path)
    assert_salt(structure)
    assert structure.name == "JVASP-1"
    assert structure.info["formation_energy_peratom"] == -2.1


def test_no_json(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("{not json")
    with pytest.raises(ValueError, match=r"x\.json, record 0: it is no valid JSON: "):
        read(path)

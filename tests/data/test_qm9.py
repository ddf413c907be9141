"""QM9 against the package's own files, parsed again in another way."""

import ast
import csv
import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from particlegrid import Structure
from particlegrid.data import ATOM_REFERENCES, HARTREE, QM9_UNITS, load_qm9, split_qm9

FOLDER = importlib.util.find_spec("qm9pack")
needs_qm9 = pytest.mark.skipif(FOLDER is None, reason="qm9pack is not installed")

COLUMNS = {
    "A": "RotA_GHz", "B": "RotB_GHz", "C": "RotC_GHz", "mu": "Dipole_debye", "alpha": "Polarizability_bohr3",
    "homo": "HOMO_au", "lumo": "LUMO_au", "gap": "HOMO_LUMO_gap_au", "r2": "R2_bohr2", "zpve": "ZPVE_au",
    "u0": "InternalEnergy_0K_au", "u298": "InternalEnergy_298K_au", "h298": "Enthalphy_298K_au",
    "g298": "GibbsFreeEnergy_298K_au", "cv": "Heatcapacity_Cv_cal_mol_K",
}  # fmt: skip


@pytest.fixture(scope="module")
def qm9():
    return load_qm9()


def read_some_rows() -> dict[int, dict[str, str]]:
    """Every 5,003rd row of the CSV files, and the first and last of each file, by row number."""
    found, n = {}, 0
    for part in (1, 2, 3):
        with open(Path(FOLDER.submodule_search_locations[0]) / "data" / f"qm9_part{part}.csv", newline="") as file:
            rows = list(csv.reader(file))
        for i, row in enumerate(rows[1:]):
            if (n + i) % 5003 == 0 or i in (0, len(rows) - 2):
                found[n + i] = dict(zip(rows[0], row))
        n += len(rows) - 1
    assert n == 130_831
    return found


@needs_qm9
def test_molecules_are_those_of_the_files(qm9):
    rows = read_some_rows()
    assert len(rows) > 30
    for i, row in rows.items():
        molecule = qm9[i]
        assert molecule.name == row["XYZ_file"].removesuffix(".xyz") == qm9.ids[i]
        assert molecule.info["index"] == int(row["Index"])
        assert molecule.info["smiles"] == row["SMILES"]
        assert molecule.symbols == ast.literal_eval(row["Elements"])
        assert len(molecule) == int(row["N_atoms"])
        assert molecule.positions.tolist() == ast.literal_eval(row["XYZ_Ang"])
        assert np.allclose(molecule.properties["charge"], ast.literal_eval(row["Mulliken_pop"]), atol=5e-7, rtol=0)
        for name, column in COLUMNS.items():
            value = float(row[column]) * (27.211386245988 if column.endswith("_au") else 1.0)
            assert molecule.info[name] == pytest.approx(value, rel=1e-12, abs=0), (i, name)


@needs_qm9
def test_the_whole_of_qm9(qm9):
    assert len(qm9) == 130_831
    assert int(qm9.counts.sum()) == 2_359_210
    assert {name: qm9.units[name] for name in QM9_UNITS} == QM9_UNITS
    assert len(QM9_UNITS) == 15
    assert qm9.manifest["properties"]["charge"]["unit"] == "e"
    assert qm9.manifest["skipped"]["count"] == 0
    for name in QM9_UNITS:
        assert np.isfinite(qm9.labels(name)).all()
    # neutral molecules: charges were rounded to 1e-6
    everything = qm9.batch(np.arange(len(qm9)))
    totals = np.add.reduceat(everything.property("charge").astype(np.float64), everything.offsets[:-1])
    assert np.abs(totals).max() < 2e-5
    assert set(np.unique(everything.numbers)) == {1, 6, 7, 8, 9}


@needs_qm9
def test_gap_is_lumo_less_homo_to_rounding(qm9):
    error = qm9.labels("gap") - (qm9.labels("lumo") - qm9.labels("homo"))
    assert np.abs(error).max() <= 1.001e-4 * HARTREE


@needs_qm9
def test_rows_are_in_the_order_of_the_index_so_that_the_split_names_molecules(qm9):
    index = qm9.labels("index")
    assert (np.diff(index) > 0).all()
    text = ",".join(map(str, index[split_qm9().test].tolist()))
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "f610903e2257fad7a80297a1e86e6cc65a8e7477fb05cf19cd243cff967bf981"
    )


@needs_qm9
def test_energies_of_atomisation_are_reasonable(qm9):
    """All molecules are bound, by 3 to 7 eV an atom."""
    for name in ("u0", "u298", "h298", "g298"):
        table = np.zeros(10)
        table[list(ATOM_REFERENCES[name])] = list(ATOM_REFERENCES[name].values())
        batch = qm9.batch(np.arange(0, len(qm9), 100))
        atoms = np.add.reduceat(table[batch.numbers], batch.offsets[:-1])
        bound = (qm9.labels(name)[::100] - atoms) / batch.counts
        assert -7.0 < bound.min() < bound.max() < -2.5


def test_atom_references_are_consistent():
    """Enthalpy is energy + kT and energy at 298.15 K is that at 0 K + 3/2 kT for a free atom, to the digits given."""
    kt = 8.617333262e-5 * 298.15
    for z in (1, 6, 7, 8, 9):
        u0, u298, h298 = (ATOM_REFERENCES[name][z] for name in ("u0", "u298", "h298"))
        assert u298 - u0 == pytest.approx(1.5 * kt, abs=2e-6 * HARTREE)
        assert h298 - u298 == pytest.approx(kt, abs=2e-6 * HARTREE)
    # translational entropy and 2S + 1 spin states, Sackur-Tetrode: 27.39 cal/(mol K) for H
    entropy = (ATOM_REFERENCES["h298"][1] - ATOM_REFERENCES["g298"][1]) / 298.15 / HARTREE * 627_509.5
    assert entropy == pytest.approx(27.39, abs=0.02)


def test_a_missing_package_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "particlegrid\[data\]"'):
        load_qm9(tmp_path)


def test_without_download_nothing_is_made(tmp_path):
    with pytest.raises(FileNotFoundError, match="download=True"):
        load_qm9(tmp_path, download=False)
    assert list(tmp_path.iterdir()) == []


def test_the_cache_folder_is_the_environments(monkeypatch, tmp_path):
    from particlegrid.data import pack

    monkeypatch.setenv("PARTICLEGRID_CACHE", str(tmp_path))
    pack([Structure([[0, 0, 0]], ["He"])], tmp_path / "qm9-1")
    assert len(load_qm9(download=False)) == 1

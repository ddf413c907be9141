"""SDF and MOL."""

import gzip

import numpy as np
import pytest

from particlegrid.adapt import to_rdkit
from particlegrid.errors import UnreadableRecordWarning
from particlegrid.io import from_smiles, iread, read

Chem = pytest.importorskip("rdkit.Chem")

SMILES = ["CCO", "c1ccccc1O", "C[NH3+]", "CC(=O)[O-]"]


def record(structure, **fields):
    mol = to_rdkit(structure)
    lines = [Chem.MolToMolBlock(mol)]
    lines += [f">  <{key}>\n{value}\n\n" for key, value in fields.items()]
    return "".join(lines) + "$$$$\n"


@pytest.fixture(scope="module")
def molecules():
    return [from_smiles(smiles) for smiles in SMILES]


def test_round_trip(tmp_path, molecules):
    path = tmp_path / "molecules.sdf"
    with Chem.SDWriter(str(path)) as writer:
        for i, molecule in enumerate(molecules):
            mol = to_rdkit(molecule)
            mol.SetProp("gap", str(0.5 * i))
            mol.SetProp("note", "a b")
            writer.write(mol)
    found = list(iread(path))
    assert len(found) == len(molecules)
    for i, (structure, molecule) in enumerate(zip(found, molecules)):
        assert structure.name == SMILES[i]
        assert structure.numbers.tolist() == molecule.numbers.tolist()
        np.testing.assert_allclose(structure.positions, molecule.positions, atol=1e-4)
        np.testing.assert_array_equal(structure.bonds, molecule.bonds)
        np.testing.assert_array_equal(structure.properties["formal_charge"], molecule.properties["formal_charge"])
        assert structure.info["gap"] == 0.5 * i
        assert structure.info["note"] == "a b"


def test_partial_charges_as_atom_property_list(tmp_path, molecules):
    mol = to_rdkit(molecules[0])
    for i, atom in enumerate(mol.GetAtoms()):
        atom.SetDoubleProp("PartialCharge", i / 8)
    Chem.CreateAtomDoublePropertyList(mol, "PartialCharge")
    path = tmp_path / "charged.sdf"
    with Chem.SDWriter(str(path)) as writer:
        writer.write(mol)
    structure = read(path)
    np.testing.assert_allclose(structure.properties["charge"], np.arange(9) / 8)
    assert not any(key.startswith("atom.") for key in structure.info)


def test_molfile_without_separator(tmp_path, molecules):
    path = tmp_path / "ethanol.mol"
    path.write_text(Chem.MolToMolBlock(to_rdkit(molecules[0])))
    assert read(path).formula == "C2H6O"


def test_thousand_records_three_broken(tmp_path, molecules):
    records = [record(molecules[i % 4], index=i) for i in range(1000)]
    records[3] = records[3].replace(" C  ", " Qq ", 1)
    records[400] = records[400][:300] + "\n$$$$\n"
    records[999] = "no molfile at all\n$$$$\n"
    path = tmp_path / "thousand.sdf.gz"
    path.write_bytes(gzip.compress("".join(records).encode(), 1))
    errors = []
    with pytest.warns(UnreadableRecordWarning, match=r"3 of 1000 .*record 3: .*record 400: .*record 999: "):
        found = list(iread(path, errors=errors))
    assert [number for _, number, _ in errors] == [3, 400, 999]
    assert all(message.startswith("RDKit cannot read the record: ") for _, _, message in errors)
    assert [structure.info["index"] for structure in found] == [i for i in range(1000) if i not in (3, 400, 999)]


def test_impossible_valence_is_named_and_off_the_terminal(tmp_path, capfd):
    mol = Chem.MolFromSmiles("CC(C)(C)(C)C", sanitize=False)
    mol.AddConformer(Chem.Conformer(6))
    path = tmp_path / "valence.sdf"
    path.write_text(Chem.MolToMolBlock(mol, kekulize=False) + "$$$$\n")
    capfd.readouterr()
    with pytest.raises(ValueError, match=r"valence\.sdf, record 0: RDKit cannot read the record: ") as caught:
        read(path)
    if hasattr(pytest.importorskip("rdkit.rdBase"), "CaptureErrorLog"):
        assert "Explicit valence for atom # 1 C, 5, is greater than permitted" in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_drawing_is_refused(tmp_path):
    from rdkit.Chem import rdDepictor

    mol = Chem.MolFromSmiles("CCO")
    rdDepictor.Compute2DCoords(mol)
    path = tmp_path / "drawing.sdf"
    path.write_text(Chem.MolToMolBlock(mol) + "$$$$\n")
    with pytest.raises(ValueError, match=r"record 0: the record is a drawing with 2D coordinates"):
        read(path)


def test_empty_record(tmp_path, molecules):
    path = tmp_path / "gap.sdf"
    path.write_text(record(molecules[0]) + "\n$$$$\n" + record(molecules[1]) + "\n\n")
    errors = []
    with pytest.warns(UnreadableRecordWarning, match="1 of 3"):
        assert len(list(iread(path, errors=errors))) == 2
    assert errors == [(str(path), 1, "the record is empty")]

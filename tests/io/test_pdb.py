"""PDB."""

import numpy as np
import pytest

from particlegrid.io import iread, read

pytest.importorskip("gemmi")


def line(serial, name, residue, number, x, altloc=" ", occupancy=1.0, element="C", record="ATOM  ", charge="  "):
    return (
        f"{record}{serial:5d} {name:<4}{altloc}{residue:>3} A{number:4d}    {x:8.3f}{1.0:8.3f}{2.0:8.3f}"
        f"{occupancy:6.2f}{12.5:6.2f}          {element:>2}{charge}\n"
    )


def write(tmp_path, text):
    path = tmp_path / "file.pdb"
    path.write_text(text)
    return path


def test_atoms_and_their_properties(tmp_path):
    text = line(1, " CA ", "ALA", 7, 1.5) + line(2, "CA  ", " CA", 8, 3.25, element="CA", record="HETATM", charge="2+")
    structure = read(
        write(tmp_path, "CRYST1   20.000   30.000   40.000  90.00  90.00  90.00 P 21 21 21\n" + text + "END\n")
    )
    assert structure.symbols == ["C", "Ca"]
    np.testing.assert_allclose(structure.positions, [[1.5, 1, 2], [3.25, 1, 2]])
    assert structure.properties["atom_name"].tolist() == ["CA", "CA"]
    assert structure.properties["residue"].tolist() == ["ALA", "CA"]
    assert structure.properties["residue_number"].tolist() == [7, 8]
    assert structure.properties["chain"].tolist() == ["A", "A"]
    assert structure.properties["hetero"].tolist() == [False, True]
    assert structure.properties["formal_charge"].tolist() == [0, 2]
    assert structure.properties["b_factor"].tolist() == [12.5, 12.5]
    np.testing.assert_allclose(structure.cell, np.diag([20, 30, 40]), atol=1e-9)
    assert not structure.pbc.any()
    assert structure.info["spacegroup"] == "P 21 21 21"


def test_dummy_cell_is_none(tmp_path):
    text = "CRYST1    1.000    1.000    1.000  90.00  90.00  90.00 P 1\n" + line(1, " CA ", "ALA", 1, 0.0)
    assert read(write(tmp_path, text)).cell is None


def test_element_from_the_atom_name(tmp_path):
    text = line(1, " CA ", "ALA", 1, 0.0, element="  ") + line(2, "ZN  ", " ZN", 2, 3.0, element="  ", record="HETATM")
    assert read(write(tmp_path, text)).symbols == ["C", "Zn"]


def test_one_alternative_location_a_residue(tmp_path):
    """The location of most occupancy, for all atoms of a residue alike; residues choose on their own."""
    text = (
        line(1, " N  ", "SER", 1, 0.0, element="N")
        + line(2, " CA ", "SER", 1, 1.0, "A", 0.35)
        + line(3, " CA ", "SER", 1, 1.1, "B", 0.65)
        + line(4, " OG ", "SER", 1, 2.0, "A", 0.35, "O")
        + line(5, " OG ", "SER", 1, 2.1, "B", 0.65, "O")
        + line(6, " CA ", "SER", 2, 5.0, "A", 0.5)
        + line(7, " CA ", "SER", 2, 5.1, "B", 0.5)
    )
    structure = read(write(tmp_path, text))
    assert structure.positions[:, 0].tolist() == [0.0, 1.1, 2.1, 5.0]
    assert structure.properties["occupancy"].tolist() == pytest.approx([1.0, 0.65, 0.65, 0.5])


def test_models_are_records(tmp_path):
    text = "".join(f"MODEL     {k:4d}\n{line(1, ' CA ', 'ALA', 1, k)}ENDMDL\n" for k in (1, 2, 3))
    path = write(tmp_path, text)
    assert [(s.info["model"], s.positions[0, 0]) for s in iread(path)] == [(0, 1.0), (1, 2.0), (2, 3.0)]
    with pytest.raises(ValueError, match="holds 3 structures"):
        read(path)
    assert read(path, index=1).positions[0, 0] == 2.0


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match=r"record 0: there are no atoms in it"):
        read(write(tmp_path, "HEADER nothing\nEND\n"))
    with pytest.raises(ValueError, match=r"record 0: the element of atom 1 \('X'\) is unknown"):
        read(write(tmp_path, line(1, " X  ", "UNK", 1, 0.0, element="X")))


def test_molecule_written_by_rdkit(tmp_path):
    chem = pytest.importorskip("rdkit.Chem")
    from particlegrid.adapt import to_rdkit
    from particlegrid.io import from_smiles

    molecule = from_smiles("CC(=O)Nc1ccc(O)cc1")
    found = read(write(tmp_path, chem.MolToPDBBlock(to_rdkit(molecule))))
    assert found.numbers.tolist() == molecule.numbers.tolist()
    np.testing.assert_allclose(found.positions, molecule.positions, atol=6e-4)

"""XYZ and extended XYZ."""

import numpy as np
import pytest

from particlegrid.adapt import as_structure
from particlegrid.errors import UnreadableRecordWarning
from particlegrid.io import iread, read

ase = pytest.importorskip("ase")
pytest.importorskip("ase.io")


def write(tmp_path, text):
    path = tmp_path / "file.xyz"
    path.write_text(text)
    return path


def test_extended_round_trip(tmp_path):
    from ase.calculators.singlepoint import SinglePointCalculator

    rng = np.random.default_rng(1)
    frames = []
    for i in range(3):
        atoms = ase.Atoms("CaTiO3", rng.random((5, 3)) * 4, cell=4 * np.eye(3) + 0.1, pbc=(True, True, i == 0))
        atoms.set_initial_charges(rng.random(5))
        atoms.set_array("tag", np.arange(5))
        atoms.info["set"] = "train"
        atoms.calc = SinglePointCalculator(atoms, energy=-float(i), forces=rng.random((5, 3)))
        frames.append(atoms)
    path = tmp_path / "frames.extxyz"
    ase.io.write(path, frames)
    found = list(iread(path))
    assert len(found) == 3
    for i, (structure, atoms) in enumerate(zip(found, frames)):
        np.testing.assert_allclose(structure.positions, atoms.positions, atol=1e-7)
        np.testing.assert_allclose(structure.cell, atoms.cell.array, atol=1e-7)
        assert structure.pbc.tolist() == [True, True, i == 0]
        assert structure.info["energy"] == -i
        assert structure.info["set"] == "train"
        assert structure.properties["tag"].tolist() == [0, 1, 2, 3, 4]
        np.testing.assert_allclose(structure.properties["forces"], atoms.get_forces(), atol=1e-7)
        np.testing.assert_allclose(structure.properties["charge"], atoms.get_initial_charges(), atol=1e-7)


def test_plain(tmp_path):
    molecule = pytest.importorskip("ase.build").molecule("CH3CH2OH")
    path = tmp_path / "ethanol.xyz"
    ase.io.write(path, molecule, plain=True, comment="made here")
    structure = read(path)
    assert structure.name == "made here"
    np.testing.assert_allclose(structure.positions, as_structure(molecule).positions, atol=1e-6)


def test_numbers_for_symbols_and_spare_columns(tmp_path):
    structure = read(write(tmp_path, "2\nmonoxide\n6 0 0 0 0.2\n8\t0 0 1.13 -0.2\n"))
    assert structure.symbols == ["C", "O"]
    assert structure.positions[1].tolist() == [0, 0, 1.13]


def test_thousand_records_three_broken(tmp_path):
    """A garbled number, a missing atom and a garbled count lose their own record each."""
    frames = [f"3\nframe {i}\nO 0 0 {i}\nH 0.76 0.59 {i}\nH -0.76 0.59 {i}\n" for i in range(1000)]
    frames[17] = frames[17].replace("0.76 0.59", "0.76 O.59", 1)
    frames[500] = frames[500].replace("H 0.76 0.59 500\n", "")
    frames[998] = frames[998].replace("3\n", "three\n", 1)
    errors = []
    with pytest.warns(UnreadableRecordWarning, match="3 of 1000 records could not be read"):
        found = list(iread(write(tmp_path, "".join(frames)), errors=errors))
    assert [record for _, record, _ in errors] == [17, 500, 998]
    assert "O.59" in errors[0][2]
    assert errors[1][2] == "the frame ends after 2 of 3 atoms"
    assert errors[2][2] == "expected the number of atoms, got 'three'"
    assert [structure.positions[0, 2] for structure in found] == [i for i in range(1000) if i not in (17, 500, 998)]


def test_broken_records_in_a_row_and_at_the_ends(tmp_path):
    good = "1\ngood\nHe 0 0 0\n"
    cut = "3\ncut\nHe 0 0 0\nHe 0 0 1\n"
    surplus = "1\nsurplus\nHe 0 0 0\nHe 0 0 1\n"
    errors = []
    text = cut + good + surplus + cut + good + good + cut
    with pytest.warns(UnreadableRecordWarning, match="4 of 7"):
        found = list(iread(write(tmp_path, text), errors=errors))
    assert len(found) == 3
    assert [(record, message) for _, record, message in errors] == [
        (0, "the frame ends after 2 of 3 atoms"),
        (2, "the frame has 2 lines of atoms, its first line says 1"),
        (3, "the frame ends after 2 of 3 atoms"),
        (6, "the frame ends after 2 of 3 atoms"),
    ]


def test_comment_that_is_a_number(tmp_path):
    """Frame numbers as comments are not taken for counts, neither in order nor on the way back into it."""
    frames = [f"2\n{i + 2}\nH 0 0 0\nH 0 0 0.74\n" for i in range(5)]
    frames[2] = frames[2].replace("2\n", "two\n", 1)
    with pytest.warns(UnreadableRecordWarning, match="1 of 5"):
        assert [structure.name for structure in iread(write(tmp_path, "".join(frames)))] == ["2", "3", "5", "6"]


def test_wrong_values_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"record 0: `positions\[0, 2\]` is nan; every value must be finite"):
        read(write(tmp_path, "1\n\nHe 0 0 nan\n"))
    with pytest.raises(ValueError, match=r"record 0: .*Qq"):
        read(write(tmp_path, "1\n\nQq 0 0 0\n"))


def test_windows_line_ends_and_blank_lines(tmp_path):
    path = tmp_path / "crlf.xyz"
    path.write_bytes(b"1\r\nhelium\r\nHe 0 0 0\r\n\r\n1\r\nneon\r\nNe 0 0 0\r\n\r\n")
    assert [structure.name for structure in iread(path)] == ["helium", "neon"]


def test_an_unknown_element_is_named(tmp_path):
    path = tmp_path / "odd.xyz"
    path.write_text("2\nodd\nH 0 0 0\nQq 0 0 1\n")
    with pytest.raises(ValueError, match="it has 'Qq', which is unknown"):
        read(path)

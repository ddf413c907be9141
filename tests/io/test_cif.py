"""CIF: symmetry, special positions, occupancy and disorder; mmCIF."""

import warnings

import numpy as np
import pytest

from particlegrid.io import iread, read
from particlegrid.io.cif import parse_cif
from particlegrid.io.records import Unreadable
from particlegrid.io.symmetry import merge_coincident
from particlegrid.structure import Structure

gemmi = pytest.importorskip("gemmi")

CUBIC = (5.64, 5.64, 5.64, 90, 90, 90)


def cif(cell, sites, group=None, operators=(), columns=("fract_x", "fract_y", "fract_z"), name="x"):
    keys = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines = [f"data_{name}", *(f"_cell_{key} {value}" for key, value in zip(keys, cell))]
    if group:
        lines.append(f"_symmetry_space_group_name_H-M '{group}'")
    if operators:
        lines += ["loop_", "_symmetry_equiv_pos_as_xyz", *(f"'{operator}'" for operator in operators)]
    lines += ["loop_", "_atom_site_label", *(f"_atom_site_{column}" for column in columns)]
    return "\n".join([*lines, *(" ".join(map(str, site)) for site in sites)]) + "\n"


def one(text) -> Structure:
    (record,) = parse_cif(text)
    assert isinstance(record, Structure), record
    return record


def reason(text) -> str:
    (record,) = parse_cif(text)
    assert isinstance(record, Unreadable)
    return record.message


def same_crystal(a_positions, a_numbers, b_positions, b_numbers, cell, tolerance=1e-3):
    """Whether each atom of the one lies on an atom of the same element of the other, modulo the lattice."""
    apart = (a_positions[:, None] - b_positions[None]) @ np.linalg.inv(cell)
    apart -= np.round(apart)
    near = np.linalg.norm(apart @ cell, axis=-1) < tolerance
    near &= np.asarray(a_numbers)[:, None] == np.asarray(b_numbers)[None]
    return len(a_positions) == len(b_positions) and (near.sum(axis=0) == 1).all() and (near.sum(axis=1) == 1).all()


def test_rock_salt(tmp_path):
    path = tmp_path / "salt.cif"
    path.write_text(cif(CUBIC, [("Na", 0, 0, 0), ("Cl", 0.5, 0.5, 0.5)], "F m -3 m", name="salt"))
    salt = read(path)
    assert salt.name == "salt"
    assert salt.pbc.all()
    assert salt.formula == "Cl4Na4"
    np.testing.assert_allclose(salt.cell, 5.64 * np.eye(3), atol=1e-12)
    expected = [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert same_crystal(salt.positions, salt.numbers, 2.82 * np.array(expected), [11] * 4 + [17] * 4, salt.cell)


@pytest.mark.parametrize(
    ("number", "cell", "basis"),
    [
        (225, CUBIC, [("Na", 0, 0, 0), ("Cl", 0.5, 0.5, 0.5)]),
        (152, (4.916, 4.916, 5.4054, 90, 90, 120), [("Si", 0.4697, 0, 1 / 3), ("O", 0.4135, 0.2669, 0.4524)]),
        (186, (3.2495, 3.2495, 5.2069, 90, 90, 120), [("Zn", 1 / 3, 2 / 3, 0), ("O", 1 / 3, 2 / 3, 0.3826)]),
        (194, (2.46, 2.46, 6.71, 90, 90, 120), [("C", 0, 0, 0.25), ("C", 1 / 3, 2 / 3, 0.25)]),
        (14, (5.1, 6.2, 7.3, 90, 99.2, 90), [("Zr", 0.2754, 0.0395, 0.2083), ("O", 0.07, 0.3317, 0.3447)]),
        (167, (4.99, 4.99, 17.06, 90, 90, 120), [("Ca", 0, 0, 0), ("C", 0, 0, 0.25), ("O", 0.2578, 0, 0.25)]),
        (62, (5.4, 7.6, 5.3, 90, 90, 90), [("Ca", 0.03, 0.25, 0.99), ("Ti", 0, 0, 0.5), ("O", 0.48, 0.25, 0.07)]),
    ],
)
def test_symmetry_as_ase_has_it(number, cell, basis):
    spacegroup = pytest.importorskip("ase.spacegroup")
    crystal = spacegroup.crystal([s for s, *_ in basis], [xyz for _, *xyz in basis], spacegroup=number, cellpar=cell)
    group = gemmi.find_spacegroup_by_number(number)
    operators = [operator.triplet() for operator in group.operations()]
    for text in (cif(cell, basis, group=group.xhm()), cif(cell, basis, operators=operators)):
        structure = one(text)
        np.testing.assert_allclose(structure.cell, crystal.cell.array, atol=1e-6)
        assert same_crystal(structure.positions, structure.numbers, crystal.positions, crystal.numbers, structure.cell)


def test_symmetry_as_pymatgen_has_it(tmp_path):
    parser = pytest.importorskip("pymatgen.io.cif")
    operators = [operator.triplet() for operator in gemmi.find_spacegroup_by_name("R -3 c:H").operations()]
    sites = [("Ca", 0, 0, 0), ("C", 0, 0, 0.25), ("O", 0.2578, 0, 0.25)]
    path = tmp_path / "calcite.cif"
    path.write_text(cif((4.99, 4.99, 17.06, 90, 90, 120), sites, operators=operators))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen misses a chemical formula in the file
        (expected,) = parser.CifParser(path).parse_structures(primitive=False)
    found = read(path)
    assert found.formula == "C6Ca6O18"
    cell = expected.lattice.matrix
    positions = found.positions @ np.linalg.inv(found.cell) @ cell
    assert same_crystal(positions, found.numbers, expected.cart_coords, expected.atomic_numbers, cell)


def test_coarse_special_positions_merge_to_their_mean():
    """0.333 and 0.667 are a third and two thirds; the copies differ by 1e-3 and become one atom in the middle."""
    structure = one(
        cif((3.25, 3.25, 5.21, 90, 90, 120), [("Zn", 0.333, 0.667, 0), ("O", 0.333, 0.667, 0.383)], "P 63 m c")
    )
    assert structure.formula == "O2Zn2"
    fractional = structure.positions[0] @ np.linalg.inv(structure.cell)
    np.testing.assert_allclose(fractional, [1 / 3, 2 / 3, 0], atol=1e-9)


def test_too_near_to_a_special_position_is_an_error():
    for site, apart in (((0.005, 0.25, 0.1), "0.30"), ((0.003, 0.0025, 0.002), "0.26")):
        message = reason(cif((30, 30, 30, 90, 90, 90), [("C1", *site)], "P m m m"))
        assert message.startswith(
            f"site 'C1' at {list(site)} does not agree with the symmetry: some of its copies lie {apart} A"
        )
    assert len(one(cif((30, 30, 30, 90, 90, 90), [("C1", 0.0015, 0.25, 0.1)], "P m m m"))) == 4


def test_half_occupied_copies_alternate():
    columns = ("fract_x", "fract_y", "fract_z", "occupancy")
    structure = one(cif((30, 30, 30, 90, 90, 90), [("C1", 0.005, 0.25, 0.1, 0.5)], "P m m m", columns=columns))
    assert len(structure) == 8
    assert structure.properties["occupancy"].sum() == 4


def test_both_faces_listed():
    corners = [("Po", x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    structure = one(cif((3.35, 3.35, 3.35, 90, 90, 90), corners, "P 1"))
    assert structure.formula == "Po"
    assert structure.properties["occupancy"].tolist() == [1.0]
    nearly = one(
        cif((30, 30, 30, 90, 90, 90), [("C", 0.0001, 0.5, 0.5), ("C", 0.9999, 0.5, 0.5), ("C", 0.5, 0.5, 0.5)])
    )
    assert len(nearly) == 2


def test_coincident_atoms_are_those_of_a_loop_over_pairs():
    rng = np.random.default_rng(0)
    cell = np.array([[4.0, 0, 0], [1.0, 5.0, 0], [-1.0, 0.5, 6.0]])
    places = rng.random((40, 3))
    fractional = (places[rng.integers(0, 40, 90)] + rng.normal(0, 0.002, (90, 3))).round(4)
    numbers = rng.integers(6, 8, 90)
    apart = fractional[:, None] - fractional
    near = np.linalg.norm((apart - apart.round()) @ cell, axis=-1) < 0.1
    near &= numbers[:, None] == numbers
    assert np.array_equal(near, near @ near)  # no chains: each atom is near to all of its group
    kept, occupancy = merge_coincident(fractional, numbers, np.full(90, 0.25), cell)
    assert kept.tolist() == np.unique(near.argmax(axis=1)).tolist()
    np.testing.assert_allclose(occupancy, np.minimum(1, 0.25 * near.sum(axis=1)[kept]))


def test_site_outside_the_cell_stays_where_the_file_has_it():
    structure = one(cif((10, 10, 10, 90, 90, 90), [("C", -0.1, 1.2, 0.4)], "P -1"))
    np.testing.assert_allclose(structure.positions, [[-1, 12, 4], [1, 8, 6]], atol=1e-9)


def test_listed_operators_win_over_the_name():
    assert len(one(cif(CUBIC, [("Na", 0, 0, 0)], "F m -3 m", operators=["x,y,z"]))) == 1


def test_unknown_group():
    assert "the space group 'Q 7 q' is unknown" in reason(cif(CUBIC, [("Na", 0, 0, 0)], "Q 7 q"))


def test_occupancy_and_charges():
    columns = ("type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
    sites = [("M1", "Na1+", 0, 0, 0, 0.75), ("M2", "K1+", 0, 0, 0, 0.25), ("X", "Cl1-", 0.5, 0.5, 0.5, 1)]
    structure = one(cif(CUBIC, sites, "F m -3 m", columns=columns))
    assert structure.formula == "Cl4K4Na4"
    assert structure.properties["occupancy"].tolist() == [0.75] * 4 + [0.25] * 4 + [1.0] * 4
    assert structure.properties["formal_charge"].tolist() == [1] * 8 + [-1] * 4


DISORDER = ("fract_x", "fract_y", "fract_z", "occupancy", "disorder_assembly", "disorder_group")


def test_major_disorder_group_of_each_assembly():
    sites = [
        ("C1", 0, 0, 0, 1, ".", "."),
        ("F1", 0.2, 0, 0, 0.4, "A", 1),
        ("Cl1", 0.25, 0, 0, 0.6, "A", 2),
        ("N1", 0, 0.5, 0, 0.7, "B", 1),
        ("O1", 0, 0.55, 0, 0.3, "B", 2),
    ]
    structure = one(cif((10, 10, 10, 90, 90, 90), sites, columns=DISORDER))
    assert structure.symbols == ["C", "Cl", "N"]
    assert structure.properties["occupancy"].tolist() == [1.0, 0.6, 0.7]
    assert structure.info["disorder"] == "kept group 2 of 1, 2 in assembly A; kept group 1 of 1, 2 in assembly B"


def test_disorder_about_a_symmetry_element_is_refused():
    message = reason(cif(CUBIC, [("C1", 0.01, 0, 0, 0.5, "A", -1)], columns=DISORDER))
    assert message.startswith("site 'C1' is disordered about a symmetry element (disorder group -1)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "it is no valid CIF: "),
        ("data_x\n_cell_length_a 3\n", "no data block has atoms"),
        (cif((), [("Na", 0, 0, 0)]), "the cell is missing or incomplete"),
        (cif(CUBIC, [("Na", 0, "?", 0)]), "site 'Na' has no coordinates"),
        (
            cif(CUBIC, [("Zq", "Zq", 0, 0, 0)], columns=("type_symbol", "fract_x", "fract_y", "fract_z")),
            "the element of site 'Zq'",
        ),
    ],
)
def test_what_cannot_be_read(text, message):
    assert message in reason(text)


def test_several_blocks(tmp_path):
    path = tmp_path / "two.cif"
    blocks = [
        cif(CUBIC, [("Na", 0, 0, 0)], name="a"),
        "data_publication\n_journal x\n",
        cif(CUBIC, [("K", 0, 0, 0)], name="b"),
    ]
    path.write_text("\n".join(blocks))
    assert [(s.name, s.formula) for s in iread(path)] == [("a", "Na"), ("b", "K")]


def test_written_by_ase_and_pymatgen(tmp_path):
    ase = pytest.importorskip("ase")
    core = pytest.importorskip("pymatgen.core")
    from ase.io import write

    cell = [[4, 0, 0], [0.5, 5, 0], [-0.4, 0.9, 6]]
    atoms = ase.Atoms("NaCl", [[0.1, 0.2, 0.3], [2, 2.5, 3]], cell=cell, pbc=True)
    write(tmp_path / "a.cif", atoms)
    core.Structure(cell, ["Na", "Cl"], atoms.positions, coords_are_cartesian=True).to(str(tmp_path / "p.cif"))
    for name in ("a.cif", "p.cif"):
        structure = read(tmp_path / name)
        assert structure.symbols == ["Na", "Cl"]
        expected = np.linalg.norm(atoms.positions[1] - atoms.positions[0])
        assert np.linalg.norm(structure.positions[1] - structure.positions[0]) == pytest.approx(expected, abs=1e-5)
        assert abs(np.linalg.det(structure.cell)) == pytest.approx(120, abs=1e-4)


def test_mmcif_equals_pdb(tmp_path):
    protein = gemmi.Structure()
    protein.name = "1ABC"
    protein.cell = gemmi.UnitCell(20, 21, 22, 90, 95, 90)
    protein.spacegroup_hm = "P 1 21 1"
    model, chain = gemmi.Model(1), gemmi.Chain("A")
    for number, name in enumerate(("GLY", "ALA"), 1):
        residue = gemmi.Residue()
        residue.name, residue.seqid = name, gemmi.SeqId(str(number))
        for k, (atom_name, element) in enumerate((("N", "N"), ("CA", "C"), ("C", "C"), ("O", "O"))):
            atom = gemmi.Atom()
            atom.name, atom.element, atom.occ, atom.b_iso = atom_name, gemmi.Element(element), 1.0, 10.0 + k
            atom.pos = gemmi.Position(1.5 * k, number, 0.25)
            residue.add_atom(atom)
        chain.add_residue(residue)
    model.add_chain(chain)
    protein.add_model(model)
    protein.setup_entities()
    protein.make_mmcif_document().write_file(str(tmp_path / "p.cif"))
    protein.write_pdb(str(tmp_path / "p.pdb"))
    first, second = read(tmp_path / "p.cif"), read(tmp_path / "p.pdb")
    np.testing.assert_allclose(first.positions, second.positions, atol=1e-3)
    np.testing.assert_allclose(first.cell, second.cell, atol=1e-3)
    for key in ("atom_name", "residue", "residue_number", "chain", "occupancy", "b_factor"):
        assert first.properties[key].tolist() == second.properties[key].tolist(), key
    assert first.properties["residue"].tolist() == ["GLY"] * 4 + ["ALA"] * 4
    assert not first.pbc.any()
    assert first.name == "1ABC"

"""`ElementGroups`, `ElementVectors`, vector properties, widths and map files."""

import numpy as np
import pytest

from particlegrid import (
    AllAtoms,
    Batch,
    Box,
    ElementGroups,
    Elements,
    ElementVectors,
    Gaussian,
    GaussianQuadratic,
    PresentElements,
    Property,
    Structure,
    Voxelizer,
    reference,
)
from particlegrid.channels import Entries, WithWidths
from particlegrid.elements import NAMES, SYMBOLS

every_element = Batch([Structure(np.zeros((118, 3)), np.arange(1, 119))])
water = Structure(
    [[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]],
    ["O", "H", "H"],
    properties={"dipole": [[1.0, 0, -2], [0, 0, 0], [0.5, 0, 0]], "size": [0.9, 0.4, 0.5], "charge": [-0.8, 0.4, 0.4]},
)
salt = Structure([[0, 0, -1], [0, 0, 1.4]], ["Cl", "Na"])


def triples(entries: Entries) -> list[tuple[int, int, float]]:
    return list(zip(entries.atoms.tolist(), entries.channels.tolist(), entries.weights.tolist()))


class TestElementGroups:
    scheme = ElementGroups({"halogens": ["F", "Cl"], "metals": ["Na", "K"]}, other="channel")

    def test_is_the_sum_of_its_elements(self) -> None:
        box, blob = Box(16, spacing=0.5), Gaussian(0.5)
        grouped = Voxelizer(box, self.scheme, blob)([water, salt])
        single = Voxelizer(box, Elements("Cl", "Na", "H", "O"), blob)([water, salt])
        assert np.allclose(grouped[:, 0], single[:, 0], atol=1e-6)
        assert np.allclose(grouped[:, 2], single[:, 2:].sum(axis=1), atol=1e-6)

    @pytest.mark.parametrize("other", ["ignore", "channel"])
    def test_the_table_says_what_list_entries_does(self, other: str) -> None:
        scheme = ElementGroups(self.scheme.groups, other)
        table = scheme.element_table()
        assert table is not None
        channels = table[every_element.numbers]
        entries = scheme.list_entries(every_element)
        assert np.array_equal(entries.atoms, np.flatnonzero(channels >= 0))
        assert np.array_equal(entries.channels, channels[channels >= 0])
        assert (channels == (2 if other == "channel" else -1)).sum() == 114

    def test_other_elements(self) -> None:
        assert self.scheme.channels == ("halogens", "metals", "other")
        strict = ElementGroups({"ions": ["Na", "Cl"]})
        assert triples(strict.list_entries(Batch([salt]))) == [(0, 0, 1.0), (1, 0, 1.0)]
        with pytest.raises(ValueError, match="atom 0 of structure 1 is O, which has no channel among Na, Cl"):
            strict.list_entries(Batch([salt, water]))
        weighed = ElementGroups({"all": ["H", "O"]}, weight="charge")
        assert weighed.element_table() is None
        assert triples(weighed.list_entries(Batch([water]))) == [(0, 0, -0.8), (1, 0, 0.4), (2, 0, 0.4)]

    @pytest.mark.parametrize(
        ("groups", "other", "message"),
        [
            ({"a": ["C", "Xx"]}, "error", "'Xx' is not the symbol"),
            ({"a": ["C"], "b": ["C", "N"]}, "error", "C is given twice"),
            ({"a": []}, "error", "must list the symbols"),
            ({"a": "CN"}, "error", "must list the symbols"),
            ({"other": ["C"]}, "channel", "its own name"),
            ({}, "error", "at least one group"),
            ({"a": ["C"]}, "drop", "`other` must be one of"),
        ],
    )
    def test_bad_groups(self, groups: dict[str, list[str]], other: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            ElementGroups(groups, other)

    def test_order_of_the_channels_counts(self) -> None:
        a, b = {"x": ["C"], "y": ["N"]}, {"y": ["N"], "x": ["C"]}
        assert ElementGroups(a) != ElementGroups(b)
        assert ElementGroups(a) == ElementGroups([("x", ["C"]), ("y", ["N"])])

    def test_map_file(self, tmp_path) -> None:
        path = tmp_path / "elements.map"
        path.write_text("C\n\nF Cl\tBr I   # halogens\nN\n")
        scheme = ElementGroups.from_file(path, other="channel")
        assert scheme.channels == ("C", "F_Cl_Br_I", "N", "other")
        assert scheme.groups[1] == ("F_Cl_Br_I", ("F", "Cl", "Br", "I"))

    def test_map_file_of_names(self, tmp_path) -> None:
        (tmp_path / "names.map").write_text("Carbon\nNitrogen Oxygen\nSulfur\n")
        scheme = ElementGroups.from_file(tmp_path / "names.map")
        assert scheme.channels == ("Carbon", "Nitrogen_Oxygen", "Sulfur")
        assert scheme.groups[1][1] == ("N", "O")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("C\nKarbon\n", r"bad.map, line 2: 'Karbon' is not an element"),
            ("C\nCarbon\n", "C is given twice"),
            ("C N\nO\nN\n", r"bad.map, line 3: N already stands in line 1"),
            ("# nothing\n", "names no types"),
        ],
    )
    def test_bad_map_files(self, tmp_path, text: str, message: str) -> None:
        (tmp_path / "bad.map").write_text(text)
        with pytest.raises(ValueError, match=message):
            ElementGroups.from_file(tmp_path / "bad.map")


class TestElementVectors:
    scheme = ElementVectors({"O": [2, 0, -1], "H": [0, 0.5, 0]})

    def test_entries(self) -> None:
        expected = [(0, 0, 2.0), (0, 2, -1.0), (1, 1, 0.5), (2, 1, 0.5)]
        assert triples(self.scheme.list_entries(Batch([water]))) == expected
        assert self.scheme.channels == ("vector[0]", "vector[1]", "vector[2]")
        assert self.scheme == ElementVectors([("H", (0, 0.5, 0)), ("O", (2, 0, -1))])

    def test_is_a_product_with_the_elements_grid(self) -> None:
        box, blob = Box(16, spacing=0.5), Gaussian(0.5)
        by_element = Voxelizer(box, Elements("O", "H"), blob)(water)
        vectors = np.array([[2, 0, -1], [0, 0.5, 0]])
        assert np.allclose(Voxelizer(box, self.scheme, blob)(water), np.einsum("exyz,ek->kxyz", by_element, vectors))

    def test_other_elements(self) -> None:
        with pytest.raises(ValueError, match="atom 0 of structure 1 is Cl, which has no channel"):
            self.scheme.list_entries(Batch([water, salt]))
        lenient = ElementVectors(self.scheme.vectors, other="ignore")
        entries = lenient.list_entries(Batch([salt, water]))
        assert entries.atoms.tolist() == [2, 2, 3, 4]
        assert entries.offsets.tolist() == [0, 0, 4]

    @pytest.mark.parametrize(
        ("vectors", "names", "other", "message"),
        [
            ({}, None, "error", "at least one element"),
            ({"H": []}, None, "error", "has 0 weights"),
            ({"H": [1, 2], "O": [1]}, None, "error", r"`vectors\['O'\]` has 1 weights, that of H 2"),
            ({"H": [np.nan]}, None, "error", "must be finite"),
            ({"Hx": [1]}, None, "error", "not the symbol"),
            ({"H": [1, 2]}, ["a"], "error", "must be 2 names"),
            ({"H": [1, 2]}, "ab", "error", "must be 2 names"),
            ({"H": [1]}, None, "channel", "`other` must be one of 'error', 'ignore'"),
        ],
    )
    def test_bad_vectors(self, vectors, names, other: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            ElementVectors(vectors, names, other)


class TestVectorProperty:
    def test_entries(self) -> None:
        scheme = Property("dipole", size=3)
        assert scheme.channels == ("dipole[0]", "dipole[1]", "dipole[2]")
        assert triples(scheme.list_entries(Batch([water]))) == [(0, 0, 1.0), (0, 2, -2.0), (2, 0, 0.5)]

    def test_errors_say_the_size(self) -> None:
        with pytest.raises(ValueError, match=r"one number for each atom, got shape \(3, 3\); give size=3"):
            Property("dipole").list_entries(Batch([water]))
        with pytest.raises(ValueError, match=r"2 numbers for each atom, got shape \(3, 3\)"):
            Property("dipole", size=2).list_entries(Batch([water]))
        with pytest.raises(ValueError, match="at least 1"):
            Property("dipole", size=0)
        for bad in (2.5, True):
            with pytest.raises(TypeError, match="whole number"):
                Property("dipole", size=bad)
        wrong = Structure([[0, 0, 0]] * 2, ["H", "H"], properties={"v": [[0.0, 1], [np.inf, 0]]})
        with pytest.raises(ValueError, match="'v' is inf at atom 1"):
            Property("v", size=2).list_entries(Batch([wrong]))

    def test_no_structures(self) -> None:
        assert len(Property("dipole", size=3).list_entries(Batch([])).atoms) == 0


class TestWithWidths:
    def test_one_number(self) -> None:
        box = Box(16, spacing=0.5)
        narrow = Voxelizer(box, WithWidths(Elements("H", "O"), 0.3), Gaussian(0.7))
        assert np.array_equal(narrow(water), Voxelizer(box, Elements("H", "O"), Gaussian(0.3))(water))

    def test_by_element_others_keep_theirs(self) -> None:
        box = Box(16, spacing=0.5)
        mixed = Voxelizer(box, WithWidths(Elements("H", "O"), {"H": 0.3}), Gaussian(0.7))(water)
        both = Voxelizer(box, Elements("H", "O"), Gaussian({"H": 0.3, "O": 0.7}))(water)
        assert np.array_equal(mixed, both)
        grid = box.place(Batch([water]))[0]
        definition = reference.voxelize(water, grid, WithWidths(Elements("H", "O"), {"H": 0.3}), Gaussian(0.7))
        assert np.allclose(mixed, definition, atol=1e-6)

    def test_by_property(self) -> None:
        box = Box(16, spacing=0.5)
        named = Voxelizer(box, WithWidths(AllAtoms(), "size"), Gaussian(0.7))(water)
        assert np.array_equal(named, Voxelizer(box, AllAtoms(), Gaussian("size"))(water))

    def test_from_a_table_of_radii(self) -> None:
        box = Box(16, spacing=0.5)
        named = Voxelizer(box, WithWidths(AllAtoms(), "vdw"), GaussianQuadratic("covalent"))(water)
        assert np.array_equal(named, Voxelizer(box, AllAtoms(), GaussianQuadratic("vdw"))(water))

    def test_of_sums_and_of_widths(self) -> None:
        scheme = WithWidths(AllAtoms() + WithWidths(AllAtoms(), 0.3), {"O": 0.9})
        widths = scheme.list_entries(Batch([water])).widths
        assert widths is not None
        assert np.array_equal(widths, [0.9, np.nan, np.nan, 0.9, 0.3, 0.3], equal_nan=True)
        assert scheme.element_table() is None
        present = WithWidths(PresentElements(), 0.3)
        assert present.resolve(Batch([water])) == WithWidths(Elements("H", "O"), 0.3)
        assert present.resolve(Batch([water])).resolve(Batch([salt])).channels == ("H", "O")

    def test_errors(self) -> None:
        for bad in (0, -1, {"H": 0}, float("nan"), {}):
            with pytest.raises(ValueError, match="`width"):
                WithWidths(AllAtoms(), bad)
        with pytest.raises(ValueError, match="not the symbol"):
            WithWidths(AllAtoms(), {"Hh": 1.0})
        with pytest.raises(TypeError, match="must be a channel scheme"):
            WithWidths("H", 0.5)
        with pytest.raises(ValueError, match=r"'charge' is -0.8 at atom 0 of the batch; a width must be positive"):
            WithWidths(AllAtoms(), "charge").list_entries(Batch([water]))
        with pytest.raises(ValueError, match="has no property 'radius'"):
            WithWidths(AllAtoms(), "radius").list_entries(Batch([water]))


def test_names_of_elements() -> None:
    table = pytest.importorskip("rdkit.Chem").GetPeriodicTable()
    assert NAMES[1:] == tuple(table.GetElementName(number) for number in range(1, len(SYMBOLS)))


@pytest.mark.parametrize("make", [lambda: Elements("H", weight=1), lambda: AllAtoms(2), lambda: Property(3)])
def test_names_of_properties_are_texts(make) -> None:
    with pytest.raises(TypeError, match="must be the name of a per-atom property"):
        make()

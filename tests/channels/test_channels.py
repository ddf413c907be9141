"""Channel schemes."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from particlegrid import (
    AllAtoms,
    Batch,
    Box,
    ByRule,
    ElementGroups,
    Elements,
    ElementVectors,
    Gaussian,
    GninaTypes,
    Pharmacophores,
    PresentElements,
    Property,
    Structure,
    Voxelizer,
    WithWidths,
)
from particlegrid.channels import Entries
from particlegrid.registry import from_dict

water = Structure([[0, 0, 0]] * 3, ["O", "H", "H"], properties={"charge": [-0.8, 0.4, 0.4]}, name="water")
methane = Structure([[0, 0, 0]] * 5, ["C", "H", "H", "H", "H"], properties={"charge": [-0.4, 0.1, 0.1, 0.1, 0.1]})
batch = Batch([water, methane])


def heavy_and_light(structure: Structure) -> np.ndarray:
    heavy = structure.numbers > 1
    return np.stack([heavy, ~heavy, 0.5 * heavy], axis=1)


def rows(scheme, batch: Batch = batch) -> list[tuple[int, int, float]]:
    entries = scheme.list_entries(batch)
    assert entries.offsets[0] == 0
    assert entries.offsets[-1] == len(entries.atoms)
    owners = np.repeat(np.arange(len(batch)), np.diff(entries.offsets))
    assert np.array_equal(owners, batch.owners[entries.atoms])
    return list(zip(entries.atoms.tolist(), entries.channels.tolist(), entries.weights.tolist()))


def test_elements() -> None:
    assert rows(Elements("H", "C", "O"))[:4] == [(0, 2, 1.0), (1, 0, 1.0), (2, 0, 1.0), (3, 1, 1.0)]
    with pytest.raises(ValueError, match="atom 0 of structure 1 is C, which has no channel among H, O"):
        rows(Elements("H", "O"))
    assert rows(Elements("O", "C", other="ignore")) == [(0, 0, 1.0), (3, 1, 1.0)]
    assert rows(Elements("H", other="channel"))[:2] == [(0, 1, 1.0), (1, 0, 1.0)]
    assert Elements("H", other="channel").channels == ("H", "other")
    assert rows(Elements("H", "C", "O", weight="charge"))[0] == (0, 2, -0.8)
    for bad in (("H", "H"), ("H", "Xx"), ()):
        with pytest.raises(ValueError, match=r"one channel|not the symbol|at least one"):
            Elements(*bad)


def test_all_atoms_and_property() -> None:
    assert rows(AllAtoms())[0] == (0, 0, 1.0)
    assert rows(AllAtoms(weight="charge")) == rows(Property("charge"))
    assert Property("charge").channels == ("charge",)
    with pytest.raises(ValueError, match="structure 0 \\(water\\) has no property 'spin'"):
        rows(Property("spin"))
    vector = Structure([[0, 0, 0]], ["H"], properties={"force": [[1, 2, 3]]})
    with pytest.raises(ValueError, match="one number for each atom"):
        rows(Property("force"), Batch([vector]))
    with pytest.raises(ValueError, match="is nan at atom 0"):
        rows(Property("q"), Batch([Structure([[0, 0, 0]], ["H"], properties={"q": [np.nan]})]))


def test_by_rule_and_sums() -> None:
    rule = ByRule(heavy_and_light, ["heavy", "light", "half"])
    assert rows(rule)[:3] == [(0, 0, 1.0), (0, 2, 0.5), (1, 1, 1.0)]
    both = Elements("H", "C", "O") + rule + Property("charge")
    assert both.channels == ("H", "C", "O", "heavy", "light", "half", "charge")
    got = rows(both)
    assert sorted(r for r in got if r[1] < 3) == rows(Elements("H", "C", "O"))
    assert [(a, c - 3, w) for a, c, w in got if 3 <= c < 6] == rows(rule)
    with pytest.raises(ValueError, match=r"weights of shape \(3, 1\) for structure 0; expected \(3, 2\)"):
        rows(ByRule(lambda s: np.ones((len(s), 1)), ["a", "b"]))
    with pytest.raises(TypeError, match="must be callable"):
        ByRule("heavy", ["a"])


def test_a_rule_of_many_channels_is_drawn() -> None:
    box, blob = Box(8, spacing=1.0), Gaussian(0.5)
    by_rule = Voxelizer(box, ByRule(heavy_and_light, ["heavy", "light", "half"]), blob)([water, methane])
    by_element = Voxelizer(box, ElementGroups({"heavy": ["C", "O"], "light": ["H"]}), blob)([water, methane])
    assert np.allclose(by_rule[:, :2], by_element)
    assert np.allclose(by_rule[:, 2], 0.5 * by_element[:, 0])


def test_entries_from_lists_and_strided_arrays() -> None:
    columns = np.array([[0, 1], [1, 0]])
    entries = Entries(columns[:, 0], columns[:, 1], [1, 2], [0, 2])
    assert entries.weights.dtype == np.float64
    assert all(array.flags.c_contiguous for array in (entries.atoms, entries.channels, entries.offsets))


@pytest.mark.parametrize(
    "noun",
    [
        Elements("H", "C", other="channel", weight="charge"),
        AllAtoms(),
        Property("charge"),
        ByRule(heavy_and_light, ("a", "b", "c")),
        PresentElements(),
        GninaTypes("receptor", radii="xs", types="gnina", weight="occupancy"),
        GninaTypes([["Zinc", "Iron"], ["Sulfur"]]),
        Pharmacophores(),
        Pharmacophores("Donor", "Aromatic"),
        ElementGroups({"light": ["H", "He"], "type": ["C"]}, other="channel", weight="charge"),
        ElementVectors({"O": [1, 2.5], "H": [0, -1]}, names=["a", "b"], other="ignore"),
        Property("force", size=3),
        WithWidths(Elements("H") + AllAtoms(), {"O": 0.5, "H": 0.3}),
        WithWidths(PresentElements(), "radius"),
        Elements("H") + AllAtoms() + Property("charge"),
        Gaussian({"H": 0.3, "C": 0.5}, "mean"),
        Gaussian("width", "point", normalize=False),
    ],
)
def test_description_survives_json_and_pickle(noun) -> None:
    again = from_dict(json.loads(json.dumps(noun.to_dict())))
    assert again == noun
    assert hash(again) == hash(noun)
    assert pickle.loads(pickle.dumps(noun)) == noun


def test_descriptions_that_fit_nothing() -> None:
    with pytest.raises(ValueError, match="`type` is 'Elefants'; known are"):
        from_dict({"type": "Elefants"})
    with pytest.raises(ValueError, match="AllAtoms cannot be made from"):
        from_dict({"type": "AllAtoms", "size": 3})


def test_gaussian_widths() -> None:
    assert Gaussian({"H": 0.3, "O": 0.6}).atom_widths(Batch([water])).tolist() == [0.6, 0.3, 0.3]
    with pytest.raises(ValueError, match="`sigma` has no width for C; add it"):
        Gaussian({"H": 0.3, "O": 0.6}).atom_widths(batch)
    for bad, error in (
        (0, ValueError),
        (-1, ValueError),
        (float("inf"), ValueError),
        (None, TypeError),
        ([1], TypeError),
    ):
        with pytest.raises(error, match="`sigma` must be"):
            Gaussian(bad)
    with pytest.raises(ValueError, match=r"`sigma\['H'\]` must be positive"):
        Gaussian({"H": 0})
    with pytest.raises(ValueError, match="normalize=False goes with"):
        Gaussian(0.5, normalize=False)
    with pytest.raises(ValueError, match="`value` must be one of"):
        Gaussian(0.5, value="sum")

"""Tables of radii beside those of other libraries."""

from __future__ import annotations

import numpy as np
import pytest

from particlegrid.elements import SYMBOLS, atomic_number
from particlegrid.radii import COVALENT, TABLES, VDW, XS, list_radii, radii_of

METALS = set(range(21, 31)) | set(range(39, 49)) | set(range(57, 81)) | set(range(89, 104))


def test_covalent_radii_are_those_ase_has() -> None:
    data = pytest.importorskip("ase.data")
    assert set(COVALENT) == set(SYMBOLS[1:97])
    for name, radius in COVALENT.items():
        assert radius == data.covalent_radii[atomic_number(name)], name


def test_van_der_waals_radii_are_those_ase_has() -> None:
    """d and f elements: its Alvarez; others: its Bondi and Mantina, but for Li (Bondi's) and Ba (strontium's)."""
    data = pytest.importorskip("ase.data")
    alvarez = pytest.importorskip("ase.data.vdw_alvarez").vdw_radii
    for name, radius in VDW.items():
        number = atomic_number(name)
        if number in METALS:
            assert radius == alvarez[number], name
        elif name not in ("Li", "Ba"):
            assert radius == data.vdw_radii[number], name


def test_van_der_waals_radii_of_organic_elements_are_near_those_rdkit_has() -> None:
    table = pytest.importorskip("rdkit.Chem").GetPeriodicTable()
    for name in ("H", "C", "N", "O", "F", "P", "S", "Cl", "Br", "I"):
        assert VDW[name] == pytest.approx(table.GetRvdw(name), abs=0.151), name


def test_xs_radii() -> None:
    names = ["H", "B", "C", "N", "O", "F", "P", "S", "Cl", "Br", "I", "Zn"]
    assert [XS[name] for name in names] == [0.37, 1.92, 1.9, 1.8, 1.7, 1.5, 2.1, 2.0, 1.8, 2.0, 2.2, 1.2]


def test_radii_of_atoms() -> None:
    numbers = np.array([6, 1, 6], np.uint8)
    assert radii_of(1.5, numbers).tolist() == [1.5, 1.5, 1.5]
    assert radii_of({"C": 2.0, "H": 1.0}, numbers).tolist() == [2, 1, 2]
    assert radii_of("covalent", numbers).tolist() == [0.76, 0.31, 0.76]
    with pytest.raises(ValueError, match="`sigma` has no width for H; add it"):
        radii_of({"C": 2.0}, numbers, "sigma")
    with pytest.raises(ValueError, match="tables are 'vdw', 'covalent', 'xs'"):
        radii_of("Bondi", numbers)
    for name, table in TABLES.items():
        assert (list_radii(name) > 0).sum() == len(table)

"""Structures from SMILES."""

import numpy as np
import pytest

from particlegrid.io import from_smiles

Chem = pytest.importorskip("rdkit.Chem")


def test_caffeine():
    smiles = "CN1C=NC2=C1C(=O)N(C(=O)N2C)C"
    structure = from_smiles(smiles)
    assert structure.formula == "C8H10N4O2"
    assert structure.name == smiles
    assert structure.info["forcefield"] == "MMFF94"
    assert len(structure.bonds) == 25
    lengths = np.linalg.norm(np.subtract(*structure.positions[structure.bonds[:, :2].T]), axis=1)
    assert 0.95 < lengths.min() < lengths.max() < 1.6


def test_seed_decides():
    first, again, other = (from_smiles("CCCCCO", seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert not np.allclose(first.positions, other.positions)


def test_relaxed():
    """No step downhill is left to the force field."""
    from rdkit.Chem import rdForceFieldHelpers

    from particlegrid.adapt import to_rdkit

    mol = to_rdkit(from_smiles("CC(=O)OCC"))
    before = mol.GetConformer().GetPositions()
    assert rdForceFieldHelpers.MMFFOptimizeMolecule(mol) == 0
    np.testing.assert_allclose(mol.GetConformer().GetPositions(), before, atol=0.02)


def test_second_and_no_force_field():
    assert from_smiles("C[Ge](C)(C)C").info["forcefield"] == "UFF"


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("C1CC(", "SMILES Parse Error"),
        ("C(C)(C)(C)(C)C", "Explicit valence for atom # 0 C, 5"),
        ("", "no valid SMILES"),
    ],
)
def test_bad_smiles(smiles, reason, capfd):
    with pytest.raises(ValueError, match="RDKit cannot read the SMILES") as caught:
        from_smiles(smiles)
    assert repr(smiles) in str(caught.value)
    if hasattr(pytest.importorskip("rdkit.rdBase"), "CaptureErrorLog"):
        assert reason in str(caught.value)
    assert capfd.readouterr().err == ""


def test_no_conformer():
    with pytest.raises(ValueError, match=r"RDKit finds no three-dimensional conformer of .*; try another `seed`"):
        from_smiles("C1#CC#CC#C1.[C@@H]12[C@H]3[C@@H]1[C@@]23F")


def test_bad_arguments():
    with pytest.raises(TypeError, match="`smiles` must be a str, got int"):
        from_smiles(7)
    with pytest.raises(ValueError, match=r"`seed` must be between 0 and 2\*\*31 - 1, got -1"):
        from_smiles("C", seed=-1)
    with pytest.raises(ValueError, match=r"atom 0 \('\*'\) is a dummy or query atom"):
        from_smiles("*C")

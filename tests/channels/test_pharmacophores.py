"""`Pharmacophores`, beside RDKit's own list of features."""

import os

import numpy as np
import pytest

from particlegrid import Batch, Box, Gaussian, Pharmacophores, Structure, Voxelizer, as_structure
from particlegrid.channels.pharmacophores import FAMILIES

Chem = pytest.importorskip("rdkit.Chem")


def flat(smiles: str) -> Structure:
    from rdkit.Chem import AllChem

    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.Compute2DCoords(mol)
    return as_structure(mol)


def test_the_families_are_rdkits() -> None:
    from rdkit import RDConfig
    from rdkit.Chem import ChemicalFeatures

    factory = ChemicalFeatures.BuildFeatureFactory(os.path.join(RDConfig.RDDataDir, "BaseFeatures.fdef"))
    assert factory.GetFeatureFamilies() == FAMILIES
    histidine = flat("N[C@@H](Cc1c[nH]cn1)C(=O)[O-]")
    members = {(f.GetFamily(), i) for f in factory.GetFeaturesForMol(histidine.to_rdkit()) for i in f.GetAtomIds()}
    entries = Pharmacophores().list_entries(Batch([histidine]))
    assert {(FAMILIES[c], a) for a, c in zip(entries.atoms.tolist(), entries.channels.tolist())} == members
    assert len(entries.atoms) == len(members)
    assert (entries.weights == 1).all()


def test_a_batch_is_the_structures_end_to_end() -> None:
    structures = [flat("CC(=O)O"), flat("C[NH3+]"), flat("c1ccsc1")]
    scheme = Pharmacophores("Aromatic", "NegIonizable", "PosIonizable")
    together = scheme.list_entries(Batch(structures))
    alone = [scheme.list_entries(Batch([structure])) for structure in structures]
    starts = np.cumsum([0, *map(len, structures)])
    assert together.atoms.tolist() == [a + start for e, start in zip(alone, starts) for a in e.atoms.tolist()]
    assert together.channels.tolist() == [c for e in alone for c in e.channels.tolist()]
    assert np.diff(together.offsets).tolist() == [len(e.atoms) for e in alone] == [3, 1, 5]


def test_long_chains_have_as_many_a_residue() -> None:
    def count(repeats: int) -> np.ndarray:
        mol = Chem.AddHs(Chem.MolFromSequence("ACDEFGHIKLMNPQRSTVWY" * repeats))
        mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()))
        return np.bincount(Pharmacophores().list_entries(Batch([as_structure(mol)])).channels, minlength=8)

    assert np.array_equal(count(14) - count(2), 12 * (count(2) - count(1)))


def test_are_drawn() -> None:
    vox = Voxelizer(Box(24, spacing=0.75), Pharmacophores("Aromatic", "Donor"), Gaussian(0.4))
    assert np.allclose(vox(flat("Oc1ccccc1")).sum(axis=(1, 2, 3)), [6, 1], atol=1e-4)


def test_errors() -> None:
    with pytest.raises(ValueError, match="'Halogen' is not a family of features; they are Donor"):
        Pharmacophores("Donor", "Halogen")
    with pytest.raises(ValueError, match="one channel"):
        Pharmacophores("Donor", "Donor")
    with pytest.raises(ValueError, match="has no bonds"):
        Pharmacophores().list_entries(Batch([Structure([[0, 0, 0]], ["O"])]))
    assert len(Pharmacophores().list_entries(Batch([])).atoms) == 0

"""ASE, pymatgen and RDKit objects to Structure and back."""

import numpy as np
import pytest

from particlegrid import Structure
from particlegrid.adapt import as_batch, as_structure, to_ase, to_pymatgen, to_rdkit
from particlegrid.structure import AROMATIC

CELL = np.array([[4.0, 0.0, 0.0], [0.5, 5.0, 0.0], [0.25, 0.75, 6.0]])


class TestAse:
    @pytest.fixture
    def atoms(self):
        return pytest.importorskip("ase").Atoms("OH2", [[0, 0, 0.1], [0.76, 0.59, 0], [-0.76, 0.59, 0]])

    def test_arrays_info_and_zero_cell(self, atoms):
        atoms.set_initial_charges([-0.8, 0.4, 0.4])
        atoms.set_momenta(np.ones((3, 3)))
        atoms.info["origin"] = "test"
        structure = as_structure(atoms)
        assert structure.cell is None
        assert structure.numbers.tolist() == [8, 1, 1]
        assert structure.properties["charge"].tolist() == [-0.8, 0.4, 0.4]
        assert structure.properties["momenta"].shape == (3, 3)
        assert structure.info == {"origin": "test"}
        assert as_batch(atoms)[1]

    def test_partial_periodicity(self, atoms):
        atoms.set_cell(CELL)
        atoms.pbc = (True, False, True)
        structure = as_structure(atoms)
        np.testing.assert_array_equal(structure.cell, CELL)
        assert structure.pbc.tolist() == [True, False, True]

    def test_results_of_these_atoms_only(self, atoms):
        from ase.calculators.singlepoint import SinglePointCalculator

        atoms.calc = SinglePointCalculator(atoms, energy=-14.2, forces=np.full((3, 3), 0.5))
        structure = as_structure(atoms)
        assert structure.info["energy"] == -14.2
        assert structure.properties["forces"][0, 0] == 0.5
        atoms.positions[0, 0] += 1.0
        moved = as_structure(atoms)
        assert "energy" not in moved.info
        assert "forces" not in moved.properties

    def test_nothing_is_computed(self, atoms):
        from ase.calculators.lj import LennardJones

        atoms.calc = LennardJones()
        assert as_structure(atoms).info == {}
        assert atoms.calc.results == {}

    def test_round_trip(self):
        structure = Structure(
            [[0, 0, 0], [1, 1.5, 2]],
            ["Na", "Cl"],
            CELL,
            (True, True, False),
            properties={"charge": [1.0, -1.0], "forces": np.ones((2, 3)), "site": [4, 5]},
            info={"energy": -3.5, "source": "x"},
            name="salt",
        )
        atoms = to_ase(structure)
        assert atoms.get_potential_energy() == -3.5
        assert atoms.get_initial_charges().tolist() == [1.0, -1.0]
        assert as_structure(atoms) == structure


class TestPymatgen:
    core = property(lambda self: pytest.importorskip("pymatgen.core"))

    def test_crystal(self):
        crystal = self.core.Structure(
            CELL, ["Na+", "Cl-"], [[0, 0, 0], [0.5, 0.5, 0.5]], site_properties={"tag": [1, 2]}
        )
        structure = as_structure(crystal)
        np.testing.assert_allclose(structure.cell, CELL)
        np.testing.assert_allclose(structure.positions[1], CELL.sum(axis=0) / 2)
        assert structure.properties["oxidation_state"].tolist() == [1.0, -1.0]
        assert structure.properties["tag"].tolist() == [1, 2]
        assert as_batch(crystal)[1]
        assert not as_batch([crystal, crystal])[1]

    def test_disorder_is_refused(self):
        crystal = self.core.Structure(CELL, ["Na", {"Na": 0.5, "K": 0.5}], [[0, 0, 0], [0.5, 0.5, 0.5]])
        with pytest.raises(ValueError, match=r"site 1 is disordered \(.*\); a structure has one element on each site"):
            as_structure(crystal)

    def test_molecule(self):
        molecule = self.core.Molecule(["N", "H"], [[0, 0, 0], [0, 0, 1.03]], charge=1, spin_multiplicity=4)
        structure = as_structure(molecule)
        assert structure.cell is None
        assert structure.info == {"charge": 1.0, "spin_multiplicity": 4}
        assert as_structure(to_pymatgen(structure)) == structure

    def test_deuterium_is_hydrogen(self):
        assert as_structure(self.core.Molecule(["D", "D"], [[0, 0, 0], [0, 0, 0.74]])).symbols == ["H", "H"]

    @pytest.mark.parametrize("pbc", [True, (True, True, False)])
    def test_round_trip(self, pbc):
        assert self.core
        structure = Structure(
            [[0.5, 0, 0], [1, 7.5, 2]],
            ["Na", "Cl"],
            CELL,
            pbc,
            properties={"oxidation_state": [1.0, -1.0], "magmom": [0.0, 0.5]},
            info={"origin": "x"},
            name="salt",
        )
        back = as_structure(to_pymatgen(structure))
        np.testing.assert_allclose(back.positions, structure.positions, atol=1e-12)
        assert back == Structure(
            back.positions, structure.numbers, CELL, pbc, None, structure.properties, structure.info, structure.name
        )


class TestRdkit:
    @pytest.fixture
    def chem(self):
        return pytest.importorskip("rdkit.Chem")

    @pytest.fixture
    def embedded(self, chem):
        from rdkit.Chem import rdDistGeom

        def embed(smiles):
            mol = chem.AddHs(chem.MolFromSmiles(smiles))
            assert rdDistGeom.EmbedMolecule(mol, randomSeed=1) == 0
            return mol

        return embed

    def test_bonds_charges_and_properties(self, embedded):
        mol = embedded("c1ccccc1[N+](=O)[O-]")
        mol.SetProp("_Name", "nitrobenzene")
        mol.SetProp("gap", "3.5")
        mol.SetProp("count", "12")
        mol.SetProp("label", "007")
        for i, atom in enumerate(mol.GetAtoms()):
            atom.SetDoubleProp("_GasteigerCharge", 0.1 * i)
        structure = as_structure(mol)
        assert structure.name == "nitrobenzene"
        assert structure.info == {"gap": 3.5, "count": 12, "label": "007"}
        assert structure.properties["formal_charge"].tolist() == [0] * 6 + [1, 0, -1] + [0] * 5
        np.testing.assert_allclose(structure.properties["charge"], 0.1 * np.arange(14))
        assert np.bincount(structure.bonds[:, 2]).tolist() == [0, 7, 1, 0, 6]
        assert AROMATIC == 4
        np.testing.assert_array_equal(structure.positions, mol.GetConformer().GetPositions())
        assert as_batch(mol)[1]

    def test_no_conformer(self, chem):
        with pytest.raises(ValueError, match=r"no conformer.*particlegrid\.from_smiles.*EmbedMolecule"):
            as_structure(chem.MolFromSmiles("CC"))

    def test_dummy_atom(self, embedded):
        with pytest.raises(ValueError, match=r"atom 0 \('\*'\) is a dummy or query atom"):
            as_structure(embedded("*CC"))

    @pytest.mark.parametrize(
        "smiles",
        ["Oc1ccccc1", "C[N+](C)(C)CC(=O)[O-]", "c1cc[nH]c1", "C[C@H](N)C(=O)O", "C#N", "F/C=C/F", "[Na+].[Cl-]"],
    )
    def test_round_trip(self, chem, embedded, smiles):
        structure = as_structure(embedded(smiles))
        mol = to_rdkit(structure)
        assert chem.MolToSmiles(chem.RemoveHs(mol)) == chem.CanonSmiles(smiles)
        assert as_structure(mol) == structure

    @pytest.mark.parametrize("smiles", ["c1cc[nH]c1", "c1ccc2[nH]cnc2c1", "O=c1cc[nH]c(=O)[nH]1"])
    def test_rings_with_an_implied_hydrogen(self, chem, smiles):
        mol = chem.MolFromSmiles(smiles)
        mol.AddConformer(chem.Conformer(mol.GetNumAtoms()))
        structure = as_structure(mol)
        assert structure.bonds[:, 2].max() == 2
        assert chem.MolToSmiles(structure.to_rdkit()) == chem.MolToSmiles(mol)
        assert all(bond.GetIsAromatic() for bond in mol.GetBonds() if bond.IsInRing())  # the caller's is as it was

    def test_bonds_only_on_request(self, chem, embedded):
        kept = as_structure(embedded("CC(=O)O"))
        bare = Structure(kept.positions, kept.numbers)
        assert to_rdkit(bare).GetNumBonds() == 0
        assert to_rdkit(bare).GetNumAtoms() == 8
        assert chem.MolToSmiles(chem.RemoveHs(to_rdkit(bare, determine_bonds=True))) == "CC(=O)O"

    def test_impossible_bonds(self, chem):
        structure = Structure(np.arange(6.0).reshape(2, 3), ["F", "F"], bonds=[[0, 1, 3]])
        with pytest.raises(ValueError, match=r"RDKit refuses the bonds of Structure\(F2\): Explicit valence"):
            to_rdkit(structure)
        with pytest.raises(ValueError, match="the bond of atoms 0 and 1 has order 7"):
            to_rdkit(Structure(structure.positions, ["F", "F"], bonds=[[0, 1, 7]]))

"""`GninaTypes`, beside what libmolgrid says (recorded in molgrid_types.json; from the wheel itself if it is there)."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from molgrid_types import PYTHON, RECORD, ask_molgrid, flat_mol

from particlegrid import Batch, Box, Gaussian, GaussianQuadratic, GninaTypes, Structure, Voxelizer, as_structure
from particlegrid.channels import GNINA_TYPES, find_gnina_types

Chem = pytest.importorskip("rdkit.Chem")
RECORDED = json.loads(RECORD.read_text())
NUMBER = {kind.name: number for number, kind in enumerate(GNINA_TYPES)}


@pytest.fixture(scope="module")
def paracetamol() -> Structure:
    return as_structure(flat_mol("CC(=O)Nc1ccc(O)cc1"))


class TestFacts:
    def test_radii(self) -> None:
        for kind in ("xs", "covalent"):
            assert [[entry.name, getattr(entry, kind)] for entry in GNINA_TYPES] == RECORDED[kind]

    @pytest.mark.parametrize("name", ["receptor", "ligand"])
    def test_maps(self, name: str) -> None:
        assert list(GninaTypes(name).channels) == RECORDED[name]
        assert len(GninaTypes(name).channels) == 14

    @pytest.mark.parametrize("smiles", RECORDED["types"])
    def test_types(self, smiles: str) -> None:
        found = find_gnina_types(as_structure(flat_mol(smiles)))
        named = [(GNINA_TYPES[a].name, GNINA_TYPES[b].name) for a, b in zip(found, RECORDED["types"][smiles])]
        assert all(a == b for a, b in named), named
        assert len(found) == len(RECORDED["types"][smiles])

    def test_the_record_has_every_type_that_libmolgrid_assigns(self) -> None:
        # its oxygen always accepts
        never = {NUMBER["Oxygen"], NUMBER["OxygenXSDonor"]}
        assert {number for types in RECORDED["types"].values() for number in types} == set(range(28)) - never

    @pytest.mark.parametrize("smiles", RECORDED["types"])
    def test_implied_hydrogens_count(self, smiles: str) -> None:
        mol = flat_mol(smiles)
        heavy = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() > 1]
        bare = as_structure(Chem.RemoveHs(mol))
        assert find_gnina_types(bare).tolist() == [RECORDED["types"][smiles][i] for i in heavy]


@pytest.mark.skipif(not PYTHON.exists(), reason="libmolgrid is not there; make bench-peers installs it")
def test_live_molecules_of_the_nci_set() -> None:
    from rdkit import RDConfig, RDLogger

    RDLogger.DisableLog("rdApp.*")
    lines = (Path(RDConfig.RDDataDir) / "NCI/first_5K.smi").read_text().splitlines()
    count = int(os.environ.get("PARTICLEGRID_NCI", "300"))
    mols = [mol for mol in (flat_mol(line.split()[0]) for line in lines[:count]) if mol is not None]
    theirs = ask_molgrid(mols)["types"]
    differing, atoms = 0, 0
    for mol, types in zip(mols, theirs, strict=True):
        # atom by atom, unless a valence is so odd that libmolgrid adds hydrogens to it
        found = find_gnina_types(as_structure(mol))
        atoms += len(found)
        differing += int((found != types[: len(found)]).sum())
    print(f"{differing} of {atoms} atoms in {len(mols)} molecules have another type than in libmolgrid")
    # Open Babel and RDKit disagree on the aromaticity of few rings: porphyrin, chelates, ferrocene
    assert differing <= 5e-4 * atoms


@pytest.mark.skipif(not PYTHON.exists(), reason="libmolgrid is not there; make bench-peers installs it")
def test_live_grids_of_random_molecules() -> None:
    from rdkit import RDConfig, RDLogger

    RDLogger.DisableLog("rdApp.*")
    rng = np.random.default_rng(0)
    lines = (Path(RDConfig.RDDataDir) / "NCI/first_5K.smi").read_text().splitlines()
    mols = [mol for i in rng.permutation(len(lines))[:220] if (mol := flat_mol(lines[i].split()[0])) is not None][:200]
    for mol in mols:
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() @ turn)
    theirs = ask_molgrid(mols)["grids"]
    # as the files say it, to four decimals
    structures = [as_structure(Chem.MolFromMolBlock(Chem.MolToMolBlock(mol), removeHs=False)) for mol in mols]
    box = Box(24, spacing=0.75, center="origin", outside="ignore")
    ours = Voxelizer(box, GninaTypes("ligand", radii="xs"), GaussianQuadratic())(structures)
    worst = abs(ours - theirs).max(axis=(1, 2, 3, 4))
    alike = worst < 1e-3  # else a type differs
    print(f"{alike.sum()} of {len(mols)} molecules have the same types; their grids differ by {worst[alike].max():.1e}")
    assert worst[alike].max() <= 2e-6
    assert alike.sum() >= 198


class TestScheme:
    def test_channels_and_weights(self, paracetamol: Structure) -> None:
        types = find_gnina_types(paracetamol)
        entries = GninaTypes().list_entries(Batch([paracetamol, paracetamol]))
        assert entries.channels.tolist() == [*types, *types]
        assert entries.offsets.tolist() == [0, 20, 40]
        assert entries.widths is None
        ligand = GninaTypes("ligand").list_entries(Batch([paracetamol]))
        assert ligand.atoms.tolist() == list(range(11))  # no hydrogens
        assert [RECORDED["ligand"][c] for c in ligand.channels[[1, 2, 3, 8]]] == [
            "AliphaticCarbonXSNonHydrophobe",
            "Oxygen_OxygenXSAcceptor",
            "NitrogenXSDonor_NitrogenXSDonorAcceptor",
            "OxygenXSDonorAcceptor_OxygenXSDonor",
        ]

    @pytest.mark.parametrize("radii", ["xs", "covalent"])
    def test_radii(self, paracetamol: Structure, radii: str) -> None:
        entries = GninaTypes("ligand", radii=radii).list_entries(Batch([paracetamol]))
        by_element = {
            number: getattr(GNINA_TYPES[NUMBER[name]], radii)
            for name, number in (("AromaticCarbonXSHydrophobe", 6), ("Nitrogen", 7), ("Oxygen", 8))
        }
        assert entries.widths is not None
        assert entries.widths.tolist() == [by_element[z] for z in paracetamol.numbers[entries.atoms]]

    def test_is_drawn(self, paracetamol: Structure) -> None:
        box = Box(32, spacing=0.75, outside="error")
        grid = Voxelizer(box, GninaTypes("ligand", radii="covalent"), Gaussian(0.1))(paracetamol)
        assert np.allclose(grid.sum(axis=(1, 2, 3)), [1, 1, 4, 2, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0], atol=1e-4)

    def test_types_from_a_property(self, paracetamol: Structure) -> None:
        types = find_gnina_types(paracetamol)
        bare = Structure(paracetamol.positions, paracetamol.numbers, properties={"gnina": types, "half": types / 2})
        got = GninaTypes("ligand", types="gnina").list_entries(Batch([bare]))
        want = GninaTypes("ligand").list_entries(Batch([paracetamol]))
        assert np.array_equal(got.atoms, want.atoms)
        assert np.array_equal(got.channels, want.channels)
        with pytest.raises(ValueError, match=r"'half' is 1.5 at atom \d+ of the batch; gnina types are whole numbers"):
            GninaTypes(types="half").list_entries(Batch([bare]))
        beyond = Structure([[0, 0, 0]], ["H"], properties={"gnina": [28]})
        with pytest.raises(ValueError, match="from 0 to 27"):
            GninaTypes(types="gnina").list_entries(Batch([beyond]))

    def test_receptor_and_ligand_of_one_structure(self, paracetamol: Structure) -> None:
        is_ring = np.isin(np.arange(20), range(4, 11))
        halves = Structure(
            paracetamol.positions,
            paracetamol.numbers,
            bonds=paracetamol.bonds,
            properties={"ring": is_ring, "rest": ~is_ring},
        )
        scheme = GninaTypes("receptor", weight="ring") + GninaTypes("ligand", weight="rest")
        entries = scheme.list_entries(Batch([halves]))
        assert len(scheme.channels) == 28
        assert entries.atoms[entries.channels < 14].tolist() == list(range(4, 11))
        assert entries.atoms[entries.channels >= 14].tolist() == list(range(4))

    def test_no_bonds(self) -> None:
        water = Structure([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]], ["O", "H", "H"])
        with pytest.raises(ValueError, match=r"Structure\(H2O\) has no bonds.*determine_bonds=True"):
            GninaTypes().list_entries(Batch([water]))
        told = as_structure(water.to_rdkit(determine_bonds=True))
        assert find_gnina_types(told).tolist() == [NUMBER["OxygenXSDonorAcceptor"], 1, 1]

    def test_no_structures(self) -> None:
        assert GninaTypes(radii="xs").list_entries(Batch([])).offsets.tolist() == [0]


class TestMaps:
    def test_file(self, tmp_path: Path) -> None:
        path = tmp_path / "own.map"
        path.write_text("AromaticCarbonXSHydrophobe AromaticCarbonXSNonHydrophobe\nZinc\tIron   # metals\n\nSulfur \n")
        scheme = GninaTypes.from_file(path, radii="xs")
        assert scheme.channels == ("AromaticCarbonXSHydrophobe_AromaticCarbonXSNonHydrophobe", "Zinc_Iron", "Sulfur")
        assert scheme == GninaTypes(scheme.groups, radii="xs")

    def test_bad_file(self, tmp_path: Path) -> None:
        (tmp_path / "bad.map").write_text("Zinc\nUnobtainium\n")
        with pytest.raises(ValueError, match=r"bad\.map, line 2: 'Unobtainium' is not a gnina type"):
            GninaTypes.from_file(tmp_path / "bad.map")

    @pytest.mark.parametrize(
        ("groups", "message"),
        [
            ("protein", "`groups` must be one of 'all', 'receptor', 'ligand'"),
            ([["Zinc"], []], r"`groups\[1\]` must list"),
            (["Zinc"], r"`groups\[0\]` must list"),
            ([["zinc"]], r"'zinc' in `groups\[0\]` is not a gnina type"),
            ([["Zinc"], ["Iron", "Zinc"]], "Zinc is given twice"),
            ([], "at least one channel"),
        ],
    )
    def test_bad_maps(self, groups, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            GninaTypes(groups)

    def test_bad_options(self) -> None:
        with pytest.raises(ValueError, match="`radii` must be one of"):
            GninaTypes(radii="vdw")
        with pytest.raises(TypeError, match="`types` must be the name"):
            GninaTypes(types=3)

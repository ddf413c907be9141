"""RDKit Mol to Structure and back."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from particlegrid.errors import require
from particlegrid.structure import AROMATIC, Structure

__all__ = ["from_rdkit", "is_rdkit", "to_rdkit"]

_ORDERS = {"SINGLE": 1, "DOUBLE": 2, "TRIPLE": 3, "AROMATIC": AROMATIC, "DATIVE": 1, "DATIVEL": 1, "DATIVER": 1}
_BOND_TYPES = {0: "ZERO", 1: "SINGLE", 2: "DOUBLE", 3: "TRIPLE", AROMATIC: "AROMATIC"}
_PARTIAL_CHARGES = ("PartialCharge", "_TriposPartialCharge", "_GasteigerCharge")
_INTEGER = re.compile(r"[+-]?(0|[1-9]\d*)")
_DECIMAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?")


def is_rdkit(obj: Any) -> bool:
    """Whether it is an RDKit Mol or behaves like one."""
    return hasattr(obj, "GetAtoms") and hasattr(obj, "GetBonds") and hasattr(obj, "GetNumConformers")


def from_rdkit(mol: Any) -> Structure:
    """Structure of the explicit atoms of an RDKit Mol, at its default conformer.

    Bonds without a whole order (dative ones count as single) have order 0. Aromatic bonds are `AROMATIC`, unless an
    aromatic atom other than carbon has a hydrogen that is implied, as in pyrrole without hydrogens: which one has it
    could not be told from aromatic bonds, so all of them become single and double.
    """
    if mol.GetNumConformers() == 0:
        raise ValueError(
            "the RDKit molecule has no conformer, so no coordinates; make one with particlegrid.from_smiles "
            "or with rdkit.Chem.AllChem.EmbedMolecule(rdkit.Chem.AddHs(mol))"
        )
    # by index: RDKit's iterators ask for len() at each step (20 atoms, interleaved, best of 30: 0.23 against 0.28 ms)
    atoms = [mol.GetAtomWithIdx(i) for i in range(mol.GetNumAtoms())]
    numbers = np.array([atom.GetAtomicNum() for atom in atoms], dtype=np.int64)
    if len(numbers) and numbers.min() == 0:
        i = int(numbers.argmin())
        raise ValueError(f"atom {i} ({atoms[i].GetSymbol()!r}) is a dummy or query atom; only elements have a place")
    properties: dict[str, Any] = {"formal_charge": np.array([atom.GetFormalCharge() for atom in atoms], dtype=np.int64)}
    for key in _PARTIAL_CHARGES:
        if atoms and all(atom.HasProp(key) for atom in atoms):
            properties["charge"] = np.array([float(atom.GetPropsAsDict(True)[key]) for atom in atoms])
            break
    if any(atom.GetIsAromatic() and atom.GetAtomicNum() != 6 and atom.GetNumExplicitHs() for atom in atoms):
        chem = require("rdkit.Chem", "chem")
        mol = chem.Mol(mol)
        chem.Kekulize(mol, clearAromaticFlags=True)
    bonds = [
        (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), _ORDERS.get(str(bond.GetBondType()), 0))
        for bond in map(mol.GetBondWithIdx, range(mol.GetNumBonds()))
    ]
    info = {key: _number(value) for key, value in mol.GetPropsAsDict(autoConvertStrings=False).items()}
    name = mol.GetProp("_Name").strip() if mol.HasProp("_Name") else ""
    return Structure(
        mol.GetConformer().GetPositions(), numbers, bonds=bonds, properties=properties, info=info, name=name or None
    )


def to_rdkit(structure: Structure, determine_bonds: bool = False, charge: int = 0) -> Any:
    """Give a Structure as an RDKit Mol with one conformer.

    Parameters
    ----------
    structure : Structure
        Its bonds are kept, and ``properties["formal_charge"]``, ``properties["charge"]`` (as the atoms'
        ``PartialCharge``), the name, and the texts and numbers of its info. The cell is left behind.
    determine_bonds : bool
        Find the bonds of a structure that has none from its coordinates (RDKit's ``rdDetermineBonds``; all hydrogens
        must be there). Otherwise the molecule has no bonds.
    charge : int
        Total charge in e that `determine_bonds` assumes.

    Returns
    -------
    rdkit.Chem.Mol
        Sanitised, with its stereochemistry taken from the coordinates, if there are bonds.

    Raises
    ------
    ImportError
        If RDKit is not installed.
    ValueError
        If RDKit cannot make sense of the bonds.

    Examples
    --------
    >>> from rdkit import Chem
    >>> water = Structure([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]], ["O", "H", "H"])
    >>> Chem.MolToSmiles(Chem.RemoveHs(to_rdkit(water, determine_bonds=True)))
    'O'
    """
    chem = require("rdkit.Chem", "chem")
    mol = chem.RWMol()
    formal = structure.properties.get("formal_charge", np.zeros(len(structure)))
    for number, charge_of_atom in zip(structure.numbers.tolist(), formal.tolist()):
        atom = chem.Atom(number)
        atom.SetFormalCharge(int(charge_of_atom))
        # without bonds RDKit would take every atom for a hydride
        atom.SetNoImplicit(structure.bonds is None)
        mol.AddAtom(atom)
    for i, j, order in [] if structure.bonds is None else structure.bonds.tolist():
        if order not in _BOND_TYPES:
            raise ValueError(
                f"the bond of atoms {i} and {j} has order {order}; RDKit is given 0, 1, 2, 3 or {AROMATIC}"
            )
        mol.AddBond(i, j, getattr(chem.BondType, _BOND_TYPES[order]))
        if order == AROMATIC:
            mol.GetBondBetweenAtoms(i, j).SetIsAromatic(True)
            mol.GetAtomWithIdx(i).SetIsAromatic(True)
            mol.GetAtomWithIdx(j).SetIsAromatic(True)
    conformer = chem.Conformer(len(structure))
    conformer.Set3D(True)
    conformer.SetPositions(np.array(structure.positions))
    mol.AddConformer(conformer, assignId=True)
    for atom, value in zip(mol.GetAtoms(), structure.properties.get("charge", np.empty(0)).tolist()):
        atom.SetDoubleProp("PartialCharge", float(value))
    _set_info(mol, structure)
    _finish(mol, structure, determine_bonds, charge)
    return mol.GetMol()


def _finish(mol: Any, structure: Structure, determine_bonds: bool, charge: int) -> None:
    chem = require("rdkit.Chem", "chem")
    try:
        if structure.bonds is not None:
            chem.SanitizeMol(mol)
        elif determine_bonds:
            require("rdkit.Chem.rdDetermineBonds", "chem").DetermineBonds(mol, charge=charge)
        else:
            mol.UpdatePropertyCache(strict=False)
            return
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"RDKit refuses the bonds of {structure}: {str(error).strip()}") from error
    chem.AssignStereochemistryFrom3D(mol)


def _set_info(mol: Any, structure: Structure) -> None:
    if structure.name is not None:
        mol.SetProp("_Name", structure.name)
    for key, value in structure.info.items():
        if isinstance(value, str):
            mol.SetProp(key, value)
        elif isinstance(value, (bool, np.bool_)):
            mol.SetBoolProp(key, bool(value))
        elif isinstance(value, (int, np.integer)) and abs(int(value)) < 2**31:
            mol.SetIntProp(key, int(value))
        elif isinstance(value, (int, float, np.integer, np.floating)):
            mol.SetDoubleProp(key, float(value))


def _number(value: Any) -> Any:
    """A text that is a number as int or float; "007", a label, stays a text."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else value

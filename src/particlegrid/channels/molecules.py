"""Structures as RDKit molecules, for the schemes that ask for bonds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.structure import Structure

__all__ = ["as_bonded_mol", "match_atoms"]

# RDKit's default of 1000 also cuts off what "$(...)" inside a pattern matches, so that "!$(...)" is true of too many
# atoms of a protein: of BaseFeatures' ThreeWayAttach, for one, from some 260 residues
_NO_LIMIT = 2**31 - 1


def as_bonded_mol(structure: Structure) -> Any:
    """The `rdkit.Chem.Mol` of a structure that has bonds, sanitised.

    Raises
    ------
    ImportError
        If RDKit is not installed.
    ValueError
        If the structure has no bonds, or RDKit cannot make sense of them.
    """
    if structure.bonds is None:
        raise ValueError(
            f"{structure} has no bonds, and what an atom is for chemistry follows from them; read it from SDF or "
            "SMILES, or let RDKit find them: as_structure(structure.to_rdkit(determine_bonds=True)) if all hydrogens "
            "are there, as_structure(rdkit.Chem.MolFromPDBFile(path, removeHs=False)) for a protein"
        )
    return structure.to_rdkit()


def match_atoms(mol: Any, pattern: Any) -> NDArray[np.int64]:
    """Indices of all atoms in any match of a pattern that `rdkit.Chem.MolFromSmarts` has read."""
    matches = mol.GetSubstructMatches(pattern, maxMatches=_NO_LIMIT)
    return np.array(matches, dtype=np.int64).ravel()

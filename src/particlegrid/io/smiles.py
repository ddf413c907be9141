"""Three-dimensional structures from SMILES."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from particlegrid.adapt.rdkit import from_rdkit
from particlegrid.errors import require
from particlegrid.io.rdkit_log import call_rdkit
from particlegrid.structure import Structure

__all__ = ["from_smiles"]

_MAX_STEPS = 2000


def from_smiles(smiles: str, seed: int = 0) -> Structure:
    """Make a structure of a SMILES: hydrogens, one conformer, a force field's minimum.

    RDKit adds the hydrogens, embeds with ETKDGv3 (again from random coordinates if that fails) and relaxes with MMFF94,
    or with UFF where MMFF94 lacks a parameter. The same SMILES, seed and RDKit version give the same coordinates.

    Parameters
    ----------
    smiles : str
        The molecule.
    seed : int
        Seed of the embedding, >= 0.

    Returns
    -------
    Structure
        With bonds, ``properties["formal_charge"]``, the SMILES as name, and ``info["forcefield"]``: ``"MMFF94"``,
        ``"UFF"`` or None if neither has the parameters, where the coordinates are those of the embedding.

    Raises
    ------
    ValueError
        If RDKit cannot read the SMILES or finds no conformer, or the seed is negative.
    ImportError
        If RDKit is not installed.

    Examples
    --------
    >>> from_smiles("CO")
    Structure('CO', CH4O)
    """
    if not isinstance(smiles, str):
        raise TypeError(f"`smiles` must be a str, got {type(smiles).__name__}")
    if not 0 <= int(seed) < 2**31:
        raise ValueError(f"`seed` must be between 0 and 2**31 - 1, got {seed}")
    chem = require("rdkit.Chem", "chem")
    mol, reason = call_rdkit(lambda: chem.MolFromSmiles(smiles))
    if mol is None or not mol.GetNumAtoms():
        raise ValueError(f"RDKit cannot read the SMILES {smiles!r}: {reason or 'it is no valid SMILES'}")
    mol = chem.AddHs(mol)
    _embed(mol, smiles, int(seed))
    forcefield = _relax(mol)
    structure = from_rdkit(mol)
    return replace(structure, name=smiles, info={**structure.info, "forcefield": forcefield})


def _embed(mol: Any, smiles: str, seed: int) -> None:
    distances = require("rdkit.Chem.rdDistGeom", "chem")
    parameters = distances.ETKDGv3()
    parameters.randomSeed = seed
    reason = ""
    for random in (False, True):
        parameters.useRandomCoords = random
        conformer, reason = call_rdkit(lambda: distances.EmbedMolecule(mol, parameters))
        if conformer >= 0:
            return
    raise ValueError(
        f"RDKit finds no three-dimensional conformer of {smiles!r}; try another `seed`, or check its stereochemistry"
        + (f" ({reason})" if reason else "")
    )


def _relax(mol: Any) -> str | None:
    fields = require("rdkit.Chem.rdForceFieldHelpers", "chem")
    if call_rdkit(lambda: fields.MMFFHasAllMoleculeParams(mol))[0]:
        call_rdkit(lambda: fields.MMFFOptimizeMolecule(mol, maxIters=_MAX_STEPS))
        return "MMFF94"
    if call_rdkit(lambda: fields.UFFHasAllMoleculeParams(mol))[0]:
        call_rdkit(lambda: fields.UFFOptimizeMolecule(mol, maxIters=_MAX_STEPS))
        return "UFF"
    return None

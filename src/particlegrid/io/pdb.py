"""PDB through gemmi, which needs no bonds or valences to read a protein and reads mmCIF by the same means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from particlegrid.errors import require
from particlegrid.io.records import Record, Unreadable, attempt, open_text
from particlegrid.structure import Structure

__all__ = ["from_models", "read_records"]


def read_records(path: Path) -> Iterator[Record]:
    """Yield the models of a file: its atoms as deposited, no symmetry copies, the cell kept but not periodic.

    Of alternative locations the one with the highest total occupancy in its residue is kept.
    """
    gemmi = require("gemmi", "io")
    with open_text(path) as file:
        text = file.read()
    try:
        document = gemmi.read_pdb_string(text)
    except (ValueError, RuntimeError) as error:
        yield Unreadable(str(error))
        return
    yield from from_models(document)


def from_models(document: Any) -> Iterator[Record]:
    """Yield the models of a gemmi.Structure."""
    if not any(len(chain) for model in document for chain in model):
        yield Unreadable("there are no atoms in it")
        return
    for k, model in enumerate(document):
        yield attempt(_from_model, document, model, k if len(document) > 1 else None)


def _from_model(document: Any, model: Any, k: int | None) -> Structure:
    rows = [(chain, residue, atom) for chain in model for residue, atom in _one_location(chain)]
    atoms = [atom for _, _, atom in rows]
    properties = {
        "atom_name": np.array([atom.name for atom in atoms], dtype=str),
        "residue": np.array([residue.name for _, residue, _ in rows], dtype=str),
        "residue_number": np.array([residue.seqid.num for _, residue, _ in rows], dtype=np.int64),
        "chain": np.array([chain.name for chain, _, _ in rows], dtype=str),
        "hetero": np.array([residue.het_flag == "H" for _, residue, _ in rows], dtype=bool),
        "occupancy": np.array([atom.occ for atom in atoms], dtype=float),
        "b_factor": np.array([atom.b_iso for atom in atoms], dtype=float),
        "formal_charge": np.array([atom.charge for atom in atoms], dtype=np.int64),
    }
    unknown = next((atom for atom in atoms if not atom.element.atomic_number), None)
    if unknown is not None:
        raise ValueError(f"the element of atom {unknown.serial} ({unknown.name!r}) is unknown")
    info: dict[str, Any] = {}
    if document.spacegroup_hm:
        info["spacegroup"] = document.spacegroup_hm
    if k is not None:
        info["model"] = k
    return Structure(
        np.array([atom.pos.tolist() for atom in atoms]).reshape(-1, 3),
        np.array([atom.element.atomic_number for atom in atoms], dtype=np.int64),
        cell=np.array(document.cell.orth.mat.tolist()).T if document.cell.is_crystal() else None,
        pbc=False,
        properties=properties,
        info=info,
        name=dict(document.info).get("_entry.id"),
    )


def _one_location(chain: Any) -> Iterator[tuple[Any, Any]]:
    """(residue, atom) of a chain without alternatives: in each residue the location of most occupancy, or the first."""
    weights: dict[str, dict[str, float]] = {}
    for residue in chain:
        for atom in residue:
            if atom.altloc != "\0":
                of_residue = weights.setdefault(str(residue.seqid), {})
                of_residue[atom.altloc] = of_residue.get(atom.altloc, 0.0) + atom.occ
    kept = {residue: max(of_residue, key=of_residue.__getitem__) for residue, of_residue in weights.items()}
    for residue in chain:
        for atom in residue:
            if atom.altloc == "\0" or atom.altloc == kept[str(residue.seqid)]:
                yield residue, atom

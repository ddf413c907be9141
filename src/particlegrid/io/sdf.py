"""SDF and MOL, record by record, through RDKit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from particlegrid.adapt.rdkit import from_rdkit
from particlegrid.errors import require
from particlegrid.io.rdkit_log import call_rdkit
from particlegrid.io.records import Record, attempt, open_text
from particlegrid.structure import Structure

__all__ = ["read_records"]


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of a file: hydrogens kept as they are, data fields as info, the title as name.

    A molecule whose valences RDKit refuses is unreadable, and so is a drawing (coordinates declared 2D).
    """
    require("rdkit.Chem", "chem")
    with open_text(path) as file:
        for text in _split(file):
            yield attempt(_parse, text)


def _split(file: TextIO) -> Iterator[str]:
    lines: list[str] = []
    for line in file:
        if line.startswith("$$$$"):
            yield "".join(lines)
            lines.clear()
        else:
            lines.append(line)
    if any(line.strip() for line in lines):
        yield "".join(lines)


def _parse(text: str) -> Structure:
    if not text.strip():
        raise ValueError("the record is empty")
    supplier = require("rdkit.Chem", "chem").SDMolSupplier()
    supplier.SetData(text, sanitize=True, removeHs=False)
    mol, reason = call_rdkit(lambda: supplier[0] if len(supplier) else None)
    if mol is None:
        raise ValueError(f"RDKit cannot read the record: {reason or 'it is no valid molfile'}")
    structure = from_rdkit(mol)
    header = text.split("\n", 2)[1]
    if header[20:22] == "2D" and not structure.positions[:, 2].any():
        raise ValueError("the record is a drawing with 2D coordinates; make a conformer with particlegrid.from_smiles")
    info = {key: value for key, value in structure.info.items() if not key.startswith("atom.")}
    return structure if len(info) == len(structure.info) else replace(structure, info=info)

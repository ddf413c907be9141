"""JSON of pymatgen and JARVIS, and ASE's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from particlegrid.adapt.pymatgen import from_pymatgen
from particlegrid.errors import require
from particlegrid.io import ase_formats
from particlegrid.io.records import Record, Unreadable, attempt, open_text
from particlegrid.structure import Structure

__all__ = ["read_records"]

_ROW_KEYS = ("structure", "atoms", "molecule")


def read_records(path: Path) -> Iterator[Record]:
    """Yield the structures of a JSON file.

    It holds a pymatgen Structure or Molecule or JARVIS atoms, a list of them, or a list of rows with one of them as
    ``"structure"``, ``"molecule"`` or ``"atoms"``, whose other plain values become info; or it is a database of ASE.
    """
    with open_text(path) as file:
        try:
            content = json.load(file)
        except ValueError as error:
            yield Unreadable(f"it is no valid JSON: {error}")
            return
    if isinstance(content, dict) and "ids" in content:
        yield from ase_formats.read_records(path, format="json")
        return
    for row in content if isinstance(content, list) else [content]:
        yield attempt(_parse, row)


def _parse(row: Any) -> Structure:
    if not isinstance(row, dict):
        raise ValueError(f"expected a JSON object, got {str(row)[:40]!r}")
    key = next((key for key in _ROW_KEYS if isinstance(row.get(key), dict)), None)
    content = row if key is None else row[key]
    if "lattice_mat" in content:
        structure = _from_jarvis(content)
    elif content.get("@class") in ("Structure", "Molecule", "IStructure", "IMolecule"):
        core = require("pymatgen.core", "crystal")
        structure = from_pymatgen(getattr(core, content["@class"]).from_dict(content))
    else:
        raise ValueError(f"neither a structure of pymatgen nor one of JARVIS: its keys are {', '.join(row)[:80]}")
    if key is None:
        return structure
    values = {k: v for k, v in row.items() if isinstance(v, (str, int, float, bool))}
    name = next((str(values[k]) for k in ("material_id", "jid", "id", "name") if k in values), structure.name)
    return Structure(
        structure.positions,
        structure.numbers,
        structure.cell,
        structure.pbc,
        properties=structure.properties,
        info={**structure.info, **values},
        name=name,
    )


def _from_jarvis(content: dict[str, Any]) -> Structure:
    cell = np.array(content["lattice_mat"], dtype=float)
    coordinates = np.array(content["coords"], dtype=float).reshape(-1, 3)
    positions = coordinates if content.get("cartesian") else coordinates @ cell
    return Structure(positions, [element.strip() for element in content["elements"]], cell)

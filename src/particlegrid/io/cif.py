"""CIF through gemmi: small-molecule CIF with its symmetry, and mmCIF."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from particlegrid.errors import require
from particlegrid.io.pdb import from_models
from particlegrid.io.records import Record, Unreadable, attempt, open_text
from particlegrid.io.symmetry import expand_symmetry, merge_coincident
from particlegrid.structure import Structure

__all__ = ["parse_cif", "read_records"]


def read_records(path: Path) -> Iterator[Record]:
    """Yield a structure for each data block with atoms; mmCIF gives one for each model, as PDB does."""
    with open_text(path) as file:
        text = file.read()
    yield from parse_cif(text)


def parse_cif(text: str) -> Iterator[Record]:
    """Yield the structures of the text of a CIF.

    Symmetry is expanded to the whole cell, and copies on special positions are merged. Sites keep their occupancy as
    ``properties["occupancy"]``; sites that share a place (solid solutions) are all there, and a channel scheme with
    ``weight="occupancy"`` gives their average. Of the groups of a disorder assembly the one with the highest mean
    occupancy is kept, and ``info["disorder"]`` says so; a group that is disordered about a symmetry element (a negative
    group number) is unreadable.
    """
    gemmi = require("gemmi", "io")
    try:
        document = gemmi.cif.read_string(text)
    except (ValueError, RuntimeError) as error:
        yield Unreadable(f"it is no valid CIF: {error}")
        return
    found = False
    for block in document:
        if block.find_values("_atom_site.Cartn_x"):
            found = True
            yield from from_models(gemmi.make_structure_from_block(block))
        elif block.find_values("_atom_site_fract_x"):
            found = True
            yield attempt(_from_block, block)
    if not found:
        yield Unreadable("no data block has atoms (`_atom_site_fract_x` or `_atom_site.Cartn_x`)")


def _from_block(block: Any) -> Structure:
    small = require("gemmi", "io").make_small_structure_from_block(block)
    if not small.cell.is_crystal():
        raise ValueError("the cell is missing or incomplete (`_cell_length_a` ... `_cell_angle_gamma`)")
    cell = np.array(small.cell.orth.mat.tolist()).T
    sites, note = _major_groups(block, list(small.sites))
    for site in sites:
        if not site.element.atomic_number:
            raise ValueError(f"the element of site {site.label!r} ({site.type_symbol!r}) is unknown")
    fractional = np.array([site.fract.tolist() for site in sites]).reshape(-1, 3)
    lost = ~np.isfinite(fractional).all(axis=1)
    if lost.any():
        raise ValueError(f"site {sites[int(np.argmax(lost))].label!r} has no coordinates")
    fill = np.array([site.occ for site in sites])
    fractional, owners = expand_symmetry(fractional, _operations(small), cell, fill, [site.label for site in sites])
    numbers = np.array([site.element.atomic_number for site in sites])[owners]
    charges = np.array([round(site.charge) for site in sites])[owners]
    kept, occupancy = merge_coincident(fractional, numbers, fill[owners], cell)
    properties = {"occupancy": occupancy}
    if charges.any():
        properties["formal_charge"] = charges[kept]
    info = {"spacegroup": small.spacegroup_hm} if small.spacegroup_hm else {}
    if note:
        info["disorder"] = note
    return Structure(
        fractional[kept] @ cell, numbers[kept], cell, properties=properties, info=info, name=small.name or None
    )


def _operations(small: Any) -> Any:
    """Symmetry operators as (k, 4, 4): those listed, else those of the named space group, else the identity."""
    gemmi = require("gemmi", "io")
    operators = [gemmi.Op(text) for text in small.symops]
    if not operators:
        group = small.spacegroup
        if group is None and small.spacegroup_number:
            group = gemmi.find_spacegroup_by_number(small.spacegroup_number)
        named = small.spacegroup_hm or small.spacegroup_hall
        if group is None and named:
            raise ValueError(f"the space group {named!r} is unknown and no symmetry operators are listed")
        operators = [gemmi.Op("x,y,z")] if group is None else list(group.operations())
    return np.array([operator.float_seitz() for operator in operators])


def _major_groups(block: Any, sites: list[Any]) -> tuple[list[Any], str]:
    """The sites without the minor groups of each disorder assembly, and a note of what was dropped."""
    column = block.find_values("_atom_site_disorder_assembly")
    assemblies = [column.str(i) for i in range(len(column))] if len(column) == len(sites) else [""] * len(sites)
    occupancies: dict[str, dict[int, list[float]]] = {}
    for site, assembly in zip(sites, assemblies):
        if site.disorder_group < 0:
            raise ValueError(
                f"site {site.label!r} is disordered about a symmetry element (disorder group {site.disorder_group}); "
                "order the structure first"
            )
        if site.disorder_group:
            occupancies.setdefault(assembly, {}).setdefault(site.disorder_group, []).append(site.occ)
    major = {assembly: min(groups, key=lambda g: (-np.mean(groups[g]), g)) for assembly, groups in occupancies.items()}
    kept = [s for s, a in zip(sites, assemblies) if not s.disorder_group or s.disorder_group == major[a]]
    notes = [
        f"kept group {major[assembly]} of {', '.join(map(str, sorted(groups)))}"
        + (f" in assembly {assembly}" * bool(assembly))
        for assembly, groups in occupancies.items()
        if len(groups) > 1
    ]
    return kept, "; ".join(notes)

"""pymatgen Structure and Molecule to Structure and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from particlegrid.elements import SYMBOLS, atomic_number
from particlegrid.errors import require
from particlegrid.structure import Structure

__all__ = ["from_pymatgen", "is_pymatgen", "to_pymatgen"]

_ISOTOPES = {"D": "H", "T": "H"}


def is_pymatgen(obj: Any) -> bool:
    """Whether it is a pymatgen Structure or Molecule or behaves like one."""
    return hasattr(obj, "site_properties") and hasattr(obj, "cart_coords") and hasattr(obj, "is_ordered")


def from_pymatgen(obj: Any) -> Structure:
    """Structure of an ordered pymatgen Structure or Molecule."""
    species = []
    for i, site in enumerate(obj.sites):
        if not site.is_ordered:
            raise ValueError(
                f"site {i} is disordered ({site.species_string}); a structure has one element on each site: "
                "order it first, for example with pymatgen's OrderDisorderedStructureTransformation"
            )
        species.append(site.specie)
    numbers = [atomic_number(_ISOTOPES.get(s.symbol, s.symbol)) for s in species]
    properties = {key: _fill(values) for key, values in obj.site_properties.items()}
    oxidation = [getattr(s, "oxi_state", None) for s in species]
    if species and None not in oxidation:
        properties["oxidation_state"] = np.array(oxidation, dtype=float)
    info = dict(getattr(obj, "properties", None) or {})
    name = info.pop("name") if isinstance(info.get("name"), str) else None
    if obj.charge:
        info["charge"] = float(obj.charge)
    lattice = getattr(obj, "lattice", None)
    if lattice is None:
        info.update(_unusual_spin(obj))
        return Structure(obj.cart_coords, numbers, properties=properties, info=info, name=name)
    return Structure(obj.cart_coords, numbers, lattice.matrix, lattice.pbc, None, properties, info, name)


def to_pymatgen(structure: Structure) -> Any:
    """Give a Structure as a pymatgen Structure (with a periodic axis) or Molecule (without one).

    Parameters
    ----------
    structure : Structure
        The atoms, with their properties and info.

    Returns
    -------
    pymatgen.core.Structure or pymatgen.core.Molecule
        Properties become site properties, info and name become ``properties``, ``info["charge"]`` and a molecule's
        ``info["spin_multiplicity"]`` its charge and spin. Bonds are left behind.

    Raises
    ------
    ImportError
        If pymatgen is not installed.

    Examples
    --------
    >>> to_pymatgen(Structure([[0, 0, 0]], ["Po"], cell=[[3.35, 0, 0], [0, 3.35, 0], [0, 0, 3.35]])).formula
    'Po1'
    """
    core = require("pymatgen.core", "crystal")
    info = dict(structure.info)
    if structure.name is not None:
        info["name"] = structure.name
    charge = info.pop("charge", None)
    site_properties = {key: list(values) for key, values in structure.properties.items() if key != "oxidation_state"}
    species: list[Any] = [SYMBOLS[z] for z in structure.numbers]
    if "oxidation_state" in structure.properties:
        states = structure.properties["oxidation_state"].tolist()
        species = [core.Species(s, state) for s, state in zip(species, states)]
    if not structure.pbc.any():
        spin = info.pop("spin_multiplicity", None)
        return core.Molecule(
            species, structure.positions, charge or 0.0, spin, site_properties=site_properties, properties=info
        )
    return core.Structure(
        core.Lattice(structure.cell, pbc=tuple(structure.pbc.tolist())),
        species,
        structure.positions,
        charge=charge,
        coords_are_cartesian=True,
        site_properties=site_properties,
        properties=info,
    )


def _unusual_spin(molecule: Any) -> dict[str, int]:
    """The spin multiplicity if it is not what the electron count alone suggests."""
    lowest = 1 + round(molecule.nelectrons) % 2
    return {} if molecule.spin_multiplicity == lowest else {"spin_multiplicity": int(molecule.spin_multiplicity)}


def _fill(values: Any) -> Any:
    """Values per site as an array; None, pymatgen's sign of a missing number, becomes NaN."""
    return np.array([np.nan if value is None else value for value in values])

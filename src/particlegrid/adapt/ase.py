"""ASE Atoms to Structure and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from particlegrid.errors import require
from particlegrid.structure import Structure

__all__ = ["from_ase", "is_ase", "to_ase"]

_TO_PROPERTY = {"initial_charges": "charge", "initial_magmoms": "magmom"}
_RESULT_PER_ATOM = {"forces": "forces", "charges": "charge", "magmoms": "magmom", "energies": "energies"}
_RESULT_PER_STRUCTURE = ("energy", "free_energy", "stress", "dipole", "magmom")
_TO_ARRAY = {name: array for array, name in _TO_PROPERTY.items()}


def is_ase(obj: Any) -> bool:
    """Whether it is an ASE Atoms or behaves like one."""
    return hasattr(obj, "get_atomic_numbers") and hasattr(obj, "get_positions") and hasattr(obj, "arrays")


def from_ase(atoms: Any) -> Structure:
    """Structure of an ASE Atoms, with the results its calculator already has for it."""
    arrays = {key: value for key, value in atoms.arrays.items() if key not in ("numbers", "positions")}
    properties = {_TO_PROPERTY.get(key, key): value for key, value in arrays.items()}
    info = dict(atoms.info)
    for key, value in _known_results(atoms).items():
        if key in _RESULT_PER_ATOM:
            properties[_RESULT_PER_ATOM[key]] = value
        elif key in _RESULT_PER_STRUCTURE:
            info[key] = value
    name = info.pop("name") if isinstance(info.get("name"), str) else None
    return Structure(
        atoms.positions, atoms.numbers, atoms.cell.array, atoms.pbc, properties=properties, info=info, name=name
    )


def to_ase(structure: Structure) -> Any:
    """Give a Structure as an ASE Atoms.

    Parameters
    ----------
    structure : Structure
        The atoms, with their properties and info.

    Returns
    -------
    ase.Atoms
        Properties become arrays (``"charge"`` initial charges, ``"magmom"`` initial magnetic moments); energy, stress
        and forces go into a ``SinglePointCalculator``; the name into ``info["name"]``. Bonds are left behind: ASE has
        no place for them.

    Raises
    ------
    ImportError
        If ASE is not installed.

    Examples
    --------
    >>> to_ase(Structure([[0, 0, 0], [0, 0, 0.74]], ["H", "H"], info={"energy": -31.7})).get_potential_energy()
    -31.7
    """
    info = dict(structure.info)
    results: dict[str, Any] = {
        key: info.pop(key) for key in ("energy", "free_energy", "stress", "dipole") if key in info
    }
    if structure.name is not None:
        info["name"] = structure.name
    atoms = require("ase", "io").Atoms(
        structure.numbers, structure.positions, cell=structure.cell, pbc=structure.pbc, info=info
    )
    for key, value in structure.properties.items():
        if key == "forces":
            results[key] = value
        else:
            atoms.set_array(_TO_ARRAY.get(key, key), np.array(value))
    if results:
        singlepoint = require("ase.calculators.singlepoint", "io")
        atoms.calc = singlepoint.SinglePointCalculator(atoms, **results)
    return atoms


def _known_results(atoms: Any) -> dict[str, Any]:
    """What the calculator holds for these very atoms; nothing is computed."""
    results = getattr(atoms.calc, "results", None)
    if not results or not hasattr(atoms.calc, "check_state") or atoms.calc.check_state(atoms):
        return {}
    return {key: value for key, value in results.items() if value is not None}

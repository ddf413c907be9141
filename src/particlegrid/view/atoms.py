"""What every picture needs of a structure: radii and bonds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from particlegrid.errors import require
from particlegrid.structure import Structure

__all__ = ["atom_radii", "find_bonds"]

# how much longer than the sum of the covalent radii a bond may be
_TOLERANCE = 1.25
_MOST_ATOMS = 5000


def atom_radii(structure: Structure) -> NDArray[np.float64]:
    """Covalent radii (n,) in A, from Cordero and others (Dalton Trans. 2008, 2832) as ASE has them."""
    radii: NDArray[np.float64] = require("ase.data", "view").covalent_radii[structure.numbers]
    return radii


def find_bonds(structure: Structure) -> NDArray[np.int64]:
    """Pairs (m, 2) of atoms to join: the structure's own bonds, or atoms closer than covalent radii allow.

    Periodic images are not searched: a bond across the cell's face is not drawn. Beyond 5000 atoms only the
    structure's own bonds are given, since lines would not be told apart.
    """
    if structure.bonds is not None:
        return structure.bonds[:, :2]
    if len(structure) > _MOST_ATOMS:
        return np.empty((0, 2), np.int64)
    radii = atom_radii(structure)
    rows = []
    for i, position in enumerate(structure.positions):
        distances = np.linalg.norm(structure.positions[i + 1 :] - position, axis=1)
        near = np.flatnonzero((distances < _TOLERANCE * (radii[i] + radii[i + 1 :])) & (distances > 0.1))
        rows.append(np.stack([np.full(len(near), i), near + i + 1], axis=1))
    return np.concatenate([np.empty((0, 2), np.int64), *rows])

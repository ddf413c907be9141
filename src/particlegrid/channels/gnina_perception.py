"""The gnina type of every atom, from a molecule's bonds."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.channels.gnina_table import GNINA_TYPES, TYPE_NUMBERS
from particlegrid.channels.molecules import as_bonded_mol, match_atoms
from particlegrid.elements import SYMBOLS, atomic_number
from particlegrid.errors import require
from particlegrid.structure import Structure

__all__ = ["find_gnina_types"]

# sp2 nitrogen as Open Babel's atom typer has it: aromatic, doubly bound, or next to a pi system
_SP2 = "$([$(n),$(N=*),$(N[#6,#7,#8]=,:,#*),$([N;!X4]a)])"
# no acceptor: with four neighbours if not sp2, with three if sp2
_BARE = f"$([X4;!{_SP2}]),$([X3;{_SP2}])"

# Types of the atoms that a SMARTS pattern of one atom matches; a later line overrides. Hydrogens count whether
# they are atoms or implied.
_PATTERNS = (
    ("PolarHydrogen", "[#1;$(*~[#7,#8,#15,#16])]"),
    ("AliphaticCarbonXSNonHydrophobe", "[C;$(*~[!#1;!#6])]"),
    ("AromaticCarbonXSHydrophobe", "c"),
    ("AromaticCarbonXSNonHydrophobe", "[c;$(*~[!#1;!#6])]"),
    ("NitrogenXSAcceptor", "[#7;H0]"),
    ("NitrogenXSDonorAcceptor", "[#7;!H0]"),
    ("Nitrogen", f"[#7;H0;{_BARE}]"),
    ("NitrogenXSDonor", f"[#7;!H0;{_BARE}]"),
    ("OxygenXSDonorAcceptor", "[#8;!H0]"),
    ("SulfurAcceptor", "[#16;-]"),
)

# Type by atomic number where no pattern matches: selenium counts as sulfur, what has no type as a metal.
_BY_ELEMENT = np.full(len(SYMBOLS), TYPE_NUMBERS["GenericMetal"])
for _kind in reversed(GNINA_TYPES):
    if _kind.symbol:
        _BY_ELEMENT[atomic_number(_kind.symbol)] = TYPE_NUMBERS[_kind.name]
_BY_ELEMENT[atomic_number("O")] = TYPE_NUMBERS["OxygenXSAcceptor"]
_BY_ELEMENT[atomic_number("Se")] = TYPE_NUMBERS["Sulfur"]


def find_gnina_types(structure: Structure) -> NDArray[np.int64]:
    """Numbers of the gnina types of a structure's atoms, as libmolgrid gives them.

    libmolgrid asks Open Babel for aromaticity and hybridisation; here RDKit is asked, whose idea of an aromatic ring
    differs now and then. Hydrogens that are missing are implied by the valences, as if libmolgrid had added them.

    Parameters
    ----------
    structure : Structure
        With bonds; ``properties["formal_charge"]`` counts.

    Returns
    -------
    ndarray, shape (n,), int64
        Indices into `GNINA_TYPES`. To find them once and keep them, store them as a per-atom property, which
        ``GninaTypes(types="...")`` reads.

    Raises
    ------
    ImportError
        If RDKit is not installed.
    ValueError
        If the structure has no bonds, or RDKit cannot make sense of them.

    Examples
    --------
    >>> from particlegrid import from_smiles
    >>> methanol = from_smiles("CO", seed=0)
    >>> [GNINA_TYPES[i].name for i in find_gnina_types(methanol)[[0, 1, 2, 5]]]
    ['AliphaticCarbonXSNonHydrophobe', 'OxygenXSDonorAcceptor', 'Hydrogen', 'PolarHydrogen']
    """
    types: NDArray[np.int64] = _BY_ELEMENT[structure.numbers]
    mol = as_bonded_mol(structure)
    for index, pattern in _compile_patterns():
        types[match_atoms(mol, pattern)] = index
    return types


@lru_cache(maxsize=1)
def _compile_patterns() -> list[tuple[int, Any]]:
    chem = require("rdkit.Chem", "chem")
    return [(TYPE_NUMBERS[name], chem.MolFromSmarts(smarts)) for name, smarts in _PATTERNS]

"""Radii of the elements, and how a radius or another length is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.elements import SYMBOLS, atomic_number
from particlegrid.errors import as_positive

__all__ = ["COVALENT", "TABLES", "VDW", "XS", "Lengths", "check_lengths", "list_radii", "radii_of"]

# fmt: off
# A. Bondi, J. Phys. Chem. 68 (1964) 441, doi:10.1021/j100785a001
_BONDI = {
    "H": 1.20, "He": 1.40, "C": 1.70, "N": 1.55, "O": 1.52, "F": 1.47, "Ne": 1.54, "Si": 2.10, "P": 1.80, "S": 1.80,
    "Cl": 1.75, "Ar": 1.88, "As": 1.85, "Se": 1.90, "Br": 1.85, "Kr": 2.02, "Te": 2.06, "I": 1.98, "Xe": 2.16,
}
# the rest of the main group, on Bondi's scale: M. Mantina et al., J. Phys. Chem. A 113 (2009) 5806,
# doi:10.1021/jp8111556
_MANTINA = {
    "Li": 1.81, "Be": 1.53, "B": 1.92, "Na": 2.27, "Mg": 1.73, "Al": 1.84, "K": 2.75, "Ca": 2.31, "Ga": 1.87,
    "Ge": 2.11, "Rb": 3.03, "Sr": 2.49, "In": 1.93, "Sn": 2.17, "Sb": 2.06, "Cs": 3.43, "Ba": 2.68, "Tl": 1.96,
    "Pb": 2.02, "Bi": 2.07, "Po": 1.97, "At": 2.02, "Rn": 2.20, "Fr": 3.48, "Ra": 2.83,
}
# the d and f elements: S. Alvarez, Dalton Trans. 42 (2013) 8617, doi:10.1039/C3DT50599E. Bondi has a few of them
# too, far smaller (Zn 1.39 A) than the contacts in crystals that Alvarez counts.
_ALVAREZ = {
    "Sc": 2.58, "Ti": 2.46, "V": 2.42, "Cr": 2.45, "Mn": 2.45, "Fe": 2.44, "Co": 2.40, "Ni": 2.40, "Cu": 2.38,
    "Zn": 2.39, "Y": 2.75, "Zr": 2.52, "Nb": 2.56, "Mo": 2.45, "Tc": 2.44, "Ru": 2.46, "Rh": 2.44, "Pd": 2.15,
    "Ag": 2.53, "Cd": 2.49, "La": 2.98, "Ce": 2.88, "Pr": 2.92, "Nd": 2.95, "Sm": 2.90, "Eu": 2.87, "Gd": 2.83,
    "Tb": 2.79, "Dy": 2.87, "Ho": 2.81, "Er": 2.83, "Tm": 2.79, "Yb": 2.80, "Lu": 2.74, "Hf": 2.63, "Ta": 2.53,
    "W": 2.57, "Re": 2.49, "Os": 2.48, "Ir": 2.41, "Pt": 2.29, "Au": 2.32, "Hg": 2.45, "Ac": 2.80, "Th": 2.93,
    "Pa": 2.88, "U": 2.71, "Np": 2.82, "Pu": 2.81, "Am": 2.83, "Cm": 3.05, "Bk": 3.40, "Cf": 3.05, "Es": 2.70,
}

VDW: dict[str, float] = {**_BONDI, **_MANTINA, **_ALVAREZ}
"""Van der Waals radii in A: Bondi (1964) where he has a main-group element from contacts in crystals, Mantina et al.
(2009) for the rest of the main group, Alvarez (2013) for the d and f elements."""

COVALENT: dict[str, float] = {
    "H": 0.31, "He": 0.28, "Li": 1.28, "Be": 0.96, "B": 0.84, "C": 0.76, "N": 0.71, "O": 0.66, "F": 0.57,
    "Ne": 0.58, "Na": 1.66, "Mg": 1.41, "Al": 1.21, "Si": 1.11, "P": 1.07, "S": 1.05, "Cl": 1.02, "Ar": 1.06,
    "K": 2.03, "Ca": 1.76, "Sc": 1.70, "Ti": 1.60, "V": 1.53, "Cr": 1.39, "Mn": 1.39, "Fe": 1.32, "Co": 1.26,
    "Ni": 1.24, "Cu": 1.32, "Zn": 1.22, "Ga": 1.22, "Ge": 1.20, "As": 1.19, "Se": 1.20, "Br": 1.20, "Kr": 1.16,
    "Rb": 2.20, "Sr": 1.95, "Y": 1.90, "Zr": 1.75, "Nb": 1.64, "Mo": 1.54, "Tc": 1.47, "Ru": 1.46, "Rh": 1.42,
    "Pd": 1.39, "Ag": 1.45, "Cd": 1.44, "In": 1.42, "Sn": 1.39, "Sb": 1.39, "Te": 1.38, "I": 1.39, "Xe": 1.40,
    "Cs": 2.44, "Ba": 2.15, "La": 2.07, "Ce": 2.04, "Pr": 2.03, "Nd": 2.01, "Pm": 1.99, "Sm": 1.98, "Eu": 1.98,
    "Gd": 1.96, "Tb": 1.94, "Dy": 1.92, "Ho": 1.92, "Er": 1.89, "Tm": 1.90, "Yb": 1.87, "Lu": 1.87, "Hf": 1.75,
    "Ta": 1.70, "W": 1.62, "Re": 1.51, "Os": 1.44, "Ir": 1.41, "Pt": 1.36, "Au": 1.36, "Hg": 1.32, "Tl": 1.45,
    "Pb": 1.46, "Bi": 1.48, "Po": 1.40, "At": 1.50, "Rn": 1.50, "Fr": 2.60, "Ra": 2.21, "Ac": 2.15, "Th": 2.06,
    "Pa": 2.00, "U": 1.96, "Np": 1.90, "Pu": 1.87, "Am": 1.80, "Cm": 1.69,
}
"""Covalent radii in A: B. Cordero et al., Dalton Trans. (2008) 2832, doi:10.1039/B801115J (sp3 carbon; the low-spin
values of Mn, Fe and Co)."""

XS: dict[str, float] = {
    "H": 0.37, "B": 1.92, "C": 1.90, "N": 1.80, "O": 1.70, "F": 1.50, "Na": 1.20, "Mg": 1.20, "Si": 2.20, "P": 2.10,
    "S": 2.00, "Cl": 1.80, "K": 1.20, "Ca": 1.20, "Mn": 1.20, "Fe": 1.20, "Co": 1.20, "Ni": 1.20, "Cu": 1.20,
    "Zn": 1.20, "Se": 2.00, "Br": 2.00, "Cd": 1.20, "I": 2.20, "Hg": 1.20, "At": 2.30, "U": 1.20,
}
"""The xs radii of AutoDock Vina in A (O. Trott and A. J. Olson, J. Comput. Chem. 31 (2010) 455, doi:10.1002/jcc.21334;
`xs_vdw_radii` of its source, Apache-2.0). H and B are those of libmolgrid 0.5.5 (doi:10.1021/acs.jcim.9b01145), as Vina
has no hydrogen and gives boron 1.9; selenium counts as sulfur there."""
# fmt: on

TABLES: dict[str, dict[str, float]] = {"vdw": VDW, "covalent": COVALENT, "xs": XS}
"""The tables by name."""

Lengths = float | Mapping[str, float] | str


def check_lengths(spec: Any, name: str) -> Any:
    """Check what asks for a length of each atom: a number in A, numbers by element, or a name.

    Raises
    ------
    TypeError, ValueError
        If a length is not positive or a key is no element's symbol.

    Examples
    --------
    >>> check_lengths({"C": 1}, "radius")
    {'C': 1.0}
    """
    if isinstance(spec, Mapping):
        lengths = {}
        for element, length in spec.items():
            atomic_number(element)
            lengths[element] = as_positive(length, f"{name}[{element!r}]", "A")
        return lengths
    return spec if isinstance(spec, str) else as_positive(spec, name, "A")


def radii_of(spec: Lengths, numbers: NDArray[np.uint8], name: str = "radius") -> NDArray[np.float64]:
    """Radius of each atom.

    Parameters
    ----------
    spec : float, dict of str to float, or str
        A radius in A for all, radii by element, or "vdw", "covalent" or "xs".
    numbers : ndarray, shape (n,)
        Atomic numbers.
    name : str
        What an error calls it.

    Returns
    -------
    ndarray, shape (n,), float64
        In A.

    Raises
    ------
    ValueError
        If an element has no radius there, or there is no such table.

    Examples
    --------
    >>> radii_of("vdw", np.array([1, 6, 30])).tolist()
    [1.2, 1.7, 2.39]
    """
    if isinstance(spec, str) and spec not in TABLES:
        raise ValueError(f"`{name}` is {spec!r}; tables are {', '.join(map(repr, TABLES))}")
    radii: NDArray[np.float64] = list_radii(spec)[numbers]
    if not (radii > 0).all():
        missing = sorted({SYMBOLS[z] for z in numbers[radii == 0]})
        them = "it" if len(missing) == 1 else "them"
        if isinstance(spec, str):
            mend = f"give numbers instead, such as {{**radii.TABLES[{spec!r}], {missing[0]!r}: 2.0}}"
            raise ValueError(f"the table {spec!r} has no radius for {', '.join(missing)}; {mend}")
        raise ValueError(f"`{name}` has no width for {', '.join(missing)}; add {them}")
    return radii


def list_radii(spec: Lengths) -> NDArray[np.float64]:
    """Radius by atomic number, shape (119,), in A; 0 where there is none. `spec` as in `radii_of`."""
    if not isinstance(spec, (str, Mapping)):
        return np.full(len(SYMBOLS), float(spec))
    table = np.zeros(len(SYMBOLS))
    for element, length in (TABLES[spec] if isinstance(spec, str) else spec).items():
        table[atomic_number(element)] = length
    return table

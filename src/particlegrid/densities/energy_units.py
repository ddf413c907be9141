"""Units of energies, from the exact constants of CODATA 2018 (the SI of 2019)."""

from __future__ import annotations

__all__ = ["ENERGY_UNITS", "convert_energy"]

_ELEMENTARY_CHARGE = 1.602176634e-19  # C
_BOLTZMANN = 1.380649e-23  # J/K
_AVOGADRO = 6.02214076e23  # 1/mol

_JOULES = {
    "eV": _ELEMENTARY_CHARGE,
    "K": _BOLTZMANN,  # of an energy divided by the Boltzmann constant
    "kJ/mol": 1e3 / _AVOGADRO,
    "kcal/mol": 4184.0 / _AVOGADRO,  # the thermochemical calorie
}

ENERGY_UNITS = ("eV", "K", "kJ/mol")
"""Units that densities give energies in."""


def convert_energy(value: float, unit: str, to: str) -> float:
    """Convert an energy between "eV", "K" (divided by the Boltzmann constant), "kJ/mol" and "kcal/mol".

    Examples
    --------
    >>> round(convert_energy(300, "K", "eV"), 6)
    0.025852
    """
    return value * (_JOULES[unit] / _JOULES[to])

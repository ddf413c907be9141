"""The 28 atom types of gnina and smina with their radii, and gnina's two default maps of types to channels.

The values are those of libmolgrid 0.5.5 (https://github.com/gnina/libmolgrid, Apache-2.0 or GPL-2.0; Sunseri and Koes,
J. Chem. Inf. Model. 60 (2020) 1079, doi:10.1021/acs.jcim.9b01145). The xs radii go back to X-Score (Wang, Lai and Wang,
J. Comput.-Aided Mol. Des. 16 (2002) 11, doi:10.1023/A:1016357811882) by way of AutoDock Vina.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DEFAULT_MAPS", "GNINA_TYPES", "TYPE_NUMBERS", "GninaType"]


class GninaType(NamedTuple):
    """One type: its name, element ("" for all metals without a type of their own), and radii in A."""

    name: str
    symbol: str
    xs: float
    covalent: float


# in libmolgrid's order: the index of a type is its number in .gninatypes files
GNINA_TYPES = (
    GninaType("Hydrogen", "H", 0.37, 0.37),
    GninaType("PolarHydrogen", "H", 0.37, 0.37),
    GninaType("AliphaticCarbonXSHydrophobe", "C", 1.90, 0.77),
    GninaType("AliphaticCarbonXSNonHydrophobe", "C", 1.90, 0.77),
    GninaType("AromaticCarbonXSHydrophobe", "C", 1.90, 0.77),
    GninaType("AromaticCarbonXSNonHydrophobe", "C", 1.90, 0.77),
    GninaType("Nitrogen", "N", 1.80, 0.75),
    GninaType("NitrogenXSDonor", "N", 1.80, 0.75),
    GninaType("NitrogenXSDonorAcceptor", "N", 1.80, 0.75),
    GninaType("NitrogenXSAcceptor", "N", 1.80, 0.75),
    GninaType("Oxygen", "O", 1.70, 0.73),
    GninaType("OxygenXSDonor", "O", 1.70, 0.73),
    GninaType("OxygenXSDonorAcceptor", "O", 1.70, 0.73),
    GninaType("OxygenXSAcceptor", "O", 1.70, 0.73),
    GninaType("Sulfur", "S", 2.00, 1.02),
    GninaType("SulfurAcceptor", "S", 2.00, 1.02),
    GninaType("Phosphorus", "P", 2.10, 1.06),
    GninaType("Fluorine", "F", 1.50, 0.71),
    GninaType("Chlorine", "Cl", 1.80, 0.99),
    GninaType("Bromine", "Br", 2.00, 1.14),
    GninaType("Iodine", "I", 2.20, 1.33),
    GninaType("Magnesium", "Mg", 1.20, 1.30),
    GninaType("Manganese", "Mn", 1.20, 1.39),
    GninaType("Zinc", "Zn", 1.20, 1.31),
    GninaType("Calcium", "Ca", 1.20, 1.74),
    GninaType("Iron", "Fe", 1.20, 1.25),
    GninaType("GenericMetal", "", 1.20, 1.75),
    GninaType("Boron", "B", 1.92, 0.90),
)

TYPE_NUMBERS = {kind.name: number for number, kind in enumerate(GNINA_TYPES)}
"""Number of each type by its name."""

# what both maps have
_CARBONS = (
    ("AliphaticCarbonXSHydrophobe",),
    ("AliphaticCarbonXSNonHydrophobe",),
    ("AromaticCarbonXSHydrophobe",),
    ("AromaticCarbonXSNonHydrophobe",),
)
_POLAR = (
    ("Nitrogen", "NitrogenXSAcceptor"),
    ("NitrogenXSDonor", "NitrogenXSDonorAcceptor"),
    ("Oxygen", "OxygenXSAcceptor"),
    ("OxygenXSDonorAcceptor", "OxygenXSDonor"),
    ("Sulfur", "SulfurAcceptor"),
    ("Phosphorus",),
)

DEFAULT_MAPS: dict[str, tuple[tuple[str, ...], ...]] = {
    "all": tuple((kind.name,) for kind in GNINA_TYPES),
    "receptor": (
        *_CARBONS,
        ("Bromine", "Iodine", "Chlorine", "Fluorine"),
        *_POLAR,
        ("Calcium",),
        ("Zinc",),
        ("GenericMetal", "Boron", "Manganese", "Magnesium", "Iron"),
    ),
    "ligand": (
        *_CARBONS,
        ("Bromine", "Iodine"),
        ("Chlorine",),
        ("Fluorine",),
        *_POLAR,
        ("GenericMetal", "Boron", "Manganese", "Magnesium", "Zinc", "Calcium", "Iron"),
    ),
}
"""Types of each channel; hydrogens are in neither of gnina's maps."""

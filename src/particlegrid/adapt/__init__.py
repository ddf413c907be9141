"""Foreign objects to `Structure`, and back, by duck typing: no foreign library is imported to recognise its objects."""

from particlegrid.adapt.ase import to_ase
from particlegrid.adapt.convert import as_batch, as_structure
from particlegrid.adapt.pymatgen import to_pymatgen
from particlegrid.adapt.rdkit import to_rdkit

__all__ = ["as_batch", "as_structure", "to_ase", "to_pymatgen", "to_rdkit"]

"""Structures from files and from SMILES, each format behind its own optional package."""

from particlegrid.io.reading import iread, read
from particlegrid.io.smiles import from_smiles

__all__ = ["from_smiles", "iread", "read"]

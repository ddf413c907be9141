"""Packed stores of structures, named data sets and their fixed splits."""

from particlegrid.data.pack import pack
from particlegrid.data.qm9 import ATOM_REFERENCES, HARTREE, QM9_UNITS, load_qm9
from particlegrid.data.split import QM9_SPLIT_SHA256, Split, random_split, split_qm9
from particlegrid.data.store import Store

__all__ = [
    "ATOM_REFERENCES",
    "HARTREE",
    "QM9_SPLIT_SHA256",
    "QM9_UNITS",
    "Split",
    "Store",
    "load_qm9",
    "pack",
    "random_split",
    "split_qm9",
]

"""POSCAR and CONTCAR through ASE."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from particlegrid.io import ase_formats
from particlegrid.io.records import Record

__all__ = ["read_records"]


def read_records(path: Path) -> Iterator[Record]:
    """Yield the one structure of a file."""
    return ase_formats.read_records(path, format="vasp")

"""The table of file formats: add a reader by writing its file and its line here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from particlegrid.io import ase_formats
from particlegrid.io.records import COMPRESSIONS, Reader, Record

__all__ = ["FORMATS", "Format", "find_reader"]


@dataclass(frozen=True)
class Format:
    """A file format: its name, the module here whose ``read_records`` reads it, and the file names it goes by."""

    name: str
    module: str
    patterns: tuple[str, ...]

    def reader(self) -> Reader:
        """The reader; its own optional package is imported when the first record is asked for."""
        module = importlib.import_module(f"particlegrid.io.{self.module}")

        def read_records(path: Path) -> Iterator[Record]:
            records: Iterator[Record] = module.read_records(path)
            return records

        return read_records


FORMATS = (
    Format("xyz", "xyz", ("*.xyz", "*.extxyz")),
    Format("sdf", "sdf", ("*.sdf", "*.sd", "*.mol", "*.mdl")),
    Format("pdb", "pdb", ("*.pdb", "*.ent")),
    Format("cif", "cif", ("*.cif", "*.mmcif", "*.mcif")),
    Format("vasp", "vasp", ("*.vasp", "*.poscar", "*poscar*", "*contcar*")),
    Format("json", "json_files", ("*.json",)),
)
"""Formats read here; whatever else ASE reads goes to ASE."""

_ALIASES = {"extxyz": "xyz", "mol": "sdf", "mmcif": "cif", "poscar": "vasp", "contcar": "vasp"}


def find_reader(path: Path, format: str | None = None) -> Reader:
    """The reader of a file, by the format asked for, else by its name, else by what ASE makes of it.

    Raises
    ------
    ValueError
        If the format is unknown; the known ones are listed.
    """
    if format is not None:
        wanted = format.lower().lstrip(".")
        for entry in FORMATS:
            if entry.name == _ALIASES.get(wanted, wanted):
                return entry.reader()
        if ase_formats.can_read(wanted):
            return partial(ase_formats.read_records, format=wanted)
        raise ValueError(f"`format` {format!r} is unknown; {_known()}")
    name = path.name.lower()
    if path.suffix.lower() in COMPRESSIONS:
        name = name[: -len(path.suffix)]
    for entry in FORMATS:
        if any(fnmatch(name, pattern) for pattern in entry.patterns):
            return entry.reader()
    guessed = ase_formats.guess(path)
    if guessed is None:
        raise ValueError(f"cannot tell the format of {path}; give `format`: {_known()}")
    return partial(ase_formats.read_records, format=guessed)


def _known() -> str:
    own = ", ".join(f"{entry.name} ({', '.join(entry.patterns)})" for entry in FORMATS)
    return f"known are {own}, and the formats of ASE by their names there, such as 'traj' or 'db'"

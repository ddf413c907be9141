"""Whatever ASE reads and no reader here does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from particlegrid.adapt.ase import from_ase
from particlegrid.errors import require
from particlegrid.io.records import Record, Unreadable, attempt, explain

__all__ = ["can_read", "guess", "read_records"]


def can_read(name: str) -> bool:
    """Whether ASE reads a format of this name."""
    known = require("ase.io.formats", "io").ioformats
    return name in known and bool(known[name].can_read)


def guess(path: Path) -> str | None:
    """ASE's name of a file's format, from the file's name and first bytes; None if it cannot tell."""
    formats = require("ase.io.formats", "io")
    try:
        name = str(formats.filetype(str(path)))
    except (formats.UnknownFileTypeError, UnicodeDecodeError):
        return None
    return name if can_read(name) else None


def read_records(path: Path, format: str) -> Iterator[Record]:
    """Yield the frames of a file; what follows one that ASE cannot read is lost with it."""
    frames = require("ase.io", "io").iread(str(path), index=":", format=format)
    while True:
        try:
            atoms = next(frames, None)
        except ImportError:
            raise
        except Exception as error:  # ASE raises anything from KeyError to AssertionError on a broken file
            yield Unreadable(explain(error))
            return
        if atoms is None:
            return
        yield attempt(from_ase, atoms)

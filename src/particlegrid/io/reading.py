"""`read` and `iread`: the one place where it is decided what happens to a record that cannot be read."""

from __future__ import annotations

import os
import warnings
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from lzma import LZMAError
from pathlib import Path
from typing import TypeAlias

from particlegrid.errors import UnreadableRecordWarning, choose
from particlegrid.io.formats import find_reader
from particlegrid.io.records import Reader, Record, Unreadable
from particlegrid.structure import Structure

__all__ = ["iread", "read"]

FilePath: TypeAlias = str | os.PathLike[str]

_MAX_COUNTED = 10_000
_MAX_NAMED = 5


def read(path: FilePath, index: int | None = None, format: str | None = None) -> Structure:
    """Read one structure from a file.

    Parameters
    ----------
    path : path
        The file; ``.gz``, ``.bz2`` and ``.xz`` are unpacked on the way.
    index : int, optional
        Which record of a file that has several, from 0; -1 is the last. Without it the file must have exactly one.
    format : str, optional
        Format name, such as ``"xyz"``; by default told from the file's name.

    Returns
    -------
    Structure

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the format is unknown, the file is empty, it has several records and no `index` is given, or the record
        cannot be read.
    IndexError
        If the file has no record `index`.
    ImportError
        If the package that reads the format is not installed; the message is the pip line that mends it.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "water.xyz"
    >>> _ = path.write_text("3\\nwater\\nO 0 0 0\\nH 0.76 0.59 0\\nH -0.76 0.59 0\\n")
    >>> read(path)
    Structure('water', H2O)
    """
    ((file, reader),) = _find_readers([path], format)
    records = _records(file, reader)
    position, record = _only(file, records) if index is None else _pick(file, records, index)
    if isinstance(record, Unreadable):
        raise ValueError(f"{file}, record {position}: {record.message}")
    return record


def iread(
    paths: FilePath | Iterable[FilePath],
    format: str | None = None,
    on_error: str = "skip",
    errors: list[tuple[str, int, str]] | None = None,
) -> Iterator[Structure]:
    """Read many structures, one after the other, from one file or several.

    Parameters
    ----------
    paths : path or iterable of paths
        The files; ``.gz``, ``.bz2`` and ``.xz`` are unpacked on the way.
    format : str, optional
        Format name of all of them; by default told from each file's name.
    on_error : {"skip", "raise"}
        Skip a record that cannot be read, and warn once at the end with their number and the first few; or stop.
    errors : list, optional
        Receives (file, record, message) of each record that was skipped; records count from 0 in each file, skipped
        ones included.

    Yields
    ------
    Structure
        In the order of the files.

    Raises
    ------
    FileNotFoundError
        If a file is missing; all are looked for before the first is read.
    ValueError
        If a format is unknown, a single file is empty, or with ``on_error="raise"`` a record cannot be read.
    ImportError
        If the package that reads a format is not installed; the message is the pip line that mends it.

    Warns
    -----
    UnreadableRecordWarning
        If records were skipped.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.xyz"
    >>> _ = path.write_text("1\\nhelium\\nHe 0 0 0\\n1\\nneon\\nNe 0 0 0\\n")
    >>> list(iread(path))
    [Structure('helium', He), Structure('neon', Ne)]
    """
    choose(on_error, "on_error", ("skip", "raise"))
    readers = _find_readers([paths] if isinstance(paths, (str, os.PathLike)) else paths, format)
    return _stream(readers, on_error == "raise", [] if errors is None else errors)


def _stream(
    readers: list[tuple[Path, Reader]], strict: bool, errors: list[tuple[str, int, str]]
) -> Iterator[Structure]:
    total, skipped = 0, len(errors)
    for file, reader in readers:
        position = -1
        for position, record in enumerate(_records(file, reader)):
            total += 1
            if isinstance(record, Structure):
                yield record
            elif strict:
                raise ValueError(f"{file}, record {position}: {record.message}")
            else:
                errors.append((str(file), position, record.message))
        if position < 0:
            if strict or len(readers) == 1:
                raise ValueError(_empty(file))
            total += 1
            errors.append((str(file), 0, "the file holds no structure"))
    found = errors[skipped:]
    if found:
        named = "; ".join(f"{file}, record {i}: {message}" for file, i, message in found[:_MAX_NAMED])
        more = "; ..." if len(found) > _MAX_NAMED else ""
        text = f"{len(found)} of {total} records could not be read and were skipped: {named}{more}"
        warnings.warn(text, UnreadableRecordWarning, stacklevel=2)


def _find_readers(paths: Iterable[FilePath], format: str | None) -> list[tuple[Path, Reader]]:
    readers: list[tuple[Path, Reader]] = []
    for path in paths:
        file = Path(path)
        if file.is_dir():
            raise ValueError(f"{file} is a folder; give its files, such as sorted(Path({str(file)!r}).glob('*.cif'))")
        if not file.exists():
            raise FileNotFoundError(f"there is no file {file}")
        if not file.stat().st_size:
            readers.append((file, _read_nothing))
        else:
            readers.append((file, find_reader(file, format)))
    return readers


def _read_nothing(path: Path) -> Iterator[Record]:
    return iter(())


def _records(file: Path, reader: Reader) -> Iterator[Record]:
    """The reader's records; a damaged archive ends them with one that says so."""
    try:
        yield from reader(file)
    except (EOFError, zlib.error, LZMAError) as error:
        yield Unreadable(f"the compressed file is damaged from here on: {error}")
    except OSError as error:
        if error.errno is not None:  # the system's own; those of gzip and bz2 carry no number
            raise
        yield Unreadable(f"the compressed file is damaged from here on: {error}")


def _only(file: Path, records: Iterator[Record]) -> tuple[int, Record]:
    record = next(records, None)
    if record is None:
        raise ValueError(_empty(file))
    others = sum(1 for _ in islice(records, _MAX_COUNTED))
    if others:
        count = f"more than {_MAX_COUNTED:,}" if others == _MAX_COUNTED else f"{others + 1:,}"
        raise ValueError(
            f"{file} holds {count} structures: choose one with `index` (from 0; -1 is the last) "
            "or go through them with particlegrid.iread"
        )
    return 0, record


def _pick(file: Path, records: Iterator[Record], index: int) -> tuple[int, Record]:
    if index >= 0:
        kept = deque(islice(enumerate(records), index, index + 1))
    else:
        kept = deque(enumerate(records), maxlen=-index)
    if len(kept) < max(1, -index):
        raise IndexError(f"{file} has no record {index}")
    return kept[0]


def _empty(file: Path) -> str:
    return f"{file} is empty" if not file.stat().st_size else f"{file} holds no structure"

"""What users write on the command line, as values of the library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from particlegrid.io import from_smiles, iread
from particlegrid.io.formats import FORMATS
from particlegrid.io.records import COMPRESSIONS
from particlegrid.structure import Structure

__all__ = ["is_file_name", "parse_numbers", "parse_shape", "read_sources"]


def parse_numbers(text: str, option: str) -> tuple[float, float, float]:
    """One number, or three with commas between them.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> parse_numbers("0.5", "--spacing"), parse_numbers("0.5,0.5,0.7", "--spacing")
    ((0.5, 0.5, 0.5), (0.5, 0.5, 0.7))
    """
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) not in (1, 3):
        raise ValueError(f"{option} must be one number or three such as 1,2,3, got {text!r}")
    return (values[0], values[0], values[0]) if len(values) == 1 else (values[0], values[1], values[2])


def parse_shape(text: str) -> tuple[int, int, int]:
    """A grid's shape from "32" or "32,24,16".

    Raises
    ------
    ValueError
        If it is not one or three whole numbers.
    """
    values = parse_numbers(text, "--shape")
    if any(value != int(value) for value in values):
        raise ValueError(f"--shape must be whole numbers of voxels, got {text!r}")
    return (int(values[0]), int(values[1]), int(values[2]))


def is_file_name(text: str) -> bool:
    """Whether a text looks like the name of a structure file rather than a SMILES.

    Examples
    --------
    >>> is_file_name("water.sdf.gz"), is_file_name("C/C=C/C"), is_file_name("[Na+].[Cl-]")
    (True, False, False)
    """
    path = Path(text.lower())
    name = path.stem if path.suffix in COMPRESSIONS else path.name
    return any(fnmatch(name, pattern) for form in FORMATS for pattern in form.patterns)


def read_sources(sources: Iterable[str], errors: list[tuple[str, int, str]]) -> Iterator[Structure]:
    """Structures of files and SMILES, in order; records that cannot be read go to `errors`.

    Raises
    ------
    FileNotFoundError
        If something looks like a file's name and there is none.
    ValueError
        If something is neither a file nor a SMILES.
    """
    sources = list(sources)
    for source in sources:
        if is_file_name(source) and not Path(source).exists():
            raise FileNotFoundError(f"there is no file {source}")
    for source in sources:
        if Path(source).exists():
            yield from iread(source, errors=errors)
        else:
            try:
                yield from_smiles(source)
            except ValueError as error:
                raise ValueError(f"there is no file {source!r}, and as a SMILES it fails: {error}") from None

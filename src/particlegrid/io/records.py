"""What a reader is: a function from a path to records, each a Structure or the reason why it is none."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeAlias, cast

from particlegrid.structure import Structure

__all__ = ["COMPRESSIONS", "Reader", "Record", "Unreadable", "attempt", "explain", "open_text"]


@dataclass(frozen=True)
class Unreadable:
    """A record that could not be read, and why."""

    message: str


Record: TypeAlias = Structure | Unreadable
Reader: TypeAlias = Callable[[Path], Iterator[Record]]

COMPRESSIONS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
"""Suffixes of compressed files and what opens them."""


def open_text(path: Path) -> TextIO:
    """Open a text file for reading, compressed or not; bytes that are no UTF-8 are replaced."""
    opener = COMPRESSIONS.get(path.suffix.lower(), open)
    return cast(TextIO, opener(path, "rt", encoding="utf-8", errors="replace"))


def explain(error: Exception) -> str:
    """A library's error as one line."""
    text = " ".join(str(error).split())
    if isinstance(error, KeyError):
        return f"it has {text}, which is unknown"
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"


def attempt(parse: Callable[..., Structure], *args: Any) -> Record:
    """Parse one record; a failure is a record too, unless it is a missing package."""
    try:
        return parse(*args)
    except ImportError:
        raise
    except Exception as error:  # the libraries raise anything from KeyError to AssertionError on broken text
        return Unreadable(explain(error))

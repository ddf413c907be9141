"""XYZ and extended XYZ, frame by frame, through ASE."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import TextIO

from particlegrid.adapt.ase import from_ase
from particlegrid.elements import SYMBOLS, symbol
from particlegrid.errors import require
from particlegrid.io.records import Record, Unreadable, attempt, open_text
from particlegrid.structure import Structure

__all__ = ["read_records"]


def read_records(path: Path) -> Iterator[Record]:
    """Yield the frames of a file; after a broken one go on at the next that can be made out.

    A comment with ``key=value`` pairs is read as that of an extended XYZ file, any other is the structure's name.
    """
    with open_text(path) as file:
        for frame in _split(_Lines(file)):
            yield frame if isinstance(frame, Unreadable) else attempt(_parse, frame)


def _parse(frame: list[str]) -> Structure:
    comment = frame[1].strip()
    extended = "=" in comment
    if not extended:
        frame = [frame[0], "\n", *(_with_symbol(line) for line in frame[2:])]
    atoms = require("ase.io", "io").read(StringIO("".join(frame)), format="extxyz")
    if comment and not extended:
        atoms.info["name"] = comment
    return from_ase(atoms)


def _with_symbol(line: str) -> str:
    """A line of a plain file whose atom is named by its number, with its symbol."""
    words = line.split(maxsplit=1)
    return f"{symbol(int(words[0]))} {words[1]}" if len(words) == 2 and words[0].isdigit() else line


def _split(lines: _Lines) -> Iterator[list[str] | Unreadable]:
    """Cut the file into frames by their count lines."""
    while lines.skip_blank():
        first = lines.peek(0)
        count = _count(first)
        if count is None:
            lines.drop()
            while lines.peek(0) is not None and not _starts_frame(lines):
                lines.drop()
            yield Unreadable(f"expected the number of atoms, got {(first or '').strip()[:40]!r}")
            continue
        frame = lines.take(2)
        # a count line inside the frame shows that atoms are missing here, so that only this frame is lost
        while len(frame) < count + 2 and lines.peek(0) is not None and not _starts_frame(lines):
            frame += lines.take(1)
        extra = 0
        while len(frame) == count + 2 and _is_atom(lines.peek(0)):
            lines.drop()
            extra += 1
        if len(frame) < count + 2:
            yield Unreadable(f"the frame ends after {max(0, len(frame) - 2)} of {count} atoms")
        elif extra:
            yield Unreadable(f"the frame has {count + extra} lines of atoms, its first line says {count}")
        else:
            yield frame


class _Lines:
    """Lines of a file with a look ahead."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._ahead: deque[str] = deque()

    def peek(self, k: int) -> str | None:
        while len(self._ahead) <= k:
            line = self._file.readline()
            if not line:
                return None
            self._ahead.append(line)
        return self._ahead[k]

    def drop(self) -> None:
        self.take(1)

    def take(self, n: int) -> list[str]:
        self.peek(n - 1)
        return [self._ahead.popleft() for _ in range(min(n, len(self._ahead)))]

    def skip_blank(self) -> bool:
        """Go to the next line that is not blank; False at the end of the file."""
        while (line := self.peek(0)) is not None and not line.strip():
            self.drop()
        return line is not None


def _count(line: str | None) -> int | None:
    text = (line or "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _starts_frame(lines: _Lines) -> bool:
    """Whether a count, a comment and something like an atom follow; a number in a comment line does not do."""
    if not _count(lines.peek(0)):
        return False
    return not _is_atom(lines.peek(1)) and len((lines.peek(2) or "").split()) >= 4


def _is_atom(line: str | None) -> bool:
    words = (line or "").split()
    if len(words) < 4 or not (words[0] in SYMBOLS or words[0].isdigit()):
        return False
    try:
        [float(word) for word in words[1:4]]
    except ValueError:
        return False
    return True

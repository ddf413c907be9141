"""Map files: one line for each channel, with the names of the types that it takes."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike, fspath

__all__ = ["read_map"]


def read_map(path: str | PathLike[str], known: Iterable[str], kind: str) -> tuple[tuple[str, ...], ...]:
    """The names in each line of a map file, as libmolgrid reads them: separated by spaces or tabs.

    Unlike there, an empty line makes no channel, what follows a "#" is left out, and a name that comes twice is an
    error; there the last line takes it.

    Parameters
    ----------
    path : path-like
        The file, in UTF-8.
    known : iterable of str
        All names there are.
    kind : str
        What a name is, for the message: "the symbol of an element".

    Raises
    ------
    ValueError
        If a name is not known or comes twice, or there is no line at all.
    """
    names = set(known)
    found: dict[str, int] = {}
    groups = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            group = tuple(line.partition("#")[0].split())
            for name in group:
                if name not in names:
                    raise ValueError(f"{fspath(path)}, line {number}: {name!r} is not {kind}")
                if name in found:
                    raise ValueError(
                        f"{fspath(path)}, line {number}: {name} already stands in line {found[name]}; "
                        "each has one channel"
                    )
                found[name] = number
            if group:
                groups.append(group)
    if not groups:
        raise ValueError(f"{fspath(path)} names no types; it wants one line for each channel")
    return tuple(groups)

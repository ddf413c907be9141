"""Channels for groups of elements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike

from particlegrid.channels.base import check_name
from particlegrid.channels.map_files import read_map
from particlegrid.channels.tables import ByElement, tabulate
from particlegrid.elements import NAMES, SYMBOLS

__all__ = ["ElementGroups"]

_SYMBOL_OF = dict(zip(NAMES[1:], SYMBOLS[1:]))


@dataclass(frozen=True, init=False)
class ElementGroups(ByElement):
    """A channel for each group of elements.

    Parameters
    ----------
    groups : dict of str to sequence of str
        Symbols of the elements by the channel's name, in the channels' order; or (name, symbols) pairs.
    other : {"error", "ignore", "channel"}
        What becomes of atoms of other elements: an error, nothing, or one more channel called "other".
    weight : str, optional
        Name of the per-atom property that weighs the atoms; by default each weighs 1.

    Raises
    ------
    ValueError
        If a symbol is unknown or given twice, a group is empty, or two channels have one name.

    Examples
    --------
    >>> from particlegrid import Batch, Structure
    >>> scheme = ElementGroups({"C": ["C"], "halogens": ["F", "Cl", "Br", "I"]}, other="channel")
    >>> scheme.channels
    ('C', 'halogens', 'other')
    >>> chloroform = Structure([[0, 0, 0]] * 5, ["C", "H", "Cl", "Cl", "Cl"])
    >>> scheme.list_entries(Batch([chloroform])).channels
    array([0, 2, 1, 1, 1])
    """

    groups: tuple[tuple[str, tuple[str, ...]], ...]
    other: str
    weight: str | None

    def __init__(
        self,
        groups: Mapping[str, Sequence[str]] | Iterable[tuple[str, Sequence[str]]],
        other: str = "error",
        weight: str | None = None,
    ) -> None:
        pairs = tuple((name, symbols) for name, symbols in (groups.items() if isinstance(groups, Mapping) else groups))
        for name, symbols in pairs:
            if not isinstance(name, str):
                raise TypeError(f"the name of a group must be a text, got {name!r}")
            if isinstance(symbols, str) or not symbols:
                raise ValueError(f"`groups[{name!r}]` must list the symbols of its elements, got {symbols!r}")
        table = tabulate((symbols for _, symbols in pairs), other)
        object.__setattr__(self, "groups", tuple((name, tuple(symbols)) for name, symbols in pairs))
        object.__setattr__(self, "other", other)
        object.__setattr__(self, "weight", check_name(weight, "weight"))
        object.__setattr__(self, "_table", table)
        if not self.channels:
            raise ValueError('ElementGroups needs at least one group, such as {"halogens": ["F", "Cl", "Br", "I"]}')
        if len(set(self.channels)) != len(self.channels):
            raise ValueError(f"each channel has its own name, got {self.channels}")

    @classmethod
    def from_file(cls, path: str | PathLike[str], other: str = "ignore", weight: str | None = None) -> ElementGroups:
        """Read a map file: one line for each channel with its elements, by symbol or by name (as libmolgrid's).

        A channel is called as the line reads, joined by underscores; an empty line and what follows a "#" count for
        nothing. Elements that stand in no line are ignored unless `other` says otherwise.

        Raises
        ------
        ValueError
            If an element is unknown, with the line's number, or given twice.
        """
        lines = read_map(path, [*_SYMBOL_OF, *SYMBOLS[1:]], "an element (C or Carbon)")
        groups = (("_".join(line), tuple(_SYMBOL_OF.get(name, name) for name in line)) for line in lines)
        return cls(groups, other, weight)

    @property
    def channels(self) -> tuple[str, ...]:
        """The groups' names, and "other" if asked for."""
        return tuple(name for name, _ in self.groups) + (("other",) if self.other == "channel" else ())

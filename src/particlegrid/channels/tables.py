"""Schemes in which the element decides the channel: tables by atomic number, and the entries they make of a batch."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.channels.base import ChannelScheme, Entries, atom_weights
from particlegrid.elements import SYMBOLS, atomic_number
from particlegrid.errors import choose

__all__ = ["ByElement", "channels_of", "tabulate"]


class ByElement(ChannelScheme):
    """Base of the schemes that have a table, `_table`, and perhaps a property, `weight`, that weighs the atoms."""

    weight: str | None
    _table: NDArray[np.int64]

    def element_table(self) -> NDArray[np.int64] | None:
        """Channel by atomic number; None if a property weighs the atoms."""
        return self._table if self.weight is None else None

    def list_entries(self, batch: Batch) -> Entries:
        """One entry for each atom that has a channel.

        Raises
        ------
        ValueError
            If an element has no channel and `other` is "error", or the weighing property is missing.
        """
        channels = channels_of(batch, self._table)
        weights = atom_weights(batch, self.weight)
        missing = channels < 0
        if not missing.any():
            return Entries(np.arange(len(channels)), channels, weights, batch.offsets)
        atoms = np.flatnonzero(~missing)
        return Entries.pick(batch, atoms, channels[atoms], weights[atoms])


def tabulate(groups: Iterable[Iterable[str]], other: str) -> NDArray[np.int64]:
    """The `ChannelScheme.element_table` of groups of elements, one channel each.

    Raises
    ------
    ValueError
        If a symbol is unknown or given twice, or `other` is none of "error", "ignore" and "channel".
    """
    choose(other, "other", ("error", "ignore", "channel"))
    listed = [list(group) for group in groups]
    table = np.full(len(SYMBOLS), {"error": -2, "ignore": -1, "channel": len(listed)}[other])
    given: set[str] = set()
    for channel, symbols in enumerate(listed):
        for symbol in symbols:
            if symbol in given:
                raise ValueError(f"each element has one channel, but {symbol} is given twice")
            table[atomic_number(symbol)] = channel
            given.add(symbol)
    table[0] = -2
    table.setflags(write=False)
    return table


def channels_of(batch: Batch, table: NDArray[np.int64]) -> NDArray[np.int64]:
    """Channel of every atom by its element, shape (N,); -1 for absent ones.

    Raises
    ------
    ValueError
        If an atom's element has -2 in the table.
    """
    channels: NDArray[np.int64] = table[batch.numbers]
    refused = channels == -2
    if refused.any():
        atom = int(np.argmax(refused))
        owner = int(np.searchsorted(batch.offsets, atom, side="right")) - 1
        named = ", ".join(SYMBOLS[number] for number in np.flatnonzero(table >= 0))
        raise ValueError(
            f"atom {atom - batch.offsets[owner]} of structure {owner} is {SYMBOLS[batch.numbers[atom]]}, which has "
            f'no channel among {named}; add it, or say what becomes of it: other="ignore" or other="channel"'
        )
    return channels

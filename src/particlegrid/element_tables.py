"""What elements alone decide of a channel scheme and a density, as tables: for code that cannot ask them as it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.channels import ChannelScheme, Concatenated, ElementVectors, WithWidths
from particlegrid.densities import Density
from particlegrid.elements import SYMBOLS
from particlegrid.radii import TABLES
from particlegrid.structure import Structure

__all__ = ["REFUSED", "tabulate_density", "tabulate_scheme"]

REFUSED = -2
"""Channel of the elements that a scheme raises an error for; the kernels raise one for it as well."""


def tabulate_density(what: Density) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Widths and strengths by element, shape (119, 1) each, NaN where the density has none.

    The widths are None if a property decides them, or a density that is not ours, which may look at more than
    elements; the strengths also if they are 1.
    """
    if not type(what).__module__.startswith("particlegrid."):
        return None, None
    widths = _ask_each(what.atom_widths)
    strengths = _ask_each(what.atom_strengths)
    if widths is None or (strengths is None and not _is_plain(what)):
        return None, None
    return widths, strengths


def tabulate_scheme(
    which: ChannelScheme,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Channels, weights and widths (NaN: the density's) by element, shape (119, K); None if elements do not decide.

    Absent atoms have weight 0 in channel 0, refused ones the channel `REFUSED`.
    """
    if not _is_by_element(which):
        return None
    rows: list[tuple[Any, ...]] = []
    for batch in _list_elements():
        try:
            entries = which.list_entries(batch)
        except ValueError:
            rows.append(([REFUSED], [1.0], [np.nan]))
            continue
        own = np.full(len(entries.atoms), np.nan) if entries.widths is None else entries.widths
        rows.append((entries.channels, entries.weights, own))
    size = max(1, *(len(row[0]) for row in rows))
    channels = np.zeros((len(SYMBOLS), size), np.int64)
    weights, widths = np.zeros(channels.shape), np.full(channels.shape, np.nan)
    channels[0] = REFUSED
    for number, row in enumerate(rows, start=1):
        for table, values in zip((channels, weights, widths), row):
            table[number, : len(values)] = values
    return channels, weights, widths


def _is_by_element(which: ChannelScheme) -> bool:
    if isinstance(which, Concatenated):
        return all(map(_is_by_element, which.schemes))
    if isinstance(which, WithWidths):
        named = isinstance(which.width, str) and which.width not in TABLES
        return not named and _is_by_element(which.scheme)
    return isinstance(which, ElementVectors) or which.element_table() is not None


def _ask_each(method: Callable[[Batch], NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    """A method's answer for an atom of each element, shape (119, 1); None if it answers None or for no element."""
    table = np.full((len(SYMBOLS), 1), np.nan)
    for number, batch in enumerate(_list_elements(), start=1):
        try:
            answer = method(batch)
        except ValueError:
            continue
        if answer is None:
            return None
        table[number] = answer[0]
    return None if np.isnan(table).all() else table


def _is_plain(what: Density) -> bool:
    """Whether the density says itself that strengths are 1, instead of raising for want of a property."""
    try:
        return what.atom_strengths(_list_elements()[5]) is None
    except ValueError:
        return False


def _list_elements() -> list[Batch]:
    return [Batch([Structure([[0.0, 0.0, 0.0]], [number])]) for number in range(1, len(SYMBOLS))]

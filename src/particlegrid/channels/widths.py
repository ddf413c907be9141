"""Widths that a scheme gives its entries in place of the density's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.channels.base import ChannelScheme, Entries, atom_weights
from particlegrid.elements import SYMBOLS, atomic_number
from particlegrid.errors import as_positive
from particlegrid.radii import TABLES, radii_of

__all__ = ["WithWidths"]


@dataclass(frozen=True, init=False)
class WithWidths(ChannelScheme):
    """The channels of another scheme, with widths of their own in place of the density's.

    A width is what the density takes it for: sigma of a `Gaussian` or of `LennardJones`, a radius where it has one; for
    `Radial` and `Coulomb` it means nothing.

    Parameters
    ----------
    scheme : ChannelScheme
    width : float, dict of str to float, or str
        Width in A: of every entry, by element (others keep theirs), from a table of radii ("vdw", "covalent", "xs"; see
        `particlegrid.radii`), or the name of a per-atom property that holds it.

    Raises
    ------
    ValueError
        If a width is not positive, or an element is unknown.

    Examples
    --------
    Charges drawn wider than the atoms that carry them, in one grid:

    >>> from particlegrid import Batch, Elements, Property, Structure
    >>> scheme = Elements("H", "F") + WithWidths(Property("charge"), 1.0)
    >>> fluoride = Structure([[0, 0, 0], [0, 0, 0.92]], ["F", "H"], properties={"charge": [-0.4, 0.4]})
    >>> scheme.list_entries(Batch([fluoride])).widths
    array([nan, nan,  1.,  1.])
    """

    scheme: ChannelScheme
    width: float | str | tuple[tuple[str, float], ...]

    def __init__(
        self, scheme: ChannelScheme, width: float | Mapping[str, float] | str | tuple[tuple[str, float], ...]
    ) -> None:
        if not isinstance(scheme, ChannelScheme):
            raise TypeError(f'`scheme` must be a channel scheme such as Elements("H", "C"), got {scheme!r}')
        if isinstance(width, (Mapping, tuple)):
            pairs = width.items() if isinstance(width, Mapping) else width
            if not pairs:
                raise ValueError('`width` names no element; it is a number in A, {"H": 0.3}, or a property\'s name')
            width = tuple((s, as_positive(value, f"width[{s!r}]", "A")) for s, value in sorted(pairs, key=_by_number))
        elif not isinstance(width, str):
            width = as_positive(width, "width", "A")
        object.__setattr__(self, "scheme", scheme)
        object.__setattr__(self, "width", width)

    @property
    def channels(self) -> tuple[str, ...]:
        """The scheme's."""
        return self.scheme.channels

    def resolve(self, batch: Batch) -> ChannelScheme:
        """With the scheme resolved."""
        scheme = self.scheme.resolve(batch)
        return self if scheme is self.scheme else WithWidths(scheme, self.width)

    def list_entries(self, batch: Batch) -> Entries:
        """The scheme's entries with widths.

        Raises
        ------
        ValueError
            If the named property is missing, or one of its widths is not positive.
        """
        entries = self.scheme.list_entries(batch)
        widths = self._atom_widths(batch)[entries.atoms]
        if entries.widths is not None:
            widths = np.where(np.isnan(widths), entries.widths, widths)
        return Entries(entries.atoms, entries.channels, entries.weights, entries.offsets, widths)

    def _atom_widths(self, batch: Batch) -> NDArray[np.float64]:
        if isinstance(self.width, str) and self.width in TABLES:
            return radii_of(self.width, batch.numbers, "width")
        if isinstance(self.width, str):
            widths = atom_weights(batch, self.width)
            if (widths <= 0).any():
                atom = int(np.argmax(widths <= 0))
                raise ValueError(
                    f"property {self.width!r} is {widths[atom]} at atom {atom} of the batch; a width must be positive"
                )
            return widths
        if isinstance(self.width, tuple):
            table = np.full(len(SYMBOLS), np.nan)
            for symbol, width in self.width:
                table[atomic_number(symbol)] = width
            return np.asarray(table[batch.numbers])
        return np.full(len(batch.numbers), self.width)


def _by_number(pair: Any) -> int:
    return atomic_number(pair[0])

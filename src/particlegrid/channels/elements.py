"""Channels by element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.channels.base import ChannelScheme, Entries, atom_weights, check_name
from particlegrid.channels.tables import ByElement, tabulate
from particlegrid.elements import SYMBOLS

__all__ = ["AllAtoms", "Elements", "PresentElements"]


@dataclass(frozen=True, init=False)
class Elements(ByElement):
    """A channel for each element.

    Parameters
    ----------
    *symbols : str
        Elements, one channel each.
    other : {"error", "ignore", "channel"}
        What becomes of atoms of other elements: an error, nothing, or one more channel called "other".
    weight : str, optional
        Name of the per-atom property that weighs the atoms; by default each weighs 1.

    Raises
    ------
    ValueError
        If a symbol is unknown or given twice.

    Examples
    --------
    >>> from particlegrid import Batch, Structure
    >>> scheme = Elements("H", "O")
    >>> scheme.list_entries(Batch([Structure([[0, 0, 0], [0, 0, 1]], ["O", "H"])])).channels
    array([1, 0])
    """

    symbols: tuple[str, ...]
    other: str
    weight: str | None

    def __init__(self, *symbols: str, other: str = "error", weight: str | None = None) -> None:
        table = tabulate(([name] for name in symbols), other)
        if not symbols and other != "channel":
            raise ValueError('Elements needs at least one symbol, such as Elements("H", "C", "N", "O")')
        object.__setattr__(self, "symbols", tuple(symbols))
        object.__setattr__(self, "other", other)
        object.__setattr__(self, "weight", check_name(weight, "weight"))
        object.__setattr__(self, "_table", table)

    @classmethod
    def _from_fields(cls, values: dict[str, Any]) -> Self:
        return cls(*values.pop("symbols"), **values)

    @property
    def channels(self) -> tuple[str, ...]:
        """The symbols, and "other" if asked for."""
        return self.symbols + (("other",) if self.other == "channel" else ())


@dataclass(frozen=True)
class AllAtoms(ChannelScheme):
    """One channel for all atoms.

    Parameters
    ----------
    weight : str, optional
        Name of the per-atom property that weighs the atoms; by default each weighs 1.
    """

    weight: str | None = None

    def __post_init__(self) -> None:
        check_name(self.weight, "weight")

    @property
    def channels(self) -> tuple[str, ...]:
        """One name: "atoms"."""
        return ("atoms",)

    def element_table(self) -> NDArray[np.int64] | None:
        """Channel 0 for every element; None if a property weighs the atoms."""
        if self.weight is not None:
            return None
        table = np.zeros(len(SYMBOLS), np.int64)
        table[0] = -2
        return table

    def list_entries(self, batch: Batch) -> Entries:
        """One entry for each atom."""
        n = len(batch.numbers)
        return Entries(np.arange(n), np.zeros(n, np.int64), atom_weights(batch, self.weight), batch.offsets)


@dataclass(frozen=True)
class PresentElements(ChannelScheme):
    """A channel for each element that is there, by atomic number: the union over all structures drawn together.

    The channels follow from the structures, so that the same structure may get other channels in another batch: good
    for looking at one, while a network wants `Elements`. What draws structures calls `resolve` first; `Volume` has the
    names.

    Examples
    --------
    >>> from particlegrid import Batch, Box, Gaussian, Structure, Voxelizer
    >>> water = Structure([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]], ["O", "H", "H"])
    >>> Voxelizer(Box(16, spacing=0.5), PresentElements(), Gaussian(0.5)).volume(water).channels
    ('H', 'O')
    >>> PresentElements().resolve(Batch([water, Structure([[0, 0, 0]], ["He"])]))
    Elements(symbols=('H', 'He', 'O'), other='error', weight=None)
    """

    @property
    def channels(self) -> tuple[str, ...]:
        """Raises: there are none without structures.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(
            "the channels of PresentElements() follow from the structures: ask its resolve(batch).channels, or those "
            'of a Volume, or name the elements: Elements("H", "C", "N", "O")'
        )

    def resolve(self, batch: Batch) -> ChannelScheme:
        """`Elements` of all that are in a batch.

        Raises
        ------
        ValueError
            If there is not one atom.
        """
        present = np.unique(batch.numbers)
        if not len(present):
            raise ValueError(
                "PresentElements() finds no atoms, so there are no channels; name the elements: "
                'Elements("H", "C", "N", "O")'
            )
        return Elements(*(SYMBOLS[number] for number in present))

    def list_entries(self, batch: Batch) -> Entries:
        """One entry for each atom, in the channels of `resolve`."""
        return self.resolve(batch).list_entries(batch)

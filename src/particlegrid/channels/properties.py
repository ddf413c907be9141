"""Channels whose weights are per-atom properties."""

from __future__ import annotations

from dataclasses import dataclass

from particlegrid.batch import Batch
from particlegrid.channels.base import ChannelScheme, Entries
from particlegrid.channels.elements import AllAtoms

__all__ = ["Property"]


@dataclass(frozen=True)
class Property(ChannelScheme):
    """One channel that holds a per-atom property: each atom's value is its weight.

    Parameters
    ----------
    name : str
        The property, such as "charge". Values may be negative; atoms whose value is 0 are absent.
    """

    name: str

    @property
    def channels(self) -> tuple[str, ...]:
        """One name: the property's."""
        return (self.name,)

    def list_entries(self, batch: Batch) -> Entries:
        """One entry for each atom."""
        return AllAtoms(weight=self.name).list_entries(batch)

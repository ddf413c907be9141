"""Channels whose weights are per-atom properties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.channels.base import ChannelScheme, Entries, atom_weights
from particlegrid.channels.elements import AllAtoms

__all__ = ["Property"]


@dataclass(frozen=True)
class Property(ChannelScheme):
    """Channels that hold a per-atom property: each atom's values are its weights.

    Parameters
    ----------
    name : str
        The property, such as "charge". Values may be negative; atoms whose value is 0 are absent.
    size : int, optional
        Numbers an atom, for a property of shape (n, size): they get the channels "name[0]", "name[1]", ... By default
        the property has one number an atom and one channel of its name.

    Raises
    ------
    ValueError
        If `size` is not positive.

    Examples
    --------
    >>> from particlegrid import Batch, Structure
    >>> atoms = Structure([[0, 0, 0], [0, 0, 1]], ["H", "H"], properties={"force": [[0, 0, -1.5], [0, 0, 1.5]]})
    >>> scheme = Property("force", size=3)
    >>> scheme.channels
    ('force[0]', 'force[1]', 'force[2]')
    >>> entries = scheme.list_entries(Batch([atoms]))
    >>> entries.atoms.tolist(), entries.channels.tolist(), entries.weights.tolist()
    ([0, 1], [2, 2], [-1.5, 1.5])
    """

    name: str
    size: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"`name` must be the name of a per-atom property, got {self.name!r}")
        if self.size is not None and (isinstance(self.size, bool) or not isinstance(self.size, int)):
            raise TypeError(f"`size` must be a whole number or None, got {self.size!r}")
        if self.size is not None and self.size < 1:
            raise ValueError(f"`size` must be at least 1, got {self.size}")

    @property
    def channels(self) -> tuple[str, ...]:
        """The property's name, or one for each of its numbers."""
        return (self.name,) if self.size is None else tuple(f"{self.name}[{k}]" for k in range(self.size))

    def list_entries(self, batch: Batch) -> Entries:
        """One entry for each atom; with `size`, for each number that is not 0, atom by atom.

        Raises
        ------
        ValueError
            If the property is missing, is not finite, or has another shape.
        """
        if self.size is None:
            return AllAtoms(weight=self.name).list_entries(batch)
        values: NDArray[np.float64] = atom_weights(batch, self.name, self.size)
        atoms, channels = np.nonzero(values)
        return Entries.pick(batch, atoms, channels, values[atoms, channels])

"""`StoreBatch`: a batch gathered from a packed store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.structure import Structure

if TYPE_CHECKING:
    from particlegrid.data.store import Store

__all__ = ["StoreBatch"]

_Rows = NDArray[np.int64]


class StoreBatch(Batch):
    """A `Batch` out of a `Store`: what is not coordinates is read from the store when it is asked for."""

    _store: Store
    _rows: _Rows

    @classmethod
    def gather(cls, store: Store, rows: _Rows) -> StoreBatch:
        """The structures at `rows` of the store's files."""
        offsets, read = store._atoms(rows)
        cells, pbc = store._cells(rows) if store._periodic else (None, None)
        batch = cls.from_arrays(read("positions"), read("numbers"), offsets, cells, pbc)
        assert isinstance(batch, StoreBatch)
        batch._store, batch._rows = store, rows
        return batch

    @overload
    def __getitem__(self, index: int) -> Structure: ...
    @overload
    def __getitem__(self, index: slice) -> Batch: ...
    def __getitem__(self, index: int | slice) -> Structure | Batch:
        if isinstance(index, slice):
            return super().__getitem__(index)
        i = range(len(self))[index]
        full = self._store._structure(int(self._rows[i]))
        here = self.positions[self.offsets[i] : self.offsets[i + 1]]  # not the store's after with_positions
        return Structure(here, full.numbers, full.cell, full.pbc, full.bonds, full.properties, full.info, full.name)

    def property(self, name: str) -> NDArray[Any]:
        """A per-atom property of all atoms, shape (N, ...).

        Raises
        ------
        ValueError
            If the store has no such property.
        """
        if name not in self._properties and name in self._store._properties:
            self._properties[name] = self._store._atoms(self._rows)[1](f"property/{name}")
        return super().property(name)

    def with_positions(self, positions: NDArray[np.float64]) -> StoreBatch:
        """The same atoms at other positions, shape (N, 3), in A."""
        moved = type(self).from_arrays(positions, self.numbers, self.offsets, self.cells, self.pbc, self._properties)
        assert isinstance(moved, StoreBatch)
        moved._store, moved._rows = self._store, self._rows
        return moved

"""`Batch`: many structures end to end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from particlegrid.memory import as_numpy
from particlegrid.structure import Structure

__all__ = ["Batch"]

_Indices = NDArray[np.int64]


class Batch(Sequence[Structure]):
    """Many structures end to end: accepted wherever a list of them is, prepared once.

    Parameters
    ----------
    structures : iterable of Structure

    Attributes
    ----------
    positions : ndarray, shape (N, 3), float64
        Coordinates of all atoms, in A.
    numbers : ndarray, shape (N,), uint8
    offsets : ndarray, shape (n + 1,), int64
        Structure i owns the atoms ``offsets[i]:offsets[i + 1]``.
    cells : ndarray, shape (n, 3, 3), float64, or None
        Cells in A, zero where a structure has none; None if no structure has one.
    pbc : ndarray, shape (n, 3), bool

    Examples
    --------
    >>> from particlegrid import Structure
    >>> batch = Batch([Structure([[0, 0, 0]], ["He"]), Structure([[0, 0, 0], [0, 0, 0.74]], ["H", "H"])])
    >>> len(batch), batch.offsets.tolist(), batch[1]
    (2, [0, 1, 3], Structure(H2))
    """

    def __init__(self, structures: Iterable[Structure]) -> None:
        items = tuple(structures)
        for i, item in enumerate(items):
            if not isinstance(item, Structure):
                raise TypeError(
                    f"`structures[{i}]` is a {type(item).__name__}, not a Structure; convert it with as_structure"
                )
        self._items: tuple[Structure, ...] | None = items
        self._properties: dict[str, NDArray[Any]] = {}
        self.offsets = np.zeros(len(items) + 1, dtype=np.int64)
        np.cumsum([len(s) for s in items], out=self.offsets[1:])
        self.positions = np.concatenate([s.positions for s in items] or [np.empty((0, 3))])
        self.numbers = np.concatenate([s.numbers for s in items] or [np.empty(0, np.uint8)])
        self.pbc = np.array([s.pbc for s in items], dtype=bool).reshape(-1, 3)
        self.cells: NDArray[np.float64] | None = None
        if any(s.cell is not None for s in items):
            self.cells = np.array([np.zeros((3, 3)) if s.cell is None else s.cell for s in items])

    @classmethod
    def from_arrays(
        cls,
        positions: NDArray[np.float64],
        numbers: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        cells: NDArray[np.float64] | None = None,
        pbc: NDArray[np.bool_] | None = None,
        properties: Mapping[str, NDArray[Any]] | None = None,
    ) -> Batch:
        """Take arrays laid out as the attributes above, without a copy where dtypes agree; torch tensors as well.

        Positions are not checked to be finite: this is the fast door of the packed store.
        """
        batch = cls.__new__(cls)
        batch._items = None
        positions, numbers, offsets, cells, pbc = map(as_numpy, (positions, numbers, offsets, cells, pbc))
        batch.positions = np.ascontiguousarray(positions, dtype=np.float64)
        if len(numbers) and not (np.min(numbers) >= 1 and np.max(numbers) <= 118):
            raise ValueError(f"`numbers` run from {np.min(numbers)} to {np.max(numbers)}; atomic numbers from 1 to 118")
        batch.numbers = np.ascontiguousarray(numbers, dtype=np.uint8)
        batch.offsets = np.ascontiguousarray(offsets, dtype=np.int64)
        total, n = len(batch.numbers), len(batch.offsets) - 1
        if n < 0 or batch.offsets[0] != 0 or batch.offsets[-1] != total or (np.diff(batch.offsets) < 0).any():
            raise ValueError(f"`offsets` must rise from 0 to the number of atoms, {total}")
        if batch.positions.shape != (total, 3):
            raise ValueError(f"`positions` must have shape ({total}, 3), got {batch.positions.shape}")
        batch.cells = None if cells is None else np.ascontiguousarray(cells, dtype=np.float64).reshape(n, 3, 3)
        if pbc is None:
            batch.pbc = np.zeros((n, 3), bool) if batch.cells is None else np.asarray(batch.cells.any(axis=-1))
        else:
            batch.pbc = np.ascontiguousarray(pbc, dtype=bool).reshape(n, 3)
        batch._properties = {name: as_numpy(values) for name, values in (properties or {}).items()}
        for name, values in batch._properties.items():
            if len(values) != total:
                raise ValueError(f"`properties[{name!r}]` has {len(values)} rows for {total} atoms")
        return batch

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> Structure: ...
    @overload
    def __getitem__(self, index: slice) -> Batch: ...
    def __getitem__(self, index: int | slice) -> Structure | Batch:
        if isinstance(index, slice):
            return Batch(self[i] for i in range(*index.indices(len(self))))
        i = int(index)
        if not -len(self) <= i < len(self):
            raise IndexError(f"structure {index} of a batch of {len(self)}")
        i %= len(self)
        if self._items is not None:
            return self._items[i]
        atoms = slice(self.offsets[i], self.offsets[i + 1])
        return Structure(
            self.positions[atoms],
            self.numbers[atoms],
            cell=None if self.cells is None or not self.cells[i].any() else self.cells[i],
            pbc=self.pbc[i],
            properties={name: values[atoms] for name, values in self._properties.items()},
        )

    def __iter__(self) -> Iterator[Structure]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Batch({len(self)} structures, {len(self.numbers)} atoms)"

    @property
    def counts(self) -> _Indices:
        """Atoms of each structure, shape (n,)."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> _Indices:
        """Structure of each atom, shape (N,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    def centroids(self) -> NDArray[np.float64]:
        """Mean position of each structure's atoms, shape (n, 3), in A; zero for a structure without atoms."""
        # atom after atom, as the core adds them: reduceat pairs them up and ends with other bits
        owners, n = self.owners, len(self)
        sums = np.stack([np.bincount(owners, self.positions[:, axis], n) for axis in range(3)], axis=1)
        return np.asarray(sums / np.maximum(self.counts, 1)[:, None])

    def property(self, name: str) -> NDArray[Any]:
        """A per-atom property of all atoms, shape (N, ...).

        Raises
        ------
        ValueError
            If a structure has no such property; it is named.
        """
        if self._items is None:
            if name not in self._properties:
                raise ValueError(f"no property {name!r}; there is {_listing(self._properties)}")
            return self._properties[name]
        if name not in self._properties:
            for i, item in enumerate(self._items):
                if name not in item.properties:
                    what = f"structure {i}" + (f" ({item.name})" if item.name else "")
                    raise ValueError(f"{what} has no property {name!r}; it has {_listing(item.properties)}")
            self._properties[name] = np.concatenate([s.properties[name] for s in self._items] or [np.empty(0)])
        return self._properties[name]

    def with_positions(self, positions: NDArray[np.float64]) -> Batch:
        """The same atoms at other positions, shape (N, 3), in A."""
        if self._items is None:
            return Batch.from_arrays(positions, self.numbers, self.offsets, self.cells, self.pbc, self._properties)
        moved = []
        for i, s in enumerate(self._items):
            atoms = slice(self.offsets[i], self.offsets[i + 1])
            moved.append(Structure(positions[atoms], s.numbers, s.cell, s.pbc, s.bonds, s.properties, s.info, s.name))
        return Batch(moved)


def _listing(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"

"""`Store`: a packed, memory-mapped, read-only collection of structures."""

from __future__ import annotations

import hashlib
import operator
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from particlegrid.data.shards import MANIFEST, decode_texts, map_shard, read_manifest
from particlegrid.data.store_batch import StoreBatch
from particlegrid.structure import Structure

__all__ = ["Store"]

_Rows = NDArray[np.int64]


class Store(Sequence[Structure]):
    """A packed collection of structures, read where it lies.

    A store is a folder of memory-mapped safetensors shards and a ``manifest.json``; `pack` makes one. Opening it reads
    no structure. Processes that open the same store share its pages, so it may be pickled (by path) or forked freely.

    Parameters
    ----------
    path : str or PathLike
        The store's folder.

    Attributes
    ----------
    path : Path
    manifest : dict
        What the store holds, where it came from, and which records were skipped.

    Raises
    ------
    ValueError
        If the folder is no store, or a file of it is missing, cut short or damaged; the file is named.

    Examples
    --------
    >>> import tempfile
    >>> from particlegrid import Structure
    >>> from particlegrid.data import pack
    >>> hydrogen = Structure([[0, 0, 0], [0, 0, 0.74]], ["H", "H"], info={"gap": 11.2}, name="hydrogen")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = pack([hydrogen] * 3, folder + "/h2", units={"gap": "eV"})
    ...     store[0], store.labels("gap"), store.units, store.batch([2, 0])
    (Structure('hydrogen', H2), array([11.2, 11.2, 11.2]), {'gap': 'eV'}, Batch(2 structures, 4 atoms))
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self.manifest = read_manifest(self.path)
        self._select: _Rows | None = None
        self._columns: dict[str, NDArray[Any]] = {}
        try:
            entries = [(str(s["file"]), int(s["structures"]), int(s["atoms"])) for s in self.manifest["shards"]]
            self._labels: dict[str, Any] = self.manifest["labels"]
            self._texts: list[str] = self.manifest["texts"]
            self._properties: dict[str, Any] = self.manifest["properties"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self.path / MANIFEST} is damaged: {error!r}; copy or pack it again") from error
        self._shards = [map_shard(self.path / file, n, atoms) for file, n, atoms in entries]
        self._first = np.cumsum([0] + [n for _, n, _ in entries])
        self._first_atom = np.cumsum([0] + [atoms for _, _, atoms in entries])
        if len(self._shards) == 1:
            self._offsets: _Rows = self._shards[0]["offsets"]
        else:
            starts = [s["offsets"][:-1] + a for s, a in zip(self._shards, self._first_atom)]
            self._offsets = np.concatenate([*starts, self._first_atom[-1:]])
        self._periodic = any("cells" in shard for shard in self._shards)

    def __getstate__(self) -> tuple[Path, _Rows | None]:
        return self.path, self._select

    def __setstate__(self, state: tuple[Path, _Rows | None]) -> None:
        path, select = state
        Store.__init__(self, path)
        self._select = select

    def __len__(self) -> int:
        return int(self._first[-1]) if self._select is None else len(self._select)

    def __repr__(self) -> str:
        return f"Store({self.path.name!r}, {len(self)} structures, labels: {', '.join(self._labels) or 'none'})"

    @overload
    def __getitem__(self, index: int) -> Structure: ...
    @overload
    def __getitem__(self, index: slice) -> Store: ...
    def __getitem__(self, index: int | slice) -> Structure | Store:
        if isinstance(index, slice):
            return self.subset(np.arange(*index.indices(len(self))))
        return self._structure(int(self._rows([operator.index(index)])[0]))

    def __iter__(self) -> Iterator[Structure]:
        return (self[i] for i in range(len(self)))

    @property
    def counts(self) -> _Rows:
        """Atoms of each structure, shape (n,)."""
        counts = np.diff(self._offsets)
        return counts if self._select is None else counts[self._select]

    @property
    def units(self) -> dict[str, str]:
        """Unit of each numeric label; empty where none was given."""
        return {name: entry["unit"] for name, entry in self._labels.items()}

    @property
    def property_names(self) -> list[str]:
        """Names of the per-atom properties."""
        return list(self._properties)

    @property
    def ids(self) -> list[str]:
        """Names of the structures; empty where one has none."""
        names: list[str] = self._column("name", self._read_texts).tolist()
        return names

    def labels(self, name: str) -> NDArray[Any]:
        """A label of all structures, shape (n, ...).

        Numeric labels hold NaN where a structure has none; text labels are arrays of str, empty where there is none.

        Raises
        ------
        ValueError
            If there is no such label.
        """
        if name in self._texts:
            return self._column(f"text/{name}", self._read_texts)
        if name not in self._labels:
            known = ", ".join(sorted([*self._labels, *self._texts])) or "none"
            raise ValueError(f"no label {name!r} in {self.path}; there is {known}")
        return self._column(f"label/{name}", self._read_label)

    def batch(self, indices: ArrayLike) -> StoreBatch:
        """The structures at `indices`, shape (m,), gathered into one `Batch` in that order.

        Per-atom properties, bonds, labels and names follow when they are asked for.

        Raises
        ------
        IndexError
            If an index is out of range.
        """
        return StoreBatch.gather(self, self._rows(indices))

    def subset(self, indices: ArrayLike) -> Store:
        """A view of some structures, in the order of `indices`; no structure is copied."""
        part = Store.__new__(Store)
        part.__dict__.update(self.__dict__)
        part._select = self._rows(indices)
        return part

    def verify(self) -> None:
        """Compare the checksum of every shard with the manifest's.

        Raises
        ------
        ValueError
            If a file has changed since it was packed; it is named.
        """
        for entry in self.manifest["shards"]:
            path = self.path / entry["file"]
            with open(path, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
                    raise ValueError(f"{path} is damaged: its checksum is not the manifest's; copy or pack it again")

    def _rows(self, indices: ArrayLike) -> _Rows:
        """Indices into this view as rows of the store."""
        given: NDArray[Any] = np.asarray(indices)
        if given.size == 0:
            given = np.empty(0, np.int64)
        if given.dtype.kind not in "iu" or given.ndim != 1:
            raise TypeError(f"`indices` must be whole numbers of shape (m,), got {given.dtype} of shape {given.shape}")
        n = len(self)
        if given.size and (given.min() < -n or given.max() >= n):
            wrong = int(given[(given < -n) | (given >= n)][0])
            raise IndexError(f"structure {wrong} of a store of {n}")
        rows = given.astype(np.int64)
        if given.size and given.min() < 0:
            rows[rows < 0] += n
        return rows if self._select is None else self._select[rows]

    def _column(self, key: str, read: Callable[[str], NDArray[Any]]) -> NDArray[Any]:
        """A whole column, read once for the store and all its subsets."""
        if key not in self._columns:
            column = read(key)
            column.setflags(write=False)
            self._columns[key] = column
        return self._columns[key] if self._select is None else self._columns[key][self._select]

    def _read_label(self, key: str) -> NDArray[Any]:
        entry = self._labels[key.removeprefix("label/")]
        column = np.empty((int(self._first[-1]), *entry["shape"]), np.dtype(entry["dtype"]))
        for shard, start, stop in zip(self._shards, self._first, self._first[1:]):
            column[start:stop] = shard.get(key, np.nan)
        return column

    def _read_texts(self, key: str) -> NDArray[Any]:
        column = np.full(int(self._first[-1]), "", dtype=object)
        for shard, start, stop in zip(self._shards, self._first, self._first[1:]):
            if key in shard:
                column[start:stop] = decode_texts(shard[key], shard[f"offsets/{key}"])
        return column

    def _locate(self, row: int) -> tuple[dict[str, NDArray[Any]], int]:
        """The shard of a row of the store, and its row there."""
        s = int(np.searchsorted(self._first, row, "right")) - 1
        return self._shards[s], row - int(self._first[s])

    def _structure(self, row: int) -> Structure:
        shard, i = self._locate(row)
        atoms = slice(int(shard["offsets"][i]), int(shard["offsets"][i + 1]))
        bonds = None
        if "bonds" in shard and shard["has_bonds"][i]:
            bonds = shard["bonds"][slice(*shard["offsets/bonds"][i : i + 2])]
        info: dict[str, Any] = {}
        for name, entry in self._labels.items():
            column = shard.get(f"label/{name}")
            value = np.full(entry["shape"], np.nan) if column is None else column[i].astype(entry["dtype"])
            info[name] = np.array(value) if entry["shape"] else value.item()
        info.update({name: _text(shard, f"text/{name}", i) for name in self._texts})
        return Structure(
            shard["positions"][atoms],
            shard["numbers"][atoms],
            cell=shard["cells"][i] if "cells" in shard else None,
            pbc=shard["pbc"][i] if "cells" in shard else None,
            bonds=bonds,
            properties={name: shard[f"property/{name}"][atoms] for name in self._properties},
            info=info,
            name=_text(shard, "name", i) or None,
        )

    def _atoms(self, rows: _Rows) -> tuple[_Rows, Callable[[str], NDArray[Any]]]:
        """Offsets of the structures at `rows` laid end to end, and what gathers a per-atom tensor of them."""
        low = self._offsets[rows]
        high = self._offsets[rows + 1]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(high - low, out=offsets[1:])
        if len(self._shards) == 1:
            # one take of all atoms; a slice per structure is three times slower
            flat = np.repeat(low - offsets[:-1], high - low)
            flat += np.arange(len(flat))
            return offsets, lambda key: self._shards[0][key].take(flat, axis=0)
        shard = np.searchsorted(self._first, rows, "right") - 1
        low, high = low - self._first_atom[shard], high - self._first_atom[shard]
        pieces = list(zip(shard.tolist(), low.tolist(), high.tolist())) or [(0, 0, 0)]
        return offsets, lambda key: np.concatenate([self._shards[s][key][a:b] for s, a, b in pieces])

    def _cells(self, rows: _Rows) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Cells, shape (m, 3, 3), zero where there is none, and periodic axes, shape (m, 3)."""
        cells, pbc = np.zeros((len(rows), 3, 3)), np.zeros((len(rows), 3), bool)
        which = np.searchsorted(self._first, rows, "right") - 1
        for s in np.unique(which):
            if "cells" in self._shards[s]:
                here = which == s
                local = rows[here] - self._first[s]
                cells[here], pbc[here] = self._shards[s]["cells"][local], self._shards[s]["pbc"][local]
        return cells, pbc


def _text(shard: dict[str, NDArray[Any]], key: str, i: int) -> str:
    return decode_texts(shard[key], shard[f"offsets/{key}"][i : i + 2])[0] if key in shard else ""

"""The rows of one shard while it is packed, and the schema that all shards share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from particlegrid.data.shards import encode_texts
from particlegrid.structure import Structure

__all__ = ["Rows", "Schema"]

_NOT_STORED = "in {} structures neither a number nor a text; arrays in `info` are kept when `labels` names them"


class Schema:
    """What the structures seen so far have in common.

    Parameters
    ----------
    labels : sequence of str, optional
        Entries of `info` to keep; by default every number and every text.
    """

    def __init__(self, labels: Sequence[str] | None = None) -> None:
        self.wanted = None if labels is None else set(labels)
        self._kinds: dict[str, str] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._dtypes: dict[str, np.dtype[Any]] = {}
        self._rows: dict[str, tuple[int, ...]] = {}
        self._seen: Counter[str] = Counter()
        self._ignored: Counter[str] = Counter()

    def sort(self, structure: Structure) -> dict[str, Any]:
        """What a store keeps of `info` and `properties`: numbers, arrays and texts by the name of their tensor.

        Raises
        ------
        ValueError
            If one of them has another kind or shape than in earlier structures.
        """
        found: dict[str, Any] = {}
        kinds: dict[str, str] = {}
        for name, value in structure.info.items():
            if self.wanted is not None and name not in self.wanted:
                continue
            if isinstance(value, str):
                key, kind = f"text/{name}", "a text"
            elif type(value) is float:  # nearly all labels are; the general case takes five times longer
                key, kind = f"label/{name}", "a number"
            else:
                value = _as_number(value)
                if value is None or (value.ndim and self.wanted is None):
                    self._ignored[f"info[{name!r}]"] += 1
                    continue
                key, kind = f"label/{name}", _describe(value.shape)
            if self._kinds.get(name, kind) != kind:
                raise ValueError(f"`info[{name!r}]` is {kind}; in earlier structures it is {self._kinds[name]}")
            kinds[name] = kind
            found[key] = value
        shapes: dict[str, tuple[int, ...]] = {}
        for name, value in structure.properties.items():
            value = _as_number(value)
            if value is None:
                self._ignored[f"properties[{name!r}]"] += 1
                continue
            shape = value.shape[1:]
            if self._shapes.get(name, shape) != shape:
                raise ValueError(
                    f"`properties[{name!r}]` has {_describe(shape)} an atom; in earlier structures it has "
                    f"{_describe(self._shapes[name])}"
                )
            shapes[name] = shape
            found[f"property/{name}"] = value
        self._kinds.update(kinds)
        self._shapes.update(shapes)
        return found

    def learn(self, key: str, column: NDArray[Any], count: int) -> None:
        """Note that `count` more structures have the label or property that is tensor `key` of a shard."""
        self._dtypes[key] = np.promote_types(self._dtypes.get(key, column.dtype), column.dtype)
        self._rows[key] = column.shape[1:]
        self._seen[key] += count

    def describe(self, units: Mapping[str, str], n: int) -> dict[str, Any]:
        """The schema of a store of `n` structures, for its manifest."""
        labels: dict[str, Any] = {}
        texts: list[str] = []
        properties: dict[str, Any] = {}
        left_out = {name: _NOT_STORED.format(count) for name, count in self._ignored.items()}
        for key, dtype in self._dtypes.items():
            group, _, name = key.partition("/")
            if group == "text":
                texts.append(name)
            elif group == "label":
                if self._seen[key] < n:
                    dtype = np.promote_types(dtype, np.float64)  # NaN stands for what is absent
                labels[name] = {"dtype": dtype.name, "shape": self._rows[key], "unit": units.get(name, "")}
            elif self._seen[key] == n:
                properties[name] = {"dtype": dtype.name, "shape": self._rows[key], "unit": units.get(name, "")}
            else:
                left_out[f"properties[{name!r}]"] = f"only {self._seen[key]} of {n} structures have it"
        absent = (self.wanted or set()) - set(labels) - set(texts)
        left_out.update({f"labels[{name!r}]": "no structure has it" for name in sorted(absent)})
        unknown = set(units) - set(labels) - set(properties)
        left_out.update({f"units[{name!r}]": "there is no such number" for name in sorted(unknown)})
        return {"labels": labels, "texts": texts, "properties": properties, "left_out": left_out}


class Rows:
    """The structures of one shard, gathered until it is written.

    Parameters
    ----------
    schema : Schema
        Shared by all shards; it learns from every structure.
    dtype : dtype
        Type of the positions.
    """

    def __init__(self, schema: Schema, dtype: DTypeLike) -> None:
        self.atoms = 0
        self._schema = schema
        self._dtype = np.dtype(dtype)
        self._positions: list[NDArray[Any]] = []
        self._numbers: list[NDArray[np.uint8]] = []
        self._names: list[str] = []
        self._cells: dict[int, NDArray[np.float64]] = {}
        self._pbc: list[NDArray[np.bool_]] = []
        self._bonds: dict[int, NDArray[np.int64]] = {}
        self._columns: dict[str, dict[int, Any]] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, structure: Structure) -> None:
        """Take one more structure.

        Raises
        ------
        ValueError
            If its labels or properties do not fit those of earlier structures; nothing of it is taken.
        """
        found = self._schema.sort(structure)
        row = len(self)
        for key, value in found.items():
            self._columns.setdefault(key, {})[row] = value
        if structure.cell is not None:
            self._cells[row] = structure.cell
        if structure.bonds is not None:
            self._bonds[row] = structure.bonds
        self._positions.append(structure.positions)
        self._pbc.append(structure.pbc)
        self._names.append(structure.name or "")
        self._numbers.append(structure.numbers)
        self.atoms += len(structure)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """All that is written into the shard's file."""
        n = len(self)
        tensors: dict[str, NDArray[Any]] = {
            "positions": np.concatenate(self._positions).astype(self._dtype, copy=False),
            "numbers": np.concatenate(self._numbers),
            "offsets": _offsets([len(numbers) for numbers in self._numbers]),
        }
        if self._cells:
            tensors["cells"] = np.zeros((n, 3, 3))
            tensors["cells"][list(self._cells)] = list(self._cells.values())
            tensors["pbc"] = np.array(self._pbc)
        if self._bonds:
            tensors["bonds"] = np.concatenate(list(self._bonds.values())).astype(np.int32)
            tensors["offsets/bonds"] = _offsets([len(self._bonds.get(i, ())) for i in range(n)])
            tensors["has_bonds"] = np.array([i in self._bonds for i in range(n)])
        if any(self._names):
            tensors["name"], tensors["offsets/name"] = encode_texts(self._names)
        for key, values in self._columns.items():
            if key.startswith("text/"):
                column, tensors[f"offsets/{key}"] = encode_texts([values.get(i, "") for i in range(n)])
            elif key.startswith("label/"):
                column = _fill(values, n)
            else:
                column = np.concatenate(list(values.values()))
            self._schema.learn(key, column, len(values))
            if len(values) == n or not key.startswith("property/"):
                tensors[key] = column
        return tensors


def _fill(values: Mapping[int, Any], n: int) -> NDArray[Any]:
    """A column of `n` rows, NaN where `values` has none."""
    given = np.array(list(values.values()))
    if len(given) == n:
        return given
    column = np.full((n, *given.shape[1:]), np.nan)
    column[list(values)] = given
    return column


def _as_number(value: Any) -> NDArray[Any] | None:
    """Numbers as an array of a type that a store holds, else None."""
    if not isinstance(value, (bool, int, float, np.generic, np.ndarray, list, tuple)):
        return None
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        return None
    if array.dtype.kind not in "biuf":
        return None
    if array.dtype.itemsize > 8:
        return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _describe(shape: tuple[int, ...]) -> str:
    return f"an array of shape {shape}" if shape else "a number"


def _offsets(counts: Sequence[int]) -> NDArray[np.int64]:
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets

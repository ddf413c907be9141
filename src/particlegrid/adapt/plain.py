"""Structures from arrays, tensors, dicts and graph objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from particlegrid.memory import as_numpy
from particlegrid.structure import Structure

__all__ = [
    "from_arrays",
    "from_graph",
    "from_mapping",
    "is_arrays",
    "is_graph",
    "is_many_graphs",
    "is_mapping",
    "is_number_array",
    "is_swapped",
]

_FIELDS = ("positions", "numbers", "cell", "pbc", "bonds", "properties", "info", "name")
_PER_ATOM = {"charge": "charge", "charges": "charge", "force": "forces", "forces": "forces"}
_GRAPH_ONLY = {"z", "pos", "cell", "pbc", "name", "edge_index", "edge_attr", "edge_weight", "batch", "ptr"}


def is_number_array(obj: Any) -> bool:
    """Whether it is an array or tensor of numbers."""
    if not (hasattr(obj, "ndim") and hasattr(obj, "dtype") and hasattr(obj, "shape")):
        return False
    return getattr(obj.dtype, "kind", "f") != "O"


def is_mapping(obj: Any) -> bool:
    """Whether it is a dict-like object."""
    return isinstance(obj, Mapping)


def from_mapping(obj: Mapping[str, Any]) -> Structure:
    """Structure of a dict with the names of its fields."""
    unknown = [key for key in obj if key not in _FIELDS]
    missing = [key for key in ("positions", "numbers") if key not in obj]
    if unknown or missing:
        wrong = f"has no {missing[0]!r}" if missing else f"has the unknown key {unknown[0]!r}"
        raise ValueError(f"the dict {wrong}; its keys are the fields of Structure: {', '.join(_FIELDS)}")
    fields = {key: as_numpy(value) for key, value in obj.items()}
    if fields.get("properties"):
        fields["properties"] = {key: as_numpy(value) for key, value in fields["properties"].items()}
    return Structure(**fields)


def is_arrays(obj: Any) -> bool:
    """Whether it is (numbers, positions[, cell[, pbc]]) and not a tuple or list of structures."""
    return isinstance(obj, (tuple, list)) and 2 <= len(obj) <= 4 and _is_numbers(obj[0]) and _is_positions(obj[1])


def is_swapped(obj: Any) -> bool:
    """Whether it is (positions, numbers, ...): a mistake that deserves its own message."""
    return isinstance(obj, (tuple, list)) and 2 <= len(obj) <= 4 and _is_positions(obj[0]) and _is_numbers(obj[1])


def from_arrays(obj: Any) -> Structure:
    """Structure of (numbers, positions[, cell[, pbc]])."""
    numbers, positions, *rest = (as_numpy(value) for value in obj)
    return Structure(positions, numbers, *rest)


def is_graph(obj: Any) -> bool:
    """Whether it has the `z` and `pos` of a torch_geometric Data."""
    return getattr(obj, "z", None) is not None and getattr(obj, "pos", None) is not None


def is_many_graphs(obj: Any) -> bool:
    """Whether it is a torch_geometric Batch."""
    return is_graph(obj) and hasattr(obj, "to_data_list") and getattr(obj, "batch", None) is not None


def from_graph(obj: Any) -> Structure:
    """Structure of an object with `z`, `pos` and perhaps `cell`, `pbc`; what else it holds is info."""
    if is_many_graphs(obj) and int(getattr(obj, "num_graphs", 1)) != 1:
        raise ValueError(f"this batch holds {obj.num_graphs} graphs, not one structure; pass `data.to_data_list()`")
    fields = obj.to_dict() if hasattr(obj, "to_dict") else getattr(obj, "__dict__", {})
    numbers = np.ravel(as_numpy(obj.z))
    cell, pbc = as_numpy(getattr(obj, "cell", None)), as_numpy(getattr(obj, "pbc", None))
    if cell is not None and np.shape(cell) == (1, 3, 3):
        cell = cell[0]
    if pbc is not None and np.ndim(pbc) == 2:
        pbc = np.ravel(pbc)
    properties: dict[str, Any] = {}
    info: dict[str, Any] = {}
    for key, value in fields.items():
        if key in _GRAPH_ONLY or key.startswith("_") or value is None:
            continue
        value = as_numpy(value)
        if key in _PER_ATOM and np.ndim(value) and len(value) == len(numbers):
            properties[_PER_ATOM[key]] = value
        elif isinstance(value, np.ndarray) and value.size == 1:
            info[key] = value.item()
        else:
            info[key] = value
    name = getattr(obj, "name", None)
    return Structure(
        as_numpy(obj.pos), numbers, cell, pbc, None, properties, info, name if isinstance(name, str) else None
    )


def _is_numbers(value: Any) -> bool:
    if is_number_array(value):
        return bool(value.ndim == 1)
    return isinstance(value, (list, tuple)) and all(isinstance(item, (int, str, np.integer)) for item in value)


def _is_positions(value: Any) -> bool:
    if is_number_array(value):
        return bool(value.ndim == 2)
    if not isinstance(value, (list, tuple)):
        return False
    return all(isinstance(row, (list, tuple, np.ndarray)) and len(row) == 3 for row in value) and all(
        isinstance(x, (int, float, np.number)) for row in value for x in row
    )

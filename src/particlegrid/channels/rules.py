"""Channels by a function of one's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from particlegrid.batch import Batch
from particlegrid.channels.base import ChannelScheme, Entries
from particlegrid.structure import Structure

__all__ = ["ByRule"]


@dataclass(frozen=True, init=False)
class ByRule(ChannelScheme):
    """Channels by a function of one's own.

    Parameters
    ----------
    function : callable
        ``function(structure)`` gives the weights, shape (n atoms, n channels); weight 0 means absent. It must be
        importable (defined at the top of a module) for pickling and `to_dict`.
    channels : sequence of str
        Names of the channels.

    Examples
    --------
    >>> def rings_and_chains(structure):
    ...     return np.eye(2)[structure.properties["in_ring"].astype(int)]
    >>> ByRule(rings_and_chains, ["chain", "ring"]).channels
    ('chain', 'ring')
    """

    function: Callable[[Structure], Any]
    names: tuple[str, ...]

    def __init__(self, function: Callable[[Structure], Any], channels: Sequence[str]) -> None:
        if not callable(function):
            raise TypeError(f"`function` must be callable, got {function!r}")
        if isinstance(channels, str) or not channels:
            raise ValueError(f"`channels` must be a sequence of names, got {channels!r}")
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "names", tuple(str(name) for name in channels))

    def to_dict(self) -> dict[str, Any]:
        """Describe by the function's import path."""
        path = f"{getattr(self.function, '__module__', '?')}:{getattr(self.function, '__qualname__', '?')}"
        if _find_function(path) is not self.function:
            raise ValueError(f"{path} does not lead to the rule's function; define it at the top of a module")
        return {"type": "ByRule", "function": path, "channels": list(self.names)}

    @classmethod
    def _from_fields(cls, values: dict[str, Any]) -> Self:
        function = _find_function(values["function"])
        if not callable(function):
            raise ValueError(f"there is no function {values['function']!r}; is its module on the path?")
        return cls(function, values["channels"])

    @property
    def channels(self) -> tuple[str, ...]:
        """The names given."""
        return self.names

    def list_entries(self, batch: Batch) -> Entries:
        """The nonzero weights of each structure, atom by atom."""
        rows = [np.empty((0, len(self.names)))]
        for i, structure in enumerate(batch):
            weights = np.asarray(self.function(structure), np.float64)
            if weights.shape != (len(structure), len(self.names)):
                raise ValueError(
                    f"the rule gave weights of shape {weights.shape} for structure {i}; "
                    f"expected ({len(structure)}, {len(self.names)}): atoms x channels"
                )
            rows.append(weights)
        table = np.concatenate(rows)
        atoms, channels = np.nonzero(table)
        return Entries.pick(batch, atoms, channels, table[atoms, channels])


def _find_function(path: str) -> Any:
    """What "module:name" stands for, or None."""
    module, _, names = path.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except (ImportError, ValueError):
        return None
    for name in names.split("."):
        found = getattr(found, name, None)
    return found

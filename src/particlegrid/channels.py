"""Which: channel schemes map atoms to the channels of a grid."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.elements import SYMBOLS, atomic_numbers
from particlegrid.errors import choose
from particlegrid.registry import Noun
from particlegrid.structure import Structure

__all__ = ["AllAtoms", "ByRule", "ChannelScheme", "Elements", "Entries", "Property"]


@dataclass(frozen=True, eq=False)
class Entries:
    """What is drawn: (atom, channel, weight) triples, structure after structure.

    Attributes
    ----------
    atoms : ndarray, shape (m,), int64
        Index of the entry's atom in the batch.
    channels : ndarray, shape (m,), int64
    weights : ndarray, shape (m,), float64
    offsets : ndarray, shape (n + 1,), int64
        Structure i owns the entries ``offsets[i]:offsets[i + 1]``.
    widths : ndarray, shape (m,), float64, or None
        Widths in A that override the density's, NaN where the density's holds.
    """

    atoms: NDArray[np.int64]
    channels: NDArray[np.int64]
    weights: NDArray[np.float64]
    offsets: NDArray[np.int64]
    widths: NDArray[np.float64] | None = None

    @classmethod
    def pick(
        cls, batch: Batch, atoms: NDArray[np.int64], channels: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> Entries:
        """Entries of some atoms of a batch, in the atoms' order (`atoms` must not fall)."""
        return cls(atoms, channels, weights, np.searchsorted(atoms, batch.offsets))


class ChannelScheme(Noun):
    """Base of the schemes. A scheme names its channels and lists the entries of a batch; ``a + b`` has both's."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels."""
        raise NotImplementedError

    def list_entries(self, batch: Batch) -> Entries:
        """The entries of a batch, in the order of its structures."""
        raise NotImplementedError

    def __add__(self, other: ChannelScheme) -> ChannelScheme:
        if not isinstance(other, ChannelScheme):
            return NotImplemented
        parts = [part for s in (self, other) for part in (s.schemes if isinstance(s, Concatenated) else (s,))]
        return Concatenated(tuple(parts))


@dataclass(frozen=True, init=False)
class Elements(ChannelScheme):
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
        atomic_numbers(symbols)
        if len(set(symbols)) != len(symbols):
            raise ValueError(f"each element has one channel, got {symbols}")
        choose(other, "other", ("error", "ignore", "channel"))
        if not symbols and other != "channel":
            raise ValueError('Elements needs at least one symbol, such as Elements("H", "C", "N", "O")')
        object.__setattr__(self, "symbols", tuple(symbols))
        object.__setattr__(self, "other", other)
        object.__setattr__(self, "weight", weight)
        table = np.full(len(SYMBOLS), len(symbols) if other == "channel" else -1)
        table[atomic_numbers(symbols)] = np.arange(len(symbols))
        object.__setattr__(self, "_table", table)

    @classmethod
    def _from_fields(cls, values: dict[str, Any]) -> Self:
        return cls(*values.pop("symbols"), **values)

    @property
    def channels(self) -> tuple[str, ...]:
        """The symbols, and "other" if asked for."""
        return self.symbols + (("other",) if self.other == "channel" else ())

    def list_entries(self, batch: Batch) -> Entries:
        """One entry for each atom that has a channel.

        Raises
        ------
        ValueError
            If an element has no channel and `other` is "error", or the weighing property is missing.
        """
        channels: NDArray[np.int64] = self._table[batch.numbers]  # type: ignore[attr-defined]
        weights = _atom_weights(batch, self.weight)
        missing = channels < 0
        if not missing.any():
            return Entries(np.arange(len(channels)), channels, weights, batch.offsets)
        if self.other == "error":
            atom = int(np.argmax(missing))
            owner = int(np.searchsorted(batch.offsets, atom, side="right")) - 1
            raise ValueError(
                f"atom {atom - batch.offsets[owner]} of structure {owner} is {SYMBOLS[batch.numbers[atom]]}, which has "
                f'no channel among {", ".join(self.symbols)}; add it, or give other="ignore" or other="channel"'
            )
        atoms = np.flatnonzero(~missing)
        return Entries.pick(batch, atoms, channels[atoms], weights[atoms])


@dataclass(frozen=True)
class AllAtoms(ChannelScheme):
    """One channel for all atoms.

    Parameters
    ----------
    weight : str, optional
        Name of the per-atom property that weighs the atoms; by default each weighs 1.
    """

    weight: str | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """One name: "atoms"."""
        return ("atoms",)

    def list_entries(self, batch: Batch) -> Entries:
        """One entry for each atom."""
        n = len(batch.numbers)
        return Entries(np.arange(n), np.zeros(n, np.int64), _atom_weights(batch, self.weight), batch.offsets)


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


@dataclass(frozen=True)
class Concatenated(ChannelScheme):
    """Several schemes' channels after each other; made by ``a + b``."""

    schemes: tuple[ChannelScheme, ...]

    @property
    def channels(self) -> tuple[str, ...]:
        """All names, in order."""
        return tuple(name for scheme in self.schemes for name in scheme.channels)

    def list_entries(self, batch: Batch) -> Entries:
        """All entries; within a structure, the first scheme's come first."""
        parts = [scheme.list_entries(batch) for scheme in self.schemes]
        shifts = np.cumsum([0] + [len(scheme.channels) for scheme in self.schemes])
        atoms = np.concatenate([p.atoms for p in parts])
        owners = np.concatenate([np.repeat(np.arange(len(batch)), np.diff(p.offsets)) for p in parts])
        order = np.argsort(owners, kind="stable")
        widths = None
        if any(p.widths is not None for p in parts):
            nothing = [np.full(len(p.atoms), np.nan) if p.widths is None else p.widths for p in parts]
            widths = np.concatenate(nothing)[order]
        return Entries(
            atoms[order],
            np.concatenate([p.channels + shift for p, shift in zip(parts, shifts)])[order],
            np.concatenate([p.weights for p in parts])[order],
            np.sum([p.offsets for p in parts], axis=0),
            widths,
        )


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


def _atom_weights(batch: Batch, name: str | None) -> NDArray[np.float64]:
    if name is None:
        return np.ones(len(batch.numbers))
    weights: NDArray[np.float64] = np.asarray(batch.property(name), np.float64)
    if weights.shape != (len(batch.numbers),):
        raise ValueError(f"property {name!r} must hold one number for each atom, got shape {weights.shape}")
    wrong = ~np.isfinite(weights)
    if wrong.any():
        raise ValueError(f"property {name!r} is {weights[wrong][0]} at atom {int(np.argmax(wrong))} of the batch")
    return weights

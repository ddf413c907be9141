"""What every channel scheme is: a list of names, and of (atom, channel, weight) entries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.registry import Noun

__all__ = ["ChannelScheme", "Concatenated", "Entries", "atom_weights", "check_name"]

_INDICES, _VALUES = ("atoms", "channels", "offsets"), ("weights", "widths")


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

    def __post_init__(self) -> None:
        # the core takes contiguous arrays of these types alone; the columns of np.nonzero are none
        for name in _INDICES + _VALUES:
            if getattr(self, name) is not None:
                dtype = np.int64 if name in _INDICES else np.float64
                object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype))

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

    def resolve(self, batch: Batch) -> ChannelScheme:
        """The scheme with channels that no longer depend on the structures: itself, unless its names come from them.

        What draws a batch calls this once, so that all its structures share the channels of one array.
        """
        return self

    def element_table(self) -> NDArray[np.int64] | None:
        """Channel by atomic number, shape (119,), int64, if the element alone decides it and every weight is 1.

        Returns
        -------
        ndarray or None
            -1 where atoms of the element are absent, -2 where `list_entries` raises; None if more than the element
            decides, and at index 0 always -2, because no atom has that number.
        """
        return None

    def __add__(self, other: ChannelScheme) -> ChannelScheme:
        if not isinstance(other, ChannelScheme):
            return NotImplemented
        parts = [part for s in (self, other) for part in (s.schemes if isinstance(s, Concatenated) else (s,))]
        return Concatenated(tuple(parts))


@dataclass(frozen=True)
class Concatenated(ChannelScheme):
    """Several schemes' channels after each other; made by ``a + b``."""

    schemes: tuple[ChannelScheme, ...]

    @property
    def channels(self) -> tuple[str, ...]:
        """All names, in order."""
        return tuple(name for scheme in self.schemes for name in scheme.channels)

    def resolve(self, batch: Batch) -> ChannelScheme:
        """Every part resolved."""
        schemes = tuple(scheme.resolve(batch) for scheme in self.schemes)
        return self if all(new is old for new, old in zip(schemes, self.schemes)) else Concatenated(schemes)

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


def atom_weights(batch: Batch, name: str | None, size: int | None = None) -> NDArray[np.float64]:
    """The weights that a per-atom property gives, shape (N,) or (N, size); 1 without a name.

    Raises
    ------
    ValueError
        If the property is missing, is not finite, or has another shape.
    """
    if name is None:
        return np.ones(len(batch.numbers))
    weights: NDArray[np.float64] = np.asarray(batch.property(name), np.float64)
    # a batch without structures knows no shapes
    expected = (len(batch.numbers),) if size is None else (len(batch.numbers), size)
    if len(batch) and weights.shape != expected:
        wanted = "one number" if size is None else f"{size} numbers"
        mend = f"; give size={weights.shape[1]} for as many channels" if size is None and weights.ndim == 2 else ""
        raise ValueError(f"property {name!r} must hold {wanted} for each atom, got shape {weights.shape}{mend}")
    wrong = ~np.isfinite(weights)
    if wrong.any():
        raise ValueError(
            f"property {name!r} is {weights[wrong][0]} at atom {int(np.argwhere(wrong)[0, 0])} of the batch"
        )
    return weights.reshape(expected)


def check_name(name: str | None, argument: str) -> str | None:
    """`name` if it can be that of a per-atom property, or None."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"`{argument}` must be the name of a per-atom property, got {name!r}")
    return name

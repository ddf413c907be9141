"""Vectors of weights by element: one atom feeds many channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.channels.base import ChannelScheme, Entries
from particlegrid.channels.tables import channels_of, tabulate
from particlegrid.elements import atomic_number
from particlegrid.errors import as_array, choose

__all__ = ["ElementVectors"]


@dataclass(frozen=True, init=False)
class ElementVectors(ChannelScheme):
    """A vector of weights for each element: an atom feeds every channel in which its element's weight is not 0.

    So few channels can hold many elements: electronegativity, valence, group and period; or a learned embedding.

    Parameters
    ----------
    vectors : dict of str to sequence of float
        Weights by symbol, all of one length; or (symbol, weights) pairs.
    names : sequence of str, optional
        Names of the channels; by default "vector[0]", "vector[1]", ...
    other : {"error", "ignore"}
        What becomes of atoms of other elements: an error, or nothing.

    Raises
    ------
    ValueError
        If a symbol is unknown or given twice, the vectors' lengths differ, a weight is not finite, or the names are not
        as many as the weights.

    Examples
    --------
    >>> from particlegrid import Batch, Structure
    >>> scheme = ElementVectors({"H": [1, 2.20], "O": [6, 3.44]}, names=["valence electrons", "electronegativity"])
    >>> entries = scheme.list_entries(Batch([Structure([[0, 0, 0], [0, 0, 1]], ["O", "H"])]))
    >>> entries.atoms.tolist(), entries.channels.tolist(), entries.weights.tolist()
    ([0, 0, 1, 1], [0, 1, 0, 1], [6.0, 3.44, 1.0, 2.2])
    """

    vectors: tuple[tuple[str, tuple[float, ...]], ...]
    names: tuple[str, ...]
    other: str

    def __init__(
        self,
        vectors: Mapping[str, Sequence[float]] | Iterable[tuple[str, Sequence[float]]],
        names: Sequence[str] | None = None,
        other: str = "error",
    ) -> None:
        pairs = list(vectors.items() if isinstance(vectors, Mapping) else vectors)
        index = tabulate(([symbol] for symbol, _ in pairs), choose(other, "other", ("error", "ignore")))
        if not pairs:
            raise ValueError('`vectors` must have at least one element, such as {"H": [1.0, 0.5]}')
        rows = [as_array(weights, f"vectors[{symbol!r}]", (None,)) for symbol, weights in pairs]
        size = len(rows[0])
        for (symbol, _), row in zip(pairs, rows):
            if len(row) != size or not size:
                raise ValueError(
                    f"`vectors[{symbol!r}]` has {len(row)} weights, that of {pairs[0][0]} {size}; "
                    "all need the same number, at least 1"
                )
        if isinstance(names, str) or (names is not None and len(names) != size):
            raise ValueError(f"`names` must be {size} names, one for each weight of a vector, got {names!r}")
        # the last row is for absent atoms, whose index is -1
        table = np.array([*rows, np.zeros(size)])
        ordered = sorted(zip((s for s, _ in pairs), rows), key=lambda pair: atomic_number(pair[0]))
        object.__setattr__(self, "vectors", tuple((symbol, tuple(row.tolist())) for symbol, row in ordered))
        object.__setattr__(self, "names", tuple(names or (f"vector[{k}]" for k in range(size))))
        object.__setattr__(self, "other", other)
        object.__setattr__(self, "_table", table)
        object.__setattr__(self, "_rows", index)

    @property
    def channels(self) -> tuple[str, ...]:
        """The names."""
        return self.names

    def list_entries(self, batch: Batch) -> Entries:
        """The nonzero weights, atom by atom.

        Raises
        ------
        ValueError
            If an element has no vector and `other` is "error".
        """
        rows = channels_of(batch, self._rows)  # type: ignore[attr-defined]
        weights: NDArray[np.float64] = self._table[rows]  # type: ignore[attr-defined]
        atoms, channels = np.nonzero(weights)
        return Entries.pick(batch, atoms, channels, weights[atoms, channels])

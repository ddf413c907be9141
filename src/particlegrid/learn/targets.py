"""What a network predicts: z-scores of labels, and the values in physical units made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from particlegrid.data import Store

__all__ = ["GAP_RULES", "Targets", "gather_labels"]

_Floats = NDArray[np.float64]

GAP_RULES: dict[str, dict[str, float]] = {
    "direct": {"gap": 1.0},
    "difference": {"lumo": 1.0, "homo": -1.0},
    "average": {"gap": 0.5, "lumo": 0.5, "homo": -0.5},
}
"""Ways to a gap from a network that predicts HOMO, LUMO and gap; gap = LUMO - HOMO holds for the labels."""


def gather_labels(store: Store, names: tuple[str, ...], indices: NDArray[np.int64]) -> _Floats:
    """Labels of some structures, shape (n, T), in the store's units.

    Raises
    ------
    ValueError
        If a label is missing, is no number, or a structure lacks it.
    """
    columns = []
    for name in names:
        column = store.labels(name)
        if column.dtype.kind not in "fiub" or column.ndim != 1:
            raise ValueError(f"label {name!r} of {store.path} is not one number a structure; it cannot be a target")
        values = column[indices].astype(np.float64)
        if (absent := ~np.isfinite(values)).any():
            first = int(indices[np.flatnonzero(absent)[0]])
            raise ValueError(
                f"{int(absent.sum())} of {len(values)} structures have no finite {name!r}, the first is structure "
                f"{first}; leave them out of the indices"
            )
        columns.append(values)
    return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Targets:
    """Names, units and scale of what is predicted.

    Parameters
    ----------
    names : tuple of str
    units : tuple of str
    mean, std : tuple of float
        Of the training labels; a network's outputs are (value - mean) / std.
    gap_rule : str
        The key of `GAP_RULES` by which a value called "gap" is made; "direct" is the network's own output.

    Examples
    --------
    >>> targets = Targets.measure(("homo", "lumo"), ("eV", "eV"), np.array([[-7.0, 0.0], [-5.0, 2.0]]))
    >>> targets.restore(targets.normalize([[-6.5, 1.0]]))
    array([[-6.5,  1. ]])
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    gap_rule: str = field(default="direct")

    @classmethod
    def measure(cls, names: tuple[str, ...], units: tuple[str, ...], values: _Floats) -> Self:
        """Take the scale from training labels, shape (n, T).

        Raises
        ------
        ValueError
            If a label does not vary.
        """
        std = values.std(axis=0)
        for name, width, value in zip(names, std, values[0]):
            if not width > 0:
                raise ValueError(f"target {name!r} is {value:g} for all {len(values)} training structures")
        return cls(tuple(names), tuple(units), tuple(values.mean(axis=0).tolist()), tuple(std.tolist()))

    @property
    def has_gap(self) -> bool:
        """Whether the gap can be made in more than one way."""
        return {"gap", "homo", "lumo"} <= set(self.names)

    def normalize(self, values: ArrayLike) -> _Floats:
        """z-scores of values (n, T) in physical units."""
        return np.asarray((np.asarray(values, np.float64) - self.mean) / self.std)

    def restore(self, scores: ArrayLike) -> _Floats:
        """Values (n, T) in physical units of a network's outputs."""
        values = np.asarray(scores, np.float64) * self.std + self.mean
        if self.gap_rule != "direct":
            parts = [weight * values[:, self.names.index(name)] for name, weight in GAP_RULES[self.gap_rule].items()]
            values[:, self.names.index("gap")] = np.sum(parts, axis=0)
        return values

    def to_dict(self) -> dict[str, Any]:
        """Describe as plain values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in self.__dict__.items()}

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Self:
        """Make again what `to_dict` described."""
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in description.items()}
        targets = cls(**values)
        lengths = {len(targets.names), len(targets.units), len(targets.mean), len(targets.std)}
        if len(lengths) != 1 or targets.gap_rule not in GAP_RULES:
            raise ValueError(f"{dict(description)} does not describe targets")
        return targets

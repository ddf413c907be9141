"""Copies of sites by symmetry, each place once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["expand_symmetry", "merge_coincident"]

_Floats = NDArray[np.float64]

# A: files round fractions to 3 or 4 decimals, up to 0.02 A in a large cell; no two atoms of one structure are so close
_SAME_PLACE = 0.1
# A: the shortest bond, that of H2, is 0.74
_APART = 0.5


def expand_symmetry(
    fractional: _Floats, operations: _Floats, cell: _Floats, occupancy: _Floats, labels: Sequence[str]
) -> tuple[_Floats, NDArray[np.intp]]:
    """Apply symmetry operators to sites; copies within 0.1 A of each other are one atom, at their mean.

    Parameters
    ----------
    fractional : ndarray, shape (n, 3)
        Sites of the asymmetric unit.
    operations : ndarray, shape (k, 4, 4)
        Operators on fractional coordinates.
    cell : ndarray, shape (3, 3)
        Rows a, b, c in A.
    occupancy : ndarray, shape (n,)
        Occupancies of the sites.
    labels : sequence of str
        Names of the sites for the error.

    Returns
    -------
    fractional : ndarray, shape (m, 3)
        Site by site; the first of each is where the file has it, the others lie in the cell.
    owners : ndarray, shape (m,)
        Site of each atom.

    Raises
    ------
    ValueError
        If copies of a site are too far apart for one atom and too near for two, so that its multiplicity is not clear.
    """
    if len(operations) == 1 and np.array_equal(operations[0], np.eye(4)):
        return fractional, np.arange(len(fractional))
    images = np.einsum("kij,nj->nki", operations[:, :3, :3], fractional) + operations[:, :3, 3]
    atoms, owners = [], []
    for i, (site, copies) in enumerate(zip(fractional, images)):
        ordered = np.concatenate([site[None], copies])
        apart = ordered[None] - ordered[:, None]
        apart -= np.round(apart)
        distances = np.linalg.norm(apart @ cell, axis=-1)
        near = distances < _SAME_PLACE
        first = near.argmax(axis=1)
        places, counts = np.unique(first[1:], return_counts=True)
        clear = np.array_equal(near, near[first]) and (counts == counts[0]).all() and 0 in places
        # a site that is at most half occupied may alternate with its own copy
        if not clear or (occupancy[i] > 0.5 and (distances[~near] < _APART).any()):
            raise ValueError(
                f"site {labels[i]!r} at {site.round(4).tolist()} does not agree with the symmetry: some of its copies "
                f"lie {distances[distances < _APART].max():.2f} A apart, too far for one atom and too near for two; "
                "it needs more decimals, or an occupancy"
            )
        for place in places:
            members = near[place] & (np.arange(len(ordered)) > 0)
            mean = ordered[place] + apart[place, members].mean(axis=0)
            atoms.append(mean if place == 0 else mean - np.floor(mean + 1e-9))
            owners.append(i)
    return np.array(atoms).reshape(-1, 3), np.array(owners, dtype=np.intp)


def merge_coincident(
    fractional: _Floats, numbers: NDArray[Any], occupancy: _Floats, cell: _Floats
) -> tuple[NDArray[np.intp], _Floats]:
    """Merge atoms of one element that lie at one place, as where a file lists both faces of the cell.

    Returns
    -------
    kept : ndarray, shape (m,)
        Atoms that stay.
    occupancy : ndarray, shape (m,)
        Theirs, the sum of those merged but at most 1 (or what the atom had).
    """
    wrapped = fractional - np.floor(fractional)
    order = np.argsort(wrapped[:, 0], kind="stable")
    x = wrapped[order, 0]
    # fraction of a that spans _SAME_PLACE across the planes of b and c
    reach = _SAME_PLACE * np.linalg.norm(np.linalg.inv(cell)[:, 0])
    ends = np.searchsorted(np.concatenate([x, x + 1.0]), x + reach, side="right")
    merged = np.arange(len(x))
    sums = occupancy.copy()
    for i, j in _near_pairs(wrapped, numbers, order, ends, cell):
        target, source = sorted((merged[i], merged[j]))
        if target != source:
            merged[merged == source] = target
            sums[target] = max(occupancy[target], min(1.0, sums[target] + sums[source]))
    kept = np.flatnonzero(merged == np.arange(len(x)))
    return kept, sums[kept]


def _near_pairs(
    wrapped: _Floats, numbers: NDArray[Any], order: NDArray[np.intp], ends: NDArray[np.intp], cell: _Floats
) -> list[tuple[int, int]]:
    """Pairs of atoms of one element within 0.1 A; of the k-th atom along a, the others stand at k + 1 ... ends[k] - 1.

    One step compares every atom with the one `lag` places further, so that Python does not loop over atoms.
    """
    found: list[tuple[int, int, int, int]] = []
    for lag in range(1, int((ends - np.arange(len(order))).max(initial=0))):
        k = np.flatnonzero(ends > np.arange(len(order)) + lag)
        i, j = order[k], order[(k + lag) % len(order)]
        apart = wrapped[j] - wrapped[i]
        apart -= np.round(apart)
        near = (numbers[i] == numbers[j]) & (np.linalg.norm(apart @ cell, axis=1) < _SAME_PLACE)
        found += zip(k[near].tolist(), [lag] * int(near.sum()), i[near].tolist(), j[near].tolist())
    return [(i, j) for _, _, i, j in sorted(found)]

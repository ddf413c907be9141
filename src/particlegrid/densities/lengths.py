"""A length of every atom, as densities ask for it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.radii import TABLES, Lengths, radii_of

__all__ = ["atom_lengths", "hash_length"]


def atom_lengths(spec: Lengths, batch: Batch, name: str) -> NDArray[np.float64]:
    """Length of every atom of a batch, shape (N,), in A.

    Parameters
    ----------
    spec : float, dict of str to float, or str
        A length for all, lengths by element, a table of radii ("vdw", "covalent" or "xs"), or the name of a per-atom
        property.
    batch : Batch
        Whose atoms.
    name : str
        What an error calls it.

    Raises
    ------
    ValueError
        If an element has no length, or there is no such property, or it holds more than one number for an atom.
    """
    if not isinstance(spec, str) or spec in TABLES:
        return radii_of(spec, batch.numbers, name)
    lengths: NDArray[np.float64] = np.asarray(batch.property(spec), np.float64)
    if lengths.shape != (len(batch.numbers),):
        raise ValueError(f"property {spec!r} must hold one {name} for each atom, got shape {lengths.shape}")
    return lengths


def hash_length(spec: Lengths) -> int:
    """Hash of a length, also of a dict."""
    return hash(spec if isinstance(spec, (str, float)) else tuple(sorted(spec.items())))

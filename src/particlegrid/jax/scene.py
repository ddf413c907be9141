"""`Scene`: what the JAX primitives draw."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Scene"]


class Scene(NamedTuple):
    """Entries on grids of one shape: a `particlegrid.densities.Drawing` in JAX arrays, without its result.

    The first six are float64, or float32 without `jax_enable_x64`, and what derivatives are taken by; each is
    independent of the others, also `lattices` of `axes` where a grid fills its cell.

    Attributes
    ----------
    positions : Array, shape (N, 3)
        Of all atoms, in A.
    weights : Array, shape (m,)
        Of the entries, strengths of the density included.
    widths : Array, shape (m,)
        Of the entries, in A.
    axes : Array, shape (n, 3, 3)
        Edge vectors of a voxel (rows) of each grid, in A.
    origins : Array, shape (n, 3)
        Corners of voxel (0, 0, 0), in A.
    lattices : Array, shape (n, 3, 3)
        Vectors along which the atoms repeat (rows), in A; only those marked by `periodic` count.
    atoms : Array, shape (m,), int32
        Which position an entry has.
    channels : Array, shape (m,), int32
    offsets : Array, shape (n + 1,), int32
        Structure i owns the entries ``offsets[i]:offsets[i + 1]``.
    periodic : Array, shape (n, 3), bool
        Along which rows of `lattices` each structure repeats.
    """

    positions: Any
    weights: Any
    widths: Any
    axes: Any
    origins: Any
    lattices: Any
    atoms: Any
    channels: Any
    offsets: Any
    periodic: Any

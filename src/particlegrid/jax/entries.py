"""Entries of atoms: which channels they feed, with what weights and widths, in JAX arrays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from particlegrid.channels import ChannelScheme
from particlegrid.densities import Density
from particlegrid.element_tables import REFUSED, tabulate_density, tabulate_scheme
from particlegrid.jax.structures import Atoms, make_numpy_batch
from particlegrid.voxelizer import Voxelizer

__all__ = ["Entries", "list_entries"]


class Entries(NamedTuple):
    """m entries of the atoms of n structures.

    Attributes
    ----------
    atoms, channels : Array, shape (m,), int32
    weights, widths : Array, shape (m,)
    offsets : Array, shape (n + 1,), int32
    channel_count : int
    """

    atoms: Any
    channels: Any
    weights: Any
    widths: Any
    offsets: Any
    channel_count: int


def list_entries(
    vox: Voxelizer, atoms: Atoms, weights: Any, widths: Any, properties: Mapping[str, Any] | None
) -> Entries:
    """The entries of a call; `weights` and `widths` as of `voxelize`, in JAX's floating point.

    Raises
    ------
    ValueError
        As the channel scheme and the density do, or if they look at what is traced.
    """
    tables = _tabulate(vox.which, vox.what)
    if weights is not None and weights.ndim == 2:
        return _list_all(vox, tables, atoms, weights, widths, properties)
    if tables.channels is not None:
        return _look_up(vox, tables, atoms, weights, widths)
    return _ask(vox, atoms, weights, widths, properties)


class _Tables(NamedTuple):
    """What elements decide, by atomic number, K entries for each; rows of number 0 weigh 0."""

    channels: NDArray[np.int64] | None  # (119, K); None if more than elements decide
    weights: NDArray[np.float64] | None  # (119, K), with the density's strengths
    entry_widths: NDArray[np.float64] | None  # (119, K)
    widths: NDArray[np.float64] | None  # (119,), of the density; None if more than elements decide
    strengths: NDArray[np.float64] | None  # (119,)


@lru_cache(64)
def _tabulate(which: ChannelScheme, what: Density) -> _Tables:
    widths, strengths = tabulate_density(what)
    if widths is None:
        return _Tables(None, None, None, None, None)
    strengths = np.ones_like(widths) if strengths is None else strengths
    # a width that no kernel refuses, for what is not there
    widths[0], strengths[0] = 1.0, 0.0
    scheme = tabulate_scheme(which)
    if scheme is None:
        return _Tables(None, None, None, widths[:, 0], strengths[:, 0])
    channels, weights, own = scheme
    channels[0], weights[0], own[0] = 0, 0.0, np.nan
    return _Tables(channels, weights * strengths, np.where(np.isnan(own), widths, own), widths[:, 0], strengths[:, 0])


def _look_up(vox: Voxelizer, tables: _Tables, atoms: Atoms, weights: Any, widths: Any) -> Entries:
    """Entries that elements decide: as many for each atom, some of weight 0."""
    assert tables.channels is not None
    if atoms.known is not None:
        refused = (tables.channels[atoms.known] == REFUSED).any()
        if refused or (widths is None and np.isnan(tables.entry_widths[atoms.known]).any()):  # type: ignore[index]
            batch, _ = make_numpy_batch(atoms)  # the numpy side says which atom of which structure it is
            vox.which.list_entries(batch)
            vox.what.atom_widths(batch)
    dtype = atoms.positions.dtype
    values = jnp.asarray(tables.weights, dtype)[atoms.numbers]
    if weights is not None:
        values = values * weights[:, None]
    lengths = jnp.asarray(tables.entry_widths, dtype)[atoms.numbers] if widths is None else widths[:, None]
    channels = jnp.asarray(tables.channels, np.int32)[atoms.numbers]
    return _flatten(atoms, channels, values, lengths, len(vox.channels))


def _list_all(
    vox: Voxelizer, tables: _Tables, atoms: Atoms, weights: Any, widths: Any, properties: Mapping[str, Any] | None
) -> Entries:
    """An entry for every atom in every channel."""
    total, size = weights.shape
    dtype = atoms.positions.dtype
    if tables.widths is not None:
        given, strengths = (jnp.asarray(table, dtype)[atoms.numbers] for table in (tables.widths, tables.strengths))
    else:
        given, strengths = _ask_density(vox, atoms, widths, properties)
    lengths = given if widths is None else widths
    channels = jnp.broadcast_to(jnp.arange(size, dtype=np.int32), (total, size))
    return _flatten(atoms, channels, weights * strengths[:, None], lengths[:, None], size)


def _flatten(atoms: Atoms, channels: Any, weights: Any, widths: Any, channel_count: int) -> Entries:
    """Entries from arrays of shape (N, K)."""
    total, size = channels.shape
    index = np.repeat(np.arange(total, dtype=np.int32), size)
    lengths = jnp.broadcast_to(widths, (total, size)).reshape(-1)
    offsets = (atoms.offsets * size).astype(np.int32)
    return Entries(index, channels.reshape(-1), weights.reshape(-1), lengths, offsets, channel_count)


def _ask(vox: Voxelizer, atoms: Atoms, weights: Any, widths: Any, properties: Mapping[str, Any] | None) -> Entries:
    """Entries of a scheme that wants more than elements."""
    batch, present = make_numpy_batch(atoms, properties)
    which = vox.which.resolve(batch)
    entries = which.list_entries(batch)
    index = present[entries.atoms].astype(np.int32)
    given, strengths = _ask_density(vox, atoms, widths, properties)
    lengths = given[index]
    dtype = atoms.positions.dtype
    if entries.widths is not None and widths is None:
        lengths = jnp.where(np.isnan(entries.widths), lengths, jnp.asarray(entries.widths, dtype))
    values = jnp.asarray(entries.weights, dtype) * strengths[index]
    if weights is not None:
        values = values * weights[index]
    channels, offsets = entries.channels.astype(np.int32), entries.offsets.astype(np.int32)
    return Entries(index, channels, values, lengths, offsets, len(which.channels))


def _ask_density(vox: Voxelizer, atoms: Atoms, widths: Any, properties: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """Widths and strengths of the atoms, shape (N,) each; 1 and 0 for what is not there."""
    batch, present = make_numpy_batch(atoms, properties)
    total, dtype = len(atoms.owners), atoms.positions.dtype
    values, strengths = np.ones(total), np.zeros(total)
    found = vox.what.atom_strengths(batch)
    strengths[present] = 1.0 if found is None else found
    if widths is None:
        values[present] = vox.what.atom_widths(batch)
        widths = jnp.asarray(values, dtype)
    return widths, jnp.asarray(strengths, dtype)

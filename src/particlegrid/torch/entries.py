"""Entries of a flat batch of atoms: which atom is drawn into which channel, how strongly and how wide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from particlegrid.torch.structures import Atoms, look_up, make_numpy_batch
from particlegrid.torch.tables import Tables
from particlegrid.voxelizer import Voxelizer

__all__ = ["Entries", "make_entries"]


@dataclass(frozen=True)
class Entries:
    """What is drawn, in drawing order, in float64 and int64; structure i owns ``offsets[i]:offsets[i + 1]``."""

    atoms: Tensor
    channels: Tensor
    weights: Tensor
    widths: Tensor
    offsets: Tensor


def make_entries(
    vox: Voxelizer,
    tables: Tables,
    atoms: Atoms,
    weights: Tensor | None,
    widths: Tensor | None,
    properties: Mapping[str, Tensor] | None,
) -> tuple[Entries, int]:
    """List what is drawn, and count the channels; arguments as of `particlegrid.torch.voxelize`.

    Raises
    ------
    TypeError, ValueError
        If weights or widths are not what they should be, or the scheme or the density refuses an atom.
    """
    total = atoms.positions.shape[0]
    _check_values(weights, "weights", total)
    if widths is not None and widths.dim() != 1:
        raise ValueError(f"`widths` must have shape ({total},), one for each atom, got {tuple(widths.shape)}")
    _check_values(widths, "widths", total)
    if weights is not None and weights.dim() == 2:
        return _list_all(vox, tables, atoms, weights, widths, properties), weights.shape[1]
    if tables.channels is not None:
        return _look_up(tables, atoms, weights, widths), len(vox.channels)
    return _list_entries(vox, atoms, weights, widths, properties)


def _look_up(tables: Tables, atoms: Atoms, weights: Tensor | None, widths: Tensor | None) -> Entries:
    """Entries that elements decide: as many for each atom, some of weight 0."""
    assert tables.channels is not None
    size = tables.channels.shape[1]
    channels = look_up(tables.channels, atoms)
    if channels.device.type != "cpu" and not torch.compiler.is_compiling() and (channels < 0).any():
        raise ValueError("an element has no channel")  # `draw` says which
    values = _floats(tables.weights, atoms)
    if tables.strengths is not None:
        values = values * _floats(tables.strengths, atoms)
    if weights is not None:
        values = values * weights.to(torch.float64).unsqueeze(1)
    if widths is not None:
        lengths = widths.to(torch.float64).unsqueeze(1).expand(-1, size)
    else:
        lengths = _floats(tables.entry_widths, atoms)
    return _flatten(atoms, channels, values, lengths)


def _list_all(
    vox: Voxelizer,
    tables: Tables,
    atoms: Atoms,
    weights: Tensor,
    widths: Tensor | None,
    properties: Mapping[str, Tensor] | None,
) -> Entries:
    """An entry for every atom in every channel."""
    total, size = weights.shape
    channels = torch.arange(size, device=weights.device).expand(total, size)
    values = weights.to(torch.float64)
    if tables.widths is not None:
        if tables.strengths is not None:
            values = values * _floats(tables.strengths, atoms)
        lengths = _floats(tables.widths, atoms) if widths is None else widths.to(torch.float64).unsqueeze(1)
    else:
        given, strengths = _ask_density(vox, atoms, widths, properties)
        lengths = given.unsqueeze(1)
        if strengths is not None:
            values = values * strengths.unsqueeze(1)
    return _flatten(atoms, channels, values, lengths.expand(-1, size))


def _flatten(atoms: Atoms, channels: Tensor, weights: Tensor, widths: Tensor) -> Entries:
    """Entries from arrays of shape (N, K)."""
    total, size = channels.shape
    index = torch.arange(total, device=channels.device)
    if size == 1:
        return Entries(index, channels.reshape(-1), weights.reshape(-1), widths.reshape(-1), atoms.offsets)
    index = index.unsqueeze(1).expand(total, size).reshape(-1)
    return Entries(index, channels.reshape(-1), weights.reshape(-1), widths.reshape(-1), atoms.offsets * size)


def _list_entries(
    vox: Voxelizer,
    atoms: Atoms,
    weights: Tensor | None,
    widths: Tensor | None,
    properties: Mapping[str, Tensor] | None,
) -> tuple[Entries, int]:
    """Entries of a scheme that wants more than elements, and its number of channels."""
    if torch.compiler.is_compiling():
        raise ValueError(
            f"{vox.which!r} and {vox.what!r} look at more than elements, which cannot be traced: give `weights` of "
            "shape (N, C) and `widths`"
        )
    batch = make_numpy_batch(atoms, properties)
    which = vox.which.resolve(batch)
    entries = which.list_entries(batch)
    device = atoms.positions.device
    index = torch.from_numpy(entries.atoms).to(device)
    given, strengths = _ask_density(vox, atoms, widths, properties)
    lengths = given.index_select(0, index)
    if entries.widths is not None and widths is None:
        own = torch.from_numpy(entries.widths).to(device)
        lengths = torch.where(own.isnan(), lengths, own)
    values = torch.from_numpy(entries.weights).to(device)
    for factor in (strengths, None if weights is None else weights.to(torch.float64)):
        if factor is not None:
            values = values * factor.index_select(0, index)
    channels, offsets = (torch.from_numpy(part).to(device) for part in (entries.channels, entries.offsets))
    return Entries(index, channels, values, lengths, offsets), len(which.channels)


def _ask_density(
    vox: Voxelizer, atoms: Atoms, widths: Tensor | None, properties: Mapping[str, Tensor] | None
) -> tuple[Tensor, Tensor | None]:
    """Widths and strengths of the atoms, shape (N,) each."""
    device = atoms.positions.device
    batch = make_numpy_batch(atoms, properties)
    if widths is None:
        widths = torch.from_numpy(np.array(vox.what.atom_widths(batch), np.float64)).to(device)
    strengths = vox.what.atom_strengths(batch)
    return widths.to(torch.float64), None if strengths is None else torch.from_numpy(strengths.copy()).to(device)


def _floats(table: Tensor | None, atoms: Atoms) -> Tensor:
    """Rows of a table whose float64 are kept as bits."""
    assert table is not None
    return look_up(table, atoms).view(torch.float64)


def _check_values(values: Tensor | None, name: str, total: int) -> None:
    if values is None:
        return
    if not isinstance(values, Tensor) or not values.dtype.is_floating_point:
        given = values.dtype if isinstance(values, Tensor) else type(values).__name__
        raise TypeError(f"`{name}` must be a tensor of floating point, got {given}")
    if values.dim() not in (1, 2) or values.shape[0] != total:
        raise ValueError(f"`{name}` must have a row for each of the {total} atoms, got shape {tuple(values.shape)}")

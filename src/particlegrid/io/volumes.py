"""Volumes to files and back; `FORMATS` is the one table of them."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.errors import require
from particlegrid.grid import Grid, find_projection
from particlegrid.registry import from_dict
from particlegrid.structure import Structure
from particlegrid.volume import Volume

__all__ = ["FORMATS", "VolumeFormat", "read_volume", "write_volume"]

_PARTS = ("positions", "numbers", "cell", "pbc", "bonds")


def write_volume(volume: Volume, path: str | os.PathLike[str], channel: str | None = None) -> None:
    """Write a volume to a file whose suffix says the format.

    The file appears whole or not at all: it is written beside its place and then renamed.

    Parameters
    ----------
    volume : Volume
        What to write.
    path : path
        ``.npz`` holds everything. ``.cube`` (Gaussian cube, through ASE) holds one field, seven digits of each value,
        and the atoms; its origin is the centre of voxel (0, 0, 0), because a cube's values belong to points.
    channel : str, optional
        The channel that a one-field format gets; by default the sum of all, and the file's comment says so.

    Raises
    ------
    ValueError
        If the suffix is unknown, there is no such channel, or a channel is named for a format that holds all.

    Examples
    --------
    >>> import tempfile
    >>> grid = Grid(2, axes=np.eye(3), origin=[-1, -1, -1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_volume(Volume(np.ones((1, 2, 2, 2)), grid, ("C",)), folder + "/ones.npz")
    ...     read_volume(folder + "/ones.npz")
    Volume(1 channel C, 2 x 2 x 2 voxels of 1 x 1 x 1 A)
    """
    target = Path(path)
    form = _find_format(target)
    if channel is not None:
        if not form.one_field:
            raise ValueError(f"{target.suffix} holds every channel; leave `channel` out, got {channel!r}")
        if channel not in volume.channels:
            raise ValueError(f"no channel {channel!r}; there is {', '.join(volume.channels)}")
    with _replace(target) as temporary:
        form.write(volume, temporary, channel)


def read_volume(path: str | os.PathLike[str]) -> Volume:
    """Read a volume.

    Parameters
    ----------
    path : path
        ``.npz``: bit for bit what `write_volume` was given. ``.cube``: one channel, named after the comment that
        `write_volume` left, else after the file; the values' points become voxel centres, and the atoms come without
        periodicity, of which the format says nothing.

    Raises
    ------
    ValueError
        If the suffix is unknown or the file is no volume of that format.
    FileNotFoundError
        If there is no such file.
    """
    source = Path(path)
    return _find_format(source).read(source)


@dataclass(frozen=True)
class VolumeFormat:
    """How one kind of file is written and read, and whether it holds a single field."""

    write: Callable[[Volume, Path, str | None], None]
    read: Callable[[Path], Volume]
    one_field: bool


def _find_format(path: Path) -> VolumeFormat:
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        known = ", ".join(sorted(FORMATS))
        raise ValueError(f"{path.name!r}: no volume format has the suffix {path.suffix!r}; known are {known}")
    return form


@contextmanager
def _replace(path: Path) -> Iterator[Path]:
    """A temporary sibling of `path` that takes its place if all goes well and vanishes if not."""
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


# ---- npz


def _write_npz(volume: Volume, path: Path, channel: str | None) -> None:
    arrays: dict[str, NDArray[Any]] = {"array": volume.array}
    header: dict[str, Any] = {"grid": volume.grid.to_dict(), "channels": list(volume.channels), "structure": None}
    if volume.structure is not None:
        header["structure"] = _pack_structure(volume.structure, arrays)
    with open(path, "wb") as file:  # given a name, numpy would add a second suffix to "v.NPZ"
        np.savez_compressed(file, header=np.array(json.dumps(header)), **arrays)  # type: ignore[arg-type]


def _pack_structure(structure: Structure, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Put a structure's arrays among `arrays` and describe the rest as plain values."""
    for part in _PARTS:
        value = getattr(structure, part)
        if value is not None:
            arrays[f"structure.{part}"] = value
    for key, value in structure.properties.items():
        arrays[f"property.{key}"] = _plain_array(value, f"properties[{key!r}]")
    info: dict[str, Any] = {}
    for key, value in structure.info.items():
        if isinstance(value, (np.ndarray, np.generic)):
            arrays[f"info.{key}"] = _plain_array(np.asarray(value), f"info[{key!r}]")
        else:
            try:
                info[key] = json.loads(json.dumps(value))
            except TypeError:
                raise TypeError(
                    f"`info[{key!r}]` is a {type(value).__name__}; an .npz file keeps numbers, text, lists, dicts and "
                    "arrays: convert it or leave it out"
                ) from None
    return {"name": structure.name, "info": info}


def _plain_array(value: NDArray[Any], name: str) -> NDArray[Any]:
    if value.dtype.hasobject:
        raise TypeError(f"`{name}` holds Python objects; an .npz file keeps arrays of numbers and text")
    return value


def _read_npz(path: Path) -> Volume:
    # no pickles: a file from a stranger must not be able to run code
    with np.load(path, allow_pickle=False) as file:
        if not isinstance(file, Mapping) or not {"header", "array"} <= set(file):
            raise ValueError(f"{path} is no volume: `header` and `array` are expected in it")
        header = json.loads(str(file["header"]))
        rest = {key: file[key] for key in file}
    grid = from_dict(header["grid"])
    if not isinstance(grid, Grid):
        raise ValueError(f"{path} is no volume: its grid is a {type(grid).__name__}")
    structure = None
    if header["structure"] is not None:
        structure = Structure(
            **{part: rest.get(f"structure.{part}") for part in _PARTS},  # type: ignore[arg-type]
            properties=_with_prefix(rest, "property."),
            info=header["structure"]["info"] | _with_prefix(rest, "info."),
            name=header["structure"]["name"],
        )
    return Volume(rest["array"], grid, tuple(header["channels"]), structure)


def _with_prefix(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, Any]:
    """The arrays of one group; those of no dimension are scalars again."""
    found = {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
    return {key: value[()] if value.ndim == 0 else value for key, value in found.items()}


# ---- Gaussian cube

_CUBE_COMMENT = "particlegrid: "
_SUM = "sum of the channels "


def _write_cube(volume: Volume, path: Path, channel: str | None) -> None:
    if find_projection(volume.grid.shape) is not None:
        raise ValueError(f"a cube file holds three axes, and this is a projection, {volume.grid.shape}; write .npz")
    cube, atoms_type = require("ase.io.cube", "io"), require("ase", "io").Atoms
    values = volume.array.sum(axis=0, dtype=np.float64) if channel is None else volume[channel]
    if not np.isfinite(values).all():
        raise ValueError("a cube file holds finite values only; give the density a `cap` or write .npz")
    shape, axes = np.array(volume.grid.shape), np.array(volume.grid.axes)
    structure = volume.structure
    atoms = atoms_type(
        numbers=[] if structure is None else structure.numbers,
        positions=np.empty((0, 3)) if structure is None else structure.positions,
        cell=axes * shape[:, None],
    )
    what = _SUM + " ".join(volume.channels) if channel is None and len(volume.channels) > 1 else None
    comment = _CUBE_COMMENT + (what or channel or volume.channels[0])
    # a real file: ASE writes the values with ndarray.tofile, which knows no text buffers or compressed streams
    with open(path, "w", encoding="utf-8") as file:
        cube.write_cube(file, atoms, values, origin=volume.grid.index_to_world((0, 0, 0)), comment=comment)


def _read_cube(path: Path) -> Volume:
    cube = require("ase.io.cube", "io")
    with open(path, encoding="utf-8") as file:
        try:
            comment = file.readline().strip()
            file.seek(0)
            content = cube.read_cube(file)
        except (ValueError, IndexError) as error:
            raise ValueError(f"{path} is no cube file: {error}") from None
    values, axes = content["data"], content["spacing"]
    atoms = content["atoms"]
    grid = Grid(values.shape, axes, content["origin"] - 0.5 * axes.sum(axis=0))
    name = path.stem
    if comment.startswith(_CUBE_COMMENT):
        name = comment.removeprefix(_CUBE_COMMENT).removeprefix(_SUM).replace(" ", "+")
    structure = Structure(atoms.positions, atoms.numbers) if len(atoms) else None
    return Volume(values[None], grid, (name,), structure)


FORMATS: dict[str, VolumeFormat] = {
    ".npz": VolumeFormat(_write_npz, _read_npz, one_field=False),
    ".cube": VolumeFormat(_write_cube, _read_cube, one_field=True),
}
"""Formats by suffix; a new one is a row here."""

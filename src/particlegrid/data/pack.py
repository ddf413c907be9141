"""`pack`: write structures into a packed store."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping, MutableSequence, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from particlegrid.adapt import as_structure
from particlegrid.data.rows import Rows, Schema
from particlegrid.data.shards import FORMAT, MANIFEST, VERSION
from particlegrid.data.store import Store
from particlegrid.errors import UnreadableRecordWarning, choose, require
from particlegrid.structure import Structure

__all__ = ["pack"]

Record = tuple[str, int, str]
"""A record that was skipped: its source, its number there, and why."""

# A shard is held in memory until it is written: at most this many atoms, about 300 MB.
_SHARD_ATOMS = 10_000_000
_LISTED = 1000
_STALE = 24 * 3600.0


def pack(
    structures: Iterable[Any],
    path: str | os.PathLike[str],
    *,
    units: Mapping[str, str] | None = None,
    labels: Sequence[str] | None = None,
    shard_size: int = 200_000,
    source: str = "",
    on_error: str = "skip",
    errors: MutableSequence[Record] | None = None,
    dtype: str = "float64",
    progress: Callable[[int], None] | None = None,
) -> Store:
    """Write structures into a packed store, one after the other.

    The store appears at `path` when it is complete; a job that stops half-way leaves nothing there.

    Parameters
    ----------
    structures : iterable
        Structures, or whatever `as_structure` takes.
    path : str or PathLike
        The folder to make; it must not exist.
    units : dict of str to str, optional
        Units of labels and per-atom properties, for the manifest. Values are stored as they come.
    labels : sequence of str, optional
        Entries of `info` to keep: numbers, arrays of one shape, or texts. By default every number and every text.
    shard_size : int
        Structures in a file, at most.
    source : str
        Where the data come from, for the manifest.
    on_error : {"skip", "raise"}
        What to do with an object that is no structure: skip, count and name it, or stop.
    errors : list, optional
        The list that a reader such as ``iread(..., on_error="skip", errors=errors)`` fills with
        ``(source, record, message)`` while `structures` runs; what is skipped here is added, and all of it is written
        into the manifest.
    dtype : {"float64", "float32"}
        Type of the stored positions. float64 keeps them exactly; float32 halves their size and rounds a coordinate of
        10 A by up to 5e-7 A.
    progress : callable, optional
        Called now and then with the number of structures written.

    Returns
    -------
    Store

    Warns
    -----
    UnreadableRecordWarning
        If records were skipped.
    UserWarning
        If `info` or per-atom properties hold what a store cannot: it is left out and named.

    Raises
    ------
    FileExistsError
        If `path` exists.
    ValueError
        If nothing was left to pack, or with ``on_error="raise"`` for the first object that is no structure.

    Examples
    --------
    >>> import tempfile
    >>> from particlegrid import Structure
    >>> helium = Structure([[0, 0, 0]], ["He"], info={"energy": -79.0}, name="He")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pack([helium], folder + "/atoms", units={"energy": "eV"}, source="a table")
    Store('atoms', 1 structures, labels: energy)
    """
    if isinstance(structures, (str, os.PathLike, Structure)):
        raise TypeError(f"`structures` must be an iterable of structures, got {structures!r}; read files with iread")
    choose(on_error, "on_error", ("skip", "raise"))
    choose(dtype, "dtype", ("float64", "float32"))
    if shard_size < 1:
        raise ValueError(f"`shard_size` must be at least 1, got {shard_size}")
    target = Path(path).absolute()
    if target.exists():
        raise FileExistsError(f"{target} exists; remove it or choose another `path`")
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    skipped: MutableSequence[Record] = [] if errors is None else errors
    # In the same folder, so that the rename at the end is one step of one file system.
    partial = target.parent / f".{target.name}.{uuid.uuid4().hex}.partial"
    partial.mkdir()
    try:
        writer = _Writer(partial, Schema(labels), dtype, shard_size)
        with warnings.catch_warnings():
            if errors is not None:  # what the reader skips is told once, at the end
                warnings.simplefilter("ignore", UnreadableRecordWarning)
            for number, item in enumerate(structures):
                try:
                    writer.add(as_structure(item))
                except (ImportError, MemoryError):
                    raise
                except Exception as error:
                    if on_error == "raise":
                        raise ValueError(f"structure {number} cannot be packed: {error}") from error
                    skipped.append((source, number, f"{type(error).__name__}: {error}"))
                    continue
                if writer.full:
                    writer.flush()
                if progress is not None and writer.done % 1000 == 0:
                    progress(writer.done)
        writer.flush()
        if progress is not None:
            progress(writer.done)
        if not writer.done:
            raise ValueError(f"nothing to pack into {target}{_first(skipped)}")
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "source": source,
            "structures": writer.done,
            "atoms": sum(shard["atoms"] for shard in writer.shards),
            "positions": {"dtype": dtype, "unit": "A"},
            **writer.schema.describe(units or {}, writer.done),
            "skipped": {"count": len(skipped), "records": [list(record) for record in skipped[:_LISTED]]},
            "shards": writer.shards,
        }
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        try:
            os.rename(partial, target)
        except OSError as error:
            if target.exists():  # Linux says ENOTEMPTY where another process was faster
                raise FileExistsError(f"{target} has appeared meanwhile; it is left as it is") from error
            raise
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _report(target, manifest, skipped)
    return Store(target)


class _Writer:
    """Writes structures into shards of a folder, each when it is full."""

    def __init__(self, folder: Path, schema: Schema, dtype: str, shard_size: int) -> None:
        self.schema = schema
        self.done = 0
        self.shards: list[dict[str, Any]] = []
        self._serialize = require("safetensors.numpy", "data").save
        self._folder = folder
        self._dtype = np.dtype(dtype)
        self._shard_size = shard_size
        self._rows = Rows(schema, self._dtype)

    def add(self, structure: Structure) -> None:
        self._rows.add(structure)
        self.done += 1

    @property
    def full(self) -> bool:
        return len(self._rows) >= self._shard_size or self._rows.atoms >= _SHARD_ATOMS

    def flush(self) -> None:
        rows, self._rows = self._rows, Rows(self.schema, self._dtype)
        if not len(rows):
            return
        file = self._folder / f"shard-{len(self.shards):05d}.safetensors"
        data = self._serialize(rows.tensors())
        file.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        self.shards.append({"file": file.name, "structures": len(rows), "atoms": rows.atoms, "sha256": digest})


def _report(target: Path, manifest: Mapping[str, Any], skipped: Sequence[Record]) -> None:
    """Say once what is not in the store."""
    if skipped:
        warnings.warn(
            f"{len(skipped)} of {len(skipped) + manifest['structures']} records are not in {target}{_first(skipped)}; "
            f"its {MANIFEST} lists them",
            UnreadableRecordWarning,
            stacklevel=3,
        )
    if manifest["left_out"]:
        what = ", ".join(f"{name} ({reason})" for name, reason in manifest["left_out"].items())
        warnings.warn(f"left out of {target}: {what}", UserWarning, stacklevel=3)


def _first(skipped: Sequence[Record]) -> str:
    if not skipped:
        return ""
    where, number, message = skipped[0]
    return f"; the first skipped is record {number}{where and ' of ' + where}: {message}"


def _sweep(target: Path) -> None:
    """Remove what jobs that were killed a day ago or earlier left beside `target`."""
    for folder in target.parent.glob(f".{target.name}.*.partial"):
        if time.time() - folder.stat().st_mtime > _STALE:
            shutil.rmtree(folder, ignore_errors=True)

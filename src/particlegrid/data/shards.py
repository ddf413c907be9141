"""The files of a packed store: its format, and tensors memory-mapped from a safetensors file."""

from __future__ import annotations

import json
import math
import mmap
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FORMAT", "MANIFEST", "VERSION", "decode_texts", "encode_texts", "map_shard", "read_manifest"]

FORMAT = "particlegrid-store"
VERSION = 1
MANIFEST = "manifest.json"

_DTYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", "BOOL": "?"},
    **{"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1"},
    **{"U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1"},
}


def map_shard(path: Path, structures: int, atoms: int) -> dict[str, NDArray[Any]]:
    """The tensors of a shard as read-only views of its memory-mapped file.

    Raises
    ------
    ValueError
        If the file is missing, cut short, damaged, or not what the manifest says; it is named.
    """
    tensors = _map_tensors(path)
    for key, shape in {"positions": (atoms, 3), "numbers": (atoms,), "offsets": (structures + 1,)}.items():
        have = tensors[key].shape if key in tensors else "no tensor"
        if have != shape:
            raise ValueError(
                f"{path} is damaged: {key!r} must have shape {shape}, it has {have}; copy or pack it again"
            )
    offsets = tensors["offsets"]
    if offsets[0] != 0 or offsets[-1] != atoms or (np.diff(offsets) < 0).any():
        raise ValueError(f"{path} is damaged: 'offsets' do not rise from 0 to {atoms}; copy or pack it again")
    return tensors


def _map_tensors(path: Path) -> dict[str, NDArray[Any]]:
    # `safetensors.safe_open` copies tensors into fresh memory when it is asked for NumPy arrays. A store is opened by
    # every worker process, so the header is read here and the pages stay shared.
    try:
        with open(path, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    try:
        start = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:start])
        header.pop("__metadata__", None)
        tensors = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), tuple(entry["shape"])
            count = math.prod(shape)
            if not 0 <= begin <= end <= len(data) - start or count * dtype.itemsize != end - begin:
                raise ValueError(f"tensor {name!r} does not fit the file")
            # frombuffer refuses a count of 0
            flat = np.frombuffer(data, dtype, count, start + begin) if count else np.empty(0, dtype)
            tensors[name] = flat.reshape(shape)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: {error}; copy or pack it again") from error
    return tensors


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a store, after checking that this version can read it.

    Raises
    ------
    ValueError
        If it is missing, damaged, or of another format.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{folder} is not a packed store: {path} cannot be read: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}; copy or pack it again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"{path} is not the manifest of a packed store: its `format` is not {FORMAT!r}")
    if manifest.get("version") != VERSION:
        raise ValueError(f"{path} has format version {manifest.get('version')}; this release reads version {VERSION}")
    return manifest


def encode_texts(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Texts end to end as UTF-8 bytes, and where each begins, shape (n + 1,).

    Examples
    --------
    >>> data, offsets = encode_texts(["C", "CO"])
    >>> decode_texts(data, offsets)
    ['C', 'CO']
    """
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def decode_texts(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> list[str]:
    """Undo `encode_texts`; `offsets` may be a part of the original's."""
    first = int(offsets[0])
    raw = data[first : int(offsets[-1])].tobytes()
    bounds = (offsets - first).tolist()
    return [raw[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(bounds)]

"""Memory for results, and the 16-bit type that numpy lacks."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid import _native
from particlegrid.errors import require

__all__ = ["allocate", "as_bits", "store"]

_LARGE = 1 << 20  # bytes; below it page faults cost less than the pool's 2 MB pages


def allocate(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """An uninitialised array; a large one takes memory that an earlier one gave back, or huge pages.

    Memory that goes back is kept for the next array, up to 512 MB.
    """
    if dtype == "bfloat16":
        return allocate(shape, "uint16").view(require("ml_dtypes", "bfloat16").bfloat16)
    kind = np.dtype(dtype)
    size = prod(shape) * kind.itemsize
    if size < _LARGE:
        return np.empty(shape, kind)
    return _native.take_memory(size).view(kind).reshape(shape)


def as_bits(values: NDArray[Any]) -> NDArray[Any]:
    """`values` for the core: bfloat16, which numpy does not know, as uint16; other types as they are."""
    # the kind first: a dtype makes its name in 5 us
    return values.view(np.uint16) if values.dtype.kind == "V" and values.dtype.name == "bfloat16" else values


def store(values: NDArray[np.floating[Any]], out: NDArray[Any]) -> None:
    """Write float32 or float64 values to `out`, rounded to its type, and to infinity beyond its range.

    uint16 stands for the bits of bfloat16.
    """
    bits = as_bits(out)
    with np.errstate(over="ignore"):
        if bits.dtype != np.uint16:
            out[...] = values
            return
        single = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (single + 0x7FFF + ((single >> 16) & 1)) >> 16
    bits[...] = np.where(np.isnan(values), single >> 16 | 0x40, rounded)

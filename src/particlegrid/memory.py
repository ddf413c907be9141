"""Memory for results, our own or lent by another library, and the 16-bit type that numpy lacks."""

from __future__ import annotations

import sys
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid import _native
from particlegrid.errors import require

__all__ = ["allocate", "as_bits", "as_numpy", "borrow", "store"]

_LARGE = 1 << 20  # bytes; below it page faults cost less than the pool's 2 MB pages
_HOSTS = (1, 3, 11)  # DLPack's types of devices whose memory the CPU writes: its own, and that pinned for GPUs


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


def borrow(out: Any) -> tuple[NDArray[Any], bool]:
    """The memory of somebody else's buffer, to write to: an array over it, and whether that holds bits of bfloat16.

    Parameters
    ----------
    out : ndarray, Tensor, or object with `__dlpack__`
        On the CPU, writable. That a torch tensor is written to is noted for autograd.

    Raises
    ------
    TypeError
        If numpy cannot see it as an array.
    ValueError
        If it lies elsewhere, is read-only, or is part of a graph of derivatives.
    """
    if isinstance(out, np.ndarray):
        return out, False
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(out, torch.Tensor):
        return _borrow_tensor(torch, out)
    kind = type(out).__name__
    if not hasattr(out, "__dlpack__"):
        raise TypeError(f"`out` must be a numpy array, a torch tensor or have `__dlpack__`, got {kind}")
    device = out.__dlpack_device__()
    if device[0] not in _HOSTS:
        raise ValueError(f"`out` must be on the CPU, got a {kind} on DLPack's device {tuple(map(int, device))}")
    try:
        array = np.from_dlpack(out)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise TypeError(f"`out`, a {kind}, cannot be seen as an array: {error}") from None
    if not array.flags.writeable:
        raise ValueError(
            f"`out`, a {kind}, is read-only, as JAX's arrays are (and before NumPy 2.1 all buffers but torch's): draw "
            "into a numpy array and hand that over, for example with jax.numpy.from_dlpack"
        )
    return array, False


def _borrow_tensor(torch: Any, out: Any) -> tuple[NDArray[Any], bool]:
    if out.device.type != "cpu":
        raise ValueError(f"`out` must be on the CPU, got a tensor on {out.device}: draw into one there and copy it")
    if out.requires_grad:
        raise ValueError("`out` requires a gradient, which drawing into it would not have: pass out.detach()")
    is_bfloat16 = out.dtype == torch.bfloat16
    try:
        array = (out.view(torch.uint16) if is_bfloat16 else out).numpy()
    except (RuntimeError, TypeError) as error:
        raise TypeError(f"`out`, a tensor of {out.dtype}, cannot be seen as an array: {error}") from None
    torch.autograd.graph.increment_version(out)
    return array, is_bfloat16


def as_numpy(value: Any) -> Any:
    """A tensor as the array it holds, the same memory if it is on the CPU; anything else as it is."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        return value.detach().cpu().numpy()
    return value


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

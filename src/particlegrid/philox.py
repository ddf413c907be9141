"""Random numbers that are a pure function of (seed, epoch, index): Philox4x32-10 in vectorised numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["check_counter", "draw_uniforms", "permute", "philox"]

# Philox4x32-10: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
# SC11 (2011), doi:10.1145/2063384.2063405
_MULTIPLIERS = np.array([[0xD2511F53], [0xCD9E8D57]], np.uint64)
_KEY_STEPS = np.array([[0x9E3779B9], [0xBB67AE85]], np.uint64)
_ROUNDS = np.arange(10, dtype=np.uint64)[:, None, None]
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)

_PERMUTATION = 0xFFFF
"""The stream of `permute`; other users of a seed take small numbers."""


def philox(counters: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """The block cipher: four words of 32 random bits for each counter of four 32-bit words.

    Parameters
    ----------
    counters : ndarray, shape (4, n), uint64
        Words below 2**32, the lowest first.
    seed : int
        The key, from 0 to 2**64 - 1; its lower half is the first key word.

    Returns
    -------
    ndarray, shape (4, n), uint64
        Words below 2**32.

    Examples
    --------
    >>> [hex(word) for word in philox(np.zeros((4, 1), np.uint64), seed=0)[:, 0].tolist()]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    # words 0 and 2 are multiplied, 1 and 3 are mixed in: two rows each, so that one numpy call serves both
    even, odd = counters[0::2], counters[1::2]
    for key in (np.array([[seed & 0xFFFFFFFF], [seed >> 32]], np.uint64) + _ROUNDS * _KEY_STEPS) & _LOW:
        product = even * _MULTIPLIERS
        even = (product >> _HALF)[::-1] ^ odd
        even ^= key
        odd = (product & _LOW)[::-1]
    return np.stack([even[0], odd[0], even[1], odd[1]])


def draw_uniforms(seed: int, epoch: int, indices: ArrayLike, count: int, stream: int = 0) -> NDArray[np.float64]:
    """Random numbers in [0, 1) with 53 bits, a pure function of the arguments.

    Row i depends on ``indices[i]`` alone, and column j does not depend on `count`.

    Parameters
    ----------
    seed : int
        From 0 to 2**64 - 1.
    epoch : int
        From 0 to 2**32 - 1.
    indices : array_like, shape (n,)
        Whole numbers >= 0.
    count : int
        Numbers for each index.
    stream : int
        From 0 to 65535; different streams of one seed are independent.

    Returns
    -------
    ndarray, shape (n, count), float64

    Raises
    ------
    TypeError, ValueError
        If `seed`, `epoch` or `indices` are not whole numbers in range.

    Examples
    --------
    >>> numbers = draw_uniforms(seed=1, epoch=0, indices=[5, 2], count=3)
    >>> numbers.shape, bool((numbers[1] == draw_uniforms(1, 0, [2], 3)[0]).all())
    ((2, 3), True)
    """
    check_counter(seed, "seed", 64)
    check_counter(epoch, "epoch", 32)
    rows = np.asarray(indices)
    if rows.ndim != 1 or (rows.dtype.kind not in "iu" and rows.size):
        raise TypeError(f"`indices` must be whole numbers of shape (n,), got {rows.dtype} of shape {rows.shape}")
    if rows.size and rows.min() < 0:
        raise ValueError(f"`indices` must not be negative, got {rows.min()}")
    blocks = (count + 1) // 2  # a block of four words makes two doubles
    counters = np.empty((4, len(rows), blocks), np.uint64)
    words = rows.astype(np.uint64)[:, None]
    counters[0] = words & _LOW
    counters[1] = words >> _HALF
    counters[2] = epoch
    counters[3] = np.arange(blocks) + (stream << 16)
    bits = philox(counters.reshape(4, -1), seed)
    doubles = (((bits[0::2] << _HALF) | bits[1::2]) >> np.uint64(11)) * 2.0**-53
    return np.ascontiguousarray(doubles.T).reshape(len(rows), 2 * blocks)[:, :count]


def permute(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """A random order of 0 ... n - 1, a pure function of the arguments, the same with every version of numpy.

    Examples
    --------
    >>> sorted(permute(5, seed=0, epoch=3).tolist())
    [0, 1, 2, 3, 4]
    """
    return np.argsort(draw_uniforms(seed, epoch, np.arange(n), 1, _PERMUTATION)[:, 0], kind="stable")


def check_counter(value: Any, name: str, bits: int) -> int:
    """A whole number from 0 to 2**bits - 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"`{name}` must be a whole number, got {value!r}")
    if not 0 <= value < 1 << bits:
        raise ValueError(f"`{name}` must lie between 0 and 2**{bits} - 1, got {value}")
    return int(value)

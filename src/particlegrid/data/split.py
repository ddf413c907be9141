"""Splits of a data set that stay the same for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from particlegrid.data.qm9 import QM9_SIZE

__all__ = ["QM9_SPLIT_SHA256", "Split", "random_split", "split_qm9"]

QM9_SPLIT_SHA256 = "41150318dfc6db740da80d7276efce0cd64aca81c0c1dec5849bfb72a1cdebfb"
"""`Split.sha256` of `split_qm9`."""


class Split(NamedTuple):
    """Row numbers of the parts of a data set, each int64 and in random order."""

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]

    @property
    def sha256(self) -> str:
        """Checksum of the three lists: decimal numbers, a comma between two, a line end after each list."""
        text = "".join(",".join(map(str, part.tolist())) + "\n" for part in self)
        return hashlib.sha256(text.encode()).hexdigest()


def random_split(n: int, sizes: Sequence[float], seed: int = 0) -> Split:
    """Split `n` rows at random, the same way with every version of every library.

    Rows are sorted by the BLAKE2b digest of the text ``"{seed}:{row}"`` and cut in three.

    Parameters
    ----------
    n : int
        Rows of the data set.
    sizes : sequence of 3 int or float
        Rows of the training, validation and test parts that sum to at most `n`, or fractions of `n` that sum to at
        most 1 (each is rounded down; a sum of 1 leaves the rest to the test part).
    seed : int
        Another seed gives another split.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If the sizes are negative or exceed `n`.

    Examples
    --------
    >>> train, valid, test = random_split(10, (0.8, 0.1, 0.1))
    >>> train.tolist(), valid.tolist(), test.tolist()
    ([9, 6, 4, 5, 2, 8, 3, 1], [7], [0])
    """
    if len(sizes) != 3 or any(size < 0 for size in sizes):
        raise ValueError(f"`sizes` must be three numbers >= 0 for train, valid and test, got {sizes!r}")
    if all(isinstance(size, (int, np.integer)) for size in sizes):
        parts = [int(size) for size in sizes]
        if sum(parts) > n:
            raise ValueError(f"`sizes` sum to {sum(parts)}; there are {n} rows")
    else:
        if sum(sizes) > 1 + 1e-9:
            raise ValueError(f"`sizes` sum to {sum(sizes)}; fractions sum to at most 1")
        parts = [int(size * n + 1e-9) for size in sizes]
        if sum(sizes) > 1 - 1e-9:
            parts[2] = n - parts[0] - parts[1]
    digests = [hashlib.blake2b(f"{seed}:{row}".encode(), digest_size=16).digest() for row in range(n)]
    order = np.array(sorted(range(n), key=digests.__getitem__), dtype=np.int64)
    first, second, third = parts
    return Split(order[:first], order[first : first + second], order[first + second : first + second + third])


def split_qm9() -> Split:
    """The fixed split of QM9: 110,000 / 10,000 / 10,831 rows of the store that `load_qm9` gives.

    The sizes are the usual ones of the literature; the rows are those of ``random_split(130_831, ..., seed=0)``,
    with checksum `QM9_SPLIT_SHA256`. Where a quick figure is wanted, it is that of the first 2,000 of the test part.
    """
    return random_split(QM9_SIZE, (110_000, 10_000, 10_831), seed=0)

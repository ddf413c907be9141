import hashlib

import numpy as np
import pytest

from particlegrid.data import QM9_SPLIT_SHA256, random_split, split_qm9


def test_split_of_qm9_is_the_recorded_one():
    split = split_qm9()
    assert [len(part) for part in split] == [110_000, 10_000, 10_831]
    assert np.array_equal(np.sort(np.concatenate(split)), np.arange(130_831))
    assert split.sha256 == QM9_SPLIT_SHA256
    assert split.test[:5].tolist() == [128003, 49158, 76244, 17612, 115805]


def test_the_rule_is_the_documented_one():
    order = sorted(range(50), key=lambda row: hashlib.blake2b(f"3:{row}".encode(), digest_size=16).digest())
    split = random_split(50, (30, 10, 10), seed=3)
    assert np.concatenate(split).tolist() == order
    assert all(part.dtype == np.int64 for part in split)


def test_fractions_and_sizes():
    assert [len(p) for p in random_split(101, (0.8, 0.1, 0.1))] == [80, 10, 11]
    assert [len(p) for p in random_split(100, (0.5, 0.1, 0.1))] == [50, 10, 10]
    assert [len(p) for p in random_split(10, (10, 0, 0))] == [10, 0, 0]
    assert random_split(40, (20, 10, 10), 0).sha256 != random_split(40, (20, 10, 10), 1).sha256


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((5, 5, 5), "sum to 15; there are 10 rows"),
        ((0.9, 0.2, 0.1), "at most 1"),
        ((5, 5), "three"),
        ((-1, 5, 5), ">= 0"),
    ],
)
def test_wrong_sizes(sizes, message):
    with pytest.raises(ValueError, match=message):
        random_split(10, sizes)

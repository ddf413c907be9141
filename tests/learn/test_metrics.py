"""Metrics against their formulas, and intervals that cover what they promise."""

import numpy as np
import pytest

from particlegrid.learn import metrics
from particlegrid.learn.metrics import evaluate


@pytest.fixture
def pairs():
    rng = np.random.default_rng(1)
    target = rng.normal(6.8, 1.3, 500)
    return target + rng.normal(0.05, 0.3, 500), target


def test_values_are_the_formulas(pairs):
    prediction, target = pairs
    got = evaluate(prediction, target, r2=True)
    error = prediction - target
    assert got["mae"].value == pytest.approx(np.abs(error).mean(), rel=1e-14)
    assert got["mse"].value == pytest.approx((error**2).mean(), rel=1e-14)
    assert got["rmse"].value == pytest.approx(np.sqrt((error**2).mean()), rel=1e-14)
    assert got["r2"].value == pytest.approx(1 - (error**2).sum() / ((target - target.mean()) ** 2).sum(), rel=1e-12)
    assert set(evaluate(prediction, target)) == {"mae", "rmse", "mse"}
    for estimate in got.values():
        assert estimate.low < estimate.value < estimate.high
    assert got["rmse"].low == pytest.approx(np.sqrt(got["mse"].low), rel=1e-3)


def test_intervals_are_repeatable_and_near_the_normal_ones(pairs):
    prediction, target = pairs
    first = evaluate(prediction, target, seed=3)
    assert first == evaluate(prediction, target, seed=3)
    assert first["mae"].low != evaluate(prediction, target, seed=4)["mae"].low
    # the normal approximation of the mean's interval
    error = np.abs(prediction - target)
    half = 1.96 * error.std() / np.sqrt(len(error))
    assert first["mae"].high - first["mae"].low == pytest.approx(2 * half, rel=0.1)


def test_intervals_cover_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(0)
    truth = 0.3 * np.sqrt(2 / np.pi)
    covered = 0
    for trial in range(200):
        mae = evaluate(rng.normal(0, 0.3, 200), np.zeros(200), resamples=300, seed=trial)["mae"]
        covered += mae.low <= truth <= mae.high
    assert 180 <= covered <= 199


def test_many_values_are_resampled_in_blocks(pairs, monkeypatch):
    monkeypatch.setattr(metrics, "_BLOCK", 500 * 7)
    prediction, target = pairs
    assert evaluate(prediction, target, resamples=100)["mae"].low > 0


def test_a_perfect_prediction():
    got = evaluate([1.0, 2.0], [1.0, 2.0])
    assert (got["mae"].value, got["mae"].low, got["mae"].high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("prediction", "target", "options", "message"),
    [
        ([1.0], [1.0, 2.0], {}, "`prediction` has 1 values and `target` 2"),
        ([], [], {}, "`target` is empty"),
        ([np.nan], [1.0], {}, r"`prediction\[0\]` is nan"),
        ([[1.0]], [[1.0]], {}, r"`prediction` must have shape \(n,\)"),
        ([1.0], [1.0], {"resamples": 0}, "`resamples` must be at least 1, got 0"),
        ([1.0, 2.0], [3.0, 3.0], {"r2": True}, "R2 needs"),
    ],
)
def test_bad_input_is_named(prediction, target, options, message):
    with pytest.raises(ValueError, match=message):
        evaluate(prediction, target, **options)

"""How far predictions are from the truth, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from particlegrid.errors import as_array

__all__ = ["Estimate", "evaluate"]

# resamples are drawn in blocks of about this many numbers, 16 MB
_BLOCK = 2_000_000


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; the bounds are None where nothing was measured."""

    value: float
    low: float | None = None
    high: float | None = None


def evaluate(
    prediction: ArrayLike, target: ArrayLike, *, r2: bool = False, resamples: int = 1000, seed: int = 0
) -> dict[str, Estimate]:
    """Errors of a prediction with bootstrap 95 % intervals.

    Parameters
    ----------
    prediction : array_like, shape (n,)
        Predicted values of one target.
    target : array_like, shape (n,)
        True values, in the same unit.
    r2 : bool
        Add the coefficient of determination.
    resamples : int
        Bootstrap resamples of the n pairs; the interval runs from their 2.5th to their 97.5th percentile.
    seed : int
        Seed of the resampling.

    Returns
    -------
    dict of str to Estimate
        "mae", "rmse" (in the unit of the target), "mse" (in its square) and, if asked for, "r2".

    Raises
    ------
    ValueError
        If the lengths differ or are zero, a value is not finite, `resamples` is not positive, or R2 is asked for a
        target that does not vary.

    Notes
    -----
    The interval says what another test set of this size could have shown, not what training once more would give.

    Examples
    --------
    >>> evaluate([1.0, 2.0, 3.0, 5.0], [1.0, 2.5, 3.0, 4.5])["mae"]
    Estimate(value=0.25, low=0.0, high=0.5)
    """
    predicted, true = as_array(prediction, "prediction", (None,)), as_array(target, "target", (None,))
    if len(predicted) != len(true):
        raise ValueError(f"`prediction` has {len(predicted)} values and `target` {len(true)}; give one for each")
    if len(true) == 0:
        raise ValueError("`target` is empty; errors need at least one value")
    if resamples < 1:
        raise ValueError(f"`resamples` must be at least 1, got {resamples}")
    if r2 and not np.ptp(true) > 0:
        raise ValueError("R2 needs a `target` that varies")
    error = predicted - true
    centred = true - true.mean()
    # every figure follows from the means of these columns
    columns = np.stack([np.abs(error), error**2, centred, centred**2])[: 4 if r2 else 2]
    values = _figures(columns.mean(axis=1)[None])
    bounds = np.nanpercentile(_figures(_resample_means(columns, resamples, seed)), [2.5, 97.5], axis=0)
    names = ("mae", "rmse", "mse", "r2")
    return {
        name: Estimate(float(value), float(low), float(high))
        for name, value, low, high in zip(names, values[0], bounds[0], bounds[1])
    }


def _figures(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """MAE, RMSE, MSE and perhaps R2, shape (B, 3 or 4), from the means of the columns, shape (B, 2 or 4)."""
    figures = [means[:, 0], np.sqrt(means[:, 1]), means[:, 1]]
    if means.shape[1] == 4:
        variance = means[:, 3] - means[:, 2] ** 2
        # a resample of one repeated value has no variance and says nothing of R2
        with np.errstate(divide="ignore", invalid="ignore"):
            figures.append(1.0 - np.where(variance > 0, means[:, 1] / variance, np.nan))
    return np.stack(figures, axis=1)


def _resample_means(columns: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Means of the columns over resamples with replacement, shape (resamples, columns)."""
    rng = np.random.default_rng(seed)
    n = columns.shape[1]
    block = max(1, _BLOCK // n)
    means = []
    for start in range(0, resamples, block):
        draws = rng.integers(0, n, (min(block, resamples - start), n))
        means.append(np.stack([column[draws].mean(axis=1) for column in columns], axis=1))
    return np.concatenate(means)

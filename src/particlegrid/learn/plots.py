"""Figures of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.errors import require
from particlegrid.learn.metrics import evaluate
from particlegrid.learn.results import Results
from particlegrid.view.colors import ramp

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_error_by_size", "draw_learning_curve", "draw_parity"]

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#8a9097"
_FEWEST = 5  # molecules in a bin, below which an error says nothing


def draw_parity(results: Results) -> Figure:
    """Prediction against truth, one panel a target; the shade counts molecules on a logarithmic scale."""
    count = len(results.targets)
    figure = _new_figure(2.55 * count + 0.3, 2.8)
    colors = require("matplotlib.colors", "learn")
    blue = np.array(colors.to_rgb(_BLUE))
    for column, (axes, target) in enumerate(zip(figure.subplots(1, count, squeeze=False).flat, results.targets)):
        truth, guess = results.test.targets[:, column], results.test.predictions[:, column]
        low, high = np.percentile(np.concatenate([truth, guess]), [0, 100])
        margin = 0.04 * (high - low) or 1.0
        span = (low - margin, high + margin)
        axes.plot(span, span, color="black", linewidth=0.7, zorder=1)
        shades = ramp(blue).resampled(256)
        # the palest shades could not be told from paper
        shades = colors.ListedColormap(shades(np.linspace(0.25, 1.0, 256)))
        axes.hexbin(truth, guess, gridsize=55, extent=(*span, *span), bins="log", mincnt=1, cmap=shades, linewidths=0.1)
        axes.set(xlim=span, ylim=span, aspect="equal", title=target.label)
        axes.set_xlabel(f"reference ({target.unit})")
        if column == 0:
            axes.set_ylabel(f"prediction ({target.unit})")
        _tidy(axes)
    return figure


def draw_learning_curve(results: Results) -> Figure:
    """Training loss and validation error against time, with the other methods' errors as lines."""
    curve = results.curve
    target = next(t for t in results.targets if t.name == curve.target)
    figure = _new_figure(7.2, 2.8)
    left, right = figure.subplots(1, 2)
    minutes = curve.seconds / 60.0
    taken = np.isfinite(curve.train_loss)
    left.plot(minutes[taken], curve.train_loss[taken], color=_BLUE, linewidth=1.2)
    left.set(yscale="log", xlabel="training time (min)", title="Training loss (z-scored targets)")
    taken = np.isfinite(curve.validation_mae)
    right.plot(minutes[taken], curve.validation_mae[taken], color=_BLUE, linewidth=1.2, marker="o", markersize=2.5)
    right.set(yscale="log", xlabel="training time (min)", title=f"Validation MAE, {target.label} ({target.unit})")
    for row in results.rows:
        if row.ours or "mae" not in row.metrics.get(target.name, {}):
            continue
        value = row.metrics[target.name]["mae"].value
        right.axhline(value, color=_GREY, linewidth=0.8, linestyle="--" if row.kind == "measured" else ":")
        words = row.name + (" (quoted)" if row.kind == "quoted" else "")
        right.annotate(
            words,
            (1.0, value),
            (-3, 2),
            ("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            fontsize=6.5,
        )
    ticker = require("matplotlib.ticker", "learn")
    for axes in (left, right):
        _tidy(axes)
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        axes.yaxis.set_minor_formatter(ticker.NullFormatter())
    return figure


def draw_error_by_size(results: Results) -> Figure:
    """MAE of each target against the number of atoms and of heavy atoms; the bars count molecules."""
    figure = _new_figure(7.2, 2.8)
    colors = (_BLUE, _ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, sizes, words in zip(
        panels, (results.test.atoms, results.test.heavy_atoms), ("atoms in the molecule", "heavy atoms in the molecule")
    ):
        values, counts = np.unique(sizes, return_counts=True)
        shade = axes.twinx()
        shade.bar(values, counts, width=0.9, color="#e3e6ea", zorder=0)
        shade.set_yticks([])
        shade.set_ylim(0, 1.6 * counts.max())
        shade.set_zorder(0)
        axes.set_zorder(1)
        axes.patch.set_visible(False)
        enough = values[counts >= _FEWEST]
        for column, target in enumerate(results.targets):
            _draw_errors(axes, results, column, sizes, enough, colors[column % len(colors)], target.label)
        axes.set_xlabel(words)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_ylim(bottom=0)
        _tidy(axes)
        for spine in shade.spines.values():
            spine.set_visible(False)
    units = sorted({target.unit for target in results.targets})
    panels[0].set_ylabel(f"MAE ({', '.join(units)})")
    if panels[0].get_legend_handles_labels()[0]:
        panels[0].legend(fontsize=7, frameon=False, loc="upper left")
    return figure


def _draw_errors(
    axes: Axes,
    results: Results,
    column: int,
    sizes: NDArray[np.int64],
    values: NDArray[np.int64],
    color: str,
    label: str,
) -> None:
    groups = [sizes == value for value in values]
    guesses, truths = results.test.predictions[:, column], results.test.targets[:, column]
    errors: list[Any] = [evaluate(guesses[g], truths[g], resamples=300)["mae"] for g in groups]
    if not errors:
        return
    middle = np.array([e.value for e in errors])
    ranges = np.abs(np.array([[e.low, e.high] for e in errors]).T - middle)
    axes.errorbar(
        values, middle, ranges, color=color, linewidth=1.0, elinewidth=0.8, marker="o", markersize=3, label=label
    )


def _new_figure(width: float, height: float) -> Figure:
    figure: Figure = require("matplotlib.figure", "learn").Figure(
        figsize=(width, height), dpi=200, layout="constrained"
    )
    return figure


def _tidy(axes: Axes) -> None:
    axes.tick_params(labelsize=7, length=2.5, width=0.6)
    axes.title.set_fontsize(9)
    axes.xaxis.label.set_fontsize(8)
    axes.yaxis.label.set_fontsize(8)
    for side, spine in axes.spines.items():
        spine.set_linewidth(0.6)
        spine.set_visible(side in ("left", "bottom"))

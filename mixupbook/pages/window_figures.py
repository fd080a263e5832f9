"""Drawings of the chapter on early-stopped Mixup: needed windows, and what follows them."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixupbook.intervals import geometric_interval
from mixupbook.pages.figures import INK, METHODS
from mixupbook.pages.image_figures import dose_curve
from mixupbook.pages.theory_figures import against_prediction

__all__ = [
    "after_stops",
    "norm_panels",
    "regime_bars",
    "survival",
    "window_map",
    "windows_by_count",
]

PALE = "#BBBBB5"
EARLY_LATE = (METHODS["early-stopped"], METHODS["late-started"])
OVER_BAR = r"$A'_k \,/\, \alpha^2 A_{1-k}$"


def window_map(
    windows: Sequence[int],
    errors: Mapping[int, np.ndarray],
    predicted: Mapping[int, np.ndarray],
    trained: Mapping[int, np.ndarray],
) -> Figure:
    """The error at the horizon over start and length of the window, and the window needed.

    Args:
        windows: lengths of the window.
        errors: for each start of the window mean errors in per cent, one for each length.
        predicted: for the same starts the predicted windows, one for each seed.
        trained: for some of the starts those of trained networks.
    """
    figure, axes = plt.subplots(figsize=(7.2, 4.2))
    place = {start: index for index, start in enumerate(errors)}
    shades = np.array(list(errors.values())).T
    mesh = axes.pcolormesh(
        range(len(place)), windows, shades, cmap="YlOrBr", vmin=0, shading="nearest"
    )
    figure.colorbar(mesh, label="rare test error (%)")
    lines = np.array(list(predicted.values()))
    axes.plot(lines, color=INK, linewidth=0.6, alpha=0.5)
    axes.plot(_geometric_mean(lines, axis=1), color=INK, label="predicted")
    for start, of_seeds in trained.items():
        found = geometric_interval(of_seeds)
        axes.plot([place[start]] * 2, [found.low, found.high], color=METHODS["Mixup"])
        axes.plot(place[start], found.mean, "o", color=METHODS["Mixup"])
    axes.plot([], [], "o-", color=METHODS["Mixup"], label="trained")
    axes.set(yscale="log", ylim=(30, 2800), xticks=range(len(place)), xticklabels=list(place))
    axes.set(xlabel="start of the window, s", ylabel="length of the window, w")
    axes.grid(visible=False)
    axes.legend(loc="upper left", ncols=2)
    return figure


def windows_by_count(
    counts: np.ndarray,
    trained: Mapping[int, np.ndarray],
    predicted: Mapping[int, np.ndarray],
    *,
    grid: float,
) -> Figure:
    """Needed windows seed by seed: over the smaller count of rare examples, and predicted.

    Args:
        counts: of each seed.
        trained: for each start the windows of trained networks, one for each seed; the first and
            the last start are drawn over the counts.
        predicted: the same by the reduced dynamics.
        grid: the factor between neighbouring windows of the grid.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.5))
    ends_of_starts = (min(trained), max(trained))
    for start, color, shift in zip(ends_of_starts, EARLY_LATE, (-0.08, 0.08), strict=True):
        left.plot(counts + shift, trained[start], "o", color=color, label=f"s = {start}")
        rings = {"markerfacecolor": "none", "markersize": 9, "color": color}
        left.plot(counts + shift, predicted[start], "o", **rings)
    left.set(xlabel=r"$n'_{\min}$", ylabel="needed window (steps)", ylim=(0, None))
    left.set_xticks(range(counts.min(), counts.max() + 1))
    left.legend()
    guesses = np.ravel([predicted[start] for start in trained])
    against_prediction(right, {"seeds": (guesses, np.ravel([*trained.values()]), METHODS["Mixup"])})
    ends = np.array([guesses.min(), guesses.max()])
    right.fill_between(ends, ends / grid, ends * grid, color="#DDDDD8", zorder=-1)
    right.set(xscale="log", yscale="log", ylabel="trained")
    for axis in (right.xaxis, right.yaxis):
        axis.set_ticks([200, 500, 1000, 2000], ["200", "500", "1000", "2000"])
    right.minorticks_off()
    right.get_legend().remove()
    return figure


def regime_bars(
    predicted: Mapping[str, Mapping[int, np.ndarray]],
    trained: Mapping[str, Mapping[int, np.ndarray]],
) -> Figure:
    """Needed windows of several settings from two starts, with the ratio of the two.

    Args:
        predicted: for each setting and start, the same two everywhere, the windows of each seed.
        trained: the same of trained networks, for some of the settings.
    """
    figure, axes = plt.subplots(figsize=(7.0, 3.4))
    for row, (name, windows) in enumerate(predicted.items()):
        ends = [_geometric_mean(of_seeds) for of_seeds in windows.values()]
        axes.plot(ends, [row, row], color=PALE, linewidth=5, zorder=0)
        for start, end, color in zip(windows, ends, EARLY_LATE, strict=True):
            axes.plot(end, row, "o", color=color, markerfacecolor="none", markersize=10)
            if name in trained:
                axes.plot(_geometric_mean(trained[name][start]), row, "o", color=color)
        axes.text(float(ends[1]) * 1.15, row, f"× {ends[1] / ends[0]:.1f}", va="center")
    for start, color in zip(windows, EARLY_LATE, strict=True):
        axes.plot([], [], "o", color=color, label=f"s = {start}")
    axes.set(xscale="log", xlim=(25, 9000), xlabel="needed window (steps)")
    axes.set_yticks(range(len(predicted)), list(predicted))
    axes.invert_yaxis()
    axes.legend(loc="lower left")
    return figure


def after_stops(
    horizons: Sequence[float],
    ratios: Mapping[int, np.ndarray],
    errors: Mapping[int, np.ndarray],
) -> Figure:
    """What becomes of a rare feature after Mixup stops: its margin over the bar, and its error.

    Args:
        horizons: steps (H,).
        ratios: for each stop the margins over the bar, shape (H, seeds, 2).
        errors: for each stop rare errors in per cent, shape (H, seeds).
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.5))
    for color, stop in zip(_shades(ratios), ratios, strict=True):
        left.plot(horizons, _geometric_mean(ratios[stop], axis=(1, 2)), color=color)
        right.plot(horizons, errors[stop].mean(axis=1), color=color, label=f"stop at {stop}")
    left.axhline(1, color=INK, linewidth=1)
    left.set(xscale="log", yscale="log", xlabel="step", ylabel=OVER_BAR)
    left.set_yticks([0.5, 1, 2, 5], ["0.5", "1", "2", "5"])
    left.minorticks_off()
    right.set(xscale="log", xlabel="step", ylabel="rare test error (%)", ylim=(-2, 55))
    right.legend()
    return figure


def survival(ratios: Mapping[int, np.ndarray], errors: Mapping[int, np.ndarray]) -> Figure:
    """The rare error of single classes over the margin divided by the bar, and the rule.

    Args:
        ratios: for each stop the margins over the bar.
        errors: for each stop as many errors in per cent.
    """
    figure, axes = plt.subplots(figsize=(6.6, 3.3))
    for color, stop in zip(_shades(ratios), ratios, strict=True):
        dots: dict[str, Any] = {"color": color, "markersize": 4.5, "alpha": 0.85}
        axes.plot(np.ravel(ratios[stop]), np.ravel(errors[stop]), "o", label=str(stop), **dots)
    every = np.concatenate([np.ravel(values) for values in ratios.values()])
    low, high = every.min() / 2, every.max() * 2
    axes.plot([low, 1, 1, high], [50, 50, 0, 0], color=INK, linewidth=1, zorder=0)
    axes.set(xscale="log", xlabel=OVER_BAR, ylabel="rare test error (%)")
    axes.legend(title="steps of Mixup", loc="lower left")
    return figure


def norm_panels(
    ratios: Mapping[str, np.ndarray],
    plain: Mapping[str, np.ndarray],
    clean: Mapping[str, np.ndarray],
) -> Figure:
    """Batch norm's running variances over clean ones, and test errors before and after a mending.

    Args:
        ratios: for two methods of the palette the ratios of variances, shape (seeds, layers).
        plain: test errors in per cent as trained, one for each seed.
        clean: the same with statistics of clean images.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.4), width_ratios=(1, 1.3))
    for number, (name, of_layers) in enumerate(ratios.items()):
        color, shift = METHODS[name], 0.12 * number - 0.06
        layers = {layer + shift: column for layer, column in enumerate(of_layers.T, start=1)}
        dose_curve(left, layers, label=name, color=color)
        ends = [2 * number, 2 * number + 1]
        right.plot(ends, [plain[name], clean[name]], color=PALE, linewidth=0.9)
        errors = dict(zip(ends, (plain[name], clean[name]), strict=True))
        dose_curve(right, errors, label=name, color=color)
    left.axhline(1, color="black", linewidth=1)
    left.axhline(2 / 3, color="black", linewidth=1, linestyle="--")
    left.set(xticks=range(1, len(of_layers.T) + 1), ylim=(0.6, 1.1))
    left.set(xlabel="batch-norm layer", ylabel="running / clean variance")
    left.legend(loc="center right")
    right.set_xticks(range(4), ["as\ntrained", "re-\nestimated"] * 2)
    right.set(ylabel="test error (%)", xlim=(-0.4, 3.4))
    return figure


def _geometric_mean(values: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    return np.exp(np.log(values).mean(axis=axis))


def _shades(stops: Mapping[int, np.ndarray]) -> list[tuple[float, ...]]:
    """A colour for each of a few stops, from light to dark."""
    return [plt.get_cmap("viridis_r")(0.15 + 0.28 * row) for row in range(len(stops))]

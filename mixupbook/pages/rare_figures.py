"""Drawings of the chapter on Mixup and rare features: errors, pushes, margins, times to learn."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from mixupbook.pages.figures import FEATURES, INK, METHODS, band
from mixupbook.pages.theory_figures import against_prediction, growth_panel

__all__ = [
    "error_curves",
    "growth_and_errors",
    "margin_curves",
    "plateau_panels",
    "predicted_panels",
    "push_panels",
    "time_map",
]

# The rows of a course (see `margin_course`), in words.
COURSE = {
    "common": "common features",
    "rare": "rare features",
    "noise": "noise of the rare examples",
}


def growth_and_errors(runs: xr.Dataset, is_rare: np.ndarray) -> Figure:
    """What is learned under Mixup, and the rare error of each setting, over the steps.

    Args:
        runs: what `over_seeds` returned for the settings "standard" and "Mixup".
        is_rare: which training examples are rare, shape (seed, n).
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.3))
    growth_panel(left, runs.sel(setting="Mixup").rename(seed="run"), is_rare)
    left.set(xlabel="step", ylabel="alignment, memorisation")
    left.legend(loc="lower right")
    errors = {name: runs.rare_error.sel(setting=name) for name in ("standard", "Mixup")}
    error_curves(right, errors, [METHODS[name] for name in errors])
    right.legend(loc="center right")
    for axes in (left, right):
        axes.set_xlim(0, runs.step.values[-1])
    return figure


def error_curves(
    axes: Axes, errors: Mapping[str, xr.DataArray], colors: Sequence[str], *, title: str = ""
) -> None:
    """Draws rare test errors over the steps, each a mean over seeds with a band.

    Args:
        axes: where to draw.
        errors: for each name in the legend fractions with dimensions seed and step.
        colors: a colour for each.
        title: of a legend to the right of the drawing; without one there is no legend yet.
    """
    for (name, error), color in zip(errors.items(), colors, strict=True):
        percent = 100 * error.transpose("seed", "step").values
        band(axes, error.step.values, percent, label=name, color=color)
    axes.set(xlabel="step", ylabel="rare test error (%)", ylim=(-2, 65))
    if title:
        axes.legend(title=title, loc="center left", bbox_to_anchor=(1, 0.5))


def push_panels(
    right_class: Mapping[str, np.ndarray],
    wrong_class: Mapping[str, np.ndarray],
    predicted: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> Figure:
    """Pushes by kind of pair, and summed over all pairs against their prediction.

    Args:
        right_class: for each kind of pair the pushes in the filters of the right class.
        wrong_class: the same of the wrong class.
        predicted: for "right class" and "wrong class" the predicted and the measured sums.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.3), width_ratios=(3, 2.4))
    colors = {"right class": METHODS["Mixup"], "wrong class": FEATURES["rare"]}
    for row, kind in enumerate(right_class):
        for values, color, shift, look in (
            (right_class[kind], colors["right class"], -0.12, {"alpha": 0.6}),
            (wrong_class[kind], colors["wrong class"], 0.12, {"mfc": "none"}),
        ):
            left.plot(values, np.full(len(values), row + shift), "o", color=color, **look)
    left.axvline(0, color=INK, linewidth=0.8)
    left.set_yticks(range(len(right_class)), list(right_class))
    left.set_xticks([-0.005, 0, 0.005, 0.01])
    left.set_xlabel("push, per response to the common feature")
    left.set_ylim(len(right_class) - 0.5, -0.5)
    groups = {name: (*pair, colors[name]) for name, pair in predicted.items()}
    against_prediction(right, groups)
    return figure


def margin_curves(
    axes: Axes,
    computed: tuple[np.ndarray, np.ndarray],
    measured: tuple[np.ndarray, np.ndarray],
) -> None:
    """Draws margins over the steps: computed ones as lines, measured ones as dots.

    Args:
        axes: where to draw.
        computed: steps (T,) and a course (rows, run, T), of `computed_course`; rows beyond those
            given, common, rare and noise in this order, are left out.
        measured: steps (t,) and a course (rows, run, t).
    """
    for kind, line, dots in zip(COURSE, computed[1], measured[1], strict=False):
        color = FEATURES[kind]
        axes.plot(computed[0], line.T, color=color, alpha=0.5, linewidth=1)
        axes.plot(measured[0], dots.T, "o", color=color, markersize=4)
        axes.plot([], [], color=color, label=COURSE[kind])
    axes.set(xlabel="step", ylabel="margin")


def plateau_panels(
    computed: tuple[np.ndarray, np.ndarray],
    measured: tuple[np.ndarray, np.ndarray],
    equilibrium: float,
    quantities: Mapping[str, np.ndarray],
) -> Figure:
    """Margins that rest and grow again, and what goes with it.

    Args:
        computed: as for `margin_curves`.
        measured: as for `margin_curves`.
        equilibrium: the margin at which the common features rest.
        quantities: for "noise, own class", "noise, wrong class", "mean margin" and "its bound" the
            values (t, run) at the steps of `measured`.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.6))
    margin_curves(left, computed, measured)
    left.axhline(equilibrium, color=INK, linestyle="--")
    left.legend(loc="upper left")
    colors = [METHODS[name] for name in ("sqrt", "hard label", "Mixup", "standard")]
    for (name, values), color in zip(quantities.items(), colors, strict=True):
        right.plot(measured[0], values.mean(axis=1), "o-", color=color, label=name)
    right.set(xlabel="step", yscale="log")
    right.legend(loc="lower right", fontsize=8)
    for axes in (left, right):
        axes.set(xscale="log", xlim=(30, 16000))
    return figure


def predicted_panels(
    groups: Mapping[str, tuple[np.ndarray, str]],
    errors: Mapping[str, np.ndarray],
    times: Mapping[str, np.ndarray],
) -> Figure:
    """Rare errors and times to learn of single runs, "measured" over "computed".

    Args:
        groups: for each name in the legend which runs it holds, a boolean for each, and a colour.
        errors: fractions, under "computed" and "measured".
        times: steps, under the same names; NaN where nothing is learned.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.8))
    for axes, values in ((left, {k: 100 * v for k, v in errors.items()}), (right, times)):
        for name, (these, color) in groups.items():
            x, y = values["computed"][these], values["measured"][these]
            axes.plot(x, y, "o", color=color, alpha=0.6, label=name)
    left.plot([0, 55], [0, 55], color=INK, linewidth=0.8, zorder=0)
    left.axvline(5, color=INK, linestyle=":", linewidth=0.8)
    left.axhline(5, color=INK, linestyle=":", linewidth=0.8)
    left.set(xlabel="computed rare error (%)", ylabel="measured rare error (%)")
    ends = np.array([80, 3500])
    right.fill_between(ends, ends / 1.5, ends * 1.5, color=METHODS["standard"], alpha=0.12)
    right.plot(ends, ends, color=INK, linewidth=0.8)
    right.set(xlabel="computed step", ylabel="measured step", xlim=ends, ylim=ends)
    right.set(xscale="log", yscale="log")
    left.legend()
    return figure


def time_map(
    lams: np.ndarray,
    label_lams: np.ndarray,
    computed: np.ndarray,
    measured: Mapping[tuple[float, float], Sequence[float]],
) -> Figure:
    """The time to learn over both coefficients: a map, and dots in the same colours.

    Args:
        lams: feature coefficients (L,).
        label_lams: label coefficients (M,).
        computed: steps (M, L), NaN where nothing is learned.
        measured: for pairs of coefficients the steps of two seeds, NaN likewise.
    """
    figure, axes = plt.subplots(figsize=(6.4, 4.2))
    picture = axes.pcolormesh(lams, label_lams, computed, norm=LogNorm(150, 6400), cmap="viridis_r")
    for place, of_seeds in measured.items():
        for half, time in zip(("left", "right"), of_seeds, strict=True):
            color = "white" if np.isnan(time) else picture.to_rgba(np.array([time]))[0]
            axes.plot(
                *place,
                marker="o",
                fillstyle=half,
                color=color,
                markerfacecoloralt="none",
                markeredgecolor=INK,
                markersize=13,
            )
    axes.plot(lams, lams, "--", color=INK, linewidth=1)
    axes.set(xlabel=r"$\lambda$", ylabel=r"$\lambda_y$", xlim=(0.47, 1), ylim=(0.49, 1.03))
    axes.grid(visible=False)
    ticks = [200, 400, 800, 1600, 3200, 6400]
    bar = figure.colorbar(picture, label="step", ticks=ticks, format="%d")
    bar.ax.minorticks_off()
    return figure

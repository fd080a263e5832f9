"""What the chapter *The atlas* draws and tabulates of its record."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupbook.intervals import Interval, bootstrap_interval, mean_interval
from mixupbook.pages.figures import INK, METHODS
from mixupbook.pages.tables import Table
from mixupbook.studies import store
from mixupbook.studies.atlas.atlas_methods import WORDS
from mixupbook.studies.atlas.atlas_record import AtlasRecord, CostRecord, MapRecord

__all__ = [
    "atlas_record",
    "cost_slope",
    "curves_figure",
    "half_learned",
    "last_errors",
    "lines_figure",
    "mean_errors",
    "methods_table",
    "plane_figure",
    "times_figure",
]

FOLDER = store.FOLDER / "atlas"
SHADES = "YlOrBr"
TITLES = {1.0: "standard training", 0.7: "Mixup"}
SYMBOLS = {"patches": "b", "noise-std": "σ"}
NAMED = {1.0: "standard", 0.7: "Mixup"}


def atlas_record(folder: Path = FOLDER) -> AtlasRecord:
    """The atlas's record."""
    return store.load_as(AtlasRecord, "atlas", folder)


def mean_errors(record: MapRecord, group: str) -> Float[np.ndarray, "*dims"]:
    """Errors (%) at the last step, their mean over the seeds."""
    return 100 * record.errors(group)[..., -1].mean(axis=-1)


def plane_figure(
    record: MapRecord,
    lines: Mapping[float, Mapping[str, tuple[np.ndarray, np.ndarray]]],
    *,
    group: str = "rare",
) -> Figure:
    """Errors over noise and rare examples, for standard training and Mixup, with lines upon them.

    Args:
        record: the map over rho, noise ratio and lam.
        lines: for each lam the lines by name, each as ratios and rhos.
        group: whose errors are shown.
    """
    rhos, ratios, lams = record.axes()
    shades = mean_errors(record, group)
    figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.9), sharey=True)
    for ax, lam, values in zip(axes, lams, np.moveaxis(shades, -1, 0), strict=True):
        mesh = ax.pcolormesh(ratios, rhos, values, cmap=SHADES, vmin=0, vmax=50, shading="nearest")
        for (name, (x, y)), style in zip(lines[lam].items(), ("-", "--", ":"), strict=False):
            ax.plot(x, y, style, color=INK, label=name)
        ax.set(xscale="log", yscale="log", title=TITLES[lam], xlabel=r"noise, $\sigma^2 d/n$")
        _plain_ticks(ax, ratios[::3], rhos[::2])
        if lines[lam]:
            ax.legend(loc="lower left", fontsize=8, frameon=True)
    axes[0].set_ylabel("share of rare examples, ρ")
    figure.colorbar(mesh, ax=axes, label=f"{group} test error (%)")
    return figure


def curves_figure(records: Mapping[str, MapRecord]) -> Figure:
    """Rare error over kappa for several sizes of the data: standard training and Mixup."""
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.4), sharey=True)
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(records)))
    for (size, record), shade in zip(records.items(), colours, strict=True):
        kappas, lams = record.axes()
        for ax, lam, values in zip(axes, lams, mean_errors(record, "rare").T, strict=True):
            ax.plot(kappas, values, "o-", color=shade, label=size, markersize=3)
            ax.set(title=TITLES[lam], xlabel=r"$\kappa = n'/\|\xi\|^2$", ylim=(-2, 62))
    axes[0].set_ylabel("rare test error (%)")
    axes[1].legend(fontsize=8, title="n, d")
    return figure


def half_learned(record: MapRecord, lam: float) -> Interval:
    """kappa at which the mean rare error crosses 25 %, with a bootstrap over seeds.

    Between two values of kappa the error is taken to be linear; the first value stands for less.
    """
    kappas, lams = record.axes()
    errors = record.errors("rare")[:, lams.index(lam), :, -1].T

    def crossing(rare: np.ndarray) -> float:
        falling = np.minimum.accumulate(rare.mean(axis=0))
        return float(np.interp(-0.25, -falling, kappas))

    return bootstrap_interval(errors, crossing)


def times_figure(record: MapRecord, predicted: Float[np.ndarray, "lams label_lams"]) -> Figure:
    """Steps until the rare feature is learned over l and l_y: measured and predicted."""
    figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.4), sharey=True)
    measured = np.median(record.time_to_learn(), axis=-1)
    lams, label_lams = record.axes()
    for ax, times, title in zip(axes, (measured, predicted), ("trained", "predicted"), strict=True):
        shown = np.log10(np.where(np.isfinite(times), times, np.nan))
        mesh = ax.imshow(shown, cmap=SHADES, origin="lower", vmin=2, vmax=4, aspect="auto")
        for row, column in np.ndindex(times.shape):
            text = f"{times[row, column]:.0f}" if np.isfinite(times[row, column]) else "–"
            dark = shown[row, column] > 3.3
            ax.text(
                column, row, text, ha="center", va="center", fontsize=8,
                color="white" if dark else INK,
            )  # fmt: skip
        ax.set(title=title, xlabel=r"label coefficient $\lambda_y$")
        ax.set_xticks(range(len(label_lams)), [f"{value:g}" for value in label_lams])
        ax.set_yticks(range(len(lams)), [f"{value:g}" for value in lams])
        ax.grid(visible=False)
    axes[0].set_ylabel(r"feature coefficient $\lambda$")
    figure.colorbar(mesh, ax=axes, label="log10 of steps")
    return figure


def lines_figure(
    record: MapRecord, *, xlabel: str, panels: str | None = None, log: bool = False
) -> Figure:
    """Rare error over the first dimension, standard training beside Mixup, a panel for each value
    of `panels`, with 95 % intervals over seeds.
    """
    axes_of = dict(zip(record.dims, record.axes(), strict=True))
    values = axes_of[panels] if panels else (math.nan,)
    figure, axes = plt.subplots(
        1, len(values), figsize=(1.2 + 2.1 * max(len(values), 2), 3.0), sharey=True, squeeze=False
    )
    x = record.axes()[0]
    errors = 100 * record.errors("rare")[..., -1]
    for place, (ax, value) in enumerate(zip(axes[0], values, strict=True)):
        chosen = errors[:, place] if panels else errors
        for column, lam in enumerate(axes_of["lam"]):
            found = [mean_interval(seeds) for seeds in chosen[:, column]]
            _with_bars(ax, x, found, NAMED[lam])
        ax.set(xlabel=xlabel, ylim=(-2, 62))
        if log:
            ax.set_xscale("log")
        if panels:
            ax.set_title(f"{SYMBOLS[panels]} = {value:g}")
    axes[0][0].set_ylabel("rare test error (%)")
    axes[0][-1].legend(fontsize=8)
    return figure


def methods_table(record: MapRecord, names: Sequence[str]) -> Table:
    """Methods: how long, both errors at their last step, and how many seeds have learned."""
    rows = []
    for name in names:
        rare, common, last = last_errors(record, name)
        times = record.time_to_learn()[record.dims["method"].index(name)]
        found = mean_interval(100 * rare)
        rows.append(
            {
                "method": WORDS[name],
                "steps": f"{last}",
                "rare error (%)": f"{found.mean:z.1f} [{found.low:z.1f}, {found.high:z.1f}]",
                "common (%)": f"{100 * common.mean():.1f}",
                "seeds below 5 %": f"{int((rare < 0.05).sum())} of {len(rare)}",
                "median time": _steps(np.median(times)),
            }
        )
    return Table(rows)


def last_errors(record: MapRecord, name: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Rare and common errors of a method by seed at its last step, and that step."""
    place = record.dims["method"].index(name)
    rare, common = (record.errors(group)[place] for group in ("rare", "common"))
    last = int(np.isfinite(rare).all(axis=0).nonzero()[0][-1])
    return rare[:, last], common[:, last], record.steps[last]


def cost_slope(cost: CostRecord, last: int = 3) -> float:
    """The slope of seconds over values, both as logarithms, through the last few points."""
    values, seconds = np.log([cost.values[-last:], cost.seconds[-last:]])
    return float(np.polyfit(values, seconds, 1)[0])


def _steps(time: float) -> str:
    return f"{time:.0f}" if np.isfinite(time) else "–"


def _with_bars(ax: Axes, x: Sequence[float], found: Sequence[Interval], name: str) -> None:
    means = np.array([one.mean for one in found])
    reach = [means - [one.low for one in found], [one.high for one in found] - means]
    ax.errorbar(x, means, yerr=reach, marker="o", capsize=2, color=METHODS[name], label=name)


def _plain_ticks(ax: Axes, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> None:
    """Ticks as plain numbers, and no others."""
    ax.set_xticks(x_ticks, [f"{value:g}" for value in x_ticks])
    ax.set_yticks(y_ticks, [f"{value:g}" for value in y_ticks])
    ax.minorticks_off()
    ax.grid(visible=False)

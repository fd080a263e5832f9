"""The book's figures: one palette, one style, and the drawings that several chapters share."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupbook.intervals import Interval, mean_interval, paired_interval

__all__ = [
    "FEATURES",
    "METHODS",
    "band",
    "colour",
    "compare",
    "image_row",
    "label_bars",
    "mixed_grid",
    "use_style",
]

# One colour for one method everywhere. The hues are those of Okabe and Ito and of Paul Tol, chosen
# to stay apart under the common colour-vision deficiencies; light and dark are spread as well.
METHODS = {
    "standard": "#4D4D4D",
    "Mixup": "#0072B2",
    "Mixup (other labels)": "#661100",
    "cubic": "#56B4E9",
    "sqrt": "#009E73",
    "independent": "#CC79A7",
    "constant": "#E69F00",
    "hard label": "#D55E00",
    "label smoothing": "#999933",
    "labels only": "#882255",
    "early-stopped": "#332288",
    "late-started": "#AA4499",
}
# The theory chapters' features and noise.
FEATURES = {"common": "#0072B2", "rare": "#D55E00", "noise": "#8A8A8A"}

PAPER = "#FCFCFA"
INK = "#222222"


def use_style() -> None:
    """Sets the book's Matplotlib style: light cards that read well on a light and a dark page."""
    plt.rcParams.update(
        {
            "figure.figsize": (7.0, 3.4),
            "figure.dpi": 110,
            "figure.facecolor": PAPER,
            "figure.constrained_layout.use": True,
            "savefig.facecolor": PAPER,
            "axes.facecolor": PAPER,
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 11,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#DDDDD8",
            "grid.linewidth": 0.6,
            "font.size": 10,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )


def colour(method: str) -> str:
    """The colour of a method, by the longest name in the palette that `method` begins with.

    Raises:
        ValueError: no name of the palette begins `method`.

    Example:
        >>> colour("constant .75") == METHODS["constant"]
        True
    """
    found = [name for name in METHODS if method.lower().startswith(name.lower())]
    if not found:
        raise ValueError(f"method must begin with one of {', '.join(METHODS)}, got {method!r}")
    return METHODS[max(found, key=len)]


def band(
    axes: Axes,
    x: Sequence[float] | np.ndarray,
    runs: np.ndarray,
    *,
    label: str,
    color: str,
    linestyle: str = "-",
) -> None:
    """Draws the mean of several runs over `x`, with a band from the least to the greatest.

    Args:
        axes: where to draw.
        x: positions, shape (T,).
        runs: one row per seed, shape (R, T).
        label: name in the legend.
        color: colour of line and band.
        linestyle: Matplotlib's line style.

    Raises:
        ValueError: `runs` is not (R, T) with T the length of `x`.
    """
    runs = np.asarray(runs, dtype=float)
    if runs.ndim != 2 or runs.shape[1] != len(x):
        raise ValueError(f"runs must have shape (runs, {len(x)}), got {runs.shape}")
    axes.plot(x, runs.mean(axis=0), label=label, color=color, linestyle=linestyle)
    axes.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.18, linewidth=0)


def compare(
    errors: Mapping[str, Sequence[float]],
    *,
    baseline: str | Sequence[str],
    xlabel: str = "test error (%)",
) -> Figure:
    """Methods side by side: every seed, mean and 95 % interval, and the difference from a baseline.

    Args:
        errors: for each method one value per seed, in the same order of seeds.
        baseline: the method that is subtracted, paired by seed, in the panel to the right; with
            several, a panel for each.
        xlabel: what the values are, with their unit.

    Raises:
        ValueError: a baseline that is not among the methods, or another number of seeds.
    """
    baselines = [baseline] if isinstance(baseline, str) else list(baseline)
    for name in baselines:
        if name not in errors:
            raise ValueError(f"baseline must be one of {', '.join(errors)}, got {name!r}")
    figure, (left, *panels) = plt.subplots(
        1,
        1 + len(baselines),
        sharey=True,
        figsize=(7.4, 0.9 + 0.34 * len(errors)),
        width_ratios=(3, *[2] * len(baselines)),
    )
    for row, (method, values) in enumerate(errors.items()):
        shade = colour(method)
        # The seeds a little below their mean, so that neither hides the other.
        seeds = np.full(len(values), row + 0.25)
        left.plot(values, seeds, "o", color=shade, alpha=0.35, markersize=3.5, markeredgewidth=0)
        _interval_mark(left, mean_interval(values), row, shade)
        for panel, name in zip(panels, baselines, strict=True):
            if method != name:
                _interval_mark(panel, paired_interval(values, errors[name]), row, shade)
    left.set_yticks(range(len(errors)), list(errors))
    left.set_ylim(len(errors) - 0.4, -0.5)
    left.set_xlabel(xlabel)
    for panel, name in zip(panels, baselines, strict=True):
        panel.axvline(0, color=INK, linewidth=0.8)
        panel.set_xlabel(f"difference from {name}")
    return figure


def mixed_grid(images: np.ndarray, targets: np.ndarray, classes: Sequence[str]) -> Figure:
    """Mixed examples in a row, each above the bars of its soft label.

    Args:
        images: (N, H, W) grey or (N, H, W, 3) colour, values in [0, 1].
        targets: soft labels, (N, K).
        classes: names of the K classes.
    """
    figure, (top, bottom) = plt.subplots(
        2, len(images), figsize=(7.4, 2.6), height_ratios=(3, 2), squeeze=False
    )
    titles = [_parts(target, classes) for target in targets]
    image_row(top, images, titles)
    for axes, target in zip(bottom, targets, strict=True):
        label_bars(axes, target, classes, color=METHODS["Mixup"])
        shown = np.flatnonzero(target).tolist()
        axes.set_xticks(shown, [classes[label] for label in shown])
    for axes in bottom[1:]:
        axes.set_yticklabels([])
    bottom[0].set_ylabel("label")
    return figure


def image_row(
    axes: Sequence[Axes], images: Sequence[np.ndarray] | np.ndarray, titles: Sequence[str]
) -> None:
    """Shows images, (N, H, W) grey or (N, H, W, 3) colour with values in [0, 1], one per axes."""
    for ax, image, title in zip(axes, images, titles, strict=True):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(title, fontsize=9)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(visible=False)
        for spine in ax.spines.values():
            spine.set_visible(True)
            spine.set_color("#BBBBB5")


def label_bars(axes: Axes, target: np.ndarray, classes: Sequence[str], *, color: str) -> None:
    """Draws one soft label, shape (K,), as bars over the classes."""
    axes.bar(range(len(classes)), target, color=color, width=0.8)
    axes.set_ylim(0, 1.05)
    axes.set_xticks(range(len(classes)), list(classes), fontsize=8)
    axes.set_yticks([0, 0.5, 1])
    axes.grid(visible=False, axis="x")


def _parts(target: np.ndarray, classes: Sequence[str]) -> str:
    """A soft label in words, the larger share first, such as ``0.80 · 3 + 0.20 · 5``."""
    order = [label for label in np.argsort(-target) if target[label] > 0]
    if len(order) == 1:
        return classes[order[0]]
    return " + ".join(f"{target[label]:.2f} · {classes[label]}" for label in order)


def _interval_mark(axes: Axes, interval: Interval, row: int, shade: str) -> None:
    axes.plot([interval.low, interval.high], [row, row], color=shade, linewidth=2.4)
    axes.plot(
        interval.mean,
        row,
        "D",
        color=shade,
        markersize=6,
        markeredgecolor=PAPER,
        markeredgewidth=0.8,
    )

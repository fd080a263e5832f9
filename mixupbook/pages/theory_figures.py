"""Drawings of the theory chapters: examples as patches, growing directions, ablations."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike
from torch import Tensor

from mixupbook.pages.figures import FEATURES, INK, band
from mixupbook.theory.feature_noise import PatchData

__all__ = [
    "against_prediction",
    "draw_examples",
    "growth_panel",
    "patch_kinds",
    "seed_rows",
    "strengths",
]

# The four features as the chapters write them, in the order of their coordinates.
SYMBOLS = ("$v_0$", "$v_1$", "$r_0$", "$r_1$")
NOISE_SYMBOL = r"$\xi$"
# What `strengths` finds, in words.
LEARNED = {
    "common": "common features",
    "noise": "noise of the rare examples",
    "rare": "rare features",
}


def patch_kinds(example: Tensor) -> list[tuple[str, str]]:
    """What each patch of an example (P, d) holds: ("common", "$v_1$") and the like.

    The kind is common, rare, feature noise or noise; a feature that is not at full strength is
    feature noise.

    Raises:
        ValueError: a patch that holds two features.
    """
    kinds = []
    for patch in example:
        features = patch[:4].nonzero().flatten().tolist()
        if len(features) > 1:
            raise ValueError(f"example must hold at most one feature in a patch, got {features}")
        if not features:
            kinds.append(("noise", NOISE_SYMBOL))
        elif patch[features[0]] < 1:
            kinds.append(("feature noise", rf"$\alpha\,${SYMBOLS[features[0]]}"))
        else:
            kinds.append(("rare" if features[0] >= 2 else "common", SYMBOLS[features[0]]))
    return kinds


def draw_examples(axes: Axes, data: PatchData, examples: Sequence[int]) -> None:
    """Draws examples as rows of patches, coloured by what each patch holds.

    Args:
        axes: where to draw.
        data: the examples.
        examples: which of them, from the top.
    """
    for row, example in enumerate(examples):
        for patch, (kind, symbol) in enumerate(patch_kinds(data.x[example])):
            axes.add_patch(
                Rectangle((patch + 0.04, row + 0.12), 0.92, 0.76, color=_fill(kind), linewidth=0)
            )
            axes.text(
                patch + 0.5,
                row + 0.5,
                symbol,
                ha="center",
                va="center",
                fontsize=12,
                color=INK if kind == "feature noise" else "white",
            )
    names = [
        f"y = {int(data.y[i])}, {'rare' if data.is_rare[i] else 'common'}   " for i in examples
    ]
    axes.set_xlim(0, data.x.shape[1])
    axes.set_ylim(len(examples), 0)
    axes.set_yticks(np.arange(len(examples)) + 0.5, names)
    axes.set_xticks(
        np.arange(data.x.shape[1]) + 0.5, [f"patch {p + 1}" for p in range(data.x.shape[1])]
    )
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def strengths(result: xr.Dataset, is_rare: np.ndarray) -> dict[str, np.ndarray]:
    """How strongly common features, the rare examples' noise and rare features are learned.

    Args:
        result: what `mixupbook.descend` returned for R runs.
        is_rare: which training examples are rare, shape (R, n).

    Returns:
        For "common" and "rare" the alignment, a mean over both features, and for "noise" the
        memorisation, a mean over the rare examples; each of shape (R, steps).

    Raises:
        ValueError: `is_rare` does not fit the result.
    """
    noise = result.noise_memorisation
    if is_rare.shape != (noise.sizes["run"], noise.sizes["example"]):
        raise ValueError(
            f"is_rare must have shape {(noise.sizes['run'], noise.sizes['example'])}, "
            f"got {is_rare.shape}"
        )
    of_rare = noise.where(xr.DataArray(is_rare, dims=("run", "example"))).mean("example")
    return {
        "common": _mean_over(result, ["common_0", "common_1"]),
        "noise": of_rare.transpose("run", "step").values,
        "rare": _mean_over(result, ["rare_0", "rare_1"]),
    }


def growth_panel(
    axes: Axes, result: xr.Dataset, is_rare: np.ndarray, *, linestyle: str = "-", names: bool = True
) -> None:
    """Draws how common features, rare features and the rare examples' noise are learned.

    Each line is the mean over runs, its band from the least run to the greatest.

    Args:
        axes: where to draw; the vertical axis becomes logarithmic.
        result: what `mixupbook.descend` returned for R runs.
        is_rare: which training examples are rare, shape (R, n).
        linestyle: Matplotlib's line style.
        names: whether the lines appear in the legend.

    Raises:
        ValueError: `is_rare` does not fit the result.
    """
    for kind, runs in strengths(result, is_rare).items():
        band(
            axes,
            result.step.values,
            runs,
            label=LEARNED[kind] if names else "_",
            color=FEATURES[kind],
            linestyle=linestyle,
        )
    axes.set_yscale("log")


def against_prediction(axes: Axes, groups: Mapping[str, tuple[ArrayLike, ArrayLike, str]]) -> None:
    """Draws measured values over predicted ones, and the line on which they agree.

    Args:
        axes: where to draw.
        groups: for each name in the legend the predicted values, the measured ones, and a colour.
    """
    every = np.concatenate([np.ravel(predicted) for predicted, _, _ in groups.values()])
    ends = [every.min(), every.max()]
    axes.plot(ends, ends, color=INK, linewidth=0.8, zorder=0)
    for name, (predicted, measured, color) in groups.items():
        axes.plot(predicted, measured, "o", color=color, markersize=5, alpha=0.6, label=name)
    axes.set(xlabel="predicted", ylabel="measured")
    axes.legend()


def seed_rows(
    axes: Axes, values: Mapping[str, Sequence[float]], *, color: str, chance: float | None = None
) -> None:
    """Draws one row for each setting: a dot for each seed, and a bar at their mean.

    Args:
        axes: where to draw.
        values: for each setting, from the top, one value per seed.
        color: colour of the dots.
        chance: where to draw a dotted line, if anywhere.
    """
    for row, of_seeds in enumerate(values.values()):
        axes.plot(of_seeds, np.full(len(of_seeds), row), "o", color=color, alpha=0.45, markersize=6)
        mean = float(np.mean(of_seeds))
        axes.plot([mean, mean], [row - 0.28, row + 0.28], color=INK, linewidth=2)
    if chance is not None:
        axes.axvline(chance, color=INK, linestyle=":", linewidth=1)
    axes.set_yticks(range(len(values)), list(values))
    axes.set_ylim(len(values) - 0.5, -0.5)


def _fill(kind: str) -> str:
    return "#BFD9EA" if kind == "feature noise" else FEATURES[kind]


def _mean_over(result: xr.Dataset, features: list[str]) -> np.ndarray:
    return (
        result.feature_alignment.sel(feature=features)
        .mean("feature")
        .transpose("run", "step")
        .values
    )

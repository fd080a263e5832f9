"""Explorers: sliders in a live kernel, and a static figure wherever no kernel will answer.

The rendered book has no kernel, so the committed notebooks are executed with ``MIXUPBOOK_STATIC``
set and hold the static figure in the slider's place.
"""

import os
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import one_hot

from mixupbook.mixup.draw import mix_pairs
from mixupbook.mixup.label_maps import LABEL_MAPS, label_coefficient
from mixupbook.pages.figures import INK, METHODS, image_row, label_bars

__all__ = ["is_static", "mixing_explorer", "mixing_figure", "mixing_panel"]

# The methods of the palette by the names of their label maps.
MAP_COLOURS = {
    "identity": METHODS["Mixup"],
    "cubic": METHODS["cubic"],
    "sqrt": METHODS["sqrt"],
    "hard": METHODS["hard label"],
}


def is_static() -> bool:
    """Whether explorers show their static figure: ``MIXUPBOOK_STATIC`` is set to 1."""
    return os.environ.get("MIXUPBOOK_STATIC", "0") == "1"


def mixing_explorer(x: Tensor, y: Tensor, classes: Sequence[str]) -> Any:
    """Two examples under Mixup: a slider for lambda and a choice of label map, or a figure.

    Args:
        x: two images, shape (2, C, H, W), values in [0, 1].
        y: their two integer labels, shape (2,).
        classes: names of the K classes.

    Returns:
        An ipywidgets box in a live kernel, else the Matplotlib figure of `mixing_figure`.
    """
    if is_static():
        figure = mixing_figure(x, y, classes)
        plt.close(figure)  # or the notebook would show it twice: as open and as returned
        return figure
    import ipywidgets as widgets

    lam = widgets.FloatSlider(value=0.7, min=0, max=1, step=0.05, description="λ")
    label_map = widgets.Dropdown(
        options=list(LABEL_MAPS), value="identity", description="label map"
    )
    picture = widgets.interactive_output(
        lambda lam, label_map: _show(mixing_panel(x, y, classes, lam, label_map)),
        {"lam": lam, "label_map": label_map},
    )
    return widgets.VBox([lam, label_map, picture])


def mixing_panel(
    x: Tensor, y: Tensor, classes: Sequence[str], lam: float, label_map: str
) -> Figure:
    """One mixed image and its soft label, side by side."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(5.6, 2.4), width_ratios=(1, 2))
    _draw_mixed(left, right, x, y, classes, lam, label_map)
    return figure


def mixing_figure(x: Tensor, y: Tensor, classes: Sequence[str]) -> Figure:
    """Mixed images and their soft labels: a column for each lambda, a row for each label map."""
    lams = (1.0, 0.9, 0.75, 0.6, 0.5)
    heights = (1.5, *[1] * len(LABEL_MAPS))
    figure, axes = plt.subplots(len(heights), len(lams), figsize=(7.4, 6.4), height_ratios=heights)
    for column, lam in enumerate(lams):
        for row, label_map in enumerate(LABEL_MAPS):
            bars = axes[row + 1, column]
            _draw_mixed(axes[0, column], bars, x, y, classes, lam, label_map)
            bars.set_xticks(y.tolist(), [classes[int(label)] for label in y])
            if column:
                bars.set_yticklabels([])
            else:
                bars.set_ylabel(label_map)
    return figure


def _draw_mixed(
    image: Axes,
    bars: Axes,
    x: Tensor,
    y: Tensor,
    classes: Sequence[str],
    lam: float,
    label_map: str,
) -> None:
    mixed, target = mix_pairs(
        x,
        one_hot(y, len(classes)).to(x.dtype),
        lam,
        label_lam=label_coefficient(label_map, lam),
        partner=torch.tensor([1, 0]),
    )
    picture = mixed[0].permute(1, 2, 0).squeeze(-1).numpy()
    image_row([image], [picture], [f"λ = {lam:.2f}"])
    label_bars(bars, target[0].numpy(), classes, color=MAP_COLOURS.get(label_map, INK))


def _show(figure: Figure) -> None:
    plt.show()
    plt.close(figure)

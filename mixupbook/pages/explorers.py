"""Explorers: sliders in a live kernel, and an element of the page wherever no kernel will answer.

The rendered book has no kernel, so the committed notebooks are executed with ``MIXUPBOOK_STATIC``
set and hold, in the sliders' place, the mixer, which works in the reader's browser.
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
from mixupbook.mixup.label_maps import INDEPENDENT, LABEL_MAPS, label_coefficient
from mixupbook.pages.figures import INK, METHODS, image_row, label_bars
from mixupbook.pages.mixer.markup import element

__all__ = ["is_static", "mixing_explorer", "mixing_panel"]

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


def mixing_explorer(
    x: Tensor,
    y: Tensor,
    classes: Sequence[str],
    label_maps: Sequence[str | float] = tuple(LABEL_MAPS),
    *,
    curve: bool = False,
) -> Any:
    """Two examples under Mixup: a slider for lambda and a choice of label map.

    Args:
        x: two images, shape (2, C, H, W) with one or three channels, values in [0, 1].
        y: their two integer labels, shape (2,).
        classes: names of the K classes.
        label_maps: label maps to choose from, the first of them chosen at the start.
            ``"independent"``, a second draw, is for the pages alone.
        curve: whether to show the label coefficient over lambda, too.

    Returns:
        An ipywidgets box in a live kernel. Where ``MIXUPBOOK_STATIC`` is set to 1, the HTML of an
        element that does the same in the reader's browser, with a static figure inside.
    """
    if is_static():
        from IPython.display import HTML

        return HTML(element(x, y, classes, label_maps, curve=curve))
    import ipywidgets as widgets

    lam = widgets.FloatSlider(value=0.7, min=0, max=1, step=0.05, description="λ")
    functions = [(str(known), known) for known in label_maps if known != INDEPENDENT]
    label_map = widgets.Dropdown(options=functions, description="label map")
    picture = widgets.interactive_output(
        lambda lam, label_map: _show(mixing_panel(x, y, classes, lam, label_map, curve=curve)),
        {"lam": lam, "label_map": label_map},
    )
    return widgets.VBox([lam, label_map, picture])


def mixing_panel(
    x: Tensor,
    y: Tensor,
    classes: Sequence[str],
    lam: float,
    label_map: str | float,
    *,
    curve: bool = False,
) -> Figure:
    """One mixed image and its soft label, side by side, and the label map with `curve`."""
    widths = (1, 2, 1.5) if curve else (1, 2)
    figure, axes = plt.subplots(
        1, len(widths), figsize=(2 * sum(widths) * 0.93, 2.4), width_ratios=widths
    )
    _draw_mixed(axes[0], axes[1], x, y, classes, lam, label_map)
    if curve:
        _draw_map(axes[2], lam, label_map)
    return figure


def _draw_mixed(
    image: Axes,
    bars: Axes,
    x: Tensor,
    y: Tensor,
    classes: Sequence[str],
    lam: float,
    label_map: str | float,
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
    label_bars(bars, target[0].numpy(), classes, color=_colour(label_map))


def _draw_map(axes: Axes, lam: float, label_map: str | float) -> None:
    lams = torch.linspace(0, 1, 1001)
    axes.plot([0, 1], [0, 1], ":", color=INK)
    axes.plot(lams, label_coefficient(label_map, lams), color=_colour(label_map))
    axes.plot(lam, label_coefficient(label_map, lam), "o", color=INK, markersize=7)
    axes.set(xlabel="λ", ylabel="label coefficient", ylim=(-0.05, 1.05))


def _colour(label_map: str | float) -> str:
    return MAP_COLOURS.get(str(label_map), METHODS["constant"])


def _show(figure: Figure) -> None:
    plt.show()
    plt.close(figure)

"""The book's figures: what is drawn, in which colours, and what is refused."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from mixupbook.intervals import mean_interval, paired_interval
from mixupbook.pages.figures import (
    FEATURES,
    METHODS,
    PAPER,
    band,
    colour,
    compare,
    image_row,
    label_bars,
    mixed_grid,
)

pytestmark = pytest.mark.usefixtures("style")


@pytest.fixture
def axes():
    return plt.subplots()[1]


def luminance(shade):
    """Relative luminance as the web's accessibility guidelines define it."""
    channels = np.array(mpl.colors.to_rgb(shade))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("shade", [*METHODS.values(), *FEATURES.values()])
def test_every_colour_is_seen_on_the_paper(shade):
    contrast = (luminance(PAPER) + 0.05) / (luminance(shade) + 0.05)
    assert contrast > 2


def test_no_two_methods_share_a_colour():
    assert len(set(METHODS.values())) == len(METHODS)


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("Mixup", "Mixup"),
        ("mixup, stopped", "Mixup"),
        ("constant .75", "constant"),
        ("labels only", "labels only"),
        ("label smoothing", "label smoothing"),
    ],
)
def test_a_method_has_the_colour_of_the_name_it_begins_with(method, name):
    assert colour(method) == METHODS[name]


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match=r"method must begin with one of .*, got 'cutmix'"):
        colour("cutmix")


def test_band_draws_the_mean_between_least_and_greatest(axes):
    runs = np.array([[1.0, 5.0, 2.0], [3.0, 1.0, 2.0]])
    band(axes, [0, 10, 20], runs, label="Mixup", color=METHODS["Mixup"])
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [2, 3, 2])
    corners = axes.collections[0].get_paths()[0].vertices
    assert {tuple(corner) for corner in corners} >= {(10.0, 1.0), (10.0, 5.0)}


@pytest.mark.parametrize("shape", [(3,), (3, 2), (2, 3, 1)])
def test_band_needs_a_row_for_each_run(axes, shape):
    with pytest.raises(ValueError, match=r"runs must have shape \(runs, 3\), got"):
        band(axes, [0, 1, 2], np.zeros(shape), label="Mixup", color="k")


def test_compare_draws_means_and_paired_differences():
    rng = np.random.default_rng(0)
    errors = {name: rng.normal(10, 1, size=7) for name in ("standard", "Mixup", "cubic")}
    left, right = compare(errors, baseline="standard").axes
    assert [label.get_text() for label in left.get_yticklabels()] == list(errors)
    mean = mean_interval(errors["standard"])
    difference = paired_interval(errors["cubic"], errors["standard"])
    assert drawn_at(left, mean.low, mean.high)
    assert drawn_at(right, difference.low, difference.high)


def drawn_at(axes, low, high):
    ends = [(min(line.get_xdata()), max(line.get_xdata())) for line in axes.lines]
    return any(np.allclose(pair, (low, high)) for pair in ends)


def test_compare_draws_a_panel_for_each_baseline():
    errors = {"standard": [12, 13, 15], "Mixup": [8, 9.5, 9], "cubic": [9, 8, 9.5]}
    panels = compare(errors, baseline=["standard", "Mixup"]).axes[1:]
    labels = [panel.get_xlabel() for panel in panels]
    assert labels == ["difference from standard", "difference from Mixup"]
    for panel, name in zip(panels, ["standard", "Mixup"], strict=True):
        difference = paired_interval(errors["cubic"], errors[name])
        assert drawn_at(panel, difference.low, difference.high)


def test_compare_needs_its_baseline():
    with pytest.raises(ValueError, match="baseline must be one of Mixup, got 'standard'"):
        compare({"Mixup": [1, 2]}, baseline="standard")


def test_compare_needs_the_same_seeds():
    with pytest.raises(ValueError, match="baseline must have as many values"):
        compare({"standard": [1, 2, 3], "Mixup": [1, 2]}, baseline="standard")


def test_image_row_needs_a_title_for_each_image():
    axes = plt.subplots(1, 2)[1]
    with pytest.raises(ValueError, match="shorter"):
        image_row(axes, np.zeros((2, 8, 8)), ["one"])


def test_image_row_shows_grey_and_colour_on_one_scale():
    axes = plt.subplots(1, 2)[1]
    image_row(axes, [np.full((8, 8), 0.5), np.zeros((8, 8, 3))], ["grey", "colour"])
    assert axes[0].images[0].get_clim() == (0, 1)
    assert axes[1].images[0].get_array().shape == (8, 8, 3)


def test_label_bars_have_the_heights_of_the_label(axes):
    label_bars(axes, np.array([0.7, 0.0, 0.3]), ["a", "b", "c"], color="k")
    assert [bar.get_height() for bar in axes.patches] == [0.7, 0.0, 0.3]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]


def test_mixed_grid_puts_each_image_above_its_label():
    targets = np.array([[0.3, 0.7, 0.0], [0.0, 0.0, 1.0], [0.5, 0.0, 0.5]])
    figure = mixed_grid(np.full((3, 8, 8), 0.5), targets, ["cat", "dog", "owl"])
    top, bottom = figure.axes[:3], figure.axes[3:]
    titles = [axes.get_title() for axes in top]
    assert titles == ["0.70 · dog + 0.30 · cat", "owl", "0.50 · cat + 0.50 · owl"]
    for axes, target in zip(bottom, targets, strict=True):
        assert [bar.get_height() for bar in axes.patches] == target.tolist()
    assert [label.get_text() for label in bottom[0].get_xticklabels()] == ["cat", "dog"]


def test_mixed_grid_takes_a_single_image():
    figure = mixed_grid(np.zeros((1, 8, 8)), np.array([[0.0, 1.0]]), ["cat", "dog"])
    assert len(figure.axes) == 2


def test_mixed_grid_needs_a_label_for_each_image():
    with pytest.raises(ValueError, match="shorter"):
        mixed_grid(np.zeros((2, 8, 8)), np.array([[0.0, 1.0]]), ["cat", "dog"])

"""The explorer: a static figure where no kernel answers, sliders that redraw where one does."""

import ipywidgets as widgets
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from mixupbook.pages import explorers
from mixupbook.pages.explorers import is_static, mixing_explorer, mixing_figure, mixing_panel

CLASSES = ("a", "b", "c")
X = torch.stack([torch.full((1, 8, 8), 0.2), torch.full((1, 8, 8), 0.8)])
Y = torch.tensor([2, 0])


@pytest.fixture(autouse=True)
def no_window():
    mpl.use("Agg")
    yield
    plt.close("all")


@pytest.fixture
def live(monkeypatch):
    """A live kernel; returns the figures that were drawn."""
    monkeypatch.delenv("MIXUPBOOK_STATIC", raising=False)
    drawn = []
    monkeypatch.setattr(explorers, "_show", drawn.append)
    return drawn


def shown(figure):
    image, bars = figure.axes[:2]
    return image.images[0].get_array(), [bar.get_height() for bar in bars.patches]


@pytest.mark.parametrize(("value", "static"), [("1", True), ("0", False), ("", False)])
def test_static_follows_the_environment(monkeypatch, value, static):
    monkeypatch.setenv("MIXUPBOOK_STATIC", value)
    assert is_static() == static


def test_static_mode_returns_one_closed_figure(monkeypatch):
    monkeypatch.setenv("MIXUPBOOK_STATIC", "1")
    figure = mixing_explorer(X, Y, CLASSES)
    assert isinstance(figure, Figure)
    assert not plt.get_fignums()  # an open one would be shown a second time


def test_live_mode_redraws_when_a_control_moves(live):
    box = mixing_explorer(X, Y, CLASSES)
    assert isinstance(box, widgets.VBox)
    slider, dropdown, _ = box.children
    slider.value = 0.9
    dropdown.value = "hard"
    first, moved, hardened = (shown(figure) for figure in live)
    np.testing.assert_allclose(first[1], [0.3, 0, 0.7], atol=1e-6)
    np.testing.assert_allclose(moved[0], 0.9 * 0.2 + 0.1 * 0.8, atol=1e-6)
    np.testing.assert_allclose(moved[1], [0.1, 0, 0.9], atol=1e-6)
    np.testing.assert_allclose(hardened[0], moved[0])
    np.testing.assert_allclose(hardened[1], [0, 0, 1])


def test_live_mode_offers_every_label_map_that_is_a_function(live):
    _, dropdown, _ = mixing_explorer(X, Y, CLASSES).children
    assert list(dropdown.options) == ["identity", "cubic", "sqrt", "hard"]


def test_below_one_half_the_second_example_is_the_larger(live):
    _, target = shown(mixing_panel(X, Y, CLASSES, 0.2, "hard"))
    np.testing.assert_allclose(target, [1, 0, 0])


def test_static_figure_has_a_column_for_each_lambda_and_a_row_for_each_map():
    figure = mixing_figure(X, Y, CLASSES)
    images = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in images] == [
        f"λ = {lam}" for lam in ("1.00", "0.90", "0.75", "0.60", "0.50")
    ]
    assert len(figure.axes) == 5 * len(images)
    np.testing.assert_allclose(images[2].images[0].get_array(), 0.75 * 0.2 + 0.25 * 0.8)


def test_inputs_are_left_alone():
    x, y = X.clone(), Y.clone()
    mixing_figure(x, y, CLASSES)
    assert torch.equal(x, X)
    assert torch.equal(y, Y)

"""The explorer: an element of the page where no kernel answers, sliders where one does."""

import ipywidgets as widgets
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.display import HTML

from mixupbook.mixup.label_maps import label_coefficient
from mixupbook.pages import explorers
from mixupbook.pages.explorers import is_static, mixing_explorer, mixing_panel
from mixupbook.pages.mixer.markup import element

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


def test_static_mode_returns_the_element_and_draws_nothing(monkeypatch):
    monkeypatch.setenv("MIXUPBOOK_STATIC", "1")
    shown = mixing_explorer(X, Y, CLASSES)
    assert isinstance(shown, HTML)
    assert shown.data == element(X, Y, CLASSES, ["identity", "cubic", "sqrt", "hard"])
    assert not plt.get_fignums()


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
    assert [value for _, value in dropdown.options] == ["identity", "cubic", "sqrt", "hard"]


def test_below_one_half_the_second_example_is_the_larger(live):
    _, target = shown(mixing_panel(X, Y, CLASSES, 0.2, "hard"))
    np.testing.assert_allclose(target, [1, 0, 0])


def test_live_mode_leaves_out_the_second_draw_and_keeps_constants(live):
    _, dropdown, _ = mixing_explorer(X, Y, CLASSES, ["independent", 0.75, "hard"]).children
    assert dropdown.options == (("0.75", 0.75), ("hard", "hard"))
    assert dropdown.value == 0.75


def test_the_curve_is_the_label_map_with_a_dot_where_the_slider_stands():
    figure = mixing_panel(X, Y, CLASSES, 0.3, "cubic", curve=True)
    _, line, dot = figure.axes[2].lines
    lams, values = line.get_data()
    np.testing.assert_allclose(values, label_coefficient("cubic", torch.as_tensor(lams)))
    np.testing.assert_allclose(dot.get_data(), [[0.3], [0.5 + 4 * (-0.2) ** 3]], rtol=1e-6)
    assert len(mixing_panel(X, Y, CLASSES, 0.3, "cubic").axes) == 2


def test_inputs_are_left_alone():
    x, y = X.clone(), Y.clone()
    element(x, y, CLASSES, ["hard"])
    mixing_panel(x, y, CLASSES, 0.3, "hard")
    assert torch.equal(x, X)
    assert torch.equal(y, Y)

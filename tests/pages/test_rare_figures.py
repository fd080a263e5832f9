"""The drawings of the chapter on rare features show what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from mixupbook.pages import rare_figures
from mixupbook.pages.figures import FEATURES
from mixupbook.pages.theory_runs import over_seeds, train_sample
from mixupbook.theory.feature_noise import FeatureNoise
from mixupbook.theory.objectives import PairMixup, Standard

MODEL = FeatureNoise(11, 3, 0.3, 0.2, 1, 0.1)
NAN = float("nan")


pytestmark = pytest.mark.usefixtures("style")


def lines(axes):
    """The lines of a legend by their names."""
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def dots(axes):
    """The lines that are drawn as dots."""
    return [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]


def test_growth_stands_beside_the_errors_of_both_settings():
    settings = {"standard": (MODEL, Standard()), "Mixup": (MODEL, PairMixup(0.7))}
    training = {"steps": 9, "record_every": 3, "width": 2, "lr": 1.0}
    runs = over_seeds(settings, seeds=[0, 1], n=12, test=20, **training)
    is_rare = np.stack([train_sample(MODEL, 12, seed).is_rare.numpy() for seed in (0, 1)])
    left, right = rare_figures.growth_and_errors(runs, is_rare).axes
    for name, line in lines(right).items():
        mean = 100 * runs.rare_error.sel(setting=name).mean("seed")
        np.testing.assert_allclose(line.get_ydata(), mean)
    rare = runs.feature_alignment.sel(setting="Mixup", feature=["rare_0", "rare_1"])
    drawn = lines(left)["rare features"].get_ydata()
    np.testing.assert_allclose(drawn, rare.mean(("seed", "feature")))
    assert left.get_xlim() == right.get_xlim() == (0, 9)


def test_error_curves_are_means_in_per_cent_whatever_the_order_of_dimensions():
    _, axes = plt.subplots()
    values = np.array([[0.5, 0.2, 0.0], [0.3, 0.4, 0.1]])
    of_seeds = xr.DataArray(values, dims=("seed", "step"), coords={"step": [0, 4, 8]})
    errors = {"a": of_seeds, "b": of_seeds.T / 2}
    rare_figures.error_curves(axes, errors, ["red", "blue"], title="which")
    np.testing.assert_allclose(lines(axes)["a"].get_xydata(), [[0, 40], [4, 30], [8, 5]])
    np.testing.assert_allclose(lines(axes)["b"].get_ydata(), [20, 15, 2.5])
    assert lines(axes)["b"].get_color() == "blue"
    assert axes.get_legend().get_title().get_text() == "which"


def test_pushes_stand_in_the_rows_of_their_kind():
    right, wrong = {"x": np.array([1, 2.0]), "y": [3.0]}, {"x": np.array([-1.0]), "y": [-2, -3.0]}
    sums = {"right class": ([4.0], [5.0]), "wrong class": ([-4.0], [-5.0])}
    left, against = rare_figures.push_panels(right, wrong, sums).axes
    found = [(line.get_xdata().tolist(), round(line.get_ydata()[0])) for line in dots(left)]
    assert found == [([1, 2], 0), ([-1], 0), ([3], 1), ([-2, -3], 1)]
    assert [label.get_text() for label in left.get_yticklabels()] == ["x", "y"]
    assert [line.get_xydata().tolist() for line in dots(against)] == [[[4, 5]], [[-4, -5]]]


COURSE = np.arange(12.0).reshape(3, 2, 2)


def test_margins_are_lines_where_computed_and_dots_where_measured():
    _, axes = plt.subplots()
    rare_figures.margin_curves(axes, ([0, 9], COURSE[:2]), ([3], COURSE[:2, :, :1]))
    assert list(lines(axes)) == ["common features", "rare features"]
    runs = [line for line in axes.lines if line.get_color() == FEATURES["rare"]]
    computed = [line.get_ydata().tolist() for line in runs if line.get_xdata().tolist() == [0, 9]]
    assert computed == COURSE[1].tolist()
    assert [line.get_ydata()[0] for line in runs if line.get_marker() == "o"] == [4, 6]


def test_the_plateau_has_its_equilibrium_and_means_over_runs():
    values = np.array([[1.0, 3.0], [5.0, 9.0]])
    names = ("noise, own class", "noise, wrong class", "mean margin", "its bound")
    quantities = {name: values * (i + 1) for i, name in enumerate(names)}
    course = ([40, 80], COURSE[:2])
    left, right = rare_figures.plateau_panels(course, course, 1.5, quantities).axes
    (level,) = [line for line in left.lines if line.get_linestyle() == "--"]
    assert set(level.get_ydata()) == {1.5}
    for i, line in enumerate(lines(right).values()):
        np.testing.assert_allclose(line.get_xydata(), [[40, 2 * (i + 1)], [80, 7 * (i + 1)]])


def test_predictions_are_split_by_group():
    groups = {"a": (np.array([True, False, True]), "r"), "b": (np.array([False, True, False]), "b")}
    errors = {"computed": np.array([0.1, 0.2, 0.3]), "measured": np.array([0.2, 0.1, 0.4])}
    times = {"computed": np.array([100, 200, NAN]), "measured": np.array([150, 300, NAN])}
    left, right = rare_figures.predicted_panels(groups, errors, times).axes
    np.testing.assert_allclose(lines(left)["a"].get_xydata(), [[10, 20], [30, 40]])
    np.testing.assert_allclose(lines(right)["b"].get_xydata(), [[200, 300]])


def test_the_dots_of_the_map_have_its_colours_and_white_is_never():
    lams, label_lams = np.array([0.5, 0.7]), np.array([0.5, 0.6, 0.7])
    computed = np.array([[200, 400], [800, 1600], [3200, NAN]])
    figure = rare_figures.time_map(lams, label_lams, computed, {(0.7, 0.6): (1600, NAN)})
    axes = figure.axes[0]
    mesh = axes.collections[0]
    np.testing.assert_array_equal(mesh.get_array(), np.ma.masked_invalid(computed))
    first, second = dots(axes)
    assert first.get_xydata().tolist() == second.get_xydata().tolist() == [[0.7, 0.6]]
    assert (first.get_fillstyle(), second.get_fillstyle()) == ("left", "right")
    np.testing.assert_allclose(first.get_color(), mesh.cmap(mesh.norm(1600)))
    assert second.get_color() == "white"

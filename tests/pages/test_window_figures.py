"""The drawings of the chapter on early stopping show what they are given."""

import numpy as np
import pytest

from mixupbook.pages import window_figures
from mixupbook.pages.figures import METHODS

EARLY, LATE = METHODS["early-stopped"], METHODS["late-started"]


pytestmark = pytest.mark.usefixtures("style")


def dots(axes, *, filled=True):
    """The dots or rings of a drawing that hold values."""
    drawn = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    return [line for line in drawn if (line.get_markerfacecolor() != "none") == filled]


def test_the_map_has_a_column_for_each_start():
    errors = {0: [50, 10, 0], 100: [50, 40, 5]}
    predicted = {0: np.array([100, 400]), 100: np.array([200, 800])}
    figure = window_figures.window_map([100, 200, 400], errors, predicted, {100: [200.0, 450.0]})
    axes = figure.axes[0]
    np.testing.assert_array_equal(axes.collections[0].get_array(), np.array([*errors.values()]).T)
    lines = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == 2]
    np.testing.assert_allclose(lines[:2], [[100, 200], [400, 800]])  # one for each seed
    np.testing.assert_allclose(lines[2], [200, 400])  # their geometric mean
    (trained,) = dots(axes)
    np.testing.assert_allclose(trained.get_xydata(), [[1, 300]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "100"]


def test_windows_over_counts_and_over_predictions():
    counts = np.array([2, 5, 3])
    trained = {s: np.array([200.0, 300, 400]) + s for s in (0, 50, 800)}
    predicted = {s: windows * 1.1 for s, windows in trained.items()}
    figure = window_figures.windows_by_count(counts, trained, predicted, grid=1.2)
    left, right = figure.axes
    for line, start in zip(dots(left), (0, 800), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), trained[start])
        np.testing.assert_allclose(line.get_xdata(), counts, atol=0.1)
    for line, start in zip(dots(left, filled=False), (0, 800), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), predicted[start])
    (pairs,) = dots(right)
    assert len(pairs.get_xdata()) == 9
    np.testing.assert_allclose(pairs.get_xdata(), 1.1 * pairs.get_ydata())
    assert right.get_ylabel() == "trained"


def test_bars_reach_from_the_early_window_to_the_late_one():
    predicted = {
        "a": {0: np.array([100, 400]), 800: np.array([600, 600])},
        "b": {0: np.array([50, 50]), 800: np.array([50, 200])},
    }
    trained = {"b": {0: np.array([60, 60]), 800: np.array([90, 90])}}
    axes = window_figures.regime_bars(predicted, trained).axes[0]
    bars = [line for line in axes.lines if line.get_linewidth() == 5]
    np.testing.assert_allclose([bar.get_xdata() for bar in bars], [[200, 600], [50, 100]])
    assert [text.get_text() for text in axes.texts] == ["× 3.0", "× 2.0"]
    early, late = dots(axes)
    assert (early.get_xdata()[0], early.get_color()) == (pytest.approx(60), EARLY)
    assert (late.get_xdata()[0], late.get_color()) == (pytest.approx(90), LATE)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_what_follows_a_stop_is_averaged_over_seeds_and_classes():
    ratios = {100: np.array([[[1, 4], [2, 2]], [[1, 1], [1, 16]]]), 800: np.full((2, 2, 2), 3.0)}
    errors = {100: np.array([[10, 20], [30, 50]]), 800: np.zeros((2, 2))}
    left, right = window_figures.after_stops([1e3, 1e6], ratios, errors).axes
    np.testing.assert_allclose(left.lines[0].get_xydata(), [[1e3, 2], [1e6, 2]])
    np.testing.assert_allclose(left.lines[1].get_ydata(), [3, 3])
    np.testing.assert_allclose(right.lines[0].get_xydata(), [[1e3, 15], [1e6, 40]])
    assert [line.get_label() for line in right.lines] == ["stop at 100", "stop at 800"]


def test_survival_has_a_dot_for_each_class_and_the_rule():
    ratios = {100: np.array([[0.5, 2.0]]), 800: np.array([[4.0, 3.0]])}
    errors = {100: np.array([[48, 0]]), 800: np.array([[0, 1]])}
    axes = window_figures.survival(ratios, errors).axes[0]
    found = [line.get_xydata().tolist() for line in dots(axes)]
    assert found == [[[0.5, 48], [2, 0]], [[4, 0], [3, 1]]]
    rule = axes.lines[-1]
    assert rule.get_xydata().tolist() == [[0.25, 50], [1, 50], [1, 0], [8, 0]]


def test_batch_norm_before_and_after():
    ratios = {"Mixup": np.array([[0.7, 0.9], [0.8, 1.0]]), "early-stopped": np.ones((2, 2))}
    plain = {"Mixup": np.array([10.0, 12]), "early-stopped": np.array([8.0, 8])}
    clean = {"Mixup": np.array([9.0, 10]), "early-stopped": np.array([8.0, 7])}
    left, right = window_figures.norm_panels(ratios, plain, clean).axes
    means = [container[0].get_xydata() for container in left.containers]
    np.testing.assert_allclose(means[0], [[0.94, 0.75], [1.94, 0.95]])
    np.testing.assert_allclose(means[1], [[1.06, 1], [2.06, 1]])
    seeds = [line.get_xydata().tolist() for line in right.lines if line.get_linewidth() == 0.9]
    assert seeds == [[[0, 10], [1, 9]], [[0, 12], [1, 10]], [[2, 8], [3, 8]], [[2, 8], [3, 7]]]
    means = [container[0].get_ydata().tolist() for container in right.containers]
    assert means == [[11, 9.5], [8, 7.5]]

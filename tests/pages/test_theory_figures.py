"""The theory chapters' drawings show what they are given."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from mixupbook.pages.theory_figures import (
    against_prediction,
    draw_examples,
    growth_panel,
    patch_kinds,
    seed_rows,
)
from mixupbook.theory.descent import descend
from mixupbook.theory.feature_noise import FeatureNoise
from mixupbook.theory.objectives import Standard


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


@pytest.fixture(scope="module")
def runs():
    model = FeatureNoise(11, 3, 0.4, 0.2, 1, 0.1)
    train = [model.sample(7, seed=seed, rare=3) for seed in range(2)]
    result = descend(train, Standard(), steps=6, record_every=2, width=2, seed=[0, 1])
    return result, np.stack([data.is_rare.numpy() for data in train])


def test_patch_kinds():
    example = torch.zeros(4, 6)
    example[0, 1], example[1, 2], example[2, 0], example[3, 5] = 1, 1, 0.2, 0.7
    assert patch_kinds(example) == [
        ("common", "$v_1$"),
        ("rare", "$r_0$"),
        ("feature noise", r"$\alpha\,$$v_0$"),
        ("noise", r"$\xi$"),
    ]


def test_patch_kinds_wants_one_feature_in_a_patch():
    with pytest.raises(ValueError, match="at most one feature"):
        patch_kinds(torch.ones(1, 6))


def test_draw_examples_draws_each_patch_once(axes):
    data = FeatureNoise(11, 3, 0.5, 0.2, 1, 0.1).sample(5, seed=0, rare=2)
    draw_examples(axes, data, [4, 0])
    assert len(axes.patches) == len(axes.texts) == 2 * 3
    names = [label.get_text().strip() for label in axes.get_yticklabels()]
    assert names[0].startswith(f"y = {int(data.y[4])}")
    assert names[1].endswith("rare" if data.is_rare[0] else "common")


def test_growth_panel_draws_the_means_over_runs(axes, runs):
    result, is_rare = runs
    growth_panel(axes, result, is_rare)
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    rare = result.feature_alignment.sel(feature=["rare_0", "rare_1"])
    np.testing.assert_allclose(lines["rare features"], rare.mean(("run", "feature")))
    noise = result.noise_memorisation.values
    own = [noise[r][:, is_rare[r]].mean(axis=1) for r in range(2)]
    np.testing.assert_allclose(lines["noise of the rare examples"], np.mean(own, axis=0))


def test_growth_panel_wants_marks_for_each_example(axes, runs):
    result, is_rare = runs
    with pytest.raises(ValueError, match="is_rare must have shape"):
        growth_panel(axes, result, is_rare[:, 1:])


def test_against_prediction_draws_each_group_and_the_line_of_agreement(axes):
    against_prediction(axes, {"a": ([1, 2], [1.1, 1.9], "k"), "b": ([3], [3.1], "r")})
    agreement, first, second = axes.lines
    np.testing.assert_allclose(agreement.get_xydata(), [[1, 1], [3, 3]])
    np.testing.assert_allclose(first.get_xydata(), [[1, 1.1], [2, 1.9]])
    np.testing.assert_allclose(second.get_xydata(), [[3, 3.1]])
    assert axes.get_legend_handles_labels()[1] == ["a", "b"]


def test_seed_rows_marks_the_means(axes):
    seed_rows(axes, {"a": [0.1, 0.3], "b": [0.5, 0.6, 0.7]}, color="k", chance=0.5)
    bars = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "None"]
    np.testing.assert_allclose(bars, [0.2, 0.6, 0.5])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]

"""What the chapters on early stopping and recorded runs draw and tabulate."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from studies.made_up import a_record, a_run

from mixupbook.images.training.fit import Run
from mixupbook.intervals import mean_interval
from mixupbook.pages.figures import METHODS
from mixupbook.pages.image_figures import (
    arm_label,
    dose_curve,
    errors_by_method,
    learning_curves,
    live_histories,
    recorded_histories,
    results_table,
    status_table,
)

pytestmark = pytest.mark.usefixtures("style")


@pytest.fixture
def record():
    return a_record(
        arms={"mixup": None, "stopped-2": None, "cubic": None},
        runs=(
            a_run("mixup", 0, 0.40, 0.38, seconds=60.0),
            a_run("mixup", 1, 0.44, 0.40, seconds=None),
            a_run("stopped-2", 0, 0.36, 0.36, seconds=None),
        ),
    )


@pytest.mark.parametrize(
    ("arm", "label"),
    [
        ("standard", "standard"),
        ("mixup", "Mixup"),
        ("hard", "hard label"),
        ("other-label", "Mixup (other labels)"),
        ("sqrt", "sqrt"),
        ("constant-0.75", "constant 0.75"),
        ("stopped-100", "early-stopped 100"),
        ("started-15", "late-started 15"),
    ],
)
def test_labels_of_arms_are_in_the_palettes_words(arm, label):
    assert arm_label(arm) == label
    assert any(label.startswith(name) for name in METHODS)


def test_dose_curve_shows_means_and_intervals_in_order():
    axes = plt.subplots()[1]
    values = {1: [3.0, 5.0], 0: [10.0, 12.0], 0.25: [6.0, 9.0]}
    dose_curve(axes, values, label="Mixup", color="black")
    line = axes.lines[0]
    assert line.get_xdata().tolist() == [0, 0.25, 1]
    assert line.get_ydata().tolist() == [11, 7.5, 4]
    bars = axes.collections[0].get_segments()
    np.testing.assert_allclose(
        bars[2][:, 1], [mean_interval([3, 5]).low, mean_interval([3, 5]).high]
    )


def test_errors_by_method_are_per_cent_under_labels(record):
    plain = errors_by_method(record, ["mixup", "stopped-2"])
    assert list(plain) == ["Mixup", "early-stopped 2"]
    np.testing.assert_allclose(plain["Mixup"], [40, 44])
    np.testing.assert_allclose(
        errors_by_method(record, ["mixup"], recalibrated=True)["Mixup"], [38, 40]
    )


def test_learning_curves_of_a_record(record):
    figure = learning_curves(recorded_histories(record, ["mixup", "stopped-2"]))
    loss, error = figure.axes
    assert [line.get_label() for line in loss.lines] == ["Mixup", "early-stopped 2"]
    assert loss.lines[0].get_xdata().tolist() == [1, 2, 3]
    for axes, column, unit in ((loss, "train_loss", 1), (error, "test_error", 100)):
        middle = unit * record.curves("mixup", column).mean(axis=0)
        np.testing.assert_allclose(axes.lines[0].get_ydata(), middle)


def test_histories_of_runs_are_those_of_a_record(record):
    expected, network = recorded_histories(record, ["mixup"])["Mixup"], torch.nn.Identity()
    runs = [
        Run(
            [{name: expected[name][seed, epoch] for name in expected} for epoch in range(3)],
            0.4,
            network,
            {},
        )
        for seed in range(2)
    ]
    found = live_histories({"Mixup": runs})["Mixup"]
    for column, values in expected.items():
        np.testing.assert_array_equal(found[column], values)


def test_results_table_names_only_what_was_run(record):
    mixup, stopped = results_table(record).rows
    assert mixup == ["Mixup", "2", "42.0 ± 25.4", "39.0 ± 12.7", "1.0"]
    # One seed has no interval, and an interrupted run no time.
    assert stopped == ["early-stopped 2", "1", "36.0", "36.0", "–"]


def test_results_table_without_batch_norm():
    runs = (a_run("mixup", 0, recalibrated=None), a_run("mixup", 1, recalibrated=None))
    record = a_record(runs=runs)
    assert "recalibrated (%)" not in results_table(record).columns


def test_status_table_shows_a_dash_for_what_was_not_made():
    row = {"name": "a", "title": "A", "state": "not made", "runs": "", "date": "", "device": ""}
    assert status_table([row]).rows == [["a", "A", "not made", "–"]]

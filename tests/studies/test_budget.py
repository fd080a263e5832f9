"""A schedule that fits: what is measured, and what is chosen by it."""

import pytest
from studies.made_up import TINY, tiny_data

from mixupbook.studies import budget
from mixupbook.studies.budget import Pace, fitted, longest_schedule, measured_pace
from mixupbook.studies.catalogue import STUDIES, possible_epochs
from mixupbook.studies.plan import describe_images, plan_record

RESNET = STUDIES["cifar10-resnet18"]


@pytest.fixture(scope="module")
def data():
    return tiny_data().first(TINY.train, TINY.test)


@pytest.fixture(scope="module")
def plan(data):
    return plan_record(TINY, describe_images(data), "cpu")


@pytest.mark.parametrize("seconds", [112, 200, 321, 600, 1000, 2500, 4242, 5000, 10**6])
@pytest.mark.parametrize("pace", [Pace(2.0, 0.0), Pace(1.5, 3.0), Pace(0.01, 15.0)])
def test_the_schedule_fits_and_none_is_better(pace, seconds):
    """By trying every number of epochs and of seeds."""
    fit = {
        (epochs, seeds)
        for epochs in possible_epochs(RESNET)
        for seeds in (1, 2, 3)
        if 7 * seeds * pace.run(epochs) <= seconds
    }
    long = [(seeds, epochs) for epochs, seeds in fit if epochs >= 20]
    one = [(seeds, epochs) for epochs, seeds in fit if seeds == 1]
    best = max(long or one)[::-1] if fit else None
    assert longest_schedule(RESNET, pace, seconds) == best


def test_a_short_study_needs_no_more_epochs_than_its_own():
    assert longest_schedule(TINY, Pace(1.0, 0.0), 5 * 2 * 4) == (4, 2)
    assert longest_schedule(TINY, Pace(1.0, 0.0), 5 * 2 * 4 - 1) == (4, 1)
    assert longest_schedule(TINY, Pace(1.0, 0.0), 5 * 3) == (3, 1)
    assert longest_schedule(TINY, Pace(1.0, 0.0), 5 * 2 - 1) is None


def test_the_pace_is_the_slope_between_two_runs(plan, data, monkeypatch):
    """Of runs as the study's are, by a clock under which an epoch takes 2 s and the rest 5 s."""
    now, runs = [0.0], []

    def run_seed(record, arm, seed, images, device):
        runs.append((record.settings.epochs, arm, device))
        assert record.settings.lr < 1e-3 * plan.settings.lr
        now[0] += 5 + 2 * record.settings.epochs

    monkeypatch.setattr(budget, "run_seed", run_seed)
    monkeypatch.setattr(budget.time, "perf_counter", lambda: now[0])
    assert measured_pace(plan, data, "cpu") == Pace(epoch=2.0, once=5.0)
    assert runs == [(1, "mixup", "cpu"), (3, "mixup", "cpu")]
    monkeypatch.setattr(budget.time, "perf_counter", iter([0.0, 9.0, 9.0, 16.0]).__next__)
    assert measured_pace(plan, data, "cpu") == Pace(epoch=0.0, once=9.0)


def test_real_runs_are_timed(plan, data):
    pace = measured_pace(plan, data, "cpu")
    assert 0 <= pace.epoch < 10
    assert 0 <= pace.once < 10


def test_a_processor_that_is_far_too_slow_is_found_out_by_a_few_images(plan, data, monkeypatch):
    measured = []

    def slow(_, images, __):
        measured.append(len(images.x_train))
        return Pace(epoch=100.0 * len(images.x_train), once=0.0)

    monkeypatch.setattr(budget, "measured_pace", slow)
    monkeypatch.setattr(budget, "FEW", 3)
    expected = "minutes must be at least 203.8 here, got 9: an epoch takes about 1100 s, and the 5"
    with pytest.raises(ValueError, match=expected):
        fitted(TINY, plan, data, device="cpu", minutes=9, left=lambda: 540.0)
    assert measured == [3]

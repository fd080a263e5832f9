"""When the rare feature is learned, and for how long Mixup has to be on for it."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import mixupbook as mb
from mixupbook.theory import reduced_equations as equations
from mixupbook.theory.reduced_settings import prepared
from mixupbook.theory.windows import WINDOWS, learned_from, settled

MODEL = mb.FeatureNoise(300, 4, 0.2, 0.2, 1, 0.12, layout="same")
TRAINING = {"width": 4, "init_std": 0.01, "lr": 0.4}


@given(learned=st.lists(st.booleans(), min_size=1, max_size=8))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_learned_from_is_where_no_failure_follows(learned):
    steps = np.arange(len(learned)) * 10.0
    expected = next((s for i, s in enumerate(steps) if all(learned[i:])), np.nan)
    np.testing.assert_equal(learned_from(np.array([learned]), steps)[0], expected)


def test_time_to_learn_is_per_run_and_final():
    error = [[0.5, 0.04, 0.05, 0.04, 0.0], [0.5, 0.4, 0.0, 0.0, 0.3], [0.0, 0.0, 0.0, 0.0, 0.0]]
    found = xr.Dataset({"rare_error": (("run", "step"), error)}, {"step": [0, 5, 10, 20, 21]})
    np.testing.assert_equal(mb.time_to_learn(found).values, [20, np.nan, 0])
    np.testing.assert_equal(mb.time_to_learn(found, below=0.45).values, [5, 5, 0])


def test_time_to_learn_reads_both_kinds_of_runs():
    train, test = MODEL.sample(40, seed=1, rare=(4, 4)), MODEL.sample(300, seed=2, rare=200)
    arguments = {"steps": 600, "record_every": 10, "seed": 0, **TRAINING}
    measured = mb.descend(train, mb.PairMixup(0.7), test=test, **arguments)
    predicted = mb.reduced_dynamics(MODEL, mb.PairMixup(0.7), train=train, **arguments)
    found, expected = (float(mb.time_to_learn(r)[0]) for r in (predicted, measured))
    assert 50 < expected < 500
    assert 0.6 < found / expected < 1.7


def test_time_to_learn_needs_errors_over_steps():
    with pytest.raises(ValueError, match="result must hold rare_error along step"):
        mb.time_to_learn(xr.Dataset({"rare_error": ("run", [0.1])}))
    with pytest.raises(TypeError, match=r"result must be an xarray\.Dataset, got list"):
        mb.time_to_learn([0.1])
    with pytest.raises(ValueError, match=r"below must lie in \(0, 1\]"):
        mb.time_to_learn(
            xr.Dataset({"rare_error": (("run", "step"), [[0.1]])}, {"step": [0]}), below=0
        )


def test_windows_are_those_of_a_schedule():
    """Each window alone, step by step, as an objective with start_step and stop_step."""
    start, windows, horizon = 20, [5, 60, 90, 150], 400
    seeds = [0, 1]
    found = mb.needed_window(
        MODEL,
        mb.PairMixup(0.7, 0.8),
        train=40,
        start=start,
        windows=windows,
        horizon=horizon,
        seed=seeds,
        **TRAINING,
    )
    assert found.rare_error.dims == ("run", "window")
    for index, window in enumerate(windows):
        objective = mb.PairMixup(0.7, 0.8, start_step=start, stop_step=start + window)
        plain = mb.reduced_dynamics(
            MODEL, objective, train=40, steps=horizon, seed=seeds, **TRAINING
        )
        # The clock of the last steps is another one.
        np.testing.assert_allclose(
            found.rare_error[:, index], plain.rare_error[:, -1], rtol=0.02, atol=0.002
        )
    assert found.rare_error.std() > 0.05


def test_settling_is_many_small_steps():
    _, setting, state = prepared(MODEL, mb.Standard(), 40, 4, 0.01, 0.4, None, True)
    rate, standard = np.array([0.4]), equations.standard(1)
    far, left = settled(setting, state, rate, np.array([5000.0]))
    for _ in range(5000):
        state = equations.step(setting, state, standard, rate)
    assert left == 0
    np.testing.assert_allclose(
        equations.clean_margins(setting, far), equations.clean_margins(setting, state), rtol=0.02
    )


def test_the_middle_between_failure_and_success():
    found = mb.needed_window(MODEL, mb.PairMixup(0.7), train=40, horizon=1e4, **TRAINING)
    learned = (found.rare_error[0] < 0.05).values
    first = int(learned.argmax())
    assert first > 0
    assert learned[first:].all()
    assert float(found.needed[0]) == pytest.approx((WINDOWS[first - 1] * WINDOWS[first]) ** 0.5)
    short = mb.needed_window(
        MODEL, mb.PairMixup(0.7), train=40, windows=WINDOWS[:first], horizon=1e4, **TRAINING
    )
    assert np.isnan(short.needed[0])
    long = mb.needed_window(
        MODEL, mb.PairMixup(0.7), train=40, windows=WINDOWS[first:], horizon=1e4, **TRAINING
    )
    assert long.needed[0] == WINDOWS[first]


def test_late_mixup_needs_longer_but_suffices():
    train = MODEL.sample(40, seed=0, rare=(4, 4))
    needed = [
        float(
            mb.needed_window(MODEL, mb.PairMixup(0.7), train=train, start=s, **TRAINING).needed[0]
        )
        for s in (0, 100, 1000)
    ]
    assert needed[0] < needed[1] <= needed[2]
    assert needed[2] < WINDOWS[-1]


def test_what_does_not_settle_is_said(monkeypatch):
    monkeypatch.setattr("mixupbook.theory.windows.MOST_ITERATIONS", 30)
    with pytest.warns(RuntimeWarning, match=r"not settled .* runs \[0\], with residuals up to"):
        found = mb.needed_window(MODEL, mb.PairMixup(0.7), train=40, windows=[5, 9], **TRAINING)
    assert np.isnan(found.rare_error).all()
    assert np.isnan(found.needed).all()


def test_what_leaves_the_range_of_numbers_is_said():
    arguments = TRAINING | {"lr": [0.4, 1e200], "train": 40, "windows": [300], "horizon": 300}
    with pytest.warns(RuntimeWarning, match=r"not settled at the horizon: runs \[1\]"):
        found = mb.needed_window(MODEL, mb.PairMixup(0.7), **arguments)
    assert found.needed.notnull().values.tolist() == [True, False]


BAD = [
    ({"start": -1}, "start must be at least 0"),
    ({"windows": 10}, "windows must be a sequence"),
    ({"windows": []}, "windows must be rising, at least one"),
    ({"windows": [20, 10]}, "windows must be rising"),
    ({"windows": [0, 10]}, "windows must be at least 1"),
    (
        {"windows": [50], "start": 60, "horizon": 100},
        "horizon must not come before .* 110, got 100",
    ),
    ({"below": 0}, "below must lie in"),
    ({"objective": mb.Standard()}, "objective must be PairMixup without"),
    ({"objective": mb.PairMixup(0.7, stop_step=5)}, "objective must be PairMixup without"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input_is_named(change, message):
    arguments = {"model": MODEL, "objective": mb.PairMixup(0.7), "train": 20}
    with pytest.raises((TypeError, ValueError), match=message):
        mb.needed_window(**(arguments | change))

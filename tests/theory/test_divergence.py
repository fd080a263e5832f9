"""Runs and errors that leave the range of finite numbers, and how one hears of it."""

import re
import warnings

import pytest
import xarray as xr
from theory.theory_reference import F64, SETTINGS, TEST, TRAIN, exactly

import mixupbook as mb


def test_a_diverging_run_is_named_and_harms_no_other():
    settings = {**SETTINGS, "steps": 60, "record_every": 20}
    del settings["lr"]
    with pytest.warns(
        RuntimeWarning, match=r"diverged: run 1 \(seed 5\) at step \d+; a smaller lr or init_std"
    ):
        result = mb.descend(
            TRAIN, mb.PairMixup(0.5), lr=[0.1, 1e4, 0.2], seed=[4, 5, 6], test=TEST, **settings
        )
    step = int(result.diverged_at[1])
    assert result.diverged_at.values.tolist() == [-1, step, -1]
    assert 0 < step <= 60
    for name in ("loss", "train_error", "rare_error", "feature_alignment", "noise_memorisation"):
        values = result[name][1]
        assert values.sel(step=slice(step, None)).isnull().all()
        assert values.sel(step=slice(0, step - 1)).notnull().all()
    for run, lr in ((0, 0.1), (2, 0.2)):
        alone = mb.descend(TRAIN, mb.PairMixup(0.5), lr=lr, seed=4 + run, test=TEST, **settings)
        xr.testing.assert_allclose(
            result.isel(run=[run]).drop_vars("run"), alone.drop_vars("run"), rtol=1e-4
        )


def from_within(function):
    """A function of the package that calls another one.

    Before `descend` itself stands the type checker of these tests, which would pass for its caller.
    """
    module = {"__name__": "mixupbook.somewhere", "function": function}
    exec("def call(*args, **settings): return function(*args, **settings)", module)
    return module["call"]


def test_every_divergence_is_heard_at_the_users_line():
    settings = {**SETTINGS, "lr": [0.1, 1e5], "steps": 60}
    call = from_within(mb.descend)
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("default")  # what a user has: once for each line
        for _ in range(3):
            call(TRAIN, mb.PairMixup(), **settings)
    here = from_within.__code__.co_firstlineno
    assert [warning.filename for warning in log] == [__file__] * 3
    assert len({warning.lineno for warning in log}) == 1
    assert here + 10 < log[0].lineno < here + 30


def test_a_run_may_be_lost_before_the_first_step():
    trains = [TRAIN, scaled(TRAIN, 1e25)]
    message = exactly(
        "diverged: run 1 (seed 0) at step 0; a smaller lr or init_std, or smaller values in train, "
        "may help"
    )
    with pytest.warns(RuntimeWarning, match=message):
        result = mb.descend(trains, mb.PairMixup(), return_weights=True, **SETTINGS)
    assert result.diverged_at.values.tolist() == [-1, 0]
    for name in ("loss", "feature_alignment", "noise_memorisation", "weights"):
        assert result[name][0].notnull().all()
        assert result[name][1].isnull().all()


def test_a_filter_for_the_users_module_holds():
    call = from_within(mb.descend)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=re.escape(__name__))
        call(TRAIN, mb.PairMixup(), **{**SETTINGS, "lr": [0.1, 1e5], "steps": 60})


def test_warnings_obey_the_users_filters():
    settings = {**SETTINGS, "lr": [0.1, 1e5], "steps": 60}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = mb.descend(TRAIN, mb.PairMixup(), return_weights=True, **settings)
    assert result.weights[1].isnull().all()
    assert result.weights[0].notnull().all()


def test_where_every_run_diverged_the_records_are_in_the_error():
    settings = {**SETTINGS, "lr": 1e30, "record_every": 1}
    message = exactly(
        "every run diverged: run 0 (seed 7) at step 1; a smaller lr or init_std, or smaller values "
        "in train, may help; this error's `dataset` has the rest"
    )
    with pytest.raises(FloatingPointError, match=message) as caught:
        mb.descend(TRAIN, mb.PairMixup(0.5), seed=7, **settings)
    records = caught.value.dataset
    assert "weights" not in records
    assert records.diverged_at.values.tolist() == [1]
    assert records.loss.isel(run=0).notnull().values.tolist() == [True, False]


def test_the_records_in_the_error_are_what_was_asked_for():
    with pytest.raises(FloatingPointError) as caught:
        mb.descend(TRAIN, mb.Standard(), return_weights=True, **{**SETTINGS, "lr": 1e30})
    assert caught.value.dataset.weights.isnull().all()


def test_of_many_diverging_runs_the_first_are_named():
    with pytest.raises(FloatingPointError, match=r"run 7 \(seed 7\) at step \d; and 12 more; a"):
        mb.descend(TRAIN, mb.Standard(), seed=range(20), **{**SETTINGS, "lr": 1e30})


def scaled(data, factor):
    return mb.PatchData(data.x.double() * factor, data.y, data.is_rare)


@pytest.mark.parametrize("name", ["train", "test"])
def test_data_have_to_fit_into_the_precision(name):
    data = {"train": TRAIN, "test": TEST, name: scaled(TRAIN, 1e200)}
    message = rf"{name} must hold numbers in the range of torch.float32, at most 3.4e\+38, got 1.\d"
    with pytest.raises(ValueError, match=message):
        mb.descend(objective=mb.Standard(), **data, **SETTINGS)
    tests = [TEST, scaled(TEST, 1e200)]
    with pytest.raises(ValueError, match="test must hold numbers"):
        mb.descend(TRAIN, mb.Standard(), test=tests, **SETTINGS)


def test_errors_that_cannot_be_told_are_named():
    """Outputs beyond the range of float32: their difference says nothing, least of all class 0."""
    tests = [TEST, scaled(TEST, 1e25)]
    message = exactly(
        "not finite: rare_error, common_error of run 1 (seed 5) at step 0; smaller values in test, "
        "or dtype=torch.float64, may help"
    )
    with pytest.warns(RuntimeWarning, match=message):
        result = mb.descend(TRAIN, mb.PairMixup(), test=tests, seed=[4, 5], **SETTINGS)
    assert (result.diverged_at == -1).all()
    for name in ("rare_error", "common_error"):
        assert result[name].isel(run=0).notnull().all()
        assert result[name].isel(run=1).isnull().all()
    exact = mb.descend(TRAIN, mb.PairMixup(), test=tests, seed=[4, 5], dtype=F64, **SETTINGS)
    assert exact.rare_error.notnull().all()


def test_nothing_but_divergence_raises():
    with pytest.raises(FloatingPointError, match=r"run 0 .* run 1 "):
        mb.descend(
            TRAIN, mb.Standard(), init_std=1e30, seed=[0, 1], **without(SETTINGS, "init_std")
        )


def without(settings, name):
    return {key: value for key, value in settings.items() if key != name}

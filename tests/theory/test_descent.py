"""Descent against autograd, alone and in batches, its records, and the ways it can go wrong."""

import contextlib
import dataclasses
import json
import warnings

import numpy as np
import pytest
import torch
import xarray as xr
from theory.theory_reference import (
    assert_close,
    descend,
    loss_and_gradient,
    outputs,
    pair_loss,
    random_data,
    standard_loss,
)

import mixupbook as mb
from mixupbook.theory.patch_network import initial_weights

MODEL = mb.FeatureNoise(23, 4, 0.3, 0.2, 1, 0.3)
TRAIN = MODEL.sample(11, seed=0, rare=3)
TEST = MODEL.sample(31, seed=1, rare=9)
SETTINGS = {"width": 3, "init_std": 0.3, "lr": 0.1, "steps": 7, "record_every": 3}
F64 = torch.float64


def start(seed=0, dimension=23, width=3, init_std=0.3):
    return initial_weights([seed], width, dimension, init_std)[0].double()


@pytest.mark.parametrize("dimension", [5, 23, 301])
@pytest.mark.parametrize(
    ("objective", "loss", "args"),
    [
        (mb.Standard(), standard_loss, ()),
        (mb.Standard(0.2), standard_loss, (0.2,)),
        (mb.PairMixup(0.7), pair_loss, (0.7, 0.7)),
        (mb.PairMixup(0.6, 0.9), pair_loss, (0.6, 0.9)),
    ],
)
def test_descent_is_that_of_autograd(dimension, objective, loss, args):
    data = random_data(7, 3, dimension)
    lr = 0.3 / dimension
    settings = {**SETTINGS, "lr": lr, "init_std": 0.1}
    result, weights = mb.descend(data, objective, dtype=F64, return_weights=True, **settings)
    expected = descend(loss, start(dimension=dimension, init_std=0.1), lr, 7, data, *args)
    assert_close(weights[0], expected, 1e-11)
    value, _ = loss_and_gradient(loss, expected, data, *args)
    assert_close(result.loss.values[0, -1], value.numpy(), 1e-11)


@pytest.mark.parametrize(
    "objective", [mb.PairMixup(0.7, start_step=2, stop_step=5), mb.PairMixup(0.7, stop_step=0)]
)
def test_schedule_switches_the_objective(objective):
    weights = start()
    for step in range(7):
        loss, args = (
            (standard_loss, ())
            if isinstance(objective.at(step), mb.Standard)
            else (pair_loss, (0.7, 0.7))
        )
        weights = descend(loss, weights, 0.1, 1, TRAIN, *args)
    found = mb.descend_weights(TRAIN, objective, dtype=F64, **SETTINGS)[0]
    assert_close(found, weights, 1e-11)


def test_loss_is_that_of_the_objective_in_force():
    result = mb.descend(
        TRAIN,
        mb.PairMixup(0.7, stop_step=3),
        dtype=F64,
        return_weights=False,
        **{**SETTINGS, "record_every": 1},
    )
    for step in (2, 3):
        weights = mb.descend_weights(
            TRAIN, mb.PairMixup(0.7), dtype=F64, **{**SETTINGS, "steps": step}
        )[0]
        expected = (
            pair_loss(weights, TRAIN, 0.7, 0.7) if step < 3 else standard_loss(weights, TRAIN)
        )
        assert_close(result.loss.sel(step=step).values[0], expected.numpy(), 1e-11)


def test_what_is_recorded():
    result, weights = mb.descend(
        TRAIN, mb.Standard(), test=TEST, dtype=F64, return_weights=True, **SETTINGS
    )
    assert result.step.values.tolist() == [0, 3, 6, 7]
    assert dict(result.sizes) == {"run": 1, "step": 4, "feature": 4, "example": 11}
    assert result.feature.values.tolist() == ["common_0", "common_1", "rare_0", "rare_1"]
    for step, w in ((0, start()), (7, weights[0])):
        at = result.isel(run=0).sel(step=step)
        assert_close(at.loss.values, standard_loss(w, TRAIN).numpy())
        wrong = outputs(w, TRAIN.x.double()).argmax(dim=1) != TRAIN.y
        assert at.train_error == wrong.double().mean().item()
        wrong = outputs(w, TEST.x.double()).argmax(dim=1) != TEST.y
        assert at.rare_error == wrong[TEST.is_rare].double().mean().item()
        assert at.common_error == wrong[~TEST.is_rare].double().mean().item()
        # Feature k sits at coordinate k and belongs to class k mod 2.
        for k in range(4):
            assert at.feature_alignment[k] == w[k % 2, :, k].abs().max().item()
        for i in range(11):
            noise = TRAIN.x[i].double().clone()
            noise[:, :4] = 0
            expected = (w[TRAIN.y[i]] @ noise.T).abs().max().item()
            assert at.noise_memorisation[i].item() == pytest.approx(expected, rel=1e-12)


def test_no_test_set_no_test_errors():
    result = mb.descend(TRAIN, mb.Standard(), **SETTINGS)
    assert not {"rare_error", "common_error"} & set(result)
    common = MODEL.sample(7, seed=2, rare=0)
    result = mb.descend(TRAIN, mb.Standard(), test=common, **SETTINGS)
    assert "common_error" in result
    assert "rare_error" not in result


@pytest.mark.parametrize("record_every", [1, 7, 100])
def test_first_and_last_steps_are_always_recorded(record_every):
    result = mb.descend(TRAIN, mb.Standard(), **{**SETTINGS, "record_every": record_every})
    assert result.step.values[[0, -1]].tolist() == [0, 7]


def test_attributes_hold_the_parameters_and_the_dataset_is_plain():
    objectives = [mb.PairMixup(0.7), mb.PairMixup(0.6, partners=same_label)]
    result = mb.descend(TRAIN, objectives, seed=[3, 4], **SETTINGS)
    attrs = json.loads(json.dumps(result.attrs))
    expected = {
        "lr": 0.1,
        "seed": [3, 4],
        "examples": 11,
        "patches": 4,
        "dimension": 23,
        "width": 3,
        "init_std": 0.3,
        "steps": 7,
        "record_every": 3,
        "dtype": "float32",
        "test_examples": 0,
    }
    assert {name: attrs[name] for name in expected} == expected
    standard, same_label_only = json.loads(attrs["objective"])
    assert standard == repr(mb.PairMixup(0.7))
    assert "partners=same_label" in same_label_only
    assert xr.Dataset.from_dict(json.loads(json.dumps(result.to_dict()))).identical(result)
    assert result.seed.values.tolist() == [3, 4]


def same_label(data):
    return data.y[:, None] == data.y[None, :]


def test_functions_without_a_name_of_their_own_are_told_apart():
    one, two = (lambda data, k=k: data.y[:, None] >= data.y - k for k in (0, 1))
    objectives = [mb.PairMixup(partners=partners) for partners in (one, two, one, same_label)]
    found = json.loads(mb.descend(TRAIN, objectives, **SETTINGS).attrs["objective"])
    assert found[0] == found[2]
    assert found[1] == found[0].replace("<lambda>", "<lambda>#2")
    assert found[3].endswith("partners=same_label)")


@pytest.mark.parametrize(
    ("objective", "seed"),
    [(mb.Standard(), 2**31 - 1), ([mb.Standard(), mb.PairMixup(partners=same_label)], [3, 4])],
)
def test_netcdf_gives_back_what_it_was_given(objective, seed, tmp_path):
    result = mb.descend(TRAIN, objective, test=TEST, seed=seed, **SETTINGS)
    result.to_netcdf(tmp_path / "result.nc", engine="scipy")
    back = xr.load_dataset(tmp_path / "result.nc", engine="scipy")
    xr.testing.assert_equal(back, result)
    assert list(back.attrs) == list(result.attrs)
    for name, value in result.attrs.items():
        assert np.array_equal(back.attrs[name], value), name
    assert back.attrs["test_examples"] == 31


def test_netcdf_3_refuses_seeds_it_has_no_integers_for(tmp_path):
    result = mb.descend(TRAIN, mb.Standard(), seed=2**63 - 1, **SETTINGS)
    assert result.seed.values.tolist() == [result.attrs["seed"]] == [2**63 - 1]
    with pytest.raises(ValueError, match="could not safely cast"):
        result.to_netcdf(tmp_path / "result.nc", engine="scipy")


OBJECTIVES = [
    mb.Standard(),
    mb.PairMixup(0.7, stop_step=4),
    mb.ExpectedMixup(quadrature=5),
    mb.PairMixup(0.6, 0.9, start_step=2),
    mb.PairMixup(0.8, partners="same_label"),
]


def test_a_batch_is_its_runs_alone():
    trains = [MODEL.sample(11, seed=run, rare=3) for run in range(5)]
    tests = [MODEL.sample(31, seed=10 + run, rare=9) for run in range(5)]
    rates, seeds = [0.1, 0.2, 0.05, 0.1, 0.3], [3, 1, 4, 1, 5]
    settings = {**SETTINGS, "dtype": F64, "return_weights": True}
    del settings["lr"]
    result, weights = mb.descend(trains, OBJECTIVES, test=tests, lr=rates, seed=seeds, **settings)
    for run in range(5):
        alone, alone_weights = mb.descend(
            trains[run],
            OBJECTIVES[run],
            test=tests[run],
            lr=rates[run],
            seed=seeds[run],
            **settings,
        )
        assert_close(weights[run], alone_weights[0])
        xr.testing.assert_allclose(
            result.isel(run=[run]).drop_vars("run"), alone.drop_vars("run"), rtol=1e-12
        )


def test_shared_arguments_are_the_same_for_all_runs():
    by_run = mb.descend([TRAIN] * 3, [mb.Standard()] * 3, test=[TEST] * 3, seed=[0, 1, 0])
    shared = mb.descend(TRAIN, mb.Standard(), test=TEST, seed=(0, 1, 0))
    xr.testing.assert_identical(by_run, shared)
    assert np.array_equal(shared.train_error[0], shared.train_error[2])
    assert not np.array_equal(shared.loss[0], shared.loss[1])
    from_array = mb.descend(TRAIN, mb.Standard(), test=TEST, seed=np.array([0, 1, 0]))
    xr.testing.assert_identical(from_array, shared)


@pytest.mark.parametrize("objective", [mb.Standard(), mb.PairMixup(0.7), mb.PairMixup(0.7, 1.0)])
def test_float32_follows_float64(objective):
    """The book's regime, at a size that is quick: 1000 steps, through learning and after it."""
    train = mb.FeatureNoise(400, 4, 0.1, 0.2, 1, 0.22, layout="same").sample(50, seed=0, rare=5)
    single, double = (
        mb.descend(train, objective, width=6, dtype=dtype) for dtype in (torch.float32, F64)
    )
    assert double.train_error[0, -1] == 0
    for name in ("loss", "feature_alignment", "noise_memorisation"):
        np.testing.assert_allclose(single[name], double[name], rtol=1e-4, err_msg=name)


def test_results_are_reproducible_and_random_numbers_are_left_alone():
    state = torch.get_rng_state()
    one = mb.descend(TRAIN, mb.PairMixup(), test=TEST, **SETTINGS)
    torch.rand(3)
    two = mb.descend(TRAIN, mb.PairMixup(), test=TEST, **SETTINGS)
    xr.testing.assert_identical(one, two)
    torch.set_rng_state(state)
    mb.descend(TRAIN, mb.PairMixup(), **SETTINGS)
    assert torch.equal(torch.get_rng_state(), state)


@contextlib.contextmanager
def other_defaults():
    """Torch's defaults as a user may have set them."""
    try:
        torch.set_default_dtype(F64)
        torch.set_default_device("meta")
        yield
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)


def test_torchs_defaults_play_no_part():
    settings = {**SETTINGS, "device": "cpu", "test": TEST, "return_weights": True}
    expected, expected_weights = mb.descend(TRAIN, OBJECTIVES, **settings)
    gradient = mb.loss_and_gradient(expected_weights, TRAIN, OBJECTIVES)[1]
    with other_defaults():
        sample = MODEL.sample(11, seed=0, rare=3)
        fresh = [dataclasses.replace(objective) for objective in OBJECTIVES]
        result, weights = mb.descend(sample, fresh, **settings)
        again = mb.loss_and_gradient(weights, sample, fresh)[1]
    assert torch.equal(sample.x, TRAIN.x)
    assert torch.equal(weights, expected_weights)
    assert torch.equal(again, gradient)
    xr.testing.assert_identical(result, expected)


def test_standard_training_fails_where_mixup_learns_the_rare_feature():
    """The book's regime, rho/2 << sigma^2 d/n << (1 - rho)/2, at a fraction of its size."""
    model = mb.FeatureNoise(400, 4, 0.12, 0.2, 1, 0.2, layout="same")
    train = [model.sample(100, seed=seed, rare=12) for seed in range(3)]
    test = model.sample(400, seed=99, rare=200)
    objectives = [mb.Standard()] * 3 + [mb.PairMixup(0.7)] * 3
    result = mb.descend(
        train * 2, objectives, test=test, width=6, steps=1500, seed=[0, 1, 2] * 2, record_every=500
    )
    last = result.isel(step=-1)
    assert (last.common_error == 0).all()
    assert (last.train_error == 0).all()
    standard, mixed = last.rare_error[:3].values, last.rare_error[3:].values
    assert (standard > 0.35).all()
    assert (mixed < 0.05).all()
    rare = last.feature_alignment[:, 2:].mean("feature").values
    assert rare[3:].min() > 3 * rare[:3].max()


def test_a_diverging_run_is_named_and_harms_no_other():
    settings = {**SETTINGS, "steps": 60, "record_every": 20}
    del settings["lr"]
    with pytest.warns(
        RuntimeWarning, match=r"diverged: run 1 \(seed 5\) at step \d+; a smaller"
    ) as log:
        result = mb.descend(
            TRAIN, mb.PairMixup(0.5), lr=[0.1, 1e4, 0.2], seed=[4, 5, 6], test=TEST, **settings
        )
    assert log[0].filename == __file__
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


def test_every_divergence_is_heard_at_the_users_line():
    settings = {**SETTINGS, "lr": [0.1, 1e5], "steps": 60}
    heard = []
    for function in (mb.descend, mb.descend_weights):
        with warnings.catch_warnings(record=True) as log:
            warnings.simplefilter("default")  # what a user has: once for each line
            for _ in range(3):
                weights = function(TRAIN, mb.PairMixup(), **settings)
        heard += log
    assert [warning.filename for warning in heard] == [__file__] * 6
    assert len({warning.lineno for warning in heard}) == 1
    assert weights[1].isnan().all()
    assert weights[0].isfinite().all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mb.descend(TRAIN, mb.PairMixup(), **settings)


def test_where_every_run_diverged_the_records_are_in_the_error():
    settings = {**SETTINGS, "lr": 1e30, "record_every": 1}
    with pytest.raises(
        FloatingPointError, match=r"every run diverged: run 0 \(seed 7\) at step 1; a .*`dataset`"
    ) as caught:
        mb.descend(TRAIN, mb.PairMixup(0.5), seed=7, **settings)
    records = caught.value.dataset
    assert records.diverged_at.values.tolist() == [1]
    assert records.loss.isel(run=0).notnull().values.tolist() == [True, False]


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
    with pytest.warns(
        RuntimeWarning,
        match=r"not finite: rare_error, common_error of run 1 \(seed 5\) at step 0; .* in test",
    ) as log:
        result = mb.descend(TRAIN, mb.PairMixup(), test=tests, seed=[4, 5], **SETTINGS)
    assert [warning.filename for warning in log] == [__file__]
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


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"steps": 2.5}, TypeError, "steps must be an integer, got 2.5"),
        ({"width": 0}, ValueError, "width must be at least 1, got 0"),
        ({"lr": 0}, ValueError, r"lr must lie in \(0, inf\), got 0"),
        ({"lr": -0.1}, ValueError, "lr must lie in"),
        ({"lr": float("nan")}, ValueError, "lr must be finite"),
        ({"lr": "fast"}, TypeError, "lr must be a real number, got 'fast'"),
        ({"init_std": -0.1}, ValueError, "init_std must lie in"),
        ({"record_every": 0}, ValueError, "record_every must be at least 1, got 0"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": 0.5}, TypeError, "seed must be an integer, got 0.5"),
        ({"seed": []}, ValueError, "seed must hold at least one run"),
        ({"dtype": torch.float16}, ValueError, "dtype must be torch.float32 or torch.float64"),
        ({"device": "abacus"}, ValueError, "device must be .*got 'abacus'"),
        ({"device": "cuda:99"}, ValueError, "device must be .*got 'cuda:99'"),
        ({"device": "meta"}, ValueError, "device must be .*got 'meta'"),
        ({"device": 3.5}, TypeError, "device must be .*got 3.5"),
        ({"progress": "yes"}, TypeError, "progress must be True or False, got 'yes'"),
        ({"train": TRAIN.x}, TypeError, "train must be PatchData.*got Tensor"),
        ({"train": [TRAIN, None]}, TypeError, "train must be PatchData.*got NoneType"),
        (
            {"train": [TRAIN, MODEL.sample(7, seed=0)]},
            ValueError,
            r"train must have the same shape in all runs: run 0 has \(11, 4, 23\), run 1 has \(7,",
        ),
        ({"train": random_data(5, 2, 3)}, ValueError, "train must have at least 4 dimensions"),
        ({"test": "yes"}, TypeError, "test must be PatchData.*got str"),
        (
            {"test": random_data(7, 4, 22)},
            ValueError,
            r"test must have patches and dimension as in train, \(4, 23\), got \(4, 22\)",
        ),
        (
            {"test": [TEST, MODEL.sample(31, seed=0, rare=0)]},
            ValueError,
            "test must hold rare examples in all runs or in none, got none in run 1",
        ),
        ({"objective": "mixup"}, TypeError, "objective must be Standard.*got 'mixup'"),
        ({"objective": mb.PairMixup}, TypeError, "objective must be Standard"),
        (
            {"seed": [0, 1], "lr": [0.1, 0.2, 0.3]},
            ValueError,
            "one entry for each run, got 3 in lr, 2 in seed",
        ),
    ],
)
def test_wrong_arguments(changes, error, message):
    arguments = {"train": TRAIN, "objective": mb.Standard(), **SETTINGS, **changes}
    with pytest.raises(error, match=message):
        mb.descend(**arguments)


def test_progress_is_shown_when_asked_for(capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    mb.descend(TRAIN, mb.Standard(), **SETTINGS)
    assert capsys.readouterr() == ("", "")
    mb.descend(TRAIN, mb.Standard(), progress=True, **SETTINGS)
    out, err = capsys.readouterr()
    assert out == ""
    assert "7/7" in err


def test_an_interrupt_is_harmless(monkeypatch):
    from mixupbook.theory.losses import GroupedLoss

    before = mb.descend(TRAIN, mb.PairMixup(), **SETTINGS)
    state = torch.get_rng_state()
    with monkeypatch.context() as patch:
        patch.setattr(GroupedLoss, "gradient", interrupted)
        with pytest.raises(KeyboardInterrupt):
            mb.descend(TRAIN, mb.PairMixup(), progress=True, **SETTINGS)
    assert torch.equal(torch.get_rng_state(), state)
    xr.testing.assert_identical(mb.descend(TRAIN, mb.PairMixup(), **SETTINGS), before)


def interrupted(*args):
    raise KeyboardInterrupt


def test_no_warnings_in_the_ordinary_case():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mb.descend(TRAIN, OBJECTIVES, test=TEST, **SETTINGS)

"""Descent against autograd, alone and in batches, and what is recorded of it."""

import numpy as np
import pytest
import torch
import xarray as xr
from theory.theory_reference import (
    F64,
    MODEL,
    SETTINGS,
    TEST,
    TRAIN,
    assert_close,
    descend,
    final_weights,
    loss_and_gradient,
    outputs,
    pair_loss,
    random_data,
    standard_loss,
)

import mixupbook as mb
from mixupbook.theory.losses import GroupedLoss
from mixupbook.theory.patch_network import initial_weights


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
    result = mb.descend(data, objective, dtype=F64, return_weights=True, **settings)
    expected = descend(loss, start(dimension=dimension, init_std=0.1), lr, 7, data, *args)
    assert_close(result.weights.values[0], expected.numpy(), 1e-11)
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
    found = final_weights(TRAIN, objective, dtype=F64, **SETTINGS)[0]
    assert_close(found, weights, 1e-11)


def test_loss_is_that_of_the_objective_in_force():
    settings = {**SETTINGS, "dtype": F64, "record_every": 1}
    result = mb.descend(TRAIN, mb.PairMixup(0.7, stop_step=3), **settings)
    for step in (2, 3):
        weights = final_weights(TRAIN, mb.PairMixup(0.7), **{**settings, "steps": step})[0]
        expected = (
            pair_loss(weights, TRAIN, 0.7, 0.7) if step < 3 else standard_loss(weights, TRAIN)
        )
        assert_close(result.loss.sel(step=step).values[0], expected.numpy(), 1e-11)


def test_what_is_recorded():
    result = mb.descend(TRAIN, mb.Standard(), test=TEST, dtype=F64, return_weights=True, **SETTINGS)
    weights = torch.from_numpy(result.weights.values)
    assert result.step.values.tolist() == [0, 3, 6, 7]
    sizes = {"run": 1, "step": 4, "feature": 4, "example": 11}
    assert result.sizes == {**sizes, "class": 2, "filter": 3, "dimension": 23}
    assert list(result.data_vars) == [
        "loss",
        "train_error",
        "feature_alignment",
        "noise_memorisation",
        "rare_error",
        "common_error",
        "diverged_at",
        "weights",
    ]
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


def test_progress_is_shown_when_asked_for(capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    mb.descend(TRAIN, mb.Standard(), **SETTINGS)
    assert capsys.readouterr() == ("", "")
    mb.descend(TRAIN, mb.Standard(), progress=True, **SETTINGS)
    out, err = capsys.readouterr()
    assert out == ""
    assert "7/7" in err


def test_an_interrupt_is_harmless(monkeypatch):
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


@pytest.mark.parametrize(("dtype", "kind"), [(torch.float32, "float32"), (F64, "float64")])
def test_weights_come_as_they_were_computed(dtype, kind):
    settings = {**SETTINGS, "dtype": dtype, "seed": [3, 4]}
    plain = mb.descend(TRAIN, mb.PairMixup(), **settings)
    result = mb.descend(TRAIN, mb.PairMixup(), return_weights=True, **settings)
    assert "weights" not in plain
    xr.testing.assert_identical(result.drop_vars("weights"), plain)
    assert result.weights.dims == ("run", "class", "filter", "dimension")
    assert result.weights.dtype == kind
    at_the_end = mb.loss_and_gradient(
        torch.from_numpy(result.weights.values), TRAIN, mb.PairMixup()
    )
    assert_close(result.loss.values[:, -1], at_the_end[0].numpy(), 1e-6)


def test_the_old_name_for_the_weights_works_once_more():
    expected = final_weights(TRAIN, mb.PairMixup(), seed=[3, 4], **SETTINGS)
    with pytest.warns(DeprecationWarning, match=r"descend\(\.\.\., return_weights=True\)\.weights"):
        found = mb.descend_weights(TRAIN, mb.PairMixup(), seed=[3, 4], **SETTINGS)
    assert torch.equal(found, expected)
    assert "descend_weights" not in mb.__all__


def test_defaults_are_those_of_the_docstring():
    found = mb.descend(TRAIN, mb.Standard()).attrs
    expected = {"width": 10, "init_std": 0.01, "lr": 0.2, "steps": 1000, "seed": 0}
    expected |= {"record_every": 50, "device": "cpu", "dtype": "float32", "test_examples": 0}
    assert {name: found[name] for name in expected} == expected

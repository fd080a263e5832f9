"""Settling against plain descent, and what is said where it does not settle."""

import numpy as np
import pytest
import torch

import mixupbook as mb

MODEL = mb.FeatureNoise(120, 4, 0.2, 0.2, 1, 0.2, layout="same")
SEEDS = (0, 1, 2)
TRAINS = [MODEL.sample(20, seed=seed, rare=(2, 2)) for seed in SEEDS]
TESTS = [MODEL.sample(100, seed=100 + seed, rare=50) for seed in SEEDS]
SETTINGS = {"width": 3, "lr": 0.2, "seed": SEEDS}


def final_weights(*args, **settings):
    """The weights (run, 2, m, d) that `descend` ends with, in float64."""
    trained = mb.descend(*args, dtype=torch.float64, return_weights=True, **settings)
    return torch.from_numpy(trained.weights.values)


@pytest.fixture(scope="module")
def trained():
    """Where three runs of standard training stand after 200 steps."""
    return final_weights(TRAINS, mb.Standard(), steps=200, **SETTINGS)


def test_settling_agrees_with_plain_descent(trained):
    """To the accuracy of the larger steps, about one per cent of a margin."""
    plain = final_weights(TRAINS, mb.Standard(), steps=4000, **SETTINGS)
    found = mb.settle(TRAINS, trained, steps=3800, return_weights=True)
    assert (found.iterations < 400).all()
    assert (found.equivalent_steps == 3800).all()
    np.testing.assert_allclose(found.weights, plain, atol=0.01 * plain.abs().max())


def test_without_acceleration_it_is_descent():
    """From the start, while residuals are large, a step is a step."""
    start, end = (final_weights(TRAINS, mb.Standard(), steps=n, **SETTINGS) for n in (3, 12))
    found = mb.settle(TRAINS, start, steps=9, return_weights=True)
    assert (found.iterations == 9).all()
    np.testing.assert_allclose(found.weights, end, atol=1e-12)


def test_what_is_measured(trained):
    found = mb.settle(TRAINS, trained, steps=1e6, test=TESTS, return_weights=True)
    assert (found.largest_residual < 1e-4).all()
    assert (found.train_error == 0).all()
    weights = torch.from_numpy(found.weights.values)
    for run, (train, test) in enumerate(zip(TRAINS, TESTS, strict=True)):
        on_features = weights[run, :, :, :4].square().sum(dim=1)
        expected = (on_features[1] - on_features[0]) * torch.tensor([-1, 1, -1, 1])
        np.testing.assert_allclose(found.feature_response[run], expected, rtol=1e-12)

        noise = train.x.double().clone()
        noise[..., :4] = 0
        of_noise = torch.einsum("kmd,npd->nkmp", weights[run], noise).square().sum(dim=(2, 3))
        expected = (of_noise[:, 1] - of_noise[:, 0]) * (2 * train.y - 1)
        np.testing.assert_allclose(found.noise_response[run], expected, rtol=1e-9, atol=1e-12)

        outputs = torch.einsum("kmd,npd->nkmp", weights[run], train.x.double()).square()
        probability = outputs.sum(dim=(2, 3)).softmax(dim=1)[torch.arange(20), 1 - train.y]
        np.testing.assert_allclose(found.largest_residual[run], probability.max(), rtol=1e-9)

        outputs = torch.einsum("kmd,npd->nkmp", weights[run], test.x.double()).square()
        wrong = outputs.sum(dim=(2, 3)).argmax(dim=1) != test.y
        assert float(found.rare_error[run]) == pytest.approx(wrong[test.is_rare].double().mean())
        assert float(found.common_error[run]) == pytest.approx(wrong[~test.is_rare].double().mean())


def test_margins_grow_with_the_logarithm_of_the_time(trained):
    """A thousand times as many steps add about ln 1000 to the smallest margin."""
    logs = [np.log(mb.settle(TRAINS, trained, steps=t).largest_residual) for t in (1e6, 1e9)]
    np.testing.assert_allclose(logs[0] - logs[1], np.log(1000), rtol=0.1)


def test_runs_are_what_they_are_alone(trained):
    steps, lr = [50, 1e4, 2.5e8], [0.1, 0.2, 0.3]
    together = mb.settle(TRAINS, trained, steps=steps, lr=lr)
    assert together.equivalent_steps.values.tolist() == steps
    for run in range(3):
        alone = mb.settle(TRAINS[run], trained[run], steps=steps[run], lr=lr[run])
        for name in together.data_vars:
            np.testing.assert_allclose(together[name][run], alone[name][0], rtol=1e-7, atol=1e-12)


def test_one_start_is_shared_and_arrays_are_taken(trained):
    shared = mb.settle(TRAINS, trained[0].numpy(), steps=1e4)
    alone = mb.settle(TRAINS[1], trained[0], steps=1e4)
    np.testing.assert_allclose(shared.noise_response[1], alone.noise_response[0], rtol=1e-9)
    variable = mb.settle(TRAINS, trained, steps=1e4, return_weights=True).weights
    again = mb.settle(TRAINS, variable, steps=1)
    assert (again.largest_residual < 1e-3).all()


def test_contradictory_labels_never_settle(trained):
    train = TRAINS[0]
    twice = mb.PatchData(
        train.x.repeat(2, 1, 1), torch.cat([train.y, 1 - train.y]), train.is_rare.repeat(2)
    )
    with pytest.warns(RuntimeWarning, match=r"not settled: run 0 after 300 .* residual 0\.\d"):
        found = mb.settle(twice, trained[0], max_iterations=300)
    assert float(found.equivalent_steps[0]) == 300
    assert float(found.largest_residual[0]) >= 0.5


def test_what_leaves_the_range_of_numbers_is_said(trained):
    with pytest.warns(RuntimeWarning, match="not settled: run 0 after nan"):
        found = mb.settle(TRAINS[:1], trained[:1], lr=1e300, max_iterations=50)
    assert np.isnan(found.largest_residual[0])


BAD = [
    ({"weights": torch.zeros(3, 4)}, r"weights must have shape \(..., 2, m, d\)"),
    ({"weights": torch.zeros(2, 3, 120, dtype=torch.int64)}, "weights must be a floating tensor"),
    ({"weights": torch.full((2, 3, 120), torch.nan)}, "weights must be finite"),
    ({"weights": torch.zeros(2, 3, 119)}, "weights must have the dimension of train, 120, got 119"),
    ({"weights": torch.zeros(1, 3, 2, 3, 120)}, r"weights must have shape \(R, 2, m, d\)"),
    ({"weights": torch.zeros(2, 2, 3, 120)}, "sequences must have one entry for each run"),
    ({"train": "digits"}, "train must be PatchData"),
    ({"steps": 0}, "steps must lie in"),
    ({"lr": 0}, "lr must lie in"),
    ({"max_iterations": 1.5}, "max_iterations must be an integer"),
    ({"test": MODEL.sample(3, seed=0).x}, "test must be PatchData"),
    ({"return_weights": 1}, "return_weights must be True or False"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input_is_named(change, message):
    arguments = {"train": TRAINS, "weights": torch.zeros(3, 2, 3, 120)}
    with pytest.raises((TypeError, ValueError), match=message):
        mb.settle(**(arguments | change))

"""Other activations than the square, against autograd over every pair of inputs."""

import numpy as np
import pytest
import torch
from theory.theory_reference import (
    F64,
    SETTINGS,
    TEST,
    TRAIN,
    assert_close,
    exactly,
    final_weights,
    random_data,
    random_weights,
)
from torch.nn.functional import cross_entropy, one_hot

import mixupbook as mb
from mixupbook.theory import mixed_pairs

ACTIVATIONS = {
    "square": torch.square,
    "linear": lambda z: z,
    "relu": torch.relu,
    1: torch.relu,
    1.25: lambda z: z.relu() ** 1.25,
    2: lambda z: z.relu() ** 2,
    np.float32(3): lambda z: z.relu() ** 3,
}
DATA = random_data(7, 3, 5)
WEIGHTS = random_weights(2, 3, 5)


def outputs(weights, x, activation):
    responses = torch.einsum("kmd,...pd->...kmp", weights, x)
    return ACTIVATIONS[activation](responses).sum(dim=(-1, -2))


def reference(weights, data, objective, activation):
    """Loss and gradient by autograd, every pair of inputs formed."""
    weights = weights.clone().requires_grad_()
    x, y = data.x.to(weights), one_hot(data.y, 2).to(weights)
    if isinstance(objective, mb.Standard):
        loss = cross_entropy(
            outputs(weights, x, activation), data.y, label_smoothing=objective.label_smoothing
        )
    else:
        loss = 0
        mask = objective.mask(data)
        for lam, label_lam, weight in zip(*objective.nodes(), strict=True):
            mixed = lam * x[:, None] + (1 - lam) * x[None]
            targets = label_lam * y[:, None] + (1 - label_lam) * y[None]
            logits = outputs(weights, mixed, activation).flatten(0, 1)
            each = cross_entropy(logits, targets.flatten(0, 1), reduction="none")
            loss += weight * (each if mask is None else each[mask.flatten()]).mean()
    return loss.detach(), torch.autograd.grad(loss, weights)[0]


OBJECTIVES = [
    mb.Standard(),
    mb.Standard(0.2),
    mb.PairMixup(0.7),
    mb.PairMixup(0.6, 0.1),
    mb.PairMixup(0.5, 1.0),
    mb.PairMixup(0.8, partners="same_label"),
    mb.PairMixup(0.3, 0.4, partners="common_rare"),
    mb.ExpectedMixup(1.0, quadrature=8),
    mb.ExpectedMixup(2.0, 0.75, quadrature=9),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_loss_and_gradient_are_those_of_autograd(activation, objective):
    found = mb.loss_and_gradient(WEIGHTS, DATA, objective, activation=activation)
    for value, expected in zip(found, reference(WEIGHTS, DATA, objective, activation), strict=True):
        assert_close(value, expected, 1e-10)


@pytest.mark.parametrize("held", [1, 300, 1000])
@pytest.mark.parametrize("objective", OBJECTIVES[4:], ids=repr)
def test_pairs_are_taken_some_at_a_time(objective, held, monkeypatch):
    weights = random_weights(3, 2, 3, 5)  # three runs
    together = mb.loss_and_gradient(weights, DATA, objective, activation=1.25)
    monkeypatch.setitem(mixed_pairs.MANY, "cpu", held)
    found = mb.loss_and_gradient(weights, DATA, objective, activation=1.25)
    for value, expected in zip(found, together, strict=True):
        assert_close(value, expected)


@pytest.mark.parametrize("activation", ["linear", "relu", 1.25])
def test_descent_is_that_of_autograd_with_a_schedule_and_in_a_batch(activation):
    objectives = [mb.PairMixup(0.7, start_step=2, stop_step=5), mb.Standard(0.1), *OBJECTIVES[3:6]]
    settings = {**SETTINGS, "dtype": F64, "activation": activation}
    together = final_weights(TRAIN, objectives, **settings)
    start = mb.descend(TRAIN, mb.Standard(), return_weights=True, **{**settings, "lr": 1e-300})
    for objective, found in zip(objectives, together, strict=True):
        assert_close(found, final_weights(TRAIN, objective, **settings)[0])
        weights = torch.from_numpy(start.weights.values[0])
        for step in range(SETTINGS["steps"]):
            _, gradient = reference(weights, TRAIN, objective.at(step), activation)
            weights = weights - SETTINGS["lr"] * gradient
        assert_close(found, weights, 1e-10)


@pytest.mark.parametrize("activation", ["linear", "relu", 1.25, "square"])
def test_what_is_measured_is_of_that_network(activation):
    settings = {**SETTINGS, "dtype": F64, "activation": activation, "record_every": 7}
    result = mb.descend(TRAIN, mb.PairMixup(), test=TEST, return_weights=True, **settings)
    weights = torch.from_numpy(result.weights.values[0])
    for data, errors in ((TRAIN, ["train_error"]), (TEST, ["rare_error", "common_error"])):
        wrong = outputs(weights, data.x.double(), activation).argmax(dim=1) != data.y
        among = [data.is_rare, ~data.is_rare] if len(errors) == 2 else [wrong | ~wrong]
        for name, kind in zip(errors, among, strict=True):
            assert result[name].values[0, -1] == wrong[kind].double().mean().item()
    expected, _ = reference(weights, TRAIN, mb.PairMixup(), activation)
    assert_close(result.loss.values[0, -1], expected.numpy(), 1e-10)


@pytest.mark.parametrize(("given", "held"), [("square", "square"), (1, "relu"), (2, 2.0)])
def test_the_activation_is_an_attribute(given, held):
    assert mb.descend(TRAIN, mb.Standard(), activation=given, **SETTINGS).activation == held


def test_a_response_of_zero_has_no_slope_but_under_linear():
    data = random_data(3, 2, 5)
    for activation, slope in (("relu", 0), (1.5, 0), ("linear", 1)):
        _, gradient = mb.loss_and_gradient(
            torch.zeros(2, 1, 5), data, mb.PairMixup(), activation=activation
        )
        assert gradient.any() == slope


def test_float32_follows_float64():
    single, double = (
        mb.descend(TRAIN, mb.PairMixup(), activation="relu", steps=300, dtype=dtype)
        for dtype in (torch.float32, F64)
    )
    np.testing.assert_allclose(single.loss, double.loss, rtol=1e-4)


@pytest.mark.parametrize(
    ("activation", "error", "message"),
    [
        (
            "Relu",
            ValueError,
            "activation must be one of 'square', 'linear', 'relu', got 'Relu' "
            "(did you mean 'relu'?)",
        ),
        (0.5, ValueError, "activation must lie in [1, inf), got 0.5"),
        (float("nan"), ValueError, "activation must be finite, got nan"),
        (
            True,
            TypeError,
            "activation must be 'square', 'linear', 'relu', or the degree of max(z, 0)^q, a number "
            "of at least 1, got True",
        ),
    ],
)
def test_others_are_refused(activation, error, message):
    with pytest.raises(error, match=exactly(message)):
        mb.descend(TRAIN, mb.Standard(), activation=activation)
    with pytest.raises(error, match=exactly(message)):
        mb.loss_and_gradient(WEIGHTS, DATA, mb.Standard(), activation=activation)

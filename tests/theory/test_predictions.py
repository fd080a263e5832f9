"""Closed-form predictions against independent derivations and direct gradients."""

import math

import pytest
import torch
from theory.theory_reference import exactly

from mixupbook.theory.feature_noise import FeatureNoise, PatchData
from mixupbook.theory.gradients import loss_and_gradient
from mixupbook.theory.objectives import PairMixup, Standard
from mixupbook.theory.predictions import (
    critical_margin,
    cross_term_pushes,
    equilibrium_margin,
    growth_rates,
    steps_to_grow,
)

MARGINS = {0.55: 7.28, 0.6: 5.41, 0.7: 3.98, 0.75: 3.69, 0.8: 3.54, 0.9: 3.65, 0.95: 4.06}


def feature_data(features: list[int], labels: list[int]) -> PatchData:
    """One patch per example, each a feature."""
    x = torch.eye(6, dtype=torch.float64)[torch.tensor(features)][:, None]
    return PatchData(x, torch.tensor(labels), torch.tensor(features) >= 2)


def learned(margin: float) -> torch.Tensor:
    """Weights (2, 1, 6) that respond to each class's common feature, and to nothing else."""
    weights = torch.zeros(2, 1, 6, dtype=torch.float64)
    weights[0, 0, 0] = weights[1, 0, 1] = margin**0.5
    return weights


def test_rates_of_features_are_those_of_the_gradient():
    model = FeatureNoise(40, 3, 0.25, 0.0, 1, 0.3)
    data = model.sample(4000, seed=0, rare=1000)
    weights = torch.full((2, 1, 40), 1e-4)
    _, gradient = loss_and_gradient(weights, data, Standard())
    grown = -gradient[1, 0, [1, 3]] / 1e-4
    rates = growth_rates(model, 4000)
    assert grown.tolist() == pytest.approx([rates.common, rates.rare], rel=0.1)


def test_rate_of_noise_is_that_of_an_example_alone():
    model = FeatureNoise(3000, 2, 0.0, 0.0, 0, 0.1)
    data = model.sample(5, seed=3)
    noise = data.x[0].clone()
    noise[:, :4] = 0
    weights = torch.zeros(2, 1, 3000)
    own = int(data.y[0])
    weights[own, 0] = 1e-3 * noise.sum(dim=0)
    _, gradient = loss_and_gradient(weights, data, Standard())
    grown = -(gradient[own, 0] @ weights[own, 0]) / (weights[own, 0] @ weights[own, 0])
    assert float(grown) == pytest.approx(growth_rates(model, 5).noise, rel=0.1)


def test_steps_to_grow_inverts_growth():
    steps = steps_to_grow(50.0, 0.3, 0.2)
    assert (1 + 0.2 * 0.3) ** steps == pytest.approx(50.0)


@pytest.mark.parametrize("lam", MARGINS)
def test_equilibrium_margin_of_separate_patches(lam):
    assert equilibrium_margin(lam) == pytest.approx(MARGINS[lam], abs=0.005)


@pytest.mark.parametrize(("lam", "label_lam"), [(0.7, 0.7), (0.6, 0.9), (0.85, 0.55), (1.0, 0.8)])
def test_gradient_vanishes_at_the_equilibrium(lam, label_lam):
    data = feature_data([0, 1], [0, 1])
    margin = equilibrium_margin(lam, label_lam, overlap=1)
    _, gradient = loss_and_gradient(learned(margin), data, PairMixup(lam, label_lam))
    assert gradient[0, 0, 0].abs() < 1e-12
    _, elsewhere = loss_and_gradient(learned(1.3 * margin), data, PairMixup(lam, label_lam))
    assert elsewhere[0, 0, 0] > 1e-3


@pytest.mark.parametrize(("lam", "label_lam"), [(0.5, 0.75), (0.7, 1), (0.9, 1.0)])
def test_no_equilibrium(lam, label_lam):
    assert equilibrium_margin(lam, label_lam) == math.inf


@pytest.mark.parametrize("label_lam", [0.0, 0.6, 0.7, 1.0])
@pytest.mark.parametrize("margin", [0.3, 2.0, 9.0])
def test_pushes_are_those_of_the_gradient(label_lam, margin):
    lam, data = 0.7, feature_data([0, 1, 3], [0, 1, 1])
    pairs = PairMixup(lam, label_lam, partners="common_rare")
    _, gradient = loss_and_gradient(learned(margin), data, pairs)
    # Four ordered pairs: two of the same label, two of different labels.
    scale = 2 * lam * (1 - lam) * margin**0.5 / 4
    pushes = cross_term_pushes(lam, margin)
    assert -float(gradient[1, 0, 3]) == pytest.approx(scale * pushes.right, rel=1e-12)
    assert -float(gradient[0, 0, 3]) == pytest.approx(scale * pushes.wrong, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("lam", [0.5, 0.6, 0.7, 0.9, 0.99])
def test_pushes_balance_at_the_critical_margin(lam):
    pushes = cross_term_pushes(lam, critical_margin(lam))
    assert pushes.right == pytest.approx(-pushes.wrong)


@pytest.mark.parametrize("lam", [1e-6, 1e-9, 1e-100, 1e-150])
def test_critical_margin_of_hardly_any_mixing(lam):
    """There exp(-A) = l^2 A / 4, which differences of logistic functions could not resolve."""
    margin = critical_margin(lam)
    assert -margin == pytest.approx(2 * math.log(lam) + math.log(margin / 4), rel=1e-5)


def test_pushes_at_infinite_margin():
    assert cross_term_pushes(0.6, math.inf) == (0.0, -1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: growth_rates(FeatureNoise(9, 2, 0.1, 0.2, 1, 0.1), 0),
            exactly("n must be at least 1, got 0"),
        ),
        (lambda: steps_to_grow(0.5, 1.0, 1.0), exactly("factor must lie in [1, inf), got 0.5")),
        (lambda: steps_to_grow(2.0, 0.0, 1.0), exactly("rate must lie in (0, inf), got 0.0")),
        (lambda: equilibrium_margin(0.4), exactly("lam must lie in [0.5, 1], got 0.4")),
        (lambda: equilibrium_margin(0.7, 1.2), exactly("label_lam must lie in [0, 1], got 1.2")),
        (
            lambda: equilibrium_margin(0.7, overlap=-0.1),
            exactly("overlap must lie in [0, 1], got -0.1"),
        ),
        (lambda: cross_term_pushes(0.7, -1.0), exactly("margin must lie in [0, inf), got -1.0")),
        (
            lambda: cross_term_pushes(1.0, math.inf),
            exactly("margin must be finite where lam is 0 or 1, got inf"),
        ),
        (lambda: critical_margin(1.0), exactly("lam must lie in [1e-150, 1), got 1.0")),
        (lambda: critical_margin(1e-200), exactly("lam must lie in [1e-150, 1), got 1e-200")),
    ],
)
def test_wrong_values_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_wrong_model_is_named():
    with pytest.raises(TypeError, match="model must be a FeatureNoise"):
        growth_rates("model", 5)

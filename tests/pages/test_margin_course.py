"""Margins of networks against the network's own outputs, and against the reduced dynamics."""

import numpy as np
import pytest
import torch

from mixupbook.pages.margin_course import (
    computed_course,
    feature_margins,
    measured_course,
    noise_energies,
)
from mixupbook.theory.feature_noise import FeatureNoise
from mixupbook.theory.objectives import PairMixup
from mixupbook.theory.reduced import reduced_dynamics

MODEL = FeatureNoise(30, 4, 0.3, 0.2, 1, 0.3, layout="same")
COUNTS = ((1, 5), (3, 2))


@pytest.fixture
def samples():
    return [MODEL.sample(15, seed=seed, rare=rare) for seed, rare in enumerate(COUNTS)]


@pytest.fixture
def weights():
    generator = torch.Generator().manual_seed(3)
    return torch.randn(2, 2, 5, 30, dtype=torch.float64, generator=generator)


def output(network, patches, k):
    """F_k of one example, by the definition."""
    return float(sum((w @ patch) ** 2 for w in network[k] for patch in patches))


def test_a_features_margin_is_that_of_an_example_that_is_nothing_else(weights):
    found = feature_margins(weights)
    assert found.shape == (2, 4)
    for run, network in enumerate(weights):
        for feature, k in enumerate((0, 1, 0, 1)):
            alone = torch.eye(30, dtype=torch.float64)[[feature]]
            margin = output(network, alone, k) - output(network, alone, 1 - k)
            assert found[run, feature] == pytest.approx(margin)
    np.testing.assert_array_equal(feature_margins(weights[1]), found[1])


def test_noise_energies_are_outputs_on_the_noise_alone(weights, samples):
    own, other = noise_energies(weights[0], samples[0])
    for i, (x, y) in enumerate(zip(samples[0].x.double(), samples[0].y.tolist(), strict=True)):
        noise = [patch for patch in x if not patch[:4].any()]
        assert len(noise) == 2
        assert own[i] == pytest.approx(output(weights[0], noise, y))
        assert other[i] == pytest.approx(output(weights[0], noise, 1 - y))


def test_the_measured_course_is_made_of_means(weights, samples):
    found = measured_course(weights, samples)
    margins = feature_margins(weights)
    np.testing.assert_allclose(found[0], (margins[:, 0] + margins[:, 1]) / 2)
    np.testing.assert_allclose(found[1], (margins[:, 2] + margins[:, 3]) / 2)
    for run, data in enumerate(samples):
        own, other = noise_energies(weights[run], data)
        rare = data.is_rare.nonzero().flatten().tolist()
        assert found[2, run] == pytest.approx(np.mean([own[i] - other[i] for i in rare]))


def test_the_computed_course_weighs_classes_by_their_rare_examples(samples):
    reduced = reduced_dynamics(
        MODEL, PairMixup(0.7), train=samples, steps=12, record_every=4, seed=[0, 1]
    )
    found = computed_course(reduced, samples)
    assert found.shape == (3, 2, 4)
    response, noise = reduced.feature_response, reduced.noise_response
    for run, (zeros, ones) in enumerate(COUNTS):
        common = (response[run, :, 0] + response[run, :, 1]) / 2
        rare = (response[run, :, 2] + response[run, :, 3]) / 2
        by_noise = (zeros * noise[run, :, 2] + ones * noise[run, :, 3]) / (zeros + ones)
        np.testing.assert_allclose(found[:, run], [common, rare, by_noise])

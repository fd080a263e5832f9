"""What networks say of examples, against loops and the softmax of their outputs."""

import pytest
import torch

from mixupbook.pages.network_outputs import margins, mistakes, residuals
from mixupbook.theory.feature_noise import FeatureNoise

DATA = FeatureNoise(11, 3, 0.4, 0.2, 1, 0.5).sample(9, seed=1)
WEIGHTS = torch.randn(2, 4, 11, generator=torch.Generator().manual_seed(0))


def outputs() -> torch.Tensor:
    """Filter by filter and patch by patch, shape (n, 2)."""
    found = torch.zeros(len(DATA), 2)
    for i, example in enumerate(DATA.x):
        for k, filters in enumerate(WEIGHTS):
            found[i, k] = sum((w @ patch) ** 2 for w in filters for patch in example)
    return found


def test_margins_are_differences_of_the_outputs():
    torch.testing.assert_close(margins(WEIGHTS, DATA.x), outputs()[:, 1] - outputs()[:, 0])


def test_residuals_are_what_the_softmax_leaves():
    given = outputs().softmax(dim=1)[torch.arange(len(DATA)), DATA.y]
    torch.testing.assert_close(residuals(WEIGHTS, DATA), 1 - given, rtol=1e-3, atol=1e-6)


def test_mistakes_are_where_the_larger_output_is_the_other_class():
    wrong = outputs().argmax(dim=1) != DATA.y
    assert 0 < wrong.sum() < len(DATA)
    assert torch.equal(mistakes(WEIGHTS, DATA), wrong.double())


def test_weights_of_several_networks_are_refused():
    with pytest.raises(ValueError, match=r"weights must have shape \(2, m, d\), got \(1, 2, 4, 11"):
        margins(WEIGHTS[None], DATA.x)

"""Minibatches of everything are full batches, and smaller ones follow autograd's gradient."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from mixupbook.pages.theory_runs import final_weights
from mixupbook.theory.feature_noise import FeatureNoise
from mixupbook.theory.minibatches import descend_on_minibatches
from mixupbook.theory.objectives import Standard
from mixupbook.theory.patch_network import initial_weights

MODEL = FeatureNoise(11, 3, 0.4, 0.2, 1, 0.5)
TRAIN = [MODEL.sample(9, seed=seed) for seed in (1, 2)]
START = initial_weights([5, 6], 4, 11, 0.3)


def test_batches_of_all_examples_are_plain_descent():
    found = descend_on_minibatches(START, TRAIN, size=9, steps=7, lr=0.4)
    plain = final_weights(TRAIN, Standard(), seed=[5, 6], width=4, init_std=0.3, steps=7, lr=0.4)
    torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-6)


def test_a_step_goes_down_the_gradient_of_its_batch():
    drawn = torch.rand(2, 9, generator=torch.Generator().manual_seed(3)).argsort(dim=1)[:, :4]
    found = descend_on_minibatches(START, TRAIN, size=4, steps=1, lr=0.4, seed=3)
    for start, data, batch, end in zip(START, TRAIN, drawn, found, strict=True):
        weights = start.clone().requires_grad_()
        outputs = torch.einsum("ipd,krd->ikrp", data.x[batch], weights).square().sum(dim=(2, 3))
        cross_entropy(outputs, data.y[batch]).backward()
        torch.testing.assert_close(end, start - 0.4 * weights.grad, rtol=1e-4, atol=1e-6)


def test_a_batch_holds_no_more_than_there_is():
    with pytest.raises(ValueError, match="size must be from 1 to 9, got 10"):
        descend_on_minibatches(START, TRAIN, size=10, steps=1, lr=0.4)

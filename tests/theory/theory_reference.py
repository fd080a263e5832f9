"""Slow references for the theory wing: every pair is formed, every gradient is autograd's."""

import re

import torch
from torch.nn.functional import cross_entropy, one_hot

import mixupbook as mb

F64 = torch.float64
MODEL = mb.FeatureNoise(23, 4, 0.3, 0.2, 1, 0.3)
TRAIN = MODEL.sample(11, seed=0, rare=3)
TEST = MODEL.sample(31, seed=1, rare=9)
SETTINGS = {"width": 3, "init_std": 0.3, "lr": 0.1, "steps": 7, "record_every": 3}


def random_data(n, patches, dimension, seed=0):
    """Dense examples of no model at all, so that nothing vanishes by luck."""
    generator = torch.Generator().manual_seed(seed)
    return mb.PatchData(
        torch.randn(n, patches, dimension, generator=generator),
        torch.randint(2, (n,), generator=generator),
        torch.rand(n, generator=generator) < 0.3,
    )


def random_weights(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator) * 0.4


def outputs(weights, x):
    """F_k(x) for x (..., P, d), by the definition."""
    return torch.einsum("kmd,...pd->...kmp", weights, x).square().sum(dim=(-1, -2))


def standard_loss(weights, data, label_smoothing=0.0):
    return cross_entropy(
        outputs(weights, data.x.to(weights)), data.y, label_smoothing=label_smoothing
    )


def pair_loss(weights, data, lam, label_lam, mask=None):
    """The mean over all ordered pairs, or over those in the mask, of materialised mixtures."""
    x, y = data.x.to(weights), one_hot(data.y, 2).to(weights)
    mixed = lam * x[:, None] + (1 - lam) * x[None]
    targets = label_lam * y[:, None] + (1 - label_lam) * y[None]
    logits = outputs(weights, mixed).flatten(0, 1)
    losses = cross_entropy(logits, targets.flatten(0, 1), reduction="none")
    return losses.mean() if mask is None else losses[mask.flatten()].mean()


def loss_and_gradient(loss, weights, *args):
    """Value and gradient in the weights of one of the losses above, by autograd."""
    weights = weights.clone().requires_grad_()
    value = loss(weights, *args)
    return value.detach(), torch.autograd.grad(value, weights)[0]


def descend(loss, weights, lr, steps, *args):
    """Gradient descent by autograd."""
    for _ in range(steps):
        weights = weights - lr * loss_and_gradient(loss, weights, *args)[1]
    return weights


def final_weights(*args, **settings):
    """The weights that `mixupbook.descend` ends with."""
    return torch.from_numpy(mb.descend(*args, return_weights=True, **settings).weights.values)


def exactly(message):
    """A pattern for `pytest.raises` that matches this message alone, from its start to its end."""
    return f"^{re.escape(message)}$"


def assert_close(value, expected, tolerance=1e-12):
    """Relative agreement in the largest entry."""
    assert abs(value - expected).max() <= tolerance * abs(expected).max()

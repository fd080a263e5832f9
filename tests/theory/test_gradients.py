"""Losses and gradients against autograd over materialised pairs."""

import math

import pytest
import torch
from scipy.integrate import quad_vec
from theory.theory_reference import (
    assert_close,
    exactly,
    final_weights,
    loss_and_gradient,
    outputs,
    pair_loss,
    random_data,
    random_weights,
    standard_loss,
)

import mixupbook as mb

SIZES = [(7, 3, 11, 5), (11, 1, 3, 2), (1, 5, 7, 1), (5, 2, 13, 7)]  # n, P, d, m


def case(n, patches, dimension, width):
    return random_data(n, patches, dimension), random_weights(2, width, dimension)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_standard_agrees_with_autograd(size, smoothing):
    data, weights = case(*size)
    value, gradient = mb.loss_and_gradient(weights, data, mb.Standard(smoothing))
    expected = loss_and_gradient(standard_loss, weights, data, smoothing)
    assert_close(value, expected[0])
    assert_close(gradient, expected[1])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("lam", "label_lam"), [(0.7, None), (0.7, 0.6), (0.5, 0.75), (0.3, 1.0), (0.9, 0.0), (1.0, 0.5)]
)
def test_pair_mixup_agrees_with_autograd(size, lam, label_lam):
    data, weights = case(*size)
    value, gradient = mb.loss_and_gradient(weights, data, mb.PairMixup(lam, label_lam))
    label_lam = lam if label_lam is None else label_lam
    expected = loss_and_gradient(pair_loss, weights, data, lam, label_lam)
    assert_close(value, expected[0])
    assert_close(gradient, expected[1])


def kept_pairs(data, name):
    """The named masks, pair by pair."""
    y, rare = data.y.tolist(), data.is_rare.tolist()
    rules = {
        "same_label": lambda i, j: y[i] == y[j],
        "other_label": lambda i, j: y[i] != y[j],
        "common_rare": lambda i, j: rare[i] != rare[j],
        "not_common_rare": lambda i, j: rare[i] == rare[j],
    }
    return torch.tensor([[rules[name](i, j) for j in range(len(y))] for i in range(len(y))])


@pytest.mark.parametrize("name", ["same_label", "other_label", "common_rare", "not_common_rare"])
def test_named_partners_agree_with_autograd(name):
    data, weights = case(11, 3, 7, 5)
    value, gradient = mb.loss_and_gradient(weights, data, mb.PairMixup(0.7, 0.8, partners=name))
    mask = kept_pairs(data, name)
    assert 0 < mask.sum() < mask.numel()
    expected = loss_and_gradient(pair_loss, weights, data, 0.7, 0.8, mask)
    assert_close(value, expected[0])
    assert_close(gradient, expected[1])


def test_partners_may_be_any_mask_of_ordered_pairs():
    data, weights = case(7, 3, 11, 5)
    mask = torch.rand(7, 7, generator=torch.Generator().manual_seed(1)) < 0.4
    assert not torch.equal(mask, mask.T)
    objective = mb.PairMixup(0.6, partners=lambda given: mask if given is data else None)
    value, gradient = mb.loss_and_gradient(weights, data, objective)
    expected = loss_and_gradient(pair_loss, weights, data, 0.6, 0.6, mask)
    assert_close(value, expected[0])
    assert_close(gradient, expected[1])


MAPS = {
    "identity": lambda lam: lam,
    "sqrt": lambda lam: 0.5 + math.sqrt((lam - 0.5) / 2),
    "hard": lambda lam: 1.0,
    0.8: lambda lam: 0.8,
}


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("label_map", MAPS)
def test_expected_mixup_agrees_with_adaptive_integration(alpha, label_map):
    data, weights = case(5, 2, 7, 3)
    value, gradient = mb.loss_and_gradient(weights, data, mb.ExpectedMixup(alpha, label_map))

    def density_times_loss(s):
        # l = 1 - s^(1/a) / 2 takes the singularity of the density at l = 1 away.
        lam = 1 - s ** (1 / alpha) / 2
        density = lam ** (alpha - 1) / (alpha * 2**alpha)
        label_lam = MAPS[label_map](lam)
        found = loss_and_gradient(pair_loss, weights, data, lam, label_lam)
        return density * torch.cat([torch.ones(1), found[0][None], found[1].flatten()]).numpy()

    mass, *expected = torch.from_numpy(quad_vec(density_times_loss, 0, 1, epsrel=1e-12)[0])
    expected = torch.stack(expected) / mass
    assert_close(value, expected[0], 1e-11)
    assert_close(gradient.flatten(), expected[1:], 1e-11)


def test_expected_mixup_agrees_with_draws_of_beta():
    data, weights = case(5, 3, 7, 3)
    alpha, draws = 0.5, 4000
    law = torch.distributions.Beta(*torch.full((2,), alpha, dtype=torch.float64))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        lams = law.sample((draws,)).tolist()
    drawn = torch.stack([pair_loss(weights, data, lam, lam) for lam in lams])
    value, _ = mb.loss_and_gradient(weights, data, mb.ExpectedMixup(alpha))
    assert abs(value - drawn.mean()) < 4 * drawn.std() / math.sqrt(draws)


def test_the_default_quadrature_is_converged_where_the_book_uses_it():
    data = mb.FeatureNoise(300, 5, 0.1, 0.2, 1, 0.25, layout="same").sample(40, seed=0, rare=4)
    weights = final_weights(data, mb.Standard(), steps=600, dtype=torch.float64)[0]
    for alpha in (0.2, 1.0, 4.0):
        coarse = mb.loss_and_gradient(weights, data, mb.ExpectedMixup(alpha))
        fine = mb.loss_and_gradient(weights, data, mb.ExpectedMixup(alpha, quadrature=64))
        assert_close(coarse[0], fine[0], 1e-10)
        assert_close(coarse[1], fine[1], 1e-10)


def quadrature_error(weights, data, nodes, reference, label_map="identity"):
    """Of the gradient, relative to its largest entry."""
    coarse, fine = (
        mb.loss_and_gradient(weights, data, mb.ExpectedMixup(1.0, label_map, quadrature=nodes))[1]
        for nodes in (nodes, reference)
    )
    return float(abs(coarse - fine).max() / abs(fine).max())


# What the docstring of `ExpectedMixup` says.
@pytest.mark.parametrize(
    ("std", "margin", "error"),
    [(0.4, 20, 1e-10), (0.6, 50, 2e-6), (1.0, 150, 3e-4), (2.0, 700, 2e-3)],
)
def test_the_error_of_the_default_quadrature_grows_with_the_margins(std, margin, error):
    data = random_data(9, 3, 7)
    weights = std / 0.4 * random_weights(2, 6, 7)
    of_classes = outputs(weights, data.x.double())
    largest = abs(of_classes[:, 1] - of_classes[:, 0]).max()
    assert 0.5 * margin < largest < 1.2 * margin
    found = quadrature_error(weights, data, 32, 400)
    assert found < error
    # Twice the nodes tell the error, where it is more than rounding.
    assert quadrature_error(weights, data, 32, 64) == pytest.approx(found, rel=0.5, abs=1e-12)


@pytest.mark.parametrize(
    ("label_map", "least", "most"),
    [
        (lambda lam: (1.5 * lam - 0.25).clamp(max=1), 1e-6, 1e-4),
        (lambda lam: (lam > 0.7).to(lam), 1e-4, 2e-2),
    ],
    ids=["kink", "step"],
)
def test_label_maps_that_are_not_smooth_converge_slowly(label_map, least, most):
    data, weights = random_data(9, 3, 7), 0.25 * random_weights(2, 6, 7)
    assert quadrature_error(weights, data, 32, 400) < 1e-12
    assert least < quadrature_error(weights, data, 32, 500, label_map) < most


def test_mixing_with_coefficient_one_is_standard_training():
    data, weights = case(7, 3, 11, 5)
    mixed = mb.loss_and_gradient(weights, data, mb.PairMixup(1.0))
    standard = mb.loss_and_gradient(weights, data, mb.Standard())
    assert_close(mixed[0], standard[0])
    assert_close(mixed[1], standard[1])


def test_swapping_the_examples_of_all_pairs_changes_nothing():
    data, weights = case(7, 3, 11, 5)
    one = mb.loss_and_gradient(weights, data, mb.PairMixup(0.7, 0.9))
    other = mb.loss_and_gradient(weights, data, mb.PairMixup(0.3, 0.1))
    assert_close(one[0], other[0])
    assert_close(one[1], other[1])


def test_large_margins_keep_their_digits():
    data, weights = case(7, 3, 11, 5)
    weights = 8 * weights
    for objective, reference, *args in [
        (mb.Standard(), standard_loss),
        (mb.PairMixup(0.8, 1.0), pair_loss, 0.8, 1.0),
        (mb.PairMixup(0.8, 0.0), pair_loss, 0.8, 0.0),
        (mb.PairMixup(0.0), pair_loss, 0.0, 0.0),
    ]:
        value, gradient = mb.loss_and_gradient(weights, data, objective)
        expected = loss_and_gradient(reference, weights, data, *args)
        assert_close(value, expected[0])
        assert_close(gradient, expected[1])


def test_a_learned_example_has_a_small_loss_and_gradient_not_zero():
    data = mb.PatchData(torch.eye(5)[None, :1], torch.tensor([1]), torch.tensor([False]))
    weights = torch.zeros(2, 1, 5)
    weights[1, 0, 0] = 5.0
    value, gradient = mb.loss_and_gradient(weights, data, mb.Standard())
    assert value.item() == pytest.approx(math.exp(-25), rel=1e-5)
    assert gradient[1, 0, 0].item() == pytest.approx(-10 * math.exp(-25), rel=1e-5)


def test_the_mirrored_coefficients_are_the_same_mixup():
    """Also of single pairs, the mask mirrored; and to the last digits on well-learned examples."""
    data, weights = case(7, 3, 11, 5)
    mask = torch.rand(7, 7, generator=torch.Generator().manual_seed(0)) < 0.5
    for label_lam in (0.0, 0.2, 0.9):
        objective = mb.PairMixup(0.3, label_lam, partners=lambda data: mask)
        mirrored = mb.PairMixup(0.7, 1 - label_lam, partners=lambda data: mask.T)
        value, gradient = mb.loss_and_gradient(8 * weights, data, objective)
        expected = mb.loss_and_gradient(8 * weights, data, mirrored)
        assert_close(value, expected[0])
        assert_close(gradient, expected[1])


@pytest.mark.parametrize("shared", [True, False])
def test_runs_in_a_batch_are_the_runs_alone(shared):
    weights = random_weights(5, 2, 3, 11)
    data = [random_data(7, 3, 11, seed=0 if shared else run) for run in range(5)]
    data = data[0] if shared else data
    objectives = [
        mb.PairMixup(0.7),
        mb.Standard(0.1),
        mb.ExpectedMixup(quadrature=6),
        mb.PairMixup(0.6, 1.0, partners="same_label"),
        mb.Standard(),
    ]
    values, gradients = mb.loss_and_gradient(weights, data, objectives)
    assert values.shape == (5,)
    assert gradients.shape == weights.shape
    for run in range(5):
        alone = mb.loss_and_gradient(weights[run], data if shared else data[run], objectives[run])
        assert_close(values[run], alone[0])
        assert_close(gradients[run], alone[1])


def test_the_precision_is_that_of_the_weights():
    data, weights = case(7, 3, 11, 5)
    value, gradient = mb.loss_and_gradient(weights.float(), data, mb.PairMixup())
    exact = mb.loss_and_gradient(weights, data, mb.PairMixup())
    assert value.dtype == gradient.dtype == torch.float32
    assert_close(value, exact[0], 1e-5)
    assert_close(gradient, exact[1], 1e-5)


def test_autograd_is_neither_needed_nor_in_the_way():
    data, weights = case(7, 3, 11, 5)
    tracked = mb.PatchData(data.x.clone().requires_grad_(), data.y, data.is_rare)
    value, gradient = mb.loss_and_gradient(weights.requires_grad_(), tracked, mb.PairMixup())
    assert not value.requires_grad
    assert not gradient.requires_grad
    untracked = final_weights(data, mb.PairMixup(), steps=2)
    assert torch.equal(final_weights(tracked, mb.PairMixup(), steps=2), untracked)


def test_nothing_given_is_changed():
    data, weights = case(7, 3, 11, 5)
    before = [t.clone() for t in (weights, data.x, data.y, data.is_rare)]
    mb.loss_and_gradient(weights, data, mb.PairMixup(partners="same_label"))
    after = (weights, data.x, data.y, data.is_rare)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([1.0], TypeError, exactly("weights must be a floating tensor, got list")),
        (
            torch.ones(2, 3, 11, dtype=torch.int64),
            TypeError,
            exactly("weights must be a floating tensor, got torch.int64"),
        ),
        (
            torch.ones(3, 2, 11),
            ValueError,
            exactly("weights must have shape (2, m, d) or (R, 2, m, d), got (3, 2, 11)"),
        ),
        (
            torch.ones(2, 0, 11),
            ValueError,
            exactly("weights must have shape (2, m, d) or (R, 2, m, d), got (2, 0, 11)"),
        ),
        (
            torch.ones(2, 11),
            ValueError,
            exactly("weights must have shape (2, m, d) or (R, 2, m, d), got (2, 11)"),
        ),
        (
            torch.ones(2, 3, 10),
            ValueError,
            exactly("weights must have the dimension of the data, 11, got 10"),
        ),
    ],
)
def test_wrong_weights(weights, error, message):
    with pytest.raises(error, match=message):
        mb.loss_and_gradient(weights, random_data(7, 3, 11), mb.Standard())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("objective", [mb.Standard(), mb.PairMixup()])
def test_weights_that_are_not_finite(value, objective):
    data, weights = case(7, 3, 11, 5)
    weights[1, 2, 3] = value
    with pytest.raises(ValueError, match="weights must be finite, got NaN or infinite"):
        mb.loss_and_gradient(weights, data, objective)


@pytest.mark.parametrize("objective", [mb.Standard(), mb.PairMixup(), mb.ExpectedMixup()])
def test_what_leaves_the_range_of_the_precision_is_named(objective):
    data, weights = case(7, 3, 11, 5)
    large = torch.full((2, 5, 11), 1e30)
    batch = torch.stack([large, weights.float(), large])
    with pytest.raises(FloatingPointError, match=r"range of torch.float32: run 0; run 2; smaller"):
        mb.loss_and_gradient(batch, data, objective)
    with pytest.raises(FloatingPointError, match=r"range of torch.float32: run 0; smaller"):
        mb.loss_and_gradient(large, data, objective)
    assert mb.loss_and_gradient(large.double(), data, objective)[0].isfinite()


def test_data_have_to_fit_into_the_precision_of_the_weights():
    data, weights = case(7, 3, 11, 5)
    large = mb.PatchData(data.x.double() * 1e200, data.y, data.is_rare)
    with pytest.raises(ValueError, match=r"data must hold numbers in the range of torch.float32"):
        mb.loss_and_gradient(weights.float(), large, mb.Standard())


def test_weights_without_values():
    data, weights = case(7, 3, 11, 5)
    with pytest.raises(ValueError, match=r"weights must hold values, got .* 'meta'"):
        mb.loss_and_gradient(weights.to("meta"), data, mb.Standard())


def test_wrong_data_and_objectives():
    data, weights = case(7, 3, 11, 5)
    with pytest.raises(TypeError, match=r"data must be PatchData.*got Tensor"):
        mb.loss_and_gradient(weights, data.x, mb.Standard())
    with pytest.raises(TypeError, match=r"objective must be Standard.*got 'mixup'"):
        mb.loss_and_gradient(weights, data, "mixup")
    with pytest.raises(ValueError, match="one entry for each run, got 2 in weights, 3 in data"):
        mb.loss_and_gradient(weights.expand(2, -1, -1, -1), [data] * 3, mb.Standard())
    with pytest.raises(ValueError, match="data must have the same shape in all runs"):
        mb.loss_and_gradient(
            weights.expand(2, -1, -1, -1), [data, random_data(5, 3, 11)], mb.Standard()
        )

"""The conservation law by an adaptive integrator, where it holds and where it must not."""

import numpy as np
import pytest
import torch
from scipy.stats import ortho_group

import mixupbook as mb

MODEL = mb.FeatureNoise(44, 4, 0.3, 0.2, 1, 0.35, layout="same")
TRAIN = mb.orthogonal_sample(MODEL, (7, 7, 2, 3))


def start(seed=0, width=3, scale=0.02):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(2, width, 44, dtype=torch.float64, generator=generator)


def drift(path, train=TRAIN):
    conserved = mb.conserved_quantity(path, train)
    return float((conserved - conserved[0]).abs().max())


def growth(path):
    """The largest change of log|<w, r>| along the path."""
    return float((path[-1, ..., 2:4].abs().log() - path[0, ..., 2:4].abs().log()).abs().max())


def in_time(time):
    """Weights of the examples that change in time, rare ones the heavier."""
    return (1 + 8 * TRAIN.is_rare.numpy()) * (1 + 0.5 * np.sin(time + np.arange(len(TRAIN))))


FLOWS = {
    "standard": {},
    "label smoothing": {"label_smoothing": 0.1},
    "weights in time": {"example_weights": in_time},
}


@pytest.mark.parametrize("flow", FLOWS)
def test_it_is_conserved_to_eight_digits(flow):
    path = mb.gradient_flow(TRAIN, start(), [0, 1, 10, 40], **FLOWS[flow])
    assert growth(path) > 0.5
    assert drift(path) < 1e-8


def test_it_is_conserved_in_a_turned_basis_of_noise():
    """Nothing depends on the axes along which the noise lies."""
    turn = torch.eye(44, dtype=torch.float64)
    turn[4:, 4:] = torch.from_numpy(ortho_group.rvs(40, random_state=0))
    turned = mb.PatchData(TRAIN.x.double() @ turn, TRAIN.y, TRAIN.is_rare)
    path = mb.gradient_flow(turned, start() @ turn, [0, 20])
    assert drift(path, turned) < 1e-7  # of terms that nearly cancel
    expected = mb.gradient_flow(TRAIN, start(), [0, 20]) @ turn
    np.testing.assert_allclose(path, expected, atol=1e-10)


def test_the_definition_by_hand():
    weights = start(seed=1)
    found = mb.conserved_quantity(weights, TRAIN)
    assert found.shape == (2, 3, 2, 2)
    expected = torch.log(weights[1, 2, 2].abs())  # class 1, filter 2, the rare feature of class 0
    for i in range(len(TRAIN)):
        if TRAIN.is_rare[i] and TRAIN.y[i] == 0:
            noise = TRAIN.x[i, 3].double()  # after the feature, feature noise and one noise patch
            expected -= torch.log((weights[1, 2] @ noise).abs()) / noise.square().sum()
    assert float(found[1, 2, 0, 1]) == pytest.approx(float(expected), rel=1e-12)


def test_the_drift_of_gradient_descent_is_linear_in_the_step_size():
    drifts = []
    for lr in (0.4, 0.04):
        weights = start()
        path = [weights]
        for _ in range(round(12 / lr)):
            weights = weights - lr * mb.loss_and_gradient(weights, TRAIN, mb.Standard())[1]
        drifts.append(drift(torch.stack([*path, weights])))
    assert 8 < drifts[0] / drifts[1] < 12


def test_mixup_breaks_it():
    weights = start()
    path = [weights]
    for _ in range(300):
        weights = weights - 0.1 * mb.loss_and_gradient(weights, TRAIN, mb.PairMixup(0.7))[1]
    assert drift(torch.stack([*path, weights])) > 0.5


def test_gaussian_noise_bends_it():
    train = MODEL.sample(19, seed=0, rare=(2, 2))
    path = mb.gradient_flow(train, start(), [0, 30])
    assert 0.01 < drift(path, train) < 5


def test_the_flow_is_the_limit_of_descent():
    fine = mb.gradient_flow(TRAIN, start(), [2.0], label_smoothing=0.2)[0]
    weights = start()
    for _ in range(400):
        step = mb.loss_and_gradient(weights, TRAIN, mb.Standard(label_smoothing=0.2))[1]
        weights = weights - 5e-3 * step
    np.testing.assert_allclose(weights, fine, rtol=5e-3, atol=1e-5)


def test_orthogonal_examples():
    model = mb.FeatureNoise(50, 5, 0.3, 0.2, 2, 0.3, layout="same")
    data = mb.orthogonal_sample(model, (3, 4, 2, 1))
    assert data.y.tolist() == [0] * 3 + [1] * 4 + [0] * 2 + [1]
    assert data.is_rare.tolist() == [False] * 7 + [True] * 3
    assert torch.equal(data.x[torch.arange(10), 0, data.y + 2 * data.is_rare], torch.ones(10))
    assert (data.x[:, 0].norm(dim=1) == 1).all()
    foreign = data.x[:, 1:3]
    assert torch.allclose(foreign.norm(dim=2), torch.tensor(0.2))
    assert (foreign[..., 2:] == 0).all()
    assert foreign[..., 0].sum() == pytest.approx(foreign[..., 1].sum())
    noise = data.x[:, 3:].flatten(0, 1)
    assert torch.allclose(noise @ noise.T, 0.09 * 46 * torch.eye(20), atol=1e-5)
    assert (noise[:, :4] == 0).all()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"counts must ask for at most 40 .* got 42"):
        mb.orthogonal_sample(MODEL, (10, 7, 2, 2))
    with pytest.raises(ValueError, match="counts must be four numbers, not all 0"):
        mb.orthogonal_sample(MODEL, (0, 0, 0, 0))
    with pytest.raises(ValueError, match="model must have the layout 'same', got 'random'"):
        mb.orthogonal_sample(mb.FeatureNoise(44, 4, 0.3, 0.2, 1, 0.35), (1, 1, 1, 1))
    with pytest.raises(ValueError, match=r"weights must have shape \(\.\.\., 2, m, 44\)"):
        mb.conserved_quantity(torch.zeros(2, 3, 43), TRAIN)
    with pytest.raises(ValueError, match="train must hold rare examples"):
        mb.conserved_quantity(start(), mb.orthogonal_sample(MODEL, (2, 2, 0, 0)))
    with pytest.raises(TypeError, match="train must be PatchData"):
        mb.conserved_quantity(start(), TRAIN.x)
    with pytest.raises(ValueError, match="times must be rising"):
        mb.gradient_flow(TRAIN, start(), [1, 0])
    with pytest.raises(ValueError, match=r"weights must have shape \(2, m, 44\)"):
        mb.gradient_flow(TRAIN, start()[None], [1])

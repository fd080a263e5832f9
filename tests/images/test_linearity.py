"""Predictions along segments, against a slow reference and networks whose answer is known."""

import pytest
import torch
from torch import nn

from mixupbook.images.linearity import distance_from_line, segment_predictions

LAMS = torch.linspace(0, 1, 5)


class Switch(nn.Module):
    """Sure of class 0 where the mean of an example is above one half, else of class 2."""

    def forward(self, x):
        above = x.flatten(1).mean(dim=1) > 0.5
        return 1000.0 * torch.stack([above, torch.zeros_like(above), ~above], dim=1)


class Linear(nn.Module):
    """Predicts the probabilities that the examples are, up to the softmax."""

    def forward(self, x):
        return x.log()


def probabilities(count, classes, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, classes, generator=generator).softmax(dim=1)


def test_predictions_agree_with_a_slow_reference():
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(2, 3, 1, 5, 7, generator=generator)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(30, 4))
    got = segment_predictions(network, first, second, LAMS)
    assert got.shape == (5, 3, 4)
    assert not got.requires_grad
    for position, lam in enumerate([0.0, 0.25, 0.5, 0.75, 1.0]):
        for pair in range(3):
            mixed = lam * first[pair] + (1 - lam) * second[pair]
            expected = network(mixed[None]).softmax(dim=1)[0]
            torch.testing.assert_close(got[position, pair], expected)


def test_a_linear_network_is_on_its_chord():
    first, second = probabilities(7, 3, seed=1), probabilities(7, 3, seed=2)
    predictions = segment_predictions(Linear(), first, second, LAMS)
    distance = distance_from_line(predictions, LAMS, first, second)
    torch.testing.assert_close(distance, torch.zeros(5, 7), atol=1e-6, rtol=0)


def test_a_switch_is_as_far_as_the_nearer_end():
    first, second = torch.ones(1, 1, 3, 3), torch.zeros(1, 1, 3, 3)
    lams = torch.tensor([0.0, 0.1, 0.4, 0.7, 1.0])
    predictions = segment_predictions(Switch(), first, second, lams)
    distance = distance_from_line(predictions, lams, predictions[-1], predictions[0])
    torch.testing.assert_close(distance[:, 0], torch.tensor([0.0, 0.1, 0.4, 0.3, 0.0]))


def test_a_switch_is_a_quarter_from_the_line_on_average():
    first, second = torch.ones(1, 1, 3, 3), torch.zeros(1, 1, 3, 3)
    lams = torch.linspace(0, 1, 11)
    predictions = segment_predictions(Switch(), first, second, lams)
    distance = distance_from_line(predictions, lams, predictions[-1], predictions[0])
    average = torch.trapezoid(distance, lams, dim=0)
    torch.testing.assert_close(average, torch.tensor([0.25]))


def test_distance_agrees_with_a_sum_over_classes():
    predictions = probabilities(5 * 2, 3, seed=3).reshape(5, 2, 3)
    first, second = probabilities(2, 3, seed=4), probabilities(2, 3, seed=5)
    got = distance_from_line(predictions, LAMS, first, second)
    for position, lam in enumerate(LAMS.tolist()):
        for pair in range(2):
            line = lam * first[pair] + (1 - lam) * second[pair]
            moved = sum(abs(float(d)) for d in predictions[position, pair] - line) / 2
            assert got[position, pair].item() == pytest.approx(moved, abs=1e-6)
    assert got.max() <= 1


def test_the_other_end_first_is_the_same_segment():
    predictions = probabilities(5 * 2, 3, seed=3).reshape(5, 2, 3)
    first, second = probabilities(2, 3, seed=4), probabilities(2, 3, seed=5)
    forward = distance_from_line(predictions, LAMS, first, second)
    backward = distance_from_line(predictions.flip(0), LAMS, second, first)
    torch.testing.assert_close(forward, backward.flip(0))


@pytest.mark.parametrize(
    ("first", "second"), [((2, 3), (3, 3)), ((0, 3), (0, 3)), ((3,), (3,)), ((2, 3), (2, 4))]
)
def test_ends_must_match(first, second):
    with pytest.raises(ValueError, match="first and second must have one shape"):
        segment_predictions(nn.Identity(), torch.zeros(first), torch.zeros(second), LAMS)


@pytest.mark.parametrize("lams", [[], [-0.1, 1.0], [0.0, 1.1], [0.0, float("nan")], [[0.5]]])
def test_positions_must_lie_on_the_segment(lams):
    ends = torch.zeros(2, 3)
    with pytest.raises(ValueError, match=r"lams must be a row of numbers in \[0, 1\]"):
        segment_predictions(nn.Identity(), ends, ends, torch.tensor(lams))


def test_shapes_of_the_line_must_fit():
    predictions = torch.full((5, 2, 3), 1 / 3)
    with pytest.raises(ValueError, match=r"lams shape \(L,\), got \(5, 2, 3\) and \(4,\)"):
        distance_from_line(predictions, LAMS[1:], predictions[0], predictions[0])
    with pytest.raises(ValueError, match=r"must have shape \(2, 3\), got \(2, 3\) and \(1, 3\)"):
        distance_from_line(predictions, LAMS, predictions[0], predictions[0, :1])

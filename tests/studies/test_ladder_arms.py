"""Who may be mixed with whom, and the least loss that smoothing shares with Mixup."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import ladder_reference
from studies.ladder_reference import FIVE, THREE, TWO, allowed

from mixupbook.studies.ladder.arms import (
    ARMS,
    PAIRS,
    floor_of_pairs,
    partner_masks,
    smoothing_at,
)

LABELS = st.lists(st.integers(0, 4), min_size=2, max_size=12)


def least_loss(eps, classes):
    """Cross-entropy of smoothed targets against themselves."""
    target = torch.full((classes,), eps / classes, dtype=torch.float64)
    target[0] += 1 - eps
    return -float((target * target.log()).sum())


@pytest.mark.parametrize("groups", [TWO, THREE, FIVE], ids=["two", "three", "five"])
def test_masks_are_those_of_a_loop_over_pairs(groups):
    y, rare = (torch.tensor(each) for each in zip(*groups, strict=True))
    masks = partner_masks(y, rare.bool())
    assert tuple(masks) == PAIRS
    for kind, mask in masks.items():
        expected = [[allowed(kind, first, second) for second in groups] for first in groups]
        assert mask.tolist() == expected


def test_the_arms_are_standard_training_every_kind_of_pair_and_smoothing():
    assert ARMS == ladder_reference.ARMS == ("standard", *PAIRS, "smoothing")


@settings(derandomize=True, deadline=None, max_examples=40)
@given(LABELS, st.floats(0.5, 0.999))
def test_the_floor_is_the_mean_entropy_of_all_ordered_pairs(labels, lam):
    expected = ladder_reference.mean_entropy(labels, 5, lam)
    assert floor_of_pairs(torch.tensor(labels), lam) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("labels", [[0, 1], [0, 0, 0, 1, 1, 2], [3, 3, 3]])
def test_the_floor_of_a_random_l_is_the_mean_over_l(labels):
    nodes, weights = np.polynomial.legendre.leggauss(200)
    mean = sum(
        weight * ladder_reference.mean_entropy(labels, 4, (3 + node) / 4) / 2
        for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True)
    )
    assert floor_of_pairs(torch.tensor(labels), None) == pytest.approx(mean, abs=1e-5)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.floats(1e-6, 0.999), st.integers(2, 10))
def test_smoothing_is_found_from_its_least_loss(eps, classes):
    found = smoothing_at(least_loss(eps, classes), classes)
    assert least_loss(found, classes) == pytest.approx(least_loss(eps, classes), abs=1e-9)
    assert found == pytest.approx(eps, abs=2e-5)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(LABELS.filter(lambda labels: len(set(labels)) > 1), st.none() | st.floats(0.5, 0.999))
def test_smoothing_can_reach_what_mixup_can_and_no_less(labels, lam):
    floor = floor_of_pairs(torch.tensor(labels), lam)
    classes = 5
    assert least_loss(smoothing_at(floor, classes), classes) == pytest.approx(floor, abs=1e-9)


def test_a_floor_that_no_smoothing_has_is_refused():
    with pytest.raises(ValueError, match="different signs"):
        smoothing_at(math.log(2) + 0.01, 2)

"""Intervals against SciPy's own, and their errors."""

import numpy as np
import pytest
from scipy import stats

from mixupbook.intervals import Interval, mean_interval, paired_interval, rank_correlation


def sample(count, seed=0):
    return np.random.default_rng(seed).normal(0.1, 0.02, size=count)


@pytest.mark.parametrize("count", [2, 3, 11])
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_mean_interval_agrees_with_scipy(count, confidence):
    values = sample(count)
    expected = stats.t.interval(confidence, count - 1, values.mean(), stats.sem(values))
    got = mean_interval(values, confidence)
    np.testing.assert_allclose([got.low, got.high], expected)
    assert got.mean == pytest.approx(values.mean())
    assert got.count == count


@pytest.mark.parametrize("ties", [False, True])
def test_rank_correlation_agrees_with_scipy(ties):
    first, second = sample(13), sample(13, seed=1)
    if ties:
        first, second = first.round(2), second.round(2)
        assert len(np.unique(first)) < 13
    expected = stats.spearmanr(first, second).statistic
    assert rank_correlation(first, second) == pytest.approx(expected)


def test_rank_correlation_needs_values_that_differ():
    with pytest.raises(ValueError, match="second must have 3 values as first has, got 2"):
        rank_correlation([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="second must hold at least two different values"):
        rank_correlation([1, 2], [5, 5])


def test_paired_interval_agrees_with_the_paired_t_test():
    values, baseline = sample(7), sample(7, seed=1)
    expected = stats.ttest_rel(values, baseline).confidence_interval(0.95)
    got = paired_interval(values, baseline)
    np.testing.assert_allclose([got.low, got.high], [expected.low, expected.high])


def test_pairing_removes_what_the_seeds_share():
    shared, noise = sample(11), sample(11, seed=1) / 100
    paired = paired_interval(shared + noise, shared)
    assert paired.high - paired.low < 0.1 * (mean_interval(shared).high - shared.mean())


def test_about_95_percent_of_intervals_hold_the_true_mean():
    draws = np.random.default_rng(0).normal(3.0, 1.0, size=(2000, 5))
    hits = [interval.low < 3.0 < interval.high for interval in map(mean_interval, draws)]
    assert 0.94 < np.mean(hits) < 0.96


def test_scaled_is_the_same_interval_in_another_unit():
    assert Interval(0.5, 0.25, 0.75, 4).scaled(100) == Interval(50, 25, 75, 4)


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf")])
def test_scale_must_be_positive(factor):
    with pytest.raises(ValueError, match="factor must"):
        Interval(0.5, 0.25, 0.75, 4).scaled(factor)


@pytest.mark.parametrize("values", [[], [0.1], [0.1, float("nan")], [0.1, float("inf")], [[1, 2]]])
def test_values_must_be_several_finite_numbers(values):
    with pytest.raises(ValueError, match="at least two finite numbers"):
        mean_interval(values)


@pytest.mark.parametrize("confidence", [0, 1, 95, float("nan")])
def test_confidence_must_be_a_probability(confidence):
    with pytest.raises(ValueError, match="confidence must"):
        mean_interval([0.1, 0.2], confidence)


def test_pairs_must_match():
    with pytest.raises(ValueError, match=r"baseline must have as many values .* got 2 and 3"):
        paired_interval([1, 2, 3], [1, 2])

"""Intervals against SciPy's own, and their errors."""

import numpy as np
import pytest
from scipy import stats

from mixupbook.intervals import (
    Interval,
    bootstrap_interval,
    farthest,
    geometric_interval,
    mean_interval,
    paired_interval,
    rank_correlation,
    ratio_interval,
    share_interval,
)


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


@pytest.mark.parametrize(("successes", "count"), [(0, 1), (1, 1), (0, 8), (3, 8), (8, 8), (29, 30)])
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_share_interval_agrees_with_scipy(successes, count, confidence):
    for side, alternative in (("both", "two-sided"), ("lower", "greater"), ("upper", "less")):
        test = stats.binomtest(successes, count, alternative=alternative)
        expected = test.proportion_ci(confidence, method="exact")
        got = share_interval(successes, count, confidence, side=side)
        np.testing.assert_allclose([got.low, got.high], [expected.low, expected.high], atol=1e-12)
        assert (got.mean, got.count) == (successes / count, count)


@pytest.mark.parametrize(("count", "one", "two"), [(5, 0.549, 0.478), (8, 0.688, 0.631)])
def test_without_a_failure_the_bound_is_a_root(count, one, two):
    lower, both = share_interval(count, count, side="lower"), share_interval(count, count)
    assert lower.low == pytest.approx(0.05 ** (1 / count))
    assert both.low == pytest.approx(0.025 ** (1 / count))
    assert (round(lower.low, 3), round(both.low, 3)) == (one, two)


def test_share_interval_holds_every_share_often_enough():
    for share in (0.03, 0.5, 0.9):
        probability = stats.binom.pmf(np.arange(13), 12, share)
        intervals = [share_interval(k, 12) for k in range(13)]
        holds = [interval.low <= share <= interval.high for interval in intervals]
        assert probability[holds].sum() >= 0.95


@pytest.mark.parametrize("bad", [(-1, 5), (6, 5), (0, 0)])
def test_successes_are_of_the_count(bad):
    with pytest.raises(ValueError, match=r"(successes|count) must"):
        share_interval(*bad)


def test_a_share_is_not_taken_for_a_count():
    with pytest.raises(TypeError, match=r"successes must be an integer, got 0\.9"):
        share_interval(0.9, 10)
    with pytest.raises(ValueError, match="side must be one of 'both', 'lower', 'upper'"):
        share_interval(9, 10, side="left")


def test_ratios_are_paired_and_on_logarithms():
    values, baseline = sample(7), sample(7, seed=1)
    log = paired_interval(np.log(values), np.log(baseline))
    got, inverse = ratio_interval(values, baseline), ratio_interval(baseline, values)
    expected = np.exp([log.mean, log.low, log.high])
    np.testing.assert_allclose([got.mean, got.low, got.high], expected)
    np.testing.assert_allclose([1 / inverse.mean, 1 / inverse.high, 1 / inverse.low], expected)
    assert geometric_interval(values).mean == pytest.approx(stats.gmean(values))


def test_a_ratio_needs_positive_numbers_in_pairs():
    with pytest.raises(ValueError, match="values must be positive"):
        geometric_interval([1, 0])
    with pytest.raises(ValueError, match="baseline must be positive"):
        ratio_interval([1, 2], [1, -2])
    with pytest.raises(ValueError, match="baseline must have as many"):
        ratio_interval([1, 2], [1, 2, 3])


def test_bootstrap_agrees_with_scipy():
    values = sample(30)
    expected = stats.bootstrap(
        (values,), np.median, method="percentile", n_resamples=5000
    ).confidence_interval
    got = bootstrap_interval(values, np.median, resamples=5000)
    np.testing.assert_allclose([got.low, got.high], expected, atol=0.002)
    assert (got.mean, got.count) == (np.median(values), 30)


def test_bootstrap_keeps_together_what_belongs_to_a_seed():
    rows = np.stack([sample(9), 2 * sample(9)], axis=1)
    got = bootstrap_interval(rows, lambda drawn: (drawn[:, 1] / drawn[:, 0]).mean())
    assert (got.low, got.mean, got.high) == pytest.approx((2, 2, 2))
    assert got == bootstrap_interval(rows, lambda drawn: (drawn[:, 1] / drawn[:, 0]).mean())


def test_bootstrap_says_what_it_cannot_do():
    with pytest.raises(ValueError, match="two seeds or more"):
        bootstrap_interval([1.0], np.mean)
    with pytest.raises(ValueError, match="statistic must give finite numbers"):
        bootstrap_interval([1.0, np.inf], np.mean)


def test_the_farthest_interval_reaches_out_on_either_side():
    below, above = Interval(0.9, 0.4, 1.0, 8), Interval(1.2, 1.1, 1.5, 8)
    assert farthest([above, below], center=1) is below
    assert farthest(iter([above, below]), center=0.9) is above
    with pytest.raises(ValueError, match="intervals must hold one or more"):
        farthest([], center=1)

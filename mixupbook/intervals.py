"""What so many seeds can say: confidence intervals, and correlations of ranks.

The unit is what is independent: a seed with its own data and start. Student's intervals are for
means of values that spread; where a seed either succeeds or fails, count seeds out of seeds.
`scipy.stats` has most of this, but takes seconds to import, which every chapter would wait for.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.special import betaincinv, stdtrit

from mixupbook._arguments import in_interval, one_of, whole_number
from mixupbook._ranks import rank_correlation

__all__ = [
    "Interval",
    "Share",
    "bootstrap_interval",
    "farthest",
    "geometric_interval",
    "mean_interval",
    "paired_interval",
    "rank_correlation",
    "ratio_interval",
    "share_interval",
]

SIDES = ("both", "lower", "upper")


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval, from `count` seeds (an exact value has count 1).

    Attributes:
        mean: the middle, in the unit of the values.
        low: the lower bound, in the same unit.
        high: the upper bound.
        count: how many independent values it is from.

    Example:
        >>> Interval(mean=0.12, low=0.07, high=0.17, count=3).scaled(100).mean
        12.0
    """

    mean: float
    low: float
    high: float
    count: int

    def scaled(self, factor: float) -> Self:
        """The same interval in another unit, such as per cent (`factor` 100, always positive)."""
        factor = in_interval("factor", factor, 0, open_low=True)
        mean, low, high = self.mean * factor, self.low * factor, self.high * factor
        return replace(self, mean=mean, low=low, high=high)


@dataclass(frozen=True)
class Share(Interval):
    """The interval of a share of seeds, which knows how many of them succeeded.

    Attributes:
        mean: the share found, from 0 to 1.
        low: the lower bound, 0 where only the upper was asked for.
        high: the upper bound, 1 where only the lower was asked for.
        count: how many seeds there were.
        successes: how many of them succeeded.
        side: which bound was asked for: ``"both"``, ``"lower"`` or ``"upper"``.

    Example:
        >>> share = share_interval(3, 4)
        >>> share.mean, share.successes, share.side
        (0.75, 3, 'both')
    """

    successes: int
    side: str


def mean_interval(values: Sequence[float] | np.ndarray, confidence: float = 0.95) -> Interval:
    """Student's interval for the mean of independent values, one per seed.

    Args:
        values: at least two finite numbers.
        confidence: the interval's level, strictly between 0 and 1.

    Raises:
        ValueError: fewer than two values, values that are not finite, or a level outside (0, 1).

    Example:
        >>> interval = mean_interval([0.10, 0.12, 0.14])
        >>> round(interval.mean, 3), round(interval.low, 3), round(interval.high, 3)
        (0.12, 0.07, 0.17)
    """
    confidence = in_interval("confidence", confidence, 0, 1, open_low=True, open_high=True)
    sample = np.asarray(values, dtype=float)
    if sample.ndim != 1 or len(sample) < 2 or not np.isfinite(sample).all():
        raise ValueError(f"values must be at least two finite numbers, got {values!r}")
    mean = float(sample.mean())
    standard_error = float(sample.std(ddof=1)) / len(sample) ** 0.5
    half_width = float(stdtrit(len(sample) - 1, (1 + confidence) / 2)) * standard_error
    return Interval(mean, mean - half_width, mean + half_width, len(sample))


def paired_interval(
    values: Sequence[float] | np.ndarray,
    baseline: Sequence[float] | np.ndarray,
    confidence: float = 0.95,
) -> Interval:
    """The interval of the mean difference `values` - `baseline`, paired seed by seed.

    Pairing takes out what the seeds share (the images drawn, the initial weights), so it tells
    smaller differences apart than two separate intervals do.

    Args:
        values: at least two finite numbers, one per seed.
        baseline: as many, of the same seeds in the same order.
        confidence: the interval's level, strictly between 0 and 1.

    Raises:
        ValueError: sequences of different lengths, or as for `mean_interval`.

    Example:
        >>> round(paired_interval([0.10, 0.12, 0.14], [0.11, 0.13, 0.15]).mean, 3)
        -0.01
    """
    if len(values) != len(baseline):
        raise ValueError(
            f"baseline must have as many values as values, got {len(baseline)} and {len(values)}"
        )
    return mean_interval(np.asarray(values, float) - np.asarray(baseline, float), confidence)


def share_interval(
    successes: int, count: int, confidence: float = 0.95, *, side: str = "both"
) -> Share:
    """Clopper and Pearson's exact interval for the share of all seeds that succeed.

    It holds the share with at least the confidence, whatever the share is.

    Args:
        successes: how many seeds succeeded, from 0 to `count`.
        count: how many seeds there were, at least 1.
        confidence: the interval's level, strictly between 0 and 1.
        side: ``"both"``; or ``"lower"``, where all of the risk is spent on the lower bound and the
            upper is 1 ("in at least so many seeds"); or ``"upper"``, the reverse.

    Returns:
        A `Share`: an interval around the share found, with the count of successes.

    Raises:
        TypeError: `successes` or `count` is no whole number, or `side` no text.
        ValueError: a value outside what is allowed.

    Example:
        >>> eight, thirty = (share_interval(n, n, side="lower") for n in (8, 30))
        >>> f"{eight.low:.3f} {thirty.low:.3f}"
        '0.688 0.905'
    """
    count = whole_number("count", count, at_least=1)
    if whole_number("successes", successes) > count:
        raise ValueError(f"successes must be at most count = {count}, got {successes!r}")
    confidence = in_interval("confidence", confidence, 0, 1, open_low=True, open_high=True)
    one_of("side", side, SIDES)
    risk = (1 - confidence) / (2 if side == "both" else 1)
    failures = count - successes
    low, high = 0.0, 1.0
    if side != "upper" and successes:
        low = float(betaincinv(successes, failures + 1, risk))
    if side != "lower" and failures:
        high = float(betaincinv(successes + 1, failures, 1 - risk))
    return Share(successes / count, low, high, count, successes, side)


def geometric_interval(values: Sequence[float] | np.ndarray, confidence: float = 0.95) -> Interval:
    """Student's interval for a geometric mean: that of the logarithms, taken back.

    Args:
        values: at least two positive numbers, one per seed.
        confidence: the interval's level, strictly between 0 and 1.

    Raises:
        ValueError: values that are not positive, or as for `mean_interval`.

    Example:
        >>> interval = geometric_interval([100, 200, 400])
        >>> round(interval.mean), round(interval.low), round(interval.high)
        (200, 36, 1119)
    """
    sample = np.asarray(values, dtype=float)
    if not (sample > 0).all():
        raise ValueError(f"values must be positive, got {values!r}")
    logs = mean_interval(np.log(sample), confidence)
    mean, low, high = (float(np.exp(log)) for log in (logs.mean, logs.low, logs.high))
    return Interval(mean, low, high, logs.count)


def ratio_interval(
    values: Sequence[float] | np.ndarray,
    baseline: Sequence[float] | np.ndarray,
    confidence: float = 0.95,
) -> Interval:
    """The interval of the geometric mean of `values` / `baseline`, paired seed by seed.

    Args:
        values: at least two positive numbers, one per seed.
        baseline: as many, of the same seeds in the same order.
        confidence: the interval's level, strictly between 0 and 1.

    Raises:
        ValueError: sequences of different lengths, values that are not positive, or as for
            `mean_interval`.

    Example:
        >>> interval = ratio_interval([20, 42, 58], [10, 20, 30])
        >>> f"{interval.mean:.2f} ({interval.low:.2f}, {interval.high:.2f})"
        '2.01 (1.81, 2.23)'
    """
    if len(values) != len(baseline):
        raise ValueError(
            f"baseline must have as many values as values, got {len(baseline)} and {len(values)}"
        )
    for name, given in (("values", values), ("baseline", baseline)):
        if not (np.asarray(given, dtype=float) > 0).all():
            raise ValueError(f"{name} must be positive, got {given!r}")
    ratios = np.asarray(values, dtype=float) / np.asarray(baseline, dtype=float)
    return geometric_interval(ratios, confidence)


def bootstrap_interval(
    values: Sequence[float] | np.ndarray,
    statistic: Callable[[np.ndarray], float],
    confidence: float = 0.95,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The percentile bootstrap's interval of a statistic, seeds drawn anew with replacement.

    For what has no formula, such as a quantile or the place where a fitted curve crosses a level.

    Args:
        values: one entry for each seed along the first axis, at least two.
        statistic: takes entries like `values`, as many of them, to one finite number.
        confidence: the interval's level, strictly between 0 and 1.
        resamples: how often seeds are drawn, at least 1.
        seed: of the draws.

    Returns:
        An `Interval` around the statistic of the values themselves.

    Raises:
        TypeError: `resamples` or `seed` is no whole number.
        ValueError: fewer than two entries, a value outside what is allowed, or a statistic that is
            not finite.

    Example:
        >>> interval = bootstrap_interval([1, 2, 3, 4, 100], np.median)
        >>> interval.mean, interval.low >= 1, interval.high <= 100
        (3.0, True, True)
    """
    sample = np.asarray(values)
    if sample.ndim == 0 or len(sample) < 2:
        raise ValueError(
            f"values must have an entry for each of two seeds or more, got shape {sample.shape}"
        )
    confidence = in_interval("confidence", confidence, 0, 1, open_low=True, open_high=True)
    resamples = whole_number("resamples", resamples, at_least=1)
    rng = np.random.default_rng(whole_number("seed", seed))
    draws = rng.integers(len(sample), size=(resamples, len(sample)))
    found = np.array([float(statistic(sample[draw])) for draw in draws])
    mean = float(statistic(sample))
    if not (np.isfinite(mean) and np.isfinite(found).all()):
        raise ValueError("statistic must give finite numbers for seeds drawn anew, got others")
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(mean, float(low), float(high), len(sample))


def farthest(intervals: Iterable[Interval], center: float) -> Interval:
    """The interval that reaches farthest from a value: it stands for all where all must be near.

    Args:
        intervals: one or more.
        center: the value that they should be near.

    Raises:
        ValueError: no interval.

    Example:
        >>> near, far = Interval(1, 0.9, 1.1, 8), Interval(1, 0.5, 1.2, 8)
        >>> farthest([near, far], center=1).low
        0.5
    """
    found = list(intervals)
    if not found:
        raise ValueError("intervals must hold one or more, got none")
    return max(found, key=lambda interval: max(center - interval.low, interval.high - center))

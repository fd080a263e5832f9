"""Means over seeds with their confidence intervals, and correlations of ranks.

`scipy.stats` has both, but takes seconds to import, which every chapter would wait for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from mixupbook._arguments import in_interval

__all__ = ["Interval", "mean_interval", "paired_interval", "rank_correlation"]


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval, from `count` seeds (an exact value has count 1)."""

    mean: float
    low: float
    high: float
    count: int

    def scaled(self, factor: float) -> "Interval":
        """The same interval in another unit, such as per cent (`factor` 100, always positive)."""
        factor = in_interval("factor", factor, 0, open_low=True)
        return Interval(self.mean * factor, self.low * factor, self.high * factor, self.count)


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
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
    values: Sequence[float], baseline: Sequence[float], confidence: float = 0.95
) -> Interval:
    """The interval of the mean difference `values` - `baseline`, paired seed by seed.

    Pairing takes out what the seeds share (the images drawn, the initial weights), so it tells
    smaller differences apart than two separate intervals do.

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


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's rank correlation, in [-1, 1]; equal values share the mean of their ranks.

    Raises:
        ValueError: sequences of different lengths, or with fewer than two different values.

    Example:
        >>> round(rank_correlation([1, 2, 3, 4], [10, 20, 40, 30]), 3)
        0.8
    """
    if len(first) != len(second):
        raise ValueError(f"second must have {len(first)} values as first has, got {len(second)}")
    for name, values in (("first", first), ("second", second)):
        if len(np.unique(values)) < 2:
            raise ValueError(f"{name} must hold at least two different values, got {values!r}")
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: Sequence[float]) -> np.ndarray:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (count.cumsum() - (count - 1) / 2)[place]

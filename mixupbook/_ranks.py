"""Correlation of ranks."""

from collections.abc import Sequence

import numpy as np

__all__ = ["rank_correlation"]


def rank_correlation(
    first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray
) -> float:
    """Spearman's rank correlation, in [-1, 1]; equal values share the mean of their ranks.

    Args:
        first: numbers, at least two of them different.
        second: as many, the partners of the first in the same order.

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


def _ranks(values: Sequence[float] | np.ndarray) -> np.ndarray:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (count.cumsum() - (count - 1) / 2)[place]

"""The ladder beside the same ladder under other seeds, and whether their verdicts agree."""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import t

from mixupbook.intervals import Interval, mean_interval
from mixupbook.pages.figures import INK, METHODS
from mixupbook.studies.ladder.condition import NEEDED
from mixupbook.studies.ladder.rung_records import LadderRecord

__all__ = ["Compared", "again_figure", "compared", "needs_correlate"]


class Compared(NamedTuple):
    """Two ladders beside each other.

    Attributes:
        needs: for each rung its need in the first and in the second ladder, with intervals.
        flipped: rungs that both decide, on different sides of 25 points.
        different: rungs whose needs differ by more than the 95 % interval of the difference.
    """

    needs: dict[str, tuple[Interval, Interval]]
    flipped: list[str]
    different: list[str]


def compared(first: LadderRecord, again: LadderRecord) -> Compared:
    """The rungs of two ladders, whose seeds are different."""
    pairs = {name: (rung.need(), again.rungs[name].need()) for name, rung in first.rungs.items()}
    needs = {name: (mean_interval(one), mean_interval(two)) for name, (one, two) in pairs.items()}
    flipped = [name for name, (one, two) in needs.items() if _side(one) * _side(two) < 0]
    return Compared(needs, flipped, [name for name, pair in pairs.items() if _differ(*pair)])


def needs_correlate(found: Compared) -> float:
    """Pearson's correlation of the mean needs, over the rungs."""
    means = np.array([(one.mean, two.mean) for one, two in found.needs.values()])
    return float(np.corrcoef(means.T)[0, 1])


def again_figure(found: Compared) -> Figure:
    """The need under other seeds over the need, for every rung, with 95 % intervals."""
    figure, ax = plt.subplots(figsize=(4.6, 4.2))
    reach = (-25, 90)
    ax.plot(reach, reach, color=INK, linewidth=0.8)
    for limit in (ax.axvline, ax.axhline):
        limit(NEEDED, color=INK, linewidth=0.8, linestyle=":")
    for one, two in found.needs.values():
        wide, high = _reach(one), _reach(two)
        ax.errorbar(
            one.mean, two.mean, xerr=wide, yerr=high, fmt="o", color=METHODS["Mixup"], markersize=4
        )
    ax.set(xlabel="need, points", ylabel="need under other seeds, points")
    ax.set(xlim=reach, ylim=reach)
    return figure


def _side(need: Interval) -> int:
    """1 above the limit, -1 below it, 0 where the interval contains it."""
    return int(need.low > NEEDED) - int(need.high < NEEDED)


def _reach(interval: Interval) -> list[list[float]]:
    return [[interval.mean - interval.low], [interval.high - interval.mean]]


def _differ(one: np.ndarray, two: np.ndarray) -> bool:
    """Whether Welch's 95 % interval of the difference of means leaves out 0."""
    shares = np.array([sample.var(ddof=1) / len(sample) for sample in (one, two)])
    if not shares.any():
        return bool(one.mean() != two.mean())
    freedom = shares.sum() ** 2 / (shares**2 / [len(one) - 1, len(two) - 1]).sum()
    return bool(abs(one.mean() - two.mean()) > t.ppf(0.975, freedom) * np.sqrt(shares.sum()))

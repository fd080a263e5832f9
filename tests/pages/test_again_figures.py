"""Two ladders beside each other: who flips, who differs, and how the needs go together."""

import datetime

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import ttest_ind

from mixupbook.pages.again_figures import _differ, again_figure, compared, needs_correlate
from mixupbook.studies.ladder.rung_records import LadderRecord, RungRecord


def record(**needs):
    """A ladder whose rungs have these needs, in points, by seed."""
    rungs = {}
    for name, points in needs.items():
        without = tuple(round(0.25 + need / 100, 6) for need in points)
        errors = {"all": (0.25,) * len(points), "all-but-those": without}
        rungs[name] = RungRecord(
            setting={}, seeds=tuple(range(len(points))), common=errors, rare=errors, seconds=1.0
        )
    return LadderRecord(
        name="made-up",
        title="Made up",
        note="",
        rungs=rungs,
        sources={"none": "none"},
        package_version="0",
        environment={},
        device="none",
        date=datetime.date(2026, 1, 1),
    )


FIRST = record(a=(50, 52, 54), b=(20, 30, 25), c=(1, 2, 3), d=(0, 0, 0))
AGAIN = record(a=(49, 52, 55), b=(60, 62, 61), c=(40, 42, 41), d=(0, 0, 0))


def test_who_flips_and_who_differs():
    found = compared(FIRST, AGAIN)
    assert found.flipped == ["c"]  # b is not decided by the first ladder
    assert found.different == ["b", "c"]
    assert found.needs["a"][1].mean == pytest.approx(52)
    assert needs_correlate(found) == pytest.approx(
        np.corrcoef([52, 25, 2, 0], [52, 61, 41, 0])[0, 1]
    )


def test_a_ladder_agrees_with_itself():
    found = compared(FIRST, FIRST)
    assert (found.flipped, found.different) == ([], [])
    assert needs_correlate(found) == pytest.approx(1)


def test_the_difference_is_welchs():
    random = np.random.default_rng(0)
    for shift in (0.0, 0.5, 1.0, 2.0):
        one, two = random.normal(size=9), random.normal(shift, 2, size=14)
        assert _differ(one, two) == (ttest_ind(one, two, equal_var=False).pvalue < 0.05)
    assert _differ(np.zeros(3), np.ones(4))


def test_the_figure_shows_every_rung():
    figure = again_figure(compared(FIRST, AGAIN))
    assert len(figure.axes[0].containers) == 4
    plt.close(figure)

"""What the chapter on which pairs teach draws and tabulates."""

import datetime

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mixupbook.pages import ladder_figures
from mixupbook.studies.ladder.rung_records import LadderRecord, RungRecord
from mixupbook.studies.ladder.rungs import RUNGS

SEEDS = (0, 1, 2, 3)


def rung(need, *, standard=50.0, everything=10.0, share=0.0):
    """A rung whose seeds spread by half a point about these per cent."""

    def around(percent):
        return tuple(round((percent + shift) / 100, 6) for shift in (-0.5, 0.5, -0.5, 0.5))

    rare = {"standard": standard, "all": everything, "other": standard, "same": 20.0}
    rare |= {"same-common-rare": 20.0, "smoothing": 45.0}
    errors = {arm: around(value) for arm, value in rare.items()}
    errors["all-but-those"] = tuple(error + need / 100 for error in errors["all"])
    return RungRecord(
        setting={},
        seeds=SEEDS,
        common={arm: around(2.0) for arm in errors},
        rare=errors,
        share=(share,) * 4,
        seconds=1.0,
    )


def record(rungs):
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


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_a_change_is_paired_by_seed():
    found = ladder_figures.change(rung(30), "same")
    assert (found.mean, found.low, found.high) == pytest.approx((-30, -30, -30))
    against = ladder_figures.change(rung(30), "smoothing", against="all")
    assert against.mean == pytest.approx(35)


def test_half_of_the_need_lies_where_a_line_crosses_it():
    degrees = record({"degree-1.0": rung(10), "degree-1.5": rung(20), "degree-2.0": rung(60)})
    assert ladder_figures.half_degree(degrees).mean == pytest.approx(1.625)


def test_a_dip_makes_no_second_crossing():
    dip = record(
        {"degree-1.0": rung(10), "degree-1.25": rung(40), "degree-1.5": rung(20)}
        | {"degree-2.0": rung(60)}
    )
    assert ladder_figures.half_degree(dip).mean == pytest.approx(1 + 0.25 * 20 / 30)


def test_held_out_rungs_are_judged_by_the_condition():
    # "cube" lacks nothing, "distinct" lacks a shared patch, "easy" lacks nothing but memory.
    held_out = record(
        {
            "base": rung(50),
            "cube": rung(26),
            "distinct": rung(26),
            "easy": rung(0, share=0.9),
        }
    )
    assert ladder_figures.rung_results(held_out) == {"cube": True, "distinct": False, "easy": True}
    table = ladder_figures.condition_table(held_out)
    assert [row[-1] for row in table.rows] == ["yes", "no", "yes"]
    assert table.rows[1][1] == ", ".join(RUNGS["distinct"].lacks)


def test_a_need_near_the_limit_decides_nothing():
    near = rung(25).model_copy(update={"rare": dict(rung(25).rare)})
    near.rare["all-but-those"] = (0.33, 0.35, 0.36, 0.38)
    assert ladder_figures.undecided(record({"cube": near, "distinct": rung(1)})) == ["cube"]


def test_each_pairing_is_tuned_on_its_own_validation_part():
    found = rung(30).model_copy(
        update={"validation": {"all": (0.1, 0.3, 0.1, 0.3), "other": (0.2, 0.2, 0.2, 0.2)}}
    )
    chosen = ladder_figures.tuned(found, ["all", "other"])
    assert np.allclose(chosen, [9.5, 50.5, 9.5, 50.5])


def test_tables_show_mean_and_half_of_the_interval():
    table = ladder_figures.pairs_table(record({"base": rung(55), "linear": rung(3)}), ["model"])
    assert table.columns[0] == "changed"
    (row,) = table.rows
    assert row[:2] == ["the model: square, patches", "50.0 ± 0.9"]
    assert row[2:5] == ["−40.0 ± 0.0", "+0.0 ± 0.0", "−30.0 ± 0.0"]
    assert row[5:] == ["−30.0 ± 0.0", "55.0 ± 0.0"]


def test_controls_are_compared_with_both():
    rows = ladder_figures.controls_table(rung(30)).rows
    by_arm = {row[0]: row[3:] for row in rows}
    assert by_arm["standard training"] == ["–", "+40.0 ± 0.0"]
    assert by_arm["Mixup, all pairs"] == ["−40.0 ± 0.0", "–"]
    assert by_arm["label smoothing"] == ["−5.0 ± 0.0", "+35.0 ± 0.0"]


def test_the_figure_has_a_row_for_each_rung_from_the_greatest_need():
    figure = ladder_figures.need_figure(
        record({"linear": rung(3), "base": rung(55), "glu": rung(40)}), ["model", "activation"]
    )
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == [RUNGS[name].words for name in ("base", "glu", "linear")]


def test_degrees_are_drawn_in_order():
    degrees = record({"degree-2.0": rung(60), "degree-1.0": rung(10)})
    (axes,) = ladder_figures.degree_figure(degrees).axes
    need = axes.containers[0][0]
    assert np.allclose(need.get_xdata(), [1, 2])
    assert np.allclose(need.get_ydata(), [10, 60])


def test_gains_have_a_panel_for_each_rung_and_leave_out_what_it_lacks():
    arms = ["all", "cutmix", "smoothing"]
    figure = ladder_figures.gains_figure({"one": rung(30), "two": rung(20)}, arms)
    one, two = figure.axes
    assert (one.get_title(), two.get_title()) == ("one", "two")
    words = [label.get_text() for label in one.get_yticklabels()]
    assert words == ["Mixup, all pairs", "CutMix", "label smoothing"]
    rare = {
        float(line.get_ydata()[0]): float(line.get_xdata()[0])
        for line in one.lines
        if line.get_marker() == "o" and len(line.get_xdata())
    }
    assert rare == pytest.approx({0.0: -40.0, 2.0: -5.0})

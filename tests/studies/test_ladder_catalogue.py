"""The table of rungs: tasks that can be made, and what is held out before it is run."""

import inspect
import json
import re

import pytest

from mixupbook.studies.ladder import held_out as held
from mixupbook.studies.ladder import rung_parts, rungs
from mixupbook.studies.ladder.arms import PAIRS
from mixupbook.studies.ladder.condition import MEMORISED, expected
from mixupbook.studies.ladder.examples import TASKS
from mixupbook.studies.ladder.rung_runs import setting
from mixupbook.studies.ladder.rungs import RUNGS
from mixupbook.studies.ladder.unit_networks import activated, first_weights

EVERY = [
    *rungs.FROM_MODEL,
    *rungs.DEGREES,
    *rungs.ACTIVATIONS,
    *rungs.RECIPES,
    *rungs.ARRANGEMENTS,
    *rungs.ON_PICTURES,
    *rungs.ON_IMAGES,
    *held.HELD_OUT,
]
LACKING = {rung_parts.SUPERLINEAR, rung_parts.APART, rung_parts.SHARED, rung_parts.SMALL}


def test_names_are_unique_and_stand_in_a_record():
    assert len({rung.name for rung in EVERY}) == len(EVERY)
    assert list(RUNGS.values()) == EVERY
    for name, rung in RUNGS.items():
        assert rung.name == name
        assert re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", name)


def test_no_two_rungs_are_the_same_under_other_names():
    same = {}
    for rung in EVERY:
        same.setdefault(json.dumps(setting(rung)), []).append(rung.name)
    assert [names for names in same.values() if len(names) > 1] == []


@pytest.mark.parametrize("rung", EVERY, ids=list(RUNGS))
def test_every_rung_can_be_made(rung):
    bound = inspect.signature(TASKS[rung.task]).bind(0, **rung.options)
    assert bound.kwargs == rung.options
    assert len(set(rung.seeds)) == len(rung.seeds) >= 10
    assert rung.words.strip()
    assert rung.part
    parameters = first_weights(rung.network, 6, 2, 0)
    assert activated(rung.network.activation, parameters["first"].T).isfinite().all()
    recipe = rung.recipe
    assert recipe.steps >= 100
    assert recipe.lam is None or 0.5 <= recipe.lam < 1
    rates = [recipe.learning_rate(step) for step in (0, recipe.steps // 2, recipe.steps - 1)]
    assert 0 < rates[2] <= rates[1] <= rates[0] == recipe.lr


@pytest.mark.parametrize("rung", EVERY, ids=list(RUNGS))
def test_what_a_rung_lacks_is_of_the_condition(rung):
    assert set(rung.lacks) <= LACKING
    assert len(set(rung.lacks)) == len(rung.lacks)


def test_the_condition_is_four_things():
    assert len(LACKING) == 4
    assert {lacking for rung in EVERY for lacking in rung.lacks} == LACKING


def test_held_out_rungs_are_with_and_without_what_is_needed():
    held_out = [rung for rung in EVERY if rung.held_out]
    assert held_out == held.HELD_OUT == [r for r in EVERY if r.part == "held out"]
    assert len([rung for rung in held_out if not rung.lacks]) >= 5
    assert len([rung for rung in held_out if rung.lacks]) >= 5


def test_settings_are_plain_values_that_a_file_keeps():
    for rung in EVERY:
        assert json.loads(json.dumps(setting(rung))) == setting(rung)


def test_need_is_expected_where_nothing_is_lacking_and_training_memorises():
    base, lacking = RUNGS["base"], RUNGS["linear"]
    assert expected(base, MEMORISED - 1e-9)
    assert expected(base, -0.3)
    assert not expected(base, MEMORISED)
    assert not expected(base, 0.9)
    assert not expected(lacking, 0.0)


def test_the_arms_that_need_compares_are_trained():
    assert {"all", "all-but-those"} <= set(PAIRS)

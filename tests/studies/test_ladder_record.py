"""What the ladder's record holds, and a rung trained into it."""

import dataclasses
import json
from datetime import date

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from mixupbook.studies import store
from mixupbook.studies.ladder import rung_runs
from mixupbook.studies.ladder.arms import ARMS
from mixupbook.studies.ladder.examples import TASKS
from mixupbook.studies.ladder.rung_records import LadderRecord, RungRecord
from mixupbook.studies.ladder.rung_runs import run_rung, setting
from mixupbook.studies.ladder.rungs import RUNGS
from mixupbook.studies.ladder.training import Measured, Recipe
from mixupbook.studies.ladder.unit_networks import Network
from mixupbook.studies.provenance import source_digests

ERRORS = {"all": (0.1, 0.2, 0.0), "all-but-those": (0.5, 0.1, 1.0)}


def a_rung(**changes):
    fields = {
        "setting": {"task": "model", "options": {"noise": 20.0, "pictures": None}},
        "seeds": (4, 2, 9),
        "common": {"all": (0.01, 0.02, 0.03), "all-but-those": (0.0, 0.0, 1.0)},
        "rare": ERRORS,
        "train": {"standard": (0.0, 0.25, 0.5)},
        "validation": {"all": (0.5, 0.25, 0.0)},
        "share": (0.5, -0.25, 1.5),
        "seconds": 1.5,
    }
    return RungRecord(**(fields | changes))


def a_ladder(**rungs):
    return LadderRecord(
        name="which-pairs",
        title="An example",
        note="",
        sources=source_digests(["_arguments"]),
        package_version="0.1.0",
        environment={"python": "3.11.2"},
        device="an abacus",
        date=date(2024, 2, 29),
        rungs=rungs,
    )


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = a_ladder(base=a_rung(), cube=a_rung(train={}, share=()))
    store.write(record, tmp_path)
    found = store.load_as(LadderRecord, "which-pairs", tmp_path)
    assert found == record
    assert list(found.rungs) == ["base", "cube"]
    assert (found.rungs["cube"].train, found.rungs["cube"].share) == ({}, ())
    with pytest.raises(store.RecordError, match="no whole record"):
        store.load("which-pairs", tmp_path)
    with pytest.raises(store.NotMade, match="'another' has not been made"):
        store.load_as(LadderRecord, "another", tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": (4, 2)}, "each arm must have 2 numbers, one for each seed"),
        ({"rare": ERRORS | {"all": (0.1, 0.2)}}, "each arm must have 3 numbers"),
        ({"common": ERRORS | {"all": (0.1,) * 4}}, "each arm must have 3 numbers"),
        ({"train": {"standard": (0.0, 0.25)}}, "each arm must have 3 numbers"),
        ({"share": (0.5, 0.5)}, "each arm must have 3 numbers"),
        ({"validation": {"all": (0.0, 0.25)}}, "each arm must have 3 numbers"),
        ({"rare": ERRORS | {"same": (0.0,) * 3}}, "common and rare must have the same arms"),
        ({"rare": ERRORS | {"all": (0.1, 0.2, 1.5)}}, "rare.all.2"),
        ({"rare": ERRORS | {"all": (0.1, 0.2, float("nan"))}}, "rare.all.2"),
        ({"rare": ERRORS | {"all": (0.1, 0.2, "0.3")}}, "rare.all.2"),
        ({"share": (0.5, 0.5, float("nan"))}, "share.2"),
        ({"share": (0.5, 0.5, float("inf"))}, "share.2"),
        ({"seeds": (4,)}, "seeds"),
        (
            {"common": {}, "rare": {}, "train": {}, "validation": {}, "share": ()},
            "each arm must have 3 numbers",
        ),
        ({"seconds": -1.0}, "seconds"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_impossible_rung_is_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        a_rung(**change)


def test_a_rung_is_called_as_a_file_is():
    with pytest.raises(ValidationError, match="rungs"):
        a_ladder(**{"Base rung": a_rung()})


def test_points_are_per_cent_by_seed():
    rung = a_rung()
    np.testing.assert_allclose(rung.points("rare", "all"), [10, 20, 0])
    np.testing.assert_allclose(rung.points("common", "all"), [1, 2, 3])
    np.testing.assert_allclose(rung.points("train", "standard"), [0, 25, 50])
    np.testing.assert_allclose(rung.points("validation", "all"), [50, 25, 0])


def test_need_is_what_is_lost_without_those_pairs():
    np.testing.assert_allclose(a_rung().need(), [40, -10, 100])


@pytest.mark.parametrize(
    ("group", "arm", "message"),
    [
        ("rares", "all", r"group must be one of .*did you mean 'rare'\?"),
        ("share", "all", "group must be one of"),
        ("rare", "al", r"arm must be one of 'all', 'all-but-those', got 'al'"),
        ("train", "all", "arm must be one of 'standard', got 'all'"),
    ],
)
def test_other_points_are_refused(group, arm, message):
    with pytest.raises(ValueError, match=message):
        a_rung().points(group, arm)


FEW = Recipe(lr=0.1, steps=4, batch=6, momentum=0.9, cosine=True, lam=None)
TINY = {
    "model": {"dimension": 12, "examples": 16, "rare": 4},
    "tiles": {"pictures": "digits", "examples": 12, "rare": 4},
    "markers": {"examples": 12, "rare": 4},
    "subclasses": {"common": 3, "rare": 2},
}


def tiny(task="model", **changes):
    fields = {"task": task, "options": TINY[task], "recipe": FEW, "seeds": (1, 5)}
    return dataclasses.replace(RUNGS["base"], **(fields | changes))


@pytest.mark.parametrize("task", TASKS)
def test_a_rung_comes_out_the_same_again(task):
    rung = tiny(task, network=Network(3, "relu", bias=True, head="trained", init="torch"))
    found = run_rung(rung)
    assert found.setting == setting(rung)
    assert found.seeds == rung.seeds
    for errors in (found.common, found.rare, found.train):
        assert tuple(errors) == ARMS
    assert len(found.share) == 2
    again = run_rung(rung)
    assert again.model_copy(update={"seconds": found.seconds}) == found
    assert RungRecord.model_validate_json(json.dumps(found.model_dump())) == found


def test_a_setting_says_all_that_decides_the_numbers():
    rung = tiny(network=Network(activation=1.5))
    assert setting(rung) == {
        "task": "model",
        "options": TINY["model"],
        "network": {
            "units": 6,
            "activation": 1.5,
            "bias": False,
            "head": "fixed",
            "init": 0.01,
        },
        "recipe": {
            "lr": 0.1,
            "steps": 4,
            "batch": 6,
            "momentum": 0.9,
            "cosine": True,
            "lam": None,
        },
    }


@pytest.fixture
def three_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("three_threads")
def test_a_rung_is_trained_on_one_thread_and_measured_as_it_is(monkeypatch):
    numbers = torch.arange(2 * len(ARMS)).view(2, -1) / 70

    def train(tasks, network, recipe, seeds):
        assert torch.get_num_threads() == 1
        assert [task.train.x.shape for task in tasks] == [(16, 4, 12)] * 2
        assert (network, recipe, seeds) == (rung.network, FEW, [1, 5])
        return Measured(numbers, numbers / 2, numbers / 4, torch.tensor([-0.123449, 2.0]))

    rung = tiny()
    monkeypatch.setattr(rung_runs, "train", train)
    found = run_rung(rung)
    assert torch.get_num_threads() == 3
    assert found.common["standard"] == (0.0, 0.1)
    assert found.rare["smoothing"] == (round(6 / 140, 4), round(13 / 140, 4))
    assert found.train["all"] == (round(1 / 280, 4), round(8 / 280, 4))
    assert found.share == (-0.1234, 2.0)


@pytest.mark.usefixtures("three_threads")
def test_threads_are_given_back_after_an_error():
    with pytest.raises(FloatingPointError, match="less than lr="):
        run_rung(tiny(recipe=Recipe(lr=1e30, steps=5), network=Network(init=1.0)))
    assert torch.get_num_threads() == 3

"""The table of studies: what each compares, shortened schedules, what is shown as made."""

import dataclasses

import pytest
from studies.test_store import a_record

from mixupbook.images.networks import NETWORKS
from mixupbook.images.training.settings import SCHEDULES
from mixupbook.mixup.transform import Mixup
from mixupbook.studies import catalogue as studies
from mixupbook.studies import store
from mixupbook.studies.catalogue import STUDIES, find_study, scaled
from mixupbook.studies.plan import SOURCES


@pytest.mark.parametrize("study", STUDIES.values(), ids=list(STUDIES))
def test_every_study_can_be_planned(study):
    assert study.network in NETWORKS
    assert study.schedule in SCHEDULES
    assert len(set(study.seeds)) >= 3
    names = [arm.name for arm in study.arms]
    assert len(set(names)) == len(names)
    for arm in study.arms:
        assert arm.runs == ()
        if arm.settings["mixup"] is not None:
            Mixup(num_classes=10, **arm.settings["mixup"])


@pytest.mark.parametrize("study", STUDIES.values(), ids=list(STUDIES))
def test_schedules_lie_inside_training(study):
    assert list(study.stops) == sorted(set(study.stops))
    assert 0 < study.stops[0] <= study.stops[-1] < study.epochs
    assert 0 < study.start < study.epochs


def test_full_scale_studies_have_the_arms_of_the_question():
    arms = {arm.name: arm.settings["mixup"] for arm in find_study("cifar10-vgg16").arms}
    assert arms["standard"] is None
    assert {arms[name]["label_map"] for name in ("mixup", "cubic", "constant-0.75", "hard")} == {
        "identity",
        "cubic",
        0.75,
        "hard",
    }
    stops = sorted(
        mixup["stop_epoch"] for mixup in arms.values() if mixup and "stop_epoch" in mixup
    )
    assert stops == [25, 50, 75, 100, 125, 150]
    assert arms["started-100"] == {"start_epoch": 100}


def test_the_most_telling_arms_come_first():
    first = [arm.name for arm in find_study("cifar10-resnet18").arms][:4]
    assert first == ["standard", "mixup", "stopped-100", "started-100"]


def test_unknown_studies_suggest_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'cifar10-resnet18'"):
        find_study("cifar10-resnet8")


def test_a_scaled_study_keeps_its_proportions():
    short = scaled(find_study("cifar10-resnet18"), 16)
    assert (short.epochs, short.stops, short.start) == (16, (2, 4, 6, 8, 10, 12), 8)
    assert short.name == "cifar10-resnet18-16-epochs"
    assert "16 epochs" in short.title


def test_a_schedule_too_short_for_its_stops_is_refused():
    with pytest.raises(ValueError, match="keep 6 stops apart, got 5"):
        scaled(find_study("cifar10-resnet18"), 5)
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        scaled(find_study("cifar10-resnet18"), 0)


def test_status_shows_what_is_made_and_what_is_not(tmp_path):
    store.write(a_record(), tmp_path)
    store.write(a_record(name="cifar10-vgg16", title="Made"), tmp_path)
    rows = {row["name"]: row for row in studies.status(tmp_path)}
    assert list(rows)[: len(STUDIES)] == list(STUDIES)
    assert rows["cifar10-resnet18"] == {
        "name": "cifar10-resnet18",
        "title": STUDIES["cifar10-resnet18"].title,
        "state": "not made",
        "runs": "",
        "date": "",
        "device": "",
    }
    assert rows["cifar10-vgg16"]["state"] == "made"
    assert rows["five-by-three"]["runs"] == "5 of 6"
    assert rows["five-by-three"]["device"] == "an abacus"


def test_status_shows_what_is_damaged_among_the_rest(tmp_path):
    store.write(a_record(), tmp_path)
    for name in ("cifar10-vgg16", "torn", "No Name"):
        (tmp_path / f"{name}.json").write_text("{", encoding="utf-8")
    rows = {row["name"]: row for row in studies.status(tmp_path)}
    damaged = {name for name, row in rows.items() if row["state"] == "damaged"}
    assert damaged == {"cifar10-vgg16", "torn", "No Name"}
    assert rows["cifar10-vgg16"]["title"] == STUDIES["cifar10-vgg16"].title
    assert rows["five-by-three"]["state"] == "made"


@pytest.mark.parametrize("name", sorted(set(store.names()) & set(STUDIES)))
def test_records_were_made_as_the_study_says_now(name):
    record, study = store.load(name), STUDIES[name]
    for field in ("network", "epochs", "batch_size", "lr", "schedule", "weight_decay", "augment"):
        assert record.settings[field] == getattr(study, field)
    bare = [dataclasses.replace(arm, runs=()) for arm in record.arms]
    assert bare == list(study.arms)


@pytest.mark.parametrize("name", sorted(set(store.names()) & set(STUDIES)))
def test_records_are_watched_for_all_that_decides_them_now(name):
    record = store.load(name)
    watched = record.sources if record.acknowledged is None else record.acknowledged["sources"]
    assert set(SOURCES) <= set(watched)

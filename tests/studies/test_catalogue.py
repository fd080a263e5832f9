"""The table of studies: what each compares, shortened schedules, what is shown as made."""

import pytest
from studies.made_up import a_record

from mixupbook.images.networks import NETWORKS
from mixupbook.images.training.settings import SCHEDULES
from mixupbook.mixup.transform import Mixup
from mixupbook.studies import store
from mixupbook.studies.catalogue import STUDIES, possible_epochs, scaled, status
from mixupbook.studies.provenance import SOURCES, source_digests


@pytest.mark.parametrize("study", STUDIES.values(), ids=list(STUDIES))
def test_every_study_can_be_planned(study):
    recipe = study.recipe
    assert recipe.network in NETWORKS
    assert recipe.schedule in SCHEDULES
    assert len(set(recipe.seeds)) >= 3
    for mixup in study.arms.values():
        assert mixup is None or Mixup(num_classes=10, **mixup)
    assert list(study.stops) == sorted(set(study.stops))
    assert 0 < study.stops[0] <= study.stops[-1] < recipe.epochs
    assert 0 < study.start < recipe.epochs
    others = len(study.label_maps) + len(study.partners)
    assert len(study.arms) == 3 + others + len(study.stops)
    assert list(study.telling) == list(study.arms)[:7]


def test_the_most_telling_arms_come_first():
    study = STUDIES["cifar10-resnet18"]
    arms = study.arms
    halves = ("stopped-100", "started-100")
    others = ("other-label", "constant-0.75", "hard")
    assert study.telling == ("standard", "mixup", *halves, *others)
    assert arms["standard"] is None
    assert arms["other-label"] == {"partners": "other_label"}
    assert arms["mixup"] == {"label_map": "identity"}
    assert arms["constant-0.75"] == {"label_map": 0.75}
    assert arms["started-100"] == {"start_epoch": 100}
    stops = [arms[f"stopped-{stop}"]["stop_epoch"] for stop in (25, 50, 75, 100, 125, 150)]
    assert stops == [25, 50, 75, 100, 125, 150]


def test_a_scaled_study_keeps_its_proportions():
    short = scaled(STUDIES["cifar10-resnet18"], 16)
    assert (short.recipe.epochs, short.stops, short.start) == (16, (2, 4, 6, 8, 10, 12), 8)
    assert short.name == "cifar10-resnet18-16-epochs"
    assert "16 epochs" in short.title


def test_a_schedule_too_short_for_its_stops_is_refused():
    with pytest.raises(ValueError, match="keep 6 stops apart, got 5"):
        scaled(STUDIES["cifar10-resnet18"], 5)
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        scaled(STUDIES["cifar10-resnet18"], 0)


def test_possible_epochs_are_those_to_which_a_study_can_be_scaled():
    study = STUDIES["cifar10-resnet18"]
    possible = possible_epochs(study)
    assert possible == [each for each in range(1, 201) if can_be_scaled(study, each)]
    assert (possible[0], possible[-1]) == (8, 200)


def can_be_scaled(study, epochs):
    try:
        return bool(scaled(study, epochs))
    except ValueError:
        return False


def test_the_triangular_study_has_batches_of_one_shape():
    recipe = STUDIES["cifar10-resnet18-triangular"].recipe
    assert (recipe.schedule, 50_000 % recipe.batch_size) == ("triangular", 0)


def test_status_shows_what_is_made_and_what_is_not(tmp_path):
    store.write(a_record(), tmp_path)
    store.write(a_record(name="cifar10-vgg16", title="Made"), tmp_path)
    for name in ("cifar10-small-cpu", "No Name"):
        (tmp_path / f"{name}.json").write_text("{", encoding="utf-8")
    rows = {row["name"]: row for row in status(tmp_path)}
    assert list(rows)[: len(STUDIES)] == list(STUDIES)
    title, nothing = STUDIES["cifar10-resnet18"].title, {"runs": "", "date": "", "device": ""}
    row = {"name": "cifar10-resnet18", "title": title, "state": "not made"} | nothing
    assert rows["cifar10-resnet18"] == row
    assert rows["cifar10-vgg16"]["state"] == "made"
    assert rows["five-by-three"]["runs"] == "5 of 6"
    assert rows["five-by-three"]["device"] == "an abacus"
    assert {name for name, row in rows.items() if row["state"] == "damaged"} == {
        "cifar10-small-cpu",
        "No Name",
    }


@pytest.mark.parametrize("name", store.names())
def test_records_were_made_as_the_study_says_and_are_watched(name):
    record = store.load(name)
    base, _, epochs = name.removesuffix("-epochs").rpartition("-")
    study = STUDIES.get(name) or scaled(STUDIES[base], int(epochs))
    same = {"precision"}
    assert record.settings.model_dump(exclude=same) == study.recipe.model_dump(exclude=same)
    assert record.arms.items() <= study.arms.items()  # a study may have gained arms
    watched = record.acknowledged.sources if record.acknowledged else record.sources
    assert set(source_digests(SOURCES)) <= set(watched)

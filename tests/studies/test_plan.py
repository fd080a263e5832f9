"""How a study is recorded: the plan, one run, and when runs may be continued."""

import dataclasses
import platform

import pytest
import torch
from notebooks import ROOT
from test_imports import imported

from mixupbook.images.data.images import ImageData
from mixupbook.images.training.checkpoint import Checkpoint
from mixupbook.images.training.evaluation import error_rate as error_of
from mixupbook.images.training.fit import TrainingInterrupted, fit
from mixupbook.mixup.transform import Mixup
from mixupbook.studies import plan as recording
from mixupbook.studies import run as measuring
from mixupbook.studies.catalogue import STUDIES

TINY = dataclasses.replace(
    STUDIES["cifar10-small-cpu"],
    name="tiny",
    label_maps=("hard",),
    stops=(1, 2, 3),
    start=2,
    epochs=4,
    batch_size=5,
    seeds=(0, 3),
    train=11,
    test=7,
)


def tiny_data(train=13, test=9):
    generator = torch.Generator().manual_seed(0)
    return ImageData(
        torch.rand(train, 3, 8, 8, generator=generator),
        torch.arange(train) % 3,
        torch.rand(test, 3, 8, 8, generator=generator),
        torch.arange(test) % 3,
        classes=("a", "b", "c"),
    )


@pytest.fixture(scope="module")
def data():
    return recording.first_images(tiny_data(), TINY.train, TINY.test)


@pytest.fixture(scope="module")
def plan(data):
    return recording.plan(TINY, recording.described(data), device="cpu")


def test_the_first_images_are_taken():
    whole = tiny_data()
    part = recording.first_images(whole, 11, 7)
    assert torch.equal(part.x_train, whole.x_train[:11])
    assert torch.equal(part.y_test, whole.y_test[:7])
    assert torch.equal(recording.first_images(whole, None, None).x_train, whole.x_train)


@pytest.mark.parametrize(("train", "test", "short"), [(14, 9, "14 train"), (13, 10, "10 test")])
def test_too_few_images_are_refused(train, test, short):
    with pytest.raises(ValueError, match=f"at least {short} images, got"):
        recording.first_images(tiny_data(), train, test)


def test_a_plan_holds_every_setting_and_no_run(plan, data):
    assert plan.settings == {
        "network": "small_convnet_bn",
        "epochs": 4,
        "batch_size": 5,
        "lr": 0.1,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "schedule": "one_cycle",
        "augment": None,
        "precision": "float32",
        "compile": False,
        "test_every": 1,
        "seeds": [0, 3],
    }
    assert plan.data == recording.described(data)
    assert len(plan.missing()) == 14
    assert platform.node() not in str(plan)


def test_the_digest_tells_data_apart(data):
    assert recording.data_digest(recording.first_images(tiny_data(), 11, 7)) == (
        recording.data_digest(data)
    )
    for part in ("x_train", "y_train", "x_test", "y_test"):
        touched = dataclasses.replace(data, **{part: getattr(data, part).flip(0)})
        assert recording.data_digest(touched) != recording.data_digest(data)


def test_editions_are_recognised_by_their_digest(data, monkeypatch):
    digest = recording.data_digest(data)
    of_a_file = {"edition": "other", "train": 11, "test": 7, "digest": digest}
    assert recording.described(data) == of_a_file
    assert recording.described(data, official=True) == of_a_file | {"edition": "official"}
    monkeypatch.setattr(recording, "JPEG", {digest})
    assert recording.described(data) == of_a_file | {"edition": "jpeg"}


def test_a_record_says_what_its_images_are(data):
    images = recording.described(data)
    plan = recording.plan(TINY, images, device="cpu")
    assert plan.title.startswith("Other images")
    assert "no known edition of CIFAR-10" in plan.note
    plan = recording.plan(TINY, images | {"edition": "jpeg"}, device="cpu")
    assert plan.title == TINY.title
    assert "not comparable with published accuracies" in plan.note


# What a run imports and a record need not watch.
WATCHED_BY_NONE = {
    "arguments": "checks arguments and hands them on as they are",
    "images.checkpoint": "keeps and restores states: a resumed run is the same run",
    "images.data": "makes the tensors whose digest is in the record",
    "record_types": "holds the numbers as they come",
}


def test_the_sources_are_all_that_a_run_imports(plan):
    assert "missing" not in plan.sources.values()
    reached, waiting = set(), ["mixupbook.studies.run"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
            waiting += [each for each in imported(path) if each.startswith("mixupbook")]
    ours = {name.removeprefix("mixupbook.") for name in reached}
    assert ours == {*recording.SOURCES, *WATCHED_BY_NONE}
    assert not set(recording.SOURCES) & set(WATCHED_BY_NONE)


def test_a_run_is_what_fit_gives(plan, data):
    run = measuring.run_seed(plan, "stopped-2", 3, data, device="cpu")
    expected = fit(
        data,
        "small_convnet_bn",
        mixup=Mixup(num_classes=3, stop_epoch=2),
        epochs=4,
        batch_size=5,
        lr=0.1,
        schedule="one_cycle",
        weight_decay=5e-4,
        seed=3,
        device="cpu",
        progress=False,
    )
    assert run.seed == 3
    assert run.test_error == expected.test_error
    losses = [epoch["train_loss"] for epoch in expected.history]
    assert run.history["train_loss"] == pytest.approx(losses, rel=1e-4)
    assert run.history["test_error"] == pytest.approx(
        [epoch["test_error"] for epoch in expected.history], rel=1e-4
    )
    assert 0 <= run.recalibrated_error <= 1
    assert run.seconds > 0


def test_a_network_without_batch_norm_has_no_recalibrated_error(data):
    bare = dataclasses.replace(TINY, network="small_convnet")
    plan = recording.plan(bare, recording.described(data), device="cpu")
    assert measuring.run_seed(plan, "mixup", 0, data, device="cpu").recalibrated_error is None


def test_a_run_taken_up_again_is_the_same_but_untimed(plan, data, tmp_path, monkeypatch):
    whole = measuring.run_seed(plan, "mixup", 0, data, device="cpu")
    checkpoint = Checkpoint(tmp_path / "run.pt")
    write = Checkpoint.write

    def interrupted_write(self, identity, state):
        write(self, identity, state)
        if len(state["history"]) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "write", interrupted_write)
    with pytest.raises(TrainingInterrupted):
        measuring.run_seed(plan, "mixup", 0, data, device="cpu", checkpoint=checkpoint)
    monkeypatch.undo()
    again = measuring.run_seed(plan, "mixup", 0, data, device="cpu", checkpoint=checkpoint)
    assert again.seconds is None
    assert again == dataclasses.replace(whole, seconds=None)


def test_runs_are_added_in_order_of_seed(plan, data):
    run = measuring.run_seed(plan, "hard", 3, data, device="cpu")
    record = recording.with_run(plan, "hard", run)
    record = recording.with_run(record, "hard", dataclasses.replace(run, seed=0))
    assert [each.seed for each in record.arm("hard").runs] == [0, 3]
    assert len(record.missing()) == 12
    assert plan.arm("hard").runs == ()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"date": "2001-01-01", "note": "later"}, []),
        ({"device": "another"}, ["device"]),
        ({"sources": {"mixing": "0"}}, [f"sources.{name}" for name in sorted(recording.SOURCES)]),
        ({"environment": {}}, [f"environment.{name}" for name in sorted(recording.environment())]),
        ({"arms": TINY.arms[:3]}, ["arms"]),
    ],
)
def test_differences_name_what_forbids_to_continue(plan, change, found):
    assert recording.differences(plan, dataclasses.replace(plan, **change)) == found


def test_a_plan_may_grow_in_seeds_but_not_change_otherwise(plan):
    settings = dict(plan.settings)
    more = dataclasses.replace(plan, settings=settings | {"seeds": [0, 3, 4]})
    assert recording.differences(more, plan) == []
    faster = dataclasses.replace(plan, settings=settings | {"lr": 0.2})
    assert recording.differences(faster, plan) == ["settings.lr"]


def test_a_plan_without_the_seed_of_a_run_does_not_continue_it(plan, data):
    run = measuring.run_seed(plan, "hard", 3, data, device="cpu")
    fewer = dataclasses.replace(plan, settings=plan.settings | {"seeds": [0]})
    assert recording.differences(fewer, recording.with_run(plan, "hard", run)) == ["settings.seeds"]


def test_a_plan_for_a_gpu_has_its_versions(data, monkeypatch):
    plain = recording.plan(TINY, recording.described(data), device="cpu")
    assert not {"cuda", "cudnn"} & set(plain.environment)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A GPU")
    plan = recording.plan(TINY, recording.described(data), device="cuda")
    assert plan.environment == plain.environment | {"cuda": "12.8", "cudnn": "91002"}
    assert (plan.device, plan.settings["precision"]) == ("A GPU", "bfloat16")


def test_under_mixed_precision_the_final_error_is_measured_in_float32(plan, data):
    settings = plan.settings | {"precision": "bfloat16"}
    mixed = dataclasses.replace(plan, settings=settings)
    run = measuring.run_seed(mixed, "mixup", 0, data, device="cpu")
    settings = {key: value for key, value in settings.items() if key != "seeds"}
    mixup = Mixup(num_classes=3, label_map="identity")
    network = fit(data, mixup=mixup, seed=0, device="cpu", progress=False, **settings).network
    assert run.test_error == error_of(network, data.x_test, data.y_test)


@pytest.fixture
def epochs_timed(monkeypatch):
    """The numbers of training images of every run that was timed."""
    sizes = []

    def counted(data, *arguments, **settings):
        sizes.append(len(data.x_train))
        return fit(data, *arguments, **settings)

    monkeypatch.setattr(recording, "fit", counted)
    return sizes


def test_the_cost_of_an_epoch_is_measured(epochs_timed):
    study = dataclasses.replace(TINY, train=40, test=20)
    assert 0 < recording.seconds_per_epoch(study, device="cpu", enough=60.0) < 60
    assert epochs_timed == [2, 10, 20, 40]


def test_a_slow_network_is_timed_on_two_steps(epochs_timed):
    study = dataclasses.replace(TINY, train=4000, test=20)
    assert recording.seconds_per_epoch(study, device="cpu", enough=1e-9) > 0
    assert epochs_timed == [2, 10]


def test_an_epoch_of_one_step_can_be_timed(epochs_timed):
    study = dataclasses.replace(TINY, train=3, test=2)
    assert recording.seconds_per_epoch(study, device="cpu", enough=60.0) > 0
    assert epochs_timed == [2, 3]

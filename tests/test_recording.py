"""How a study is recorded: the plan, one run, and when runs may be continued."""

import dataclasses
import platform

import pytest
import torch

from mixupbook.images import recording
from mixupbook.images.checkpoint import Checkpoint
from mixupbook.images.data import ImageData
from mixupbook.images.study import STUDIES
from mixupbook.images.training import TrainingInterrupted, fit
from mixupbook.mixing import Mixup

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
    return recording.plan(TINY, data, edition="jpeg", device="cpu")


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


def test_a_plan_holds_every_setting_and_no_run(plan):
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
    assert plan.data | {"digest": ""} == {"edition": "jpeg", "train": 11, "test": 7, "digest": ""}
    assert "not comparable with published accuracies" in plan.note
    assert len(plan.missing()) == 14
    assert platform.node() not in str(plan)


def test_the_digest_tells_data_apart(data):
    assert recording.data_digest(recording.first_images(tiny_data(), 11, 7)) == (
        recording.data_digest(data)
    )
    for part in ("x_train", "y_train", "x_test", "y_test"):
        touched = dataclasses.replace(data, **{part: getattr(data, part).flip(0)})
        assert recording.data_digest(touched) != recording.data_digest(data)


def test_editions_are_named():
    with pytest.raises(ValueError, match="edition must be one of 'official', 'jpeg'"):
        recording.plan(TINY, tiny_data(), edition="JPEG", device="cpu")


def test_the_sources_are_those_that_fit_rests_on(plan):
    assert "missing" not in plan.sources.values()


def test_a_run_is_what_fit_gives(plan, data):
    run = recording.run_seed(plan, "stopped-2", 3, data, device="cpu")
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
    plan = recording.plan(bare, data, edition="jpeg", device="cpu")
    assert recording.run_seed(plan, "mixup", 0, data, device="cpu").recalibrated_error is None


def test_a_run_taken_up_again_is_the_same_but_untimed(plan, data, tmp_path, monkeypatch):
    whole = recording.run_seed(plan, "mixup", 0, data, device="cpu")
    checkpoint = Checkpoint(tmp_path / "run.pt")
    write = Checkpoint.write

    def interrupted_write(self, identity, state):
        write(self, identity, state)
        if len(state["history"]) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "write", interrupted_write)
    with pytest.raises(TrainingInterrupted):
        recording.run_seed(plan, "mixup", 0, data, device="cpu", checkpoint=checkpoint)
    monkeypatch.undo()
    again = recording.run_seed(plan, "mixup", 0, data, device="cpu", checkpoint=checkpoint)
    assert again.seconds is None
    assert again == dataclasses.replace(whole, seconds=None)


def test_runs_are_added_in_order_of_seed(plan, data):
    run = recording.run_seed(plan, "hard", 3, data, device="cpu")
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


def test_the_cost_of_an_epoch_is_measured():
    study = dataclasses.replace(TINY, train=40, test=20)
    assert 0 < recording.seconds_per_epoch(study, device="cpu", steps=2) < 60

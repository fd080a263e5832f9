"""How a study is recorded: the plan, one run, and when runs may be continued."""

import dataclasses
import platform

import pytest
import torch
from architecture import imported, modules
from studies.made_up import TINY, tiny_data, with_recipe

from mixupbook._devices import device_name
from mixupbook.images.training.checkpoint import Checkpoint
from mixupbook.images.training.evaluation import error_rate
from mixupbook.images.training.fit import TrainingInterrupted, fit
from mixupbook.mixup.transform import Mixup
from mixupbook.studies import plan as planning
from mixupbook.studies import store
from mixupbook.studies.plan import describe_images, differences, plan_record
from mixupbook.studies.provenance import environment
from mixupbook.studies.run import run_seed


@pytest.fixture(scope="module")
def data():
    return tiny_data().first(TINY.train, TINY.test)


@pytest.fixture(scope="module")
def plan(data):
    return plan_record(TINY, describe_images(data), "cpu")


def test_a_plan_holds_every_setting_and_no_run(plan, data):
    assert plan.settings == TINY.recipe.model_copy(update={"precision": "float32"})
    assert plan.data == describe_images(data)
    assert len(plan.missing()) == 10
    assert platform.node() not in plan.model_dump_json()


def test_the_digest_tells_data_apart(data):
    digest = describe_images(data).digest
    assert digest == describe_images(tiny_data().first(11, 7)).digest
    for part in ("x_train", "y_train", "x_test", "y_test"):
        touched = dataclasses.replace(data, **{part: getattr(data, part).flip(0)})
        assert describe_images(touched).digest != digest


def test_a_record_says_what_its_images_are(data, plan, monkeypatch):
    assert (plan.data.edition, plan.data.train, plan.data.test) == ("other", 11, 7)
    assert plan.title.startswith("Other images")
    assert "no known edition of CIFAR-10" in plan.note
    assert describe_images(data, official=True).edition == "official"
    monkeypatch.setitem(planning.JPEG, plan.data.digest, "jpeg")
    known = plan_record(TINY, describe_images(data), "cpu")
    assert known.title == TINY.title
    assert "not comparable with published accuracies" in known.note


# What a run imports and a record need not watch.
WATCHED_BY_NONE = {
    "_arguments": "checks arguments and hands them on as they are",
    "_executors": "sends whole runs, each as it would be made here",
    "_devices": "finds the device that the record names",
    "_files": "keeps what was computed",
    "identity.contents": "tells checkpoints apart",
    "identity.parts": "tells checkpoints apart",
    "identity.reads": "tells checkpoints apart",
    "images.data.images": "makes the tensors whose digest is in the record",
    "studies.record": "holds the numbers as they come",
}


def test_the_sources_are_all_that_a_run_imports(plan):
    assert "missing" not in plan.sources.values()
    paths, reached, waiting = modules(), set(), ["mixupbook.studies.run"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            found = imported(paths[name], set(paths))
            waiting += [each for each in found if each in paths]
    ours = {name.removeprefix("mixupbook.") for name in reached}
    assert ours <= set(plan.sources) | set(WATCHED_BY_NONE)
    assert not set(plan.sources) & set(WATCHED_BY_NONE)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_is_what_fit_gives_and_ends_in_float32(plan, data, precision):
    settings = plan.settings.model_copy(update={"precision": precision})
    plan = plan.model_copy(update={"settings": settings})
    run = run_seed(plan, "stopped-2", 3, data, device="cpu")
    expected = fit(
        data,
        mixup=Mixup(num_classes=3, stop_epoch=2),
        seed=3,
        device="cpu",
        progress=False,
        **settings.model_dump(exclude={"seeds"}),
    )
    assert (run.arm, run.seed) == ("stopped-2", 3)
    for column in ("train_loss", "test_error"):
        values = [epoch[column] for epoch in expected.history]
        assert getattr(run, column) == pytest.approx(values, rel=1e-4)
    assert run.final_error == error_rate(expected.network, data.x_test, data.y_test)
    assert 0 <= run.recalibrated_error <= 1
    assert run.seconds > 0


def test_a_network_without_batch_norm_has_no_recalibrated_error(data):
    bare = plan_record(with_recipe(TINY, network="small_convnet"), describe_images(data), "cpu")
    assert run_seed(bare, "mixup", 0, data, device="cpu").recalibrated_error is None


def test_a_run_taken_up_again_is_the_same_but_untimed(plan, data, tmp_path, monkeypatch):
    whole = run_seed(plan, "mixup", 0, data, device="cpu")
    checkpoint = Checkpoint(tmp_path / "run.pt")
    calls, write = [], Checkpoint.write

    def interrupted_write(*arguments):
        write(*arguments)
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "write", interrupted_write)
    with pytest.raises(TrainingInterrupted):
        run_seed(plan, "mixup", 0, data, device="cpu", checkpoint=checkpoint)
    monkeypatch.undo()
    again = run_seed(plan, "mixup", 0, data, device="cpu", checkpoint=checkpoint)
    assert again == whole.model_copy(update={"seconds": None})


def test_a_record_that_stands_goes_on(plan):
    """Until the source changes once more."""
    sources = plan.sources | {"studies.run": "0123456789abcdef", "images.fit": "0123456789abcdef"}
    begun = plan.model_copy(update={"sources": sources, "package_version": "0.0.1"})
    assert "sources.studies.run" in differences(plan, begun)
    standing = store.acknowledge(begun, "Computes the same.")
    assert differences(plan, standing) == []
    other_network = standing.settings.model_copy(update={"network": "resnet18"})
    assert differences(plan, standing.model_copy(update={"settings": other_network})) == [
        "settings.network"
    ]
    marked = standing.acknowledged.sources | {"studies.run": "fedcba9876543210"}
    stale = standing.acknowledged.model_copy(update={"sources": marked})
    assert "package_version" in differences(
        plan, standing.model_copy(update={"acknowledged": stale})
    )


def test_differences_name_what_forbids_to_continue(plan):
    def found(**change):
        return differences(plan, plan.model_copy(update=change))

    assert found(title="later", note="later") == []
    assert found(device="another") == ["device"]
    assert found(sources=plan.sources | {"mixup.draw": "0"}) == ["sources.mixup.draw"]
    assert found(environment={}) == [f"environment.{name}" for name in plan.environment]
    assert found(arms=plan.arms | {"hard": None, "more": None}) == ["arms.hard", "arms.more"]
    fewer = {name: mixup for name, mixup in plan.arms.items() if name != "hard"}
    assert found(arms=fewer) == []
    assert found(arms=fewer | {"mixup": None}) == ["arms.mixup"]


def test_a_plan_may_grow_in_seeds_but_not_change_otherwise(plan, data):
    def planned(**changes):
        return plan_record(with_recipe(TINY, **changes), plan.data, "cpu")

    begun = plan.model_copy(update={"runs": (run_seed(plan, "hard", 3, data, device="cpu"),)})
    assert differences(planned(seeds=(0, 3, 4)), begun) == []
    assert differences(planned(seeds=(0,)), begun) == ["settings.seeds"]
    assert differences(planned(lr=0.2, weight_decay=0.0), begun) == [
        "settings.lr",
        "settings.weight_decay",
    ]


@pytest.mark.parametrize("kind", ["cpu", *["cuda"] * torch.cuda.is_available()])
def test_a_plan_names_device_and_versions(data, kind):
    """On the devices that are here; of another, a record has kept what this said there."""
    plan = plan_record(TINY, describe_images(data), kind)
    assert plan.device == device_name(torch.device(kind))
    assert plan.environment == environment(torch.device(kind))
    on_gpu = store.load("cifar10-resnet18-short-100-epochs")
    assert on_gpu.environment.keys() - {"cuda", "cudnn"} == environment(torch.device("cpu")).keys()
    assert (on_gpu.device, on_gpu.settings.precision) == ("NVIDIA H200", "bfloat16")

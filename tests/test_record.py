"""The command line: made, interrupted and continued, refused, and what it shows."""

import dataclasses
import json

import numpy as np
import pytest
from test_recording import TINY
from test_records import stale_record

from mixupbook import record as command
from mixupbook import records
from mixupbook.images import recording
from mixupbook.images.study import STUDIES


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(STUDIES, "tiny", TINY)


@pytest.fixture
def folders(tmp_path, tiny):
    """Options for `main`, with some images to train on."""
    random = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 13), ("test", 9)):
        arrays[f"x_{split}"] = random.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
        arrays[f"y_{split}"] = np.arange(count) % 3
    np.savez(tmp_path / "images.npz", **arrays)
    options = {"data": "images.npz", "work": "work", "out": "out"}
    given = [text for key, name in options.items() for text in (f"--{key}", str(tmp_path / name))]
    return [*given, "--device", "cpu"]


def interrupt_at(monkeypatch, number):
    """Lets Ctrl-C come in the `number`-th run."""
    run_seed, calls = recording.run_seed, []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == number:
            raise KeyboardInterrupt
        return run_seed(*arguments, **options)

    monkeypatch.setattr(recording, "run_seed", interrupted)


def test_a_record_is_made(folders, tmp_path, capsys):
    assert command.main(["tiny", *folders, "--note", "On a test bench."]) == 0
    record = records.load("tiny", tmp_path / "out")
    assert record.missing() == []
    assert record.note.endswith("published accuracies. On a test bench.")
    shown = capsys.readouterr().out
    assert "[1/14] standard, seed 0: test error" in shown
    assert "[14/14] stopped-3, seed 3: test error" in shown
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["tiny.json"]


def test_an_interrupted_record_goes_on_where_it_was(folders, tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 6)
        assert command.main(["tiny", *folders]) == 130
    assert "goes on from here" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert command.main(["tiny", *folders]) == 0
    assert "[9/9] stopped-3, seed 3" in capsys.readouterr().out
    continued = records.load("tiny", tmp_path / "out")

    (tmp_path / "work" / "tiny.json").unlink()
    assert command.main(["tiny", *folders]) == 0
    at_once = records.load("tiny", tmp_path / "out")
    for arm in at_once.arms:
        np.testing.assert_array_equal(continued.errors(arm.name), at_once.errors(arm.name))
        np.testing.assert_array_equal(
            continued.curves(arm.name, "train_loss"), at_once.curves(arm.name, "train_loss")
        )


def test_finished_runs_alone_can_be_recorded(folders, tmp_path, monkeypatch, capsys):
    assert command.main(["tiny", *folders, "--finished-only"]) == 1
    assert "no run of tiny is finished" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        command.main(["tiny", *folders])
    assert command.main(["tiny", *folders, "--finished-only"]) == 0
    record = records.load("tiny", tmp_path / "out")
    assert len(record.missing()) == 12
    assert [row["arm"] for row in records.table(record)] == ["standard", "mixup"]


def test_runs_of_another_configuration_are_not_mixed_in(folders, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 2)
        command.main(["tiny", *folders])
    monkeypatch.setitem(STUDIES, "tiny", dataclasses.replace(TINY, lr=0.05))
    assert command.main(["tiny", *folders]) == 1
    assert "differ from this plan in settings.lr" in capsys.readouterr().err


def test_more_seeds_can_be_asked_for_later(folders, tmp_path, monkeypatch, capsys):
    assert command.main(["tiny", *folders]) == 0
    monkeypatch.setitem(STUDIES, "tiny", dataclasses.replace(TINY, seeds=(0, 3, 4)))
    capsys.readouterr()
    assert command.main(["tiny", *folders]) == 0
    assert "[7/7] stopped-3, seed 4" in capsys.readouterr().out
    assert records.load("tiny", tmp_path / "out").missing() == []


def test_a_shortened_study_has_its_own_record(folders, tmp_path):
    assert command.main(["tiny", *folders, "--epochs", "8"]) == 0
    assert records.load("tiny-8-epochs", tmp_path / "out").settings["epochs"] == 8


def test_dry_run_shows_the_cost_and_makes_nothing(folders, tmp_path, capsys):
    assert command.main(["tiny", *folders, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "7 arms x 2 seeds = 14 runs of 4 epochs; 0 finished" in shown
    assert "what is left: about" in shown
    assert not (tmp_path / "work").exists()
    assert not (tmp_path / "out").exists()


def test_list_shows_every_study(capsys):
    assert command.main(["--list"]) == 0
    shown = capsys.readouterr().out
    for name in STUDIES:
        assert name in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cifar10-resnet81"], "did you mean 'cifar10-resnet18'"),
        (["tiny", "--epochs", "3"], "stops apart"),
        (["tiny", "--data", "nowhere.npz"], "existing .npz file"),
        (["tiny", "--device", "tpu"], "device must be"),
        (["tiny", "--acknowledge", "why"], "has not been made"),
    ],
)
def test_mistakes_are_explained_on_one_line(arguments, message, folders, capsys):
    assert command.main([arguments[0], *folders, *arguments[1:]]) == 1
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.startswith("error: ")
    assert shown.count("\n") == 1


def test_a_record_is_asked_for_by_name(capsys):
    assert command.main([]) == 2
    assert "--list" in capsys.readouterr().err


def test_a_stale_record_can_be_acknowledged(tmp_path, capsys):
    records.write(stale_record(), tmp_path)
    options = ["five-by-three", "--out", str(tmp_path), "--acknowledge"]
    assert command.main([*options, "only a name changed"]) == 0
    assert records.state("five-by-three", tmp_path) == "acknowledged"
    fields = json.loads((tmp_path / "five-by-three.json").read_text())
    assert fields["acknowledged"]["reason"] == "only a name changed"
    assert command.main([*options, " "]) == 1
    assert "must say why" in capsys.readouterr().err


def make_stale(folder):
    record = records.load("tiny", folder)
    sources = dict(record.sources) | {"mixing": "0" * 16}
    records.write(dataclasses.replace(record, sources=sources), folder)


def test_a_recheck_that_agrees_acknowledges(folders, tmp_path, capsys):
    assert command.main(["tiny", *folders]) == 0
    assert command.main(["tiny", *folders, "--recheck", "mixup"]) == 0
    assert "nothing to check" in capsys.readouterr().out
    make_stale(tmp_path / "out")
    assert records.state("tiny", tmp_path / "out") == "stale"
    assert command.main(["tiny", *folders, "--recheck", "mixup", "hard"]) == 0
    assert records.state("tiny", tmp_path / "out") == "acknowledged"
    reason = records.load("tiny", tmp_path / "out").acknowledged["reason"]
    assert reason == "Run again with every number as recorded: mixup (seed 0), hard (seed 0)."


def test_a_recheck_that_disagrees_does_not(folders, tmp_path, capsys, monkeypatch):
    assert command.main(["tiny", *folders]) == 0
    make_stale(tmp_path / "out")
    run_seed = recording.run_seed

    def slightly_different(*arguments, **options):
        run = run_seed(*arguments, **options)
        losses = [loss * 1.0001 for loss in run.history["train_loss"]]
        return dataclasses.replace(run, history={**run.history, "train_loss": losses})

    monkeypatch.setattr(recording, "run_seed", slightly_different)
    assert command.main(["tiny", *folders, "--recheck", "mixup"]) == 1
    assert "does not come out as recorded" in capsys.readouterr().err
    assert records.state("tiny", tmp_path / "out") == "stale"


def test_a_recheck_needs_the_recorded_data(folders, tmp_path, capsys):
    assert command.main(["tiny", *folders]) == 0
    make_stale(tmp_path / "out")
    with np.load(tmp_path / "images.npz") as arrays:
        changed = {name: arrays[name][::-1] for name in arrays}
    np.savez(tmp_path / "images.npz", **changed)
    assert command.main(["tiny", *folders, "--recheck", "mixup"]) == 1
    assert "made with, and is not" in capsys.readouterr().err

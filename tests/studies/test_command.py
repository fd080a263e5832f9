"""The command line: made, interrupted and continued, refused, and what it shows."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from studies.test_plan import TINY
from studies.test_store import a_record, stale_record

from mixupbook.studies import __main__ as command
from mixupbook.studies import plan as recording
from mixupbook.studies import run as measuring
from mixupbook.studies import store
from mixupbook.studies.catalogue import STUDIES


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(STUDIES, "tiny", TINY)


@pytest.fixture
def folders(tmp_path, tiny):
    """Options for `main`, with some images to train on."""
    return options(tmp_path)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A folder in which the record has been made."""
    folder = tmp_path_factory.mktemp("workshop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STUDIES, "tiny", TINY)
        assert command.main(["tiny", *options(folder), "--note", "On a test bench."]) == 0
    return folder


@pytest.fixture
def made(workshop, folders, tmp_path):
    """Options for `main` where the record has been made."""
    shutil.copytree(workshop, tmp_path, dirs_exist_ok=True)
    return folders


def options(folder):
    random = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 13), ("test", 9)):
        arrays[f"x_{split}"] = random.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
        arrays[f"y_{split}"] = np.arange(count) % 3
    np.savez(folder / "images.npz", **arrays)
    places = {"data": "images.npz", "work": "work", "out": "out"}
    given = [text for key, name in places.items() for text in (f"--{key}", str(folder / name))]
    return [*given, "--device", "cpu"]


def interrupt_at(monkeypatch, number):
    """Lets Ctrl-C come in the `number`-th run."""
    run_seed, calls = measuring.run_seed, []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == number:
            raise KeyboardInterrupt
        return run_seed(*arguments, **options)

    monkeypatch.setattr(measuring, "run_seed", interrupted)


def test_a_record_is_made(folders, tmp_path, capsys):
    assert command.main(["tiny", *folders, "--note", "On a test bench."]) == 0
    record = store.load("tiny", tmp_path / "out")
    assert record.missing() == []
    assert record.note == f"{recording.EDITIONS['other']} On a test bench."
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
    continued = store.load("tiny", tmp_path / "out")

    for folder in ("work", "out"):
        (tmp_path / folder / "tiny.json").unlink()
    assert command.main(["tiny", *folders]) == 0
    at_once = store.load("tiny", tmp_path / "out")
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
    record = store.load("tiny", tmp_path / "out")
    assert len(record.missing()) == 12
    assert [row["arm"] for row in store.table(record)] == ["standard", "mixup"]


def test_runs_of_another_configuration_are_not_mixed_in(folders, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 2)
        command.main(["tiny", *folders])
    monkeypatch.setitem(STUDIES, "tiny", dataclasses.replace(TINY, lr=0.05))
    assert command.main(["tiny", *folders]) == 1
    assert "differ from this plan in settings.lr" in capsys.readouterr().err


def test_more_seeds_can_be_asked_for_later(made, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(STUDIES, "tiny", dataclasses.replace(TINY, seeds=(0, 3, 4)))
    capsys.readouterr()
    assert command.main(["tiny", *made]) == 0
    assert "[7/7] stopped-3, seed 4" in capsys.readouterr().out
    assert store.load("tiny", tmp_path / "out").missing() == []


def test_a_shortened_study_has_its_own_record(folders, tmp_path):
    assert command.main(["tiny", *folders, "--epochs", "8"]) == 0
    assert store.load("tiny-8-epochs", tmp_path / "out").settings["epochs"] == 8


def test_dry_run_shows_the_cost_and_makes_nothing(folders, tmp_path, capsys):
    assert command.main(["tiny", *folders, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "7 arms x 2 seeds = 14 runs of 4 epochs; 0 finished" in shown
    assert "what is left: about" in shown
    assert not (tmp_path / "work").exists()
    assert not (tmp_path / "out").exists()


def test_dry_run_shows_the_plan_before_it_takes_time(folders, capsys, monkeypatch):
    def interrupted(study, *, device):
        assert "14 runs of 4 epochs" in capsys.readouterr().out
        raise KeyboardInterrupt

    monkeypatch.setattr(recording, "seconds_per_epoch", interrupted)
    assert command.main(["tiny", *folders, "--dry-run"]) == 130


def test_dry_run_rounds_no_time_to_nothing(folders, capsys, monkeypatch):
    monkeypatch.setattr(recording, "seconds_per_epoch", lambda study, *, device: 0.00123)
    assert command.main(["tiny", *folders, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "about 0.0012 s an epoch and 0.0049 s a run" in shown
    assert "what is left: about 0.069 s" in shown


def test_a_finished_record_is_not_made_again(made, tmp_path, capsys, monkeypatch):
    path = tmp_path / "out" / "tiny.json"
    before = path.read_bytes()
    monkeypatch.delattr(measuring, "run_seed")
    assert command.main(["tiny", *made]) == 0
    shutil.rmtree(tmp_path / "work")
    assert command.main(["tiny", *made]) == 0
    assert command.main(["tiny", *made, "--finished-only"]) == 0
    assert capsys.readouterr().out.count("has these 14 runs of tiny already") == 3
    assert command.main(["tiny", *made, "--dry-run"]) == 0
    assert "14 finished\n  nothing is left" in capsys.readouterr().out
    assert path.read_bytes() == before


def test_a_stale_record_is_made_again(made, tmp_path, capsys):
    make_stale(tmp_path / "out")
    shutil.rmtree(tmp_path / "work")
    assert command.main(["tiny", *made, "--dry-run"]) == 0
    assert "; 0 finished" in capsys.readouterr().out
    assert command.main(["tiny", *made]) == 0
    shown = capsys.readouterr().out
    assert "no run of the record there is used, it differs in sources.mixing" in shown
    assert "[14/14]" in shown
    assert store.state("tiny", tmp_path / "out") == "made"


def test_fewer_runs_do_not_replace_more(made, tmp_path, monkeypatch, capsys):
    make_stale(tmp_path / "out")
    shutil.rmtree(tmp_path / "work")
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        assert command.main(["tiny", *made]) == 130
    assert command.main(["tiny", *made, "--finished-only"]) == 1
    assert (
        "has 14 runs and lacks 0; it is not replaced by 2 that lack 12" in capsys.readouterr().err
    )
    monkeypatch.setitem(STUDIES, "tiny", dataclasses.replace(TINY, seeds=(0,)))
    assert command.main(["tiny", *made[:2], "--work", str(tmp_path), *made[4:]]) == 1
    assert "has 14 runs and lacks 0; it is not replaced by 7 that lack 0" in capsys.readouterr().err
    assert store.load("tiny", tmp_path / "out").missing() == []


def test_part_of_a_larger_plan_does_not_replace_a_whole_record(made, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(STUDIES, "tiny", dataclasses.replace(TINY, seeds=(0, 3, 4)))
    assert command.main(["tiny", *made, "--finished-only"]) == 1
    assert "it is not replaced by 14 that lack 7" in capsys.readouterr().err
    assert store.load("tiny", tmp_path / "out").missing() == []


def test_a_damaged_record_is_not_replaced_unseen(folders, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "tiny.json").write_text("{", encoding="utf-8")
    for option in ([], ["--dry-run"], ["--finished-only"], ["--recheck", "mixup"]):
        assert command.main(["tiny", *folders, *option]) == 1
        assert "tiny.json is not JSON" in capsys.readouterr().err


def test_list_shows_every_study(capsys):
    assert command.main(["--list"]) == 0
    shown = capsys.readouterr().out
    for name in STUDIES:
        assert name in shown


def test_list_shows_the_records_of_a_folder(tmp_path, capsys):
    store.write(a_record(), tmp_path)
    assert command.main(["--list", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "five-by-three" in shown
    assert "5 of 6 runs, 2024-02-29, an abacus" in shown


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
    store.write(stale_record(), tmp_path)
    options = ["five-by-three", "--out", str(tmp_path), "--acknowledge"]
    assert command.main([*options, "only a name changed"]) == 0
    assert store.state("five-by-three", tmp_path) == "acknowledged"
    fields = json.loads((tmp_path / "five-by-three.json").read_text())
    assert fields["acknowledged"]["reason"] == "only a name changed"
    assert command.main([*options, " "]) == 1
    assert "must say why" in capsys.readouterr().err


def make_stale(folder):
    record = store.load("tiny", folder)
    sources = dict(record.sources) | {"mixing": "0" * 16}
    store.write(dataclasses.replace(record, sources=sources), folder)


def test_a_recheck_that_agrees_acknowledges(made, tmp_path, capsys):
    assert command.main(["tiny", *made, "--recheck", "mixup"]) == 0
    assert "nothing to check" in capsys.readouterr().out
    make_stale(tmp_path / "out")
    assert store.state("tiny", tmp_path / "out") == "stale"
    assert command.main(["tiny", *made, "--recheck", "mixup", "hard"]) == 0
    assert store.state("tiny", tmp_path / "out") == "acknowledged"
    reason = store.load("tiny", tmp_path / "out").acknowledged["reason"]
    assert reason == "Run again with every number as recorded: mixup (seed 0), hard (seed 0)."


def test_a_recheck_that_disagrees_does_not(made, tmp_path, capsys, monkeypatch):
    make_stale(tmp_path / "out")
    run_seed = measuring.run_seed

    def slightly_different(*arguments, **options):
        run = run_seed(*arguments, **options)
        losses = [loss * 1.0001 for loss in run.history["train_loss"]]
        return dataclasses.replace(run, history={**run.history, "train_loss": losses})

    monkeypatch.setattr(measuring, "run_seed", slightly_different)
    assert command.main(["tiny", *made, "--recheck", "mixup"]) == 1
    assert "does not come out as recorded" in capsys.readouterr().err
    assert store.state("tiny", tmp_path / "out") == "stale"


def test_a_recheck_needs_the_recorded_data(made, tmp_path, capsys):
    make_stale(tmp_path / "out")
    with np.load(tmp_path / "images.npz") as arrays:
        changed = {name: arrays[name][::-1] for name in arrays}
    np.savez(tmp_path / "images.npz", **changed)
    assert command.main(["tiny", *made, "--recheck", "mixup"]) == 1
    assert "made with, and is not" in capsys.readouterr().err


def test_a_recheck_needs_arms_with_runs(folders, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        command.main(["tiny", *folders])
    assert command.main(["tiny", *folders, "--finished-only"]) == 0
    make_stale(tmp_path / "out")
    capsys.readouterr()
    assert command.main(["tiny", *folders, "--recheck", "mixup", "hard"]) == 1
    shown = capsys.readouterr().err
    assert "recheck must name arms with runs, 'standard', 'mixup', got 'hard'" in shown
    assert command.main(["tiny", *folders, "--recheck", "hrad"]) == 1
    assert "did you mean 'hard'" in capsys.readouterr().err

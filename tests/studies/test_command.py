"""The command line: made, killed and continued, refused, and what it shows."""

import dataclasses
import itertools
import os
import re
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from studies.made_up import TINY, a_record, options, stale_record, untimed, with_recipe

from mixupbook._files import locked
from mixupbook.studies import __main__ as command
from mixupbook.studies import budget, catalogue, store
from mixupbook.studies.budget import Pace
from mixupbook.studies.catalogue import STUDIES

IN_A_PROCESS = """
import sys
from studies.made_up import TINY
from mixupbook.studies.__main__ import STUDIES, main
STUDIES["tiny"] = TINY
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(STUDIES, "tiny", TINY)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A folder in which the record has been made."""
    folder = tmp_path_factory.mktemp("workshop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STUDIES, "tiny", TINY)
        note = ["--note", "On a test bench."]
        assert command.main(["tiny", *options(folder), "--device", "cpu", *note]) == 0
    return folder


@pytest.fixture
def call(tmp_path, capsys):
    """Runs the command on the folders of this test; returns its status and what it shows."""
    given = options(tmp_path)

    def called(*arguments):
        status = command.main(["tiny", *given, "--device", "cpu", *arguments])
        shown = capsys.readouterr()
        return status, shown.out + shown.err

    return called


@pytest.fixture
def made(call, workshop, tmp_path):
    """The same where the record has been made."""
    shutil.copytree(workshop, tmp_path, dirs_exist_ok=True)
    return call


def interrupt_at(monkeypatch, call, number, *arguments):
    """The command, with Ctrl-C in the `number`-th run."""
    run_seed, calls = command.run_seed, []

    def interrupted(*inner, **options):
        calls.append(inner)
        if len(calls) == number:
            raise KeyboardInterrupt
        return run_seed(*inner, **options)

    with monkeypatch.context() as patch:
        patch.setattr(command, "run_seed", interrupted)
        status, shown = call(*arguments)
    assert (status, "goes on from here" in shown) == (130, True)


def make_stale(folder, name="tiny"):
    record = store.load(name, folder)
    sources = record.sources | {"mixing": "0" * 16}
    store.write(record.model_copy(update={"sources": sources}), folder)


def test_a_record_is_made(workshop):
    record = store.load("tiny", workshop / "out")
    assert record.missing() == []
    assert record.note.startswith("Images from a file, no known edition of CIFAR-10")
    assert record.note.endswith(" On a test bench.")
    assert [path.name for path in (workshop / "work").iterdir()] == ["tiny.json"]
    assert [path.name for path in (workshop / "out").iterdir()] == ["tiny.json"]


def test_killed_it_goes_on_where_it_was(call, workshop, tmp_path):
    arguments = ["tiny", *options(tmp_path), "--device", "cpu"]
    process = subprocess.Popen([sys.executable, "-c", IN_A_PROCESS, *arguments], env=environment())
    while not (tmp_path / "work" / "tiny.json").exists():
        assert process.poll() is None
        time.sleep(0.01)
    assert "is in use by process" in call()[1]
    process.kill()
    process.wait()
    done = len(store.load("tiny", tmp_path / "work").runs)
    assert not (tmp_path / "out" / "tiny.json").exists()
    assert f"[{10 - done}/{10 - done}] hard, seed 3: test error" in call()[1]
    at_once = store.load("tiny", workshop / "out")
    assert untimed(store.load("tiny", tmp_path / "out")) == untimed(at_once)


def environment():
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def test_finished_runs_alone_can_be_recorded(call, tmp_path, monkeypatch):
    assert "no run of tiny is finished" in call("--finished-only")[1]
    interrupt_at(monkeypatch, call, 3)
    assert call("--finished-only")[0] == 0
    record = store.load("tiny", tmp_path / "out")
    assert [(run.arm, run.seed) for run in record.runs] == [("standard", 0), ("mixup", 0)]


def test_it_ends_in_time_with_a_record(call, tmp_path, monkeypatch):
    three, name = ("--epochs", "3"), "tiny-3-epochs"
    assert "there is no time for another run" in call(*three, "--minutes", "1e-9")[1]
    assert not (tmp_path / "out" / f"{name}.json").exists()
    with monkeypatch.context() as patch:
        # A clock by which a run takes a second, and two seconds pass between two.
        seconds = map(float, itertools.count())
        patch.setattr(command, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
        status, shown = call(*three, "--minutes", "0.2")
    assert (status, "no time for another run" in shown) == (0, True)
    assert len(store.load(name, tmp_path / "out").runs) == shown.count("test error") == 3
    assert call(*three)[0] == 0
    assert store.load(name, tmp_path / "out").missing() == []


@pytest.fixture
def paced(monkeypatch):
    """As if a run took a minute once and a minute for each epoch; what was measured on how many."""
    measured = []

    def pace(plan, data, device):
        measured.append(len(data.x_train))
        return Pace(epoch=60.0, once=60.0)

    monkeypatch.setattr(budget, "measured_pace", pace)
    return measured


def test_within_minutes_the_schedule_is_shortened_and_the_record_says_so(call, tmp_path, paced):
    # Five arms take 25 minutes with 4 epochs, 20 with 3; a tenth of the time is kept free.
    status, shown = call("--minutes", "24")
    assert (status, shown.count("test error")) == (0, 10)
    record = store.load("tiny-3-epochs", tmp_path / "out")
    said = (
        "chosen for 24 minutes: 3 of 4 epochs, with which the 5 most telling arms fit under 1 seed"
    )
    assert said in record.note
    assert said in shown
    assert record.note.startswith("Images from a file")
    assert record.missing() == []
    assert paced == [11, 11]


def test_where_all_fits_the_study_stays_as_it_is(call, tmp_path, paced):
    assert call("--minutes", "100")[0] == 0
    assert "4 of 4 epochs" in store.load("tiny", tmp_path / "out").note


@pytest.mark.parametrize(("minutes", "least"), [("0", 11.2), ("1e-9", 11.2), ("16", 16.7)])
def test_minutes_too_few_for_the_least_schedule_are_refused(call, tmp_path, paced, minutes, least):
    """Far too few are found out by a few images, which say nothing of what a run takes once."""
    status, shown = call("--minutes", minutes)
    assert status == 1
    assert f"minutes must be at least {least} here, got {float(minutes):g}: an epoch takes" in shown
    assert "5 most telling arms need 2 each, the fewest that keep the stops apart" in shown
    assert not (tmp_path / "out").exists()


def test_cut_off_it_leaves_a_record_and_goes_on_with_its_schedule(
    call, tmp_path, monkeypatch, paced
):
    interrupt_at(monkeypatch, call, 1, "--minutes", "24", "--note", "On a bench.")
    assert not (tmp_path / "out" / "tiny-3-epochs.json").exists()
    assert "no run of tiny-3-epochs is finished" in call("--minutes", "24", "--finished-only")[1]
    interrupt_at(monkeypatch, call, 3, "--minutes", "24")
    record = store.load("tiny-3-epochs", tmp_path / "out")
    assert [(run.arm, run.seed) for run in record.runs] == [("standard", 0), ("mixup", 0)]
    assert record.note.endswith(" On a bench.")
    paced.clear()
    status, shown = call("--minutes", "5", "--note", "On a bench.")  # too few to begin with
    assert (status, paced) == (0, [])
    assert f"going on with tiny-3-epochs, begun in {tmp_path / 'work'}" in shown
    whole = store.load("tiny-3-epochs", tmp_path / "out")
    assert (whole.missing(), whole.note) == ([], record.note)


def test_a_plan_of_another_day_without_a_run_is_in_nobodys_way(call, tmp_path, monkeypatch, paced):
    interrupt_at(monkeypatch, call, 1, "--minutes", "24")
    begun = store.load("tiny-3-epochs", tmp_path / "work")
    store.write(begun.model_copy(update={"device": "an abacus"}), tmp_path / "work")
    assert call("--minutes", "24")[0] == 0
    assert store.load("tiny-3-epochs", tmp_path / "out").device == begun.device


def test_within_minutes_a_record_is_not_replaced_by_less(call, tmp_path, monkeypatch, paced):
    assert call("--minutes", "24")[0] == 0
    make_stale(tmp_path / "out", "tiny-3-epochs")
    shutil.rmtree(tmp_path / "work")
    interrupt_at(monkeypatch, call, 3, "--minutes", "24")
    assert len(store.load("tiny-3-epochs", tmp_path / "out").runs) == 10
    assert call("--minutes", "24")[0] == 0
    assert store.state(store.load("tiny-3-epochs", tmp_path / "out")) == "made"


def test_the_most_telling_arms_come_under_all_seeds_before_the_others(call, monkeypatch):
    monkeypatch.setattr(catalogue, "TELLING", 2)
    shown = re.findall(r"\] (\S+), seed (\d)", call()[1])
    assert shown[:4] == [("standard", "0"), ("mixup", "0"), ("standard", "3"), ("mixup", "3")]
    assert shown[4:6] == [("stopped-2", "0"), ("started-2", "0")]


def test_a_study_may_gain_arms(made, tmp_path, monkeypatch):
    more = dataclasses.replace(TINY, label_maps=("hard", "cubic"))
    monkeypatch.setitem(STUDIES, "tiny", more)
    assert "10 finished" in made("--dry-run")[1]
    assert "[2/2] cubic, seed 3" in made()[1]
    record = store.load("tiny", tmp_path / "out")
    assert (record.arms, record.missing()) == (more.arms, [])


def test_runs_of_another_configuration_are_not_mixed_in(call, monkeypatch):
    interrupt_at(monkeypatch, call, 2)
    monkeypatch.setitem(STUDIES, "tiny", with_recipe(TINY, lr=0.05))
    assert "differ from this plan in settings.lr" in call()[1]


def test_more_seeds_can_be_asked_for_later(made, tmp_path, monkeypatch):
    monkeypatch.setitem(STUDIES, "tiny", with_recipe(TINY, seeds=(0, 3, 4)))
    refused = made("--finished-only")[1]
    assert "has 10 runs and lacks 0; it is not replaced by 10 that lack 5" in refused
    assert "[5/5] hard, seed 4" in made()[1]
    assert store.load("tiny", tmp_path / "out").missing() == []


def test_a_shortened_study_has_its_own_record(call, tmp_path):
    assert call("--epochs", "3")[0] == 0
    assert store.load("tiny-3-epochs", tmp_path / "out").settings.epochs == 3


def test_a_dry_run_makes_nothing(call, tmp_path):
    shown = call("--dry-run")[1]
    assert "10 runs of 4 epochs, 0 finished" in shown
    seconds = np.median([run.seconds for run in store.load("cifar10-small-cpu").runs]) / 30
    assert f"{10 * 4 * seconds / 60:.1f} minutes are left at {seconds:.2g} s an epoch" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["images.npz"]


def test_a_finished_record_is_not_made_again(made, tmp_path, monkeypatch):
    path = tmp_path / "out" / "tiny.json"
    before = path.read_bytes()
    monkeypatch.delattr(command, "run_seed")
    for arguments in ([], ["--finished-only"]):
        assert "has these 10 runs of tiny already" in made(*arguments)[1]
        shutil.rmtree(tmp_path / "work", ignore_errors=True)
    assert "10 runs of 4 epochs, 10 finished" in made("--dry-run")[1]
    assert path.read_bytes() == before


def test_a_stale_record_is_made_again_and_never_replaced_by_less(made, tmp_path, monkeypatch):
    make_stale(tmp_path / "out")
    shutil.rmtree(tmp_path / "work")
    assert "0 finished" in made("--dry-run")[1]
    interrupt_at(monkeypatch, made, 3)
    refused = made("--finished-only")[1]
    assert "has 10 runs and lacks 0; it is not replaced by 2 that lack 8" in refused
    with monkeypatch.context() as patch:
        patch.setitem(STUDIES, "tiny", with_recipe(TINY, seeds=(0,)))
        assert "not replaced by 5 that lack 0" in made("--work", str(tmp_path / "other"))[1]
    assert len(store.load("tiny", tmp_path / "out").runs) == 10
    shown = made()[1]
    assert "no run of the record there is used, it differs in sources.mixing" in shown
    assert "[8/8]" in shown
    assert store.state(store.load("tiny", tmp_path / "out")) == "made"


def test_a_damaged_record_is_not_replaced_unseen(call, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "tiny.json").write_text("{", encoding="utf-8")
    for option in ([], ["--dry-run"], ["--finished-only"], ["--recheck", "mixup"]):
        status, shown = call(*option)
        assert (status, "tiny.json is not JSON" in shown) == (1, True)
    assert (tmp_path / "out" / "tiny.json").read_text(encoding="utf-8") == "{"


@pytest.mark.parametrize("place", ["work/tiny.runs", "out/tiny.json"])
def test_a_second_writer_is_refused(made, tmp_path, place):
    with locked(tmp_path / place, "record"):
        status, shown = made()
        assert (status, f"is in use by process {os.getpid()}" in shown) == (1, True)
        if place == "out/tiny.json":
            assert "is in use" in made("--acknowledge", "because")[1]


def test_list_shows_studies_and_the_records_of_a_folder(tmp_path, monkeypatch, capsys):
    store.write(a_record(), tmp_path / "out")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert command.main(["--list", "--out", "~/out"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in STUDIES)
    assert re.search("five-by-three +made +An example  5 of 6  2024-02-29  an abacus", shown)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cifar10-resnet81"], "did you mean 'cifar10-resnet18'"),
        (["tiny", "--epochs", "1"], "stops apart"),
        (["tiny", "--data", "nowhere.npz"], "existing .npz file"),
        (["tiny", "--device", "tpu"], "device must be"),
        (["tiny", "--minutes", "nan"], "minutes must be finite, got nan"),
        (["tiny", "--minutes", "-1"], "minutes must lie in [0, inf), got -1"),
        (["tiny", "--acknowledge", "why"], "has not been made"),
        (["../tiny", "--acknowledge", "why"], "has not been made"),
    ],
)
def test_mistakes_are_explained_on_one_line(arguments, message, tmp_path, capsys):
    assert command.main([arguments[0], *options(tmp_path), *arguments[1:]]) == 1
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
    assert command.main([*options, " "]) == 1
    assert "must say why" in capsys.readouterr().err
    assert command.main([*options, ""]) == 1
    assert store.state(store.load("five-by-three", tmp_path)) == "stale"
    assert command.main([*options, "only a name changed"]) == 0
    record = store.load("five-by-three", tmp_path)
    assert store.state(record) == "acknowledged"
    assert record.acknowledged.reason == "only a name changed"


def test_a_recheck_that_agrees_acknowledges(made, tmp_path):
    status, shown = made("--recheck", "mixup")
    assert (status, "fits the source, and comes out as recorded" in shown) == (0, True)
    assert store.load("tiny", tmp_path / "out").acknowledged is None
    assert "fits the source: nothing to acknowledge" in made("--acknowledge", "why")[1]
    make_stale(tmp_path / "out")
    assert made("--recheck", "mixup", "hard")[0] == 0
    record = store.load("tiny", tmp_path / "out")
    assert store.state(record) == "acknowledged"
    expected = "Run again with every number as recorded: mixup (seed 0), hard (seed 0)."
    assert record.acknowledged.reason == expected


@pytest.mark.parametrize("device", ["here", "an abacus"])
def test_a_recheck_that_disagrees_does_not_and_names_another_processor(made, tmp_path, device):
    make_stale(tmp_path / "out")
    record = store.load("tiny", tmp_path / "out")
    first, *others = record.runs
    first = first.model_copy(update={"train_loss": tuple(1.0001 * x for x in first.train_loss)})
    here = record.device
    named = {"runs": (first, *others), "device": here if device == "here" else device}
    store.write(record.model_copy(update=named), tmp_path / "out")
    status, shown = made("--recheck", first.arm)
    assert (status, "does not come out as recorded" in shown) == (1, True)
    assert ("make tiny again" in shown) == (device == "here")
    assert (f"made on 'an abacus', and this is {here!r}" in shown) == (device != "here")
    assert store.state(store.load("tiny", tmp_path / "out")) == "stale"


def test_a_recheck_needs_the_recorded_data_and_arms_with_runs(made, tmp_path):
    make_stale(tmp_path / "out")
    record = store.load("tiny", tmp_path / "out")
    less = record.model_copy(
        update={"runs": tuple(run for run in record.runs if run.arm != "hard")}
    )
    store.write(less, tmp_path / "out")
    refused = made("--recheck", "mixup", "hard")[1]
    assert "recheck must name arms that have runs, got ['mixup', 'hard']" in refused
    assert "did you mean 'hard'" in made("--recheck", "hrad")[1]
    with np.load(tmp_path / "images.npz") as arrays:
        changed = {name: arrays[name][::-1] for name in arrays}
    np.savez(tmp_path / "images.npz", **changed)
    assert "made with, and is not" in made("--recheck", "mixup")[1]

"""The ladder's command line: written rung by rung, continued, trained anew, refused."""

import dataclasses

import pytest

from mixupbook._files import locked
from mixupbook.studies import store
from mixupbook.studies.ladder import __main__ as command
from mixupbook.studies.ladder.arms import ARMS
from mixupbook.studies.ladder.image_catalogue import IMAGE_RUNGS
from mixupbook.studies.ladder.image_runs import ImageRung, image_setting
from mixupbook.studies.ladder.rung_records import LadderRecord, RungRecord
from mixupbook.studies.ladder.rung_runs import setting
from mixupbook.studies.ladder.rungs import RUNGS
from mixupbook.studies.ladder.training import Recipe
from mixupbook.studies.provenance import source_digests

NAME = "which-pairs-teach"


def as_trained(rung):
    """What training a rung might give."""
    arms = rung.arms if isinstance(rung, ImageRung) else ARMS
    of_images = isinstance(rung, ImageRung)
    rare = {arm: (0.125 if arm == "all" else 0.5,) * len(rung.seeds) for arm in arms}
    return RungRecord(
        setting=image_setting(rung) if of_images else setting(rung),
        seeds=rung.seeds,
        common=dict.fromkeys(arms, (0.0,) * len(rung.seeds)),
        rare=rare,
        seconds=61.0,
    )


@pytest.fixture
def out(tmp_path):
    return tmp_path / "in" / "out"


@pytest.fixture
def trained(monkeypatch):
    """The names of the rungs that have been trained, one after another."""
    names = []

    def run(rung, *_):
        names.append(rung.name)
        return as_trained(rung)

    monkeypatch.setattr(command, "run_rung", run)
    monkeypatch.setattr(command, "run_image_rung", run)
    return names


@pytest.fixture
def call(out, capsys):
    """Runs the command; returns its status and what it shows."""

    def called(*arguments):
        status = command.main([*arguments, "--out", str(out)])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return called


def recorded(out, name=NAME):
    return store.load_as(LadderRecord, name, out)


def test_rungs_are_kept_in_the_order_of_the_catalogue(call, out, trained):
    status, shown, complaints = call("cube", "base", "linear")
    assert (status, complaints) == (0, "")
    assert trained == ["cube", "base", "linear"]
    record = recorded(out)
    assert list(record.rungs) == ["base", "linear", "cube"]
    assert all(record.rungs[name] == as_trained(RUNGS[name]) for name in trained)
    assert shown.splitlines()[0] == f"{'cube':20}     61 s  Mixup -37.5 points"
    assert len(shown.splitlines()) == 3
    assert store.state(record) == "made"
    assert {f"studies.ladder.{name}" for name in ("arms", "training")} <= set(record.sources)
    assert [path.name for path in out.iterdir()] == [f"{NAME}.json"]


def test_all_rungs_are_trained_where_none_is_named(call, out, trained):
    assert call()[0] == 0
    assert list(recorded(out).rungs) == list(RUNGS)
    assert list(recorded(out, "rare-subclasses").rungs) == list(IMAGE_RUNGS)
    assert trained == [*RUNGS, *IMAGE_RUNGS]


def test_a_name_is_of_one_rung():
    assert not RUNGS.keys() & IMAGE_RUNGS.keys()
    assert all(rung.name == name for name, rung in IMAGE_RUNGS.items())


def test_each_record_has_its_own_rungs(call, out, trained):
    assert call("fashion", "digits")[0] == 0
    assert trained == ["fashion", "digits"]
    found = recorded(out, "rare-subclasses")
    assert list(found.rungs) == ["digits", "fashion"]
    assert found.rungs["digits"] == as_trained(IMAGE_RUNGS["digits"])
    # Of a record of which nothing is asked for, nothing is read or made.
    assert [path.name for path in out.iterdir()] == ["rare-subclasses.json"]


def test_images_are_trained_from_the_file_by_so_many_processes(call, monkeypatch, tmp_path):
    given = []

    def run_image_rung(rung, *others):
        given.append(others)
        return as_trained(rung)

    monkeypatch.setattr(command, "run_image_rung", run_image_rung)
    assert call("cifar10", "--data", str(tmp_path / "a.npz"), "--workers", "2")[0] == 0
    assert call("digits")[0] == 0
    assert given == [(tmp_path / "a.npz", 2), (None, 1)]


@pytest.mark.parametrize(
    "change",
    [{"arms": ("standard", "all", "cutmix")}, {"common": 41}, {"seeds": (1, 2)}],
    ids=lambda change: next(iter(change)),
)
def test_a_rung_of_images_that_has_changed_is_trained_anew(change, call, out, trained, monkeypatch):
    call("digits", "fashion")
    trained.clear()
    changed = dataclasses.replace(IMAGE_RUNGS["digits"], **change)
    monkeypatch.setitem(IMAGE_RUNGS, "digits", changed)
    assert call("fashion", "digits")[0] == 0
    assert trained == ["digits"]
    assert recorded(out, "rare-subclasses").rungs["digits"] == as_trained(changed)


def test_each_rung_is_written_before_the_next_is_trained(call, out, monkeypatch):
    found = []

    def run_rung(rung):
        found.append(list(recorded(out).rungs) if found else [])
        return as_trained(rung)

    monkeypatch.setattr(command, "run_rung", run_rung)
    assert call("cube", "base", "linear")[0] == 0
    assert found == [[], ["cube"], ["base", "cube"]]


def test_what_is_there_is_not_trained_again(call, out, trained):
    call("base", "cube")
    trained.clear()
    before = (out / f"{NAME}.json").stat().st_mtime_ns
    assert call("base", "cube") == (0, "", "")
    assert trained == []
    assert (out / f"{NAME}.json").stat().st_mtime_ns == before
    assert call("base", "linear", "cube")[0] == 0
    assert trained == ["linear"]
    assert list(recorded(out).rungs) == ["base", "linear", "cube"]


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": Recipe(steps=7)},
        {"options": {"dimension": 65}},
        {"network": dataclasses.replace(RUNGS["base"].network, units=7)},
        {"task": "tiles"},
        {"seeds": (1, 2, 3)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_rung_that_has_changed_is_trained_anew_and_no_other(
    change, call, out, trained, monkeypatch
):
    call("base", "low-dimension", "cube")
    trained.clear()
    changed = dataclasses.replace(RUNGS["base"], **change)
    monkeypatch.setitem(RUNGS, "base", changed)
    assert call("low-dimension", "base", "cube")[0] == 0
    assert trained == ["base"]
    assert list(recorded(out).rungs) == ["base", "low-dimension", "cube"]
    assert recorded(out).rungs["base"] == as_trained(changed)


def test_other_words_change_nothing(call, trained, monkeypatch):
    call("base")
    other = dataclasses.replace(RUNGS["base"], words="in other words", lacks=("all of it",))
    monkeypatch.setitem(RUNGS, "base", other)
    assert call("base")[0] == 0
    assert trained == ["base"]


def test_all_that_is_asked_for_is_trained_anew_under_another_source(call, out, trained):
    call("base", "cube")
    record = recorded(out)
    sources = record.sources | {"studies.ladder.unit_networks": "0" * 16}
    store.write(record.model_copy(update={"sources": sources}), out)
    trained.clear()
    status, shown, _ = call("base")
    assert status == 0
    assert shown.startswith("trained anew, as changed: studies.ladder.unit_networks\n")
    assert trained == ["base"]
    # What the old source made is not kept among what the new one makes.
    assert list(recorded(out).rungs) == ["base"]
    assert store.state(recorded(out)) == "made"


def test_a_record_that_stands_for_a_reason_is_gone_on_with(call, out, trained):
    call("base")
    sources = source_digests(["_arguments"]) | {"studies.ladder.arms": "0" * 16}
    record = recorded(out).model_copy(update={"sources": sources})
    store.write(store.acknowledge(record, "a name was changed"), out)
    trained.clear()
    assert call("base")[0] == 0
    assert trained == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bass"], r"error: rung must be one of 'base', .*got 'bass' (did you mean 'base'?)"),
        (["base", "of-gold"], "got 'of-gold'"),
        (["base", "--workers", "0"], "error: workers must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is(arguments, message, call, out, trained):
    status, shown, complaints = call(*arguments)
    assert (status, shown) == (1, "")
    for words in message.split(".*"):
        assert words in complaints
    assert trained == []
    assert not out.exists()


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (FloatingPointError("try less than lr=0.4"), 1, "error: try less than lr=0.4"),
        (ConnectionError("no mirror had it"), 1, "error: no mirror had it"),
        (KeyboardInterrupt(), 130, "interrupted: the same command goes on from here"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_was_trained_before_an_error_is_kept(error, status, message, call, out, monkeypatch):
    def run_rung(rung):
        if rung.name == "cube":
            raise error
        return as_trained(rung)

    monkeypatch.setattr(command, "run_rung", run_rung)
    found, _, complaints = call("base", "cube", "linear")
    assert (found, complaints) == (status, message + "\n")
    assert list(recorded(out).rungs) == ["base"]


def test_one_record_has_one_writer(call, out, trained):
    out.mkdir(parents=True)
    with locked(out / f"{NAME}.json", "record"):
        status, _, complaints = call("base")
        assert call("digits")[0] == 0
    assert status == 1
    assert "is in use by process" in complaints
    assert trained == ["digits"]
    assert call("base")[0] == 0


def test_a_damaged_record_is_left_alone(call, out, trained):
    call("base")
    file = out / f"{NAME}.json"
    text = file.read_text(encoding="utf-8").replace("0.125", "0.124")
    file.write_text(text, encoding="utf-8")
    status, _, complaints = call("cube")
    assert status == 1
    assert "was edited or damaged" in complaints
    assert file.read_text(encoding="utf-8") == text
    assert trained == ["base"]

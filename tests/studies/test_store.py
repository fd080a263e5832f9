import dataclasses
import json
import math
import re

import numpy as np
import pytest

from mixupbook.studies import store
from mixupbook.studies.provenance import content_digest, source_digests
from mixupbook.studies.store import Arm, Record, RecordError, SeedRun

MADE = store.names()


def a_run(seed, error=0.25, recalibrated=0.2, epochs=3, seconds=7.5):
    history = {
        "train_loss": [2.0 - 0.1 * epoch for epoch in range(epochs)],
        "test_error": [0.5 + 0.01 * seed] * (epochs - 1) + [error],
    }
    return SeedRun(seed, history, error, recalibrated, seconds)


def history(**columns):
    return a_run(0).history | columns


def a_record(**changes):
    fields = {
        "name": "five-by-three",
        "title": "An example",
        "note": "Made up for a test.",
        "data": {"edition": "made up", "train": 7, "test": 11, "digest": "f00"},
        "settings": {"network": "none", "epochs": 3, "precision": "float32", "seeds": [0, 1, 5]},
        "arms": (
            Arm("standard", {}, (a_run(0, 0.3), a_run(1, 0.2), a_run(5, 0.4))),
            Arm("mixup", {"label_map": "identity"}, (a_run(0, 0.1), a_run(5, 0.3))),
        ),
        "sources": source_digests(["arguments", "provenance"]),
        "package_version": "0.1.0",
        "environment": {"python": "3.11.2"},
        "device": "an abacus",
        "date": "2024-02-29",
    }
    return Record(**(fields | changes))


def stale_record(**changes):
    sources = source_digests(["arguments", "provenance"]) | {"provenance": "0" * 16}
    return a_record(sources=sources, **changes)


def test_a_record_survives_the_file(tmp_path):
    path = store.write(a_record(), tmp_path)
    assert path == tmp_path / "five-by-three.json"
    assert store.load("five-by-three", tmp_path) == a_record()
    assert store.names(tmp_path) == ["five-by-three"]


def test_writing_replaces_and_leaves_nothing_else(tmp_path):
    store.write(a_record(), tmp_path)
    store.write(a_record(note="Made again."), tmp_path)
    assert store.load("five-by-three", tmp_path).note == "Made again."
    assert [path.name for path in tmp_path.iterdir()] == ["five-by-three.json"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    store.write(a_record(), tmp_path)

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        store.write(a_record(note="Made again."), tmp_path)
    assert store.load("five-by-three", tmp_path) == a_record()
    assert [path.name for path in tmp_path.iterdir()] == ["five-by-three.json"]


def test_curves_and_errors_are_in_order_of_seed():
    record = a_record()
    np.testing.assert_array_equal(record.errors("standard"), [0.3, 0.2, 0.4])
    np.testing.assert_array_equal(record.errors("mixup", recalibrated=True), [0.2, 0.2])
    curves = record.curves("mixup", "test_error")
    np.testing.assert_array_equal(curves, [[0.5, 0.5, 0.1], [0.55, 0.55, 0.3]])


def test_unknown_arms_and_columns_suggest_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'standard'"):
        a_record().errors("standart")
    with pytest.raises(ValueError, match="did you mean 'test_error'"):
        a_record().curves("mixup", "test_eror")


def test_a_network_without_batch_norm_has_no_recalibrated_error():
    record = a_record(arms=(Arm("standard", {}, (a_run(0, recalibrated=None),)),))
    with pytest.raises(ValueError, match="no recalibrated error"):
        record.errors("standard", recalibrated=True)
    assert store.table(record)[0]["recalibrated"] is None


def test_missing_runs_are_listed_seed_by_seed():
    assert a_record().missing() == [("mixup", 1)]
    empty = a_record(arms=(Arm("standard", {}), Arm("mixup", {})), settings={"seeds": [3, 2]})
    assert empty.missing() == [("standard", 3), ("mixup", 3), ("standard", 2), ("mixup", 2)]
    assert store.table(empty) == []
    with pytest.raises(ValueError, match="no run of 'mixup' yet"):
        empty.curves("mixup", "test_error")


def test_table_has_means_intervals_and_cost():
    first, second = store.table(a_record())
    assert (first["arm"], first["seeds"], first["seconds"]) == ("standard", 3, 7.5)
    # By hand: mean .3, standard deviation .1, t(.975; 2) = 4.302653.
    halfwidth = 4.302653 * 0.1 / math.sqrt(3)
    assert first["error"].mean == pytest.approx(0.3)
    assert first["error"].high == pytest.approx(0.3 + halfwidth, rel=1e-6)
    assert second["seeds"] == second["error"].count == 2
    assert second["recalibrated"].mean == pytest.approx(0.2)


def test_a_run_taken_up_again_has_no_time_of_its_own():
    arm = Arm("standard", {}, (a_run(0, seconds=None), a_run(1, seconds=4.0)))
    assert store.table(a_record(arms=(arm,)))[0]["seconds"] == 4.0
    arm = Arm("standard", {}, (a_run(0, seconds=None),))
    assert store.table(a_record(arms=(arm,)))[0]["seconds"] is None


def test_one_seed_has_no_interval():
    row = store.table(a_record(arms=(Arm("standard", {}, (a_run(0, 0.25),)),)))[0]
    assert (row["error"].mean, row["error"].count) == (0.25, 1)
    assert math.isnan(row["error"].low)
    assert math.isnan(row["error"].high)


def test_a_record_that_was_not_made_says_so(tmp_path):
    with pytest.raises(store.NotMade, match=r"python -m mixupbook\.record resnet-on-mars"):
        store.load("resnet-on-mars", tmp_path)
    assert store.state("resnet-on-mars", tmp_path) == "not made"


@pytest.mark.parametrize("name", ["../escape", "a/b", "Upper", "", ".hidden", "a b", 7])
def test_names_cannot_leave_the_folder(name, tmp_path):
    with pytest.raises(ValueError, match="name must be"):
        store.load(name, tmp_path)
    with pytest.raises(ValueError, match="name must be"):
        a_record(name=name)


def as_plain(record):
    return json.loads(json.dumps(dataclasses.asdict(record)))


def sealed(content):
    """The text of a file that holds this, whatever it is, under its own digest."""
    return json.dumps({"format": 2, "content": content_digest(content)} | content)


def damaged(**changes):
    fields = as_plain(a_record()) | changes
    return sealed({key: value for key, value in fields.items() if value is not ...})


def with_part(path, value, record=None):
    """The text of a file whose record has another value at a path of keys and indices."""
    content = as_plain(record or a_record())
    part = content
    for key in path[:-1]:
        part = part[key]
    if value is ...:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return sealed(content)


def read_text(text, folder):
    path = folder / "five-by-three.json"
    path.write_text(text, encoding="utf-8")
    return store.read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        (damaged()[:-200], "not JSON"),
        ("[1, 2]", "format 2, got None"),
        (damaged(format=1), "format 2, got 1"),
        (damaged(device=...), r"missing \['device'\]"),
        (damaged(arms=...), "'arms'"),
        (damaged(colour="red"), r"unknown \['colour'\]"),
        (damaged(arms=3), "not a whole record"),
        (damaged(arms=[]), "at least one"),
        (damaged(arms=[{"name": "a", "settings": {}}]), "'runs'"),
        (damaged(arms=[{"name": "a", "settings": {}, "runs": [{"seed": 0}]}]), "test_error"),
        (damaged(settings={}), "seeds"),
        (damaged(settings=[]), "settings must be a mapping, got "),
        (damaged(date="yesterday"), "YYYY-MM-DD, got 'yesterday'"),
        (damaged(date="2023-02-29"), "day of the calendar"),
        (damaged(date="20240229"), "YYYY-MM-DD"),
        (damaged(title=7), "title must be text"),
        (damaged(title=" "), "title must be text and not blank"),
        (damaged(sources={}), "sources must name at least one module"),
        (damaged(sources={"mixing": 3}), "sources must map text to text"),
        (damaged(acknowledged=True), "'sources' and 'reason', got True"),
        (damaged(acknowledged={"reason": "why"}), "'sources' and 'reason'"),
        (damaged(acknowledged={"reason": "why", "sources": {}}), "every module of sources"),
        (
            damaged(acknowledged={"reason": " ", "sources": dict(a_record().sources)}),
            "must say why, got ' '",
        ),
        (damaged(name="another"), "holds the record 'another'"),
        (with_part(["data", "digest"], ...), r"data\['digest'\] must be text"),
        (with_part(["data", "edition"], ""), r"data\['edition'\] must be text and not blank"),
        (with_part(["data", "train"], 0), r"data\['train'\] must be at least 1, got 0"),
        (with_part(["settings", "epochs"], ...), r"settings\['epochs'\] must be an integer"),
        (with_part(["settings", "epochs"], 4), r"settings\['epochs'\] = 4 entries, got 3"),
        (with_part(["settings", "network"], None), r"settings\['network'\] must be text"),
        (with_part(["settings", "seeds"], [0, 1]), r"planned seeds \[0, 1\], got \[5\]"),
        (with_part(["settings", "seeds"], [0, 1, 5, 5]), "each seed once"),
        (with_part(["settings", "seeds"], [0, 1, 5, -2]), "at least 0, got -2"),
        (with_part(["settings", "seeds"], "015"), "must list the planned seeds, got '015'"),
        (
            with_part(["arms", 1, "runs", 0, "test_error"], 0.11),
            "of 'mixup' under seed 0 must end with its test error 0.11, got 0.1",
        ),
    ],
)
def test_a_damaged_file_is_refused_with_its_fault(text, message, tmp_path):
    with pytest.raises(RecordError, match=message) as caught:
        read_text(text, tmp_path)
    assert "five-by-three.json" in str(caught.value)


def places(part, path=()):
    """The path to every value inside nested lists and dictionaries."""
    inner = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in inner:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


@pytest.mark.parametrize(
    "junk", [..., None, True, -1, 1e400, "7", [], [[]], {}, {"a": 1}], ids=repr
)
def test_whatever_stands_anywhere_is_a_record_error_or_a_record(junk, tmp_path):
    record = store.acknowledge(stale_record(), "a helper was renamed")
    for place in places(as_plain(record)):
        try:
            assert isinstance(read_text(with_part(place, junk, record), tmp_path), Record)
        except RecordError as error:
            assert "five-by-three.json" in str(error)  # noqa: PT017


def test_an_edited_file_is_refused(tmp_path):
    text = store.write(a_record(), tmp_path).read_text(encoding="utf-8")
    for old, new in [("0.55", "0.54"), ("An example", "An exemple"), ("[0, 1, 5]", "[0, 1, 5, 6]")]:
        assert old in text
        with pytest.raises(RecordError, match="was edited or damaged"):
            read_text(text.replace(old, new), tmp_path)
    without_digest = {key: value for key, value in json.loads(text).items() if key != "content"}
    with pytest.raises(RecordError, match="was edited or damaged"):
        read_text(json.dumps(without_digest), tmp_path)
    assert read_text(json.dumps(json.loads(text), indent=1), tmp_path) == a_record()


def test_what_a_file_may_not_hold_is_not_written(tmp_path):
    with pytest.raises(RecordError, match=r"settings\['epochs'\] must be an integer, got None"):
        store.write(a_record(settings={"seeds": [0, 1, 5]}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_under_mixed_precision_a_history_ends_near_the_final_error(tmp_path):
    run = a_run(0, error=0.25)
    settings = a_record().settings | {"precision": "bfloat16"}
    for final, stands in [(0.29, True), (0.31, False)]:
        arm = Arm("standard", {}, (dataclasses.replace(run, test_error=final),))
        record = a_record(arms=(arm,), settings=settings)
        if stands:
            store.write(record, tmp_path)
        else:
            with pytest.raises(RecordError, match=r"must end with its test error 0.31, got 0.25"):
                store.write(record, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": -1}, "seed must be at least 0"),
        ({"test_error": 1.5}, "test_error must lie in"),
        ({"test_error": math.nan}, "test_error must be finite"),
        ({"recalibrated_error": 37.0}, "recalibrated_error must lie in"),
        ({"seconds": -2.0}, "seconds must lie in"),
        ({"history": history(train_loss=[1.0, 2.0])}, "columns of one length"),
        ({"history": history(train_loss=[1.0, math.inf, 1.0])}, "'train_loss' must be finite"),
        ({"history": history(train_loss=[1.0, -0.5, 1.0])}, "'train_loss' must lie in"),
        ({"history": history(test_error=[0.5, 1.5, 0.25])}, "'test_error' must lie in"),
        ({"history": history(train_loss="abc")}, "'train_loss' must be a list, got 'abc'"),
        ({"history": {"train_loss": [1.0]}}, "must hold the columns"),
        ({"history": [1.0]}, "must hold the columns"),
    ],
)
def test_an_impossible_run_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(a_run(0), **change)


def test_runs_of_an_arm_are_ordered_and_unique():
    for seeds in [(1, 0), (0, 0)]:
        with pytest.raises(RecordError, match="order of seed"):
            Arm("standard", {}, tuple(a_run(seed) for seed in seeds))
    with pytest.raises(RecordError, match="different names"):
        a_record(arms=(Arm("standard", {}), Arm("standard", {})))


def test_a_change_of_the_source_makes_a_record_stale(tmp_path):
    store.write(a_record(), tmp_path)
    assert store.state("five-by-three", tmp_path) == "made"
    assert store.changed_sources(a_record()) == []
    store.write(stale_record(), tmp_path)
    assert store.state("five-by-three", tmp_path) == "stale"
    assert store.changed_sources(stale_record()) == ["provenance"]


def test_an_acknowledgement_holds_for_one_state_of_the_source(tmp_path):
    record = store.acknowledge(stale_record(), "a helper was renamed; arm standard ran again")
    store.write(record, tmp_path)
    assert store.state("five-by-three", tmp_path) == "acknowledged"
    mark = record.acknowledged | {"sources": record.acknowledged["sources"] | {"arguments": "f"}}
    store.write(dataclasses.replace(record, acknowledged=mark), tmp_path)
    assert store.state("five-by-three", tmp_path) == "stale"


def test_an_acknowledgement_watches_what_determines_the_results_today():
    record = store.acknowledge(stale_record(), "it was split in two", ["intervals"])
    assert list(record.acknowledged["sources"]) == ["arguments", "provenance", "intervals"]


def test_a_change_of_a_module_new_since_ends_an_acknowledgement(tmp_path):
    record = store.acknowledge(stale_record(), "it was split in two", ["intervals"])
    assert store.state(store.write(record, tmp_path).stem, tmp_path) == "acknowledged"
    mark = record.acknowledged | {"sources": record.acknowledged["sources"] | {"intervals": "f"}}
    store.write(dataclasses.replace(record, acknowledged=mark), tmp_path)
    assert store.state("five-by-three", tmp_path) == "stale"


def test_an_acknowledgement_needs_a_change_and_a_reason():
    with pytest.raises(ValueError, match="nothing to acknowledge"):
        store.acknowledge(a_record(), "because")
    with pytest.raises(ValueError, match="reason must say why"):
        store.acknowledge(stale_record(), "  ")


@pytest.mark.parametrize("name", MADE)
def test_no_record_in_the_package_is_stale(name):
    changed = store.changed_sources(store.load(name))
    assert store.state(name) != "stale", (
        f"{changed} changed since {name} was made: make it again (python -m mixupbook.studies "
        f"{name}), or see whether some of its arms still come out as recorded (--recheck ARM ...)"
    )


@pytest.mark.parametrize("name", MADE)
def test_records_in_the_package_are_small_and_name_no_machine(name):
    text = (store.FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert len(text) < 300_000
    assert not re.search(r"""[\s"'(](/|~/|[A-Za-z]:\\)""", text)

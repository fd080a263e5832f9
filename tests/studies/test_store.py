"""Records: what one may hold, its file, and when it is stale."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from studies.made_up import a_record, a_run, stale_record

from mixupbook._files import digest
from mixupbook.studies import store
from mixupbook.studies.provenance import SOURCES, source_digests
from mixupbook.studies.record import Acknowledgement, Record
from mixupbook.studies.store import RecordError

MADE = store.names()
fractions = st.floats(0, 1)


def test_writing_replaces_and_leaves_nothing_else(tmp_path):
    store.write(a_record(), tmp_path)
    path = store.write(a_record(note="Made again."), tmp_path)
    assert store.load("five-by-three", tmp_path) == a_record(note="Made again.")
    assert list(tmp_path.iterdir()) == [path]


@settings(derandomize=True, deadline=None, max_examples=30)
@given(
    losses=st.lists(st.floats(0, allow_infinity=False), min_size=3, max_size=3),
    errors=st.lists(fractions, min_size=3, max_size=3),
    recalibrated=st.none() | fractions,
    note=st.text(),
)
def test_every_record_survives_its_file(tmp_path_factory, losses, errors, recalibrated, note):
    run = a_run().model_copy(
        update={
            "train_loss": tuple(losses),
            "test_error": tuple(errors),
            "recalibrated_error": recalibrated,
        }
    )
    record, folder = a_record(runs=(run,), note=note), tmp_path_factory.mktemp("records")
    store.write(record, folder)
    assert store.load(record.name, folder) == record


def test_curves_and_errors_are_in_order_of_seed():
    record = a_record()
    np.testing.assert_array_equal(record.errors("standard"), [0.3, 0.2, 0.4])
    np.testing.assert_array_equal(record.errors("mixup", recalibrated=True), [0.2, 0.2])
    curves = record.curves("mixup", "test_error")
    np.testing.assert_array_equal(curves, [[0.5, 0.5, 0.1], [0.55, 0.55, 0.3]])
    assert a_record(runs=()).curves("mixup", "train_loss").shape == (0, 3)


def test_unknown_arms_and_columns_suggest_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'standard'"):
        a_record().errors("standart")
    with pytest.raises(ValueError, match="did you mean 'test_error'"):
        a_record().curves("mixup", "test_eror")


def test_a_network_without_batch_norm_has_no_recalibrated_error():
    record = a_record(runs=(a_run(recalibrated=None),))
    with pytest.raises(ValueError, match="no recalibrated error"):
        record.errors("standard", recalibrated=True)


def test_missing_runs_are_listed_seed_by_seed():
    assert a_record().missing() == [("mixup", 1)]
    empty = a_record(runs=())
    assert empty.missing()[:3] == [("standard", 0), ("mixup", 0), ("standard", 1)]


@pytest.mark.parametrize("name", ["resnet-on-mars", "../five-by-three", "", "sub/five-by-three"])
def test_a_record_that_was_not_made_says_so(name, tmp_path):
    store.write(a_record(), tmp_path)
    store.write(a_record(), tmp_path / "in" / "sub")
    with pytest.raises(store.NotMade, match=f"python -m mixupbook.studies {name}"):
        store.load(name, tmp_path / "in")


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 2}, "'standard' under seed 2 must be a planned run"),
        ({"arm": "cubic"}, "'cubic' under seed 0 must be a planned run"),
        ({"final_error": 1.5}, "final_error"),
        ({"final_error": float("nan")}, "final_error"),
        ({"final_error": "0.5"}, "final_error"),
        ({"recalibrated_error": 37.0}, "recalibrated_error"),
        ({"seconds": -2.0}, "seconds"),
        ({"train_loss": (1.0, 2.0)}, "'standard' must have 3 epochs in each run"),
        ({"train_loss": (1.0, float("inf"), 1.0)}, "train_loss.1"),
        ({"test_error": (0.5, 1.5, 0.25)}, "test_error.1"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_impossible_run_is_refused(run, message):
    with pytest.raises(ValidationError, match=message):
        a_record(runs=(a_run().model_dump() | run,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../escape"}, "name"),
        ({"name": "Upper"}, "name"),
        ({"title": " "}, "title"),
        ({"sources": {}}, "sources"),
        ({"date": "yesterday"}, "date"),
        ({"settings": {"epochs": 3}}, "settings.network"),
        ({"data": {"edition": "my own"}}, "data.edition"),
        ({"runs": (a_run(), a_run())}, "each run once"),
        ({"acknowledged": {"sources": {}, "reason": " "}}, "acknowledged.reason"),
    ],
)
def test_an_impossible_record_is_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        a_record(**change)


def plain(record):
    return json.loads(record.model_dump_json())


def sealed(fields, **around):
    """The text of a file that holds this, whatever it is, under its own digest."""
    content = digest(json.dumps(fields, sort_keys=True).encode())
    return json.dumps({"format": store.FORMAT, "content": content} | around | fields)


def load_text(text, folder):
    (folder / "five-by-three.json").write_text(text, encoding="utf-8")
    return store.load("five-by-three", folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        (sealed(plain(a_record()))[:-200], "is not JSON"),
        ("[1, 2]", "format 3, got None: make it again"),
        (sealed(plain(a_record()), format=2), "format 3, got 2: make it again"),
        (sealed(plain(a_record()), content="0"), "was edited or damaged"),
        (sealed(plain(a_record()) | {"device": 3}), "no whole record.*device"),
        (sealed({"name": "five-by-three"}), "no whole record.*title"),
        (sealed(plain(a_record(name="another"))), "holds the record 'another'"),
    ],
)
def test_a_damaged_file_is_refused_with_its_fault(text, message, tmp_path):
    with pytest.raises(RecordError, match=rf"(?s)five-by-three.json.*{message}"):
        load_text(text, tmp_path)


def test_an_edited_file_is_refused_and_another_layout_is_not(tmp_path):
    text = store.write(a_record(), tmp_path).read_text(encoding="utf-8")
    for old, new in [("0.55", "0.54"), ("An example", "An exemple"), ("[0, 1, 5]", "[0, 1, 6]")]:
        assert old in text
        with pytest.raises(RecordError, match="was edited or damaged"):
            load_text(text.replace(old, new), tmp_path)
    assert load_text(json.dumps(json.loads(text), indent=1), tmp_path) == a_record()


def places(part, path=()):
    """The path to every value inside nested lists and dictionaries."""
    for key, value in part.items() if isinstance(part, dict) else enumerate(part):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


@pytest.mark.parametrize("junk", [None, True, -1, 1e400, "7", [[]], {"a": 1}], ids=repr)
def test_whatever_stands_anywhere_is_a_record_error_or_a_record(junk, tmp_path):
    record = store.acknowledge(stale_record(), "a helper was renamed")
    for *above, last in places(plain(record)):
        fields = plain(record)
        part = fields
        for key in above:
            part = part[key]
        part[last] = junk
        try:
            assert isinstance(load_text(sealed(fields), tmp_path), Record)
        except RecordError as error:
            assert "five-by-three.json" in str(error)  # noqa: PT017


def test_what_could_not_be_read_is_not_written(tmp_path):
    with pytest.raises(ValidationError, match="title"):
        store.write(a_record().model_copy(update={"title": ""}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_change_of_the_source_makes_a_record_stale():
    assert store.state(a_record()) == "made"
    assert store.state(stale_record()) == "stale"
    assert store.changed_sources(stale_record()) == ["studies.provenance"]


def test_an_acknowledgement_holds_for_one_state_of_the_source():
    record = store.acknowledge(stale_record(), "a helper was renamed")
    assert store.state(record) == "acknowledged"
    # It is for what decides results today, too.
    assert record.acknowledged.sources == source_digests([*record.sources, *SOURCES])
    for module in ("_arguments", "images.training.fit"):
        sources = record.acknowledged.sources | {module: "f"}
        mark = Acknowledgement(sources=sources, reason="as before")
        assert store.state(record.model_copy(update={"acknowledged": mark})) == "stale"


def test_an_acknowledgement_needs_a_change_and_a_reason():
    with pytest.raises(ValueError, match="nothing to acknowledge"):
        store.acknowledge(a_record(), "because")
    with pytest.raises(ValueError, match="reason must say why"):
        store.acknowledge(stale_record(), "  ")


@pytest.mark.parametrize("name", MADE)
def test_no_record_in_the_package_is_stale(name):
    record = store.load(name)
    assert store.state(record) != "stale", (
        f"{store.changed_sources(record)} changed since {name} was made: make it again (python -m "
        f"mixupbook.studies {name}), or see whether some of its arms still come out as recorded "
        "(--recheck ARM ...)"
    )


@pytest.mark.parametrize("name", MADE)
def test_records_in_the_package_are_small_and_name_no_machine(name):
    text = (store.FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert len(text) < 300_000
    assert not re.search(r"""[\s"'(](/|~/|[A-Za-z]:\\)""", text)

"""The ladder's records in the package: whole, and of the source as it is."""

import pytest

from mixupbook.studies import store
from mixupbook.studies.ladder.__main__ import FOLDER, LADDERS, has
from mixupbook.studies.ladder.rung_records import LadderRecord

RECORDS = {ladder.name: store.load_as(LadderRecord, ladder.name, FOLDER) for ladder in LADDERS}


@pytest.mark.parametrize("ladder", LADDERS, ids=lambda ladder: ladder.name)
def test_every_rung_is_recorded_as_it_would_be_trained_now(ladder):
    record = RECORDS[ladder.name]
    assert list(record.rungs) == list(ladder.rungs)
    for rung in ladder.rungs.values():
        assert has(record, rung, ladder.setting(rung)), rung.name


@pytest.mark.parametrize("name", RECORDS)
def test_no_record_is_stale(name):
    assert store.changed_sources(RECORDS[name]) == [] or store.state(RECORDS[name]) != "stale"


def test_the_folder_holds_no_other_records():
    assert sorted(RECORDS) == store.names(FOLDER)

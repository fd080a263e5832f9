"""Numbers in prose: rounded text, stored as the book's glue role finds it."""

import pytest

from mixupbook.intervals import Interval
from mixupbook.pages import prose


@pytest.fixture
def shown(monkeypatch):
    calls = []
    monkeypatch.setattr(prose, "display", lambda data, **kinds: calls.append((data, kinds)))
    return calls


def test_glue_stores_the_text_under_its_name(shown):
    prose.glue("digits-error", "8.2 %")
    [(data, kinds)] = shown
    assert data == {"application/papermill.record/text/plain": "'8.2 %'"}
    assert kinds["metadata"]["scrapbook"]["name"] == "digits-error"
    assert kinds["raw"]


@pytest.mark.parametrize("number", [0.0825, 8, None])
def test_glue_takes_finished_text_only(shown, number):
    with pytest.raises(TypeError, match="text must be a string, rounded"):
        prose.glue("digits-error", number)
    assert not shown


def test_numbers_never_read_as_minus_zero():
    assert prose.percent(-0.0004) == "0.0 %"
    assert prose.with_interval(Interval(-0.04, -0.5, 0.42, 10)) == "0.0 [-0.5, 0.4]"


def test_intervals_carry_their_unit():
    assert prose.with_interval(Interval(8.25, 7.5, 9.04, 10), 2, "%") == "8.25 % [7.50, 9.04]"

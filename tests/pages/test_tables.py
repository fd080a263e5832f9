"""Tables of finished text."""

import pytest

from mixupbook.pages.tables import Table


def test_html_holds_every_entry_and_escapes_it():
    shown = Table([{"a": 1, "b <c>": "x & y"}, {"a": 2, "b <c>": "z"}])._repr_html_()
    assert shown.count("<tr>") == 3
    assert "<th>b &lt;c&gt;</th>" in shown
    assert "<td>x &amp; y</td>" in shown


def test_only_long_entries_may_wrap():
    shown = Table([{"title": "x" * 31, "name": "y" * 30}])._repr_html_()
    assert f'<td class="mxb-long">{"x" * 31}</td><td>{"y" * 30}</td>' in shown


def test_text_is_aligned_without_trailing_blanks():
    assert repr(Table([{"long name": "x", "n": 10}, {"long name": "yy", "n": 7}])) == (
        "long name  n\nx          10\nyy         7"
    )


@pytest.mark.parametrize("rows", [[], [{"a": 1}, {"b": 1}], [{"a": 1}, {"a": 1, "b": 2}]])
def test_refuses_what_is_no_table(rows):
    with pytest.raises(ValueError, match="rows must"):
        Table(rows)

"""Tables of finished text."""

import pytest
import xarray as xr

from mixupbook.pages.tables import Table, map_table


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


def test_a_map_of_one_or_two_dimensions_has_no_empty_head():
    steps = xr.DataArray([20.0, 40.4], coords={"lam": [0.5, 0.75]}, name="steps")
    assert repr(map_table(steps)).split() == ["lam", "steps", "0.5", "20", "0.75", "40"]
    flat = xr.DataArray([[1.0, 2.0, 3.0]], coords={"b": [7], "a": [1, 2, 3]})
    shown = map_table(flat)._repr_html_()
    assert "<th></th>" not in shown
    assert shown.count("<th>") == shown.count("<td>") == 4


def test_a_map_keeps_values_apart_and_takes_words():
    places = {"n": [1_000_000, 1_000_001], "layout": ["same", "distinct"]}
    shown = map_table(xr.DataArray([[1.0, 2.0], [3.0, 4.0]], coords=places))
    assert shown.columns == ["n ↓ layout →", "same", "distinct"]
    assert shown.rows == [["1000000", "1", "2"], ["1000001", "3", "4"]]
    lam = xr.DataArray([0.5], coords={"lam": [0.5]}, name="lam")
    assert map_table(lam).columns == ["lam", "value"]


def test_a_map_of_three_dimensions_is_refused():
    with pytest.raises(ValueError, match=r"values must have one or two dimensions, got \('a', 'b'"):
        map_table(xr.DataArray([[[0.0]]], dims=("a", "b", "c")))

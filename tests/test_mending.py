"""Pages are put right once they are written."""

import mending
from bs4 import BeautifulSoup

PLAIN = '<div class="cell"><div class="cell_input"><pre>seen()</pre></div></div>'


def folded(label, code, output=""):
    shown = f'<div class="cell_output">{output}</div>' if output else ""
    return (
        '<div class="cell tag_hide-input"><details class="hide above-input">'
        f"<summary><p>{label}</p></summary>"
        f'<div class="cell_input"><pre>{code}</pre></div></details>{shown}</div>'
    )


def mended(*cells):
    page = BeautifulSoup("".join(cells), "html.parser")
    mending.join_folds(page)
    mending.move_folds_below(page)
    return page


def test_folded_cells_in_a_row_open_as_one_and_keep_their_names():
    page = mended(folded("A", "a"), folded("B", "b"), folded("C", "c", "drawn"), PLAIN)
    assert [label.get_text() for label in page.select("summary")] == ["C"]
    assert [part.get_text() for part in page.select("details > .mxb-part, pre")] == [
        *("A", "a", "B", "b", "c"),
        "seen()",
    ]
    assert len(page.select("div.cell")) == 2


def test_what_the_last_of_them_shows_stands_above_the_bar():
    cell = mended(folded("A", "a"), folded("B", "b", "drawn")).select_one("div.cell")
    shown, bar = cell.find_all(recursive=False)
    assert shown.get_text() == "drawn"
    assert bar.name == "details"


def test_a_folded_cell_with_an_output_or_before_other_things_keeps_its_bar():
    page = mended(folded("A", "a", "drawn"), folded("B", "b"), PLAIN, folded("C", "c", "drawn"))
    assert [label.get_text() for label in page.select("summary")] == ["A", "B", "C"]
    assert not page.select(".mxb-part")


def test_numbers_in_prose_have_a_minus_and_code_and_formulas_are_left_alone():
    page = BeautifulSoup(
        "<body><p>By -3.3 [-4.6, -1.9], on CIFAR-10, 1-2 of <em>-1</em>, step -n.</p>"
        '<pre>a -1</pre><span class="math">\\(-1\\)</span><!-- -1 --></body>',
        "html.parser",
    )
    mending.write_minus(page)
    assert str(page.body) == (
        "<body><p>By −3.3 [−4.6, −1.9], on CIFAR-10, 1-2 of <em>−1</em>, step -n.</p>"
        '<pre>a -1</pre><span class="math">\\(-1\\)</span><!-- -1 --></body>'
    )

"""The claims ledger: verdicts follow from measurements, and the stored ones are found again."""

import math

import nbformat
import numpy as np
import pytest
from notebooks import ROOT, chapters

from mixupbook.intervals import Interval, share_interval
from mixupbook.pages.claims import (
    MIME,
    Claim,
    ClaimError,
    above,
    below,
    between,
    collect,
    ledger,
    seeds_share,
)


def claim(measured, criterion, stated, **changes):
    given = {
        "id": "T1-digits",
        "sentence": "Errors are < 2 points apart.",
        "source": "ours",
        "unit": "points",
        "measured": measured,
        "criterion": criterion,
        "stated": stated,
    }
    return Claim(**{**given, **changes})


def interval(low, high):
    return Interval((low + high) / 2, low, high, 10)


@pytest.mark.parametrize(
    ("criterion", "low", "high", "verdict"),
    [
        (below(0), -3, -1, "supported"),
        (below(0), 1, 3, "not supported"),
        (below(0), -1, 3, "mixed"),
        (above(0.5), 0.6, 0.9, "supported"),
        (above(0.5), 0.1, 0.4, "not supported"),
        (above(0.5), 0.4, 0.6, "mixed"),
        (between(-2, 2), -1.5, 1.5, "supported"),
        (between(-2, 2), 2.5, 3.5, "not supported"),
        (between(-2, 2), -4, -3, "not supported"),
        (between(-2, 2), 1, 3, "mixed"),
        (between(-2, 2), -3, 3, "mixed"),
    ],
)
def test_verdict_follows_from_where_the_interval_lies(criterion, low, high, verdict):
    assert claim(interval(low, high), criterion, verdict).verdict == verdict


@pytest.mark.parametrize("exact", [-2, 2])
def test_a_value_on_the_bound_does_not_support(exact):
    assert between(-2, 2).verdict(Interval(exact, exact, exact, 1)) == "not supported"


@pytest.mark.parametrize("stated", ["not supported", "mixed"])
def test_a_stated_verdict_that_was_not_measured_fails(stated):
    with pytest.raises(ClaimError, match=f"'T1-digits' is stated as {stated}, but measured .*sup"):
        claim(interval(-3, -1), below(0), stated)


def test_a_changed_criterion_fails_the_cell():
    claim(interval(-1.5, 1.5), between(-2, 2), "supported")
    with pytest.raises(ClaimError, match="between -1 and 1"):
        claim(interval(-1.5, 1.5), between(-1, 1), "supported")


@pytest.mark.parametrize("broken", [math.nan, math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_not_finite_is_not_judged(broken, place):
    numbers = [-2.0, -3.0, -1.0]
    numbers[place] = broken
    with pytest.raises(ValueError, match="measured must be finite"):
        claim(Interval(*numbers, 10), below(0), "supported")


def test_bounds_must_be_in_order():
    with pytest.raises(ValueError, match="low must be below high, got 2 and 2"):
        between(2, 2)


@pytest.mark.parametrize(
    ("name", "value"), [("source", "hearsay"), ("source", "our"), ("stated", "proved")]
)
def test_source_and_stated_verdict_are_of_fixed_kinds(name, value):
    changes = {"stated": "supported", name: value}
    with pytest.raises(ValueError, match=f"{name} must be one of .*, got {value!r}"):
        claim(interval(-3, -1), below(0), **changes)


def test_texts_round_as_told():
    measured = Interval(-4.04, -5.55, -2.06, 10)
    row = claim(measured, below(0), "supported").as_row()
    assert row["measured"] == "-4.0 [-5.5, -2.1] points, 10 seeds"
    assert row["criterion"] == "below 0"
    exact = claim(Interval(-4.04, -4.04, -4.04, 1), below(0), "supported", digits=2)
    assert exact.as_row()["measured"] == "-4.04 points"


def out_of(successes, count):
    return np.arange(count) < successes


@pytest.mark.parametrize(
    ("successes", "count", "verdict"),
    [
        (30, 30, "supported"),
        (28, 28, "mixed"),  # .05 ** (1 / 28) is .8985
        (29, 30, "mixed"),
        (45, 46, "supported"),  # with one failure it takes 46
        (10, 30, "not supported"),
        (0, 30, "not supported"),
    ],
)
def test_at_least_nine_seeds_in_ten_takes_thirty_and_no_failure(successes, count, verdict):
    assert above(90).verdict(seeds_share(out_of(successes, count))) == verdict


def test_seeds_share_has_the_one_sided_bounds_on_both_sides():
    share = seeds_share(out_of(27, 30))
    lower, upper = (share_interval(27, 30, side=side) for side in ("lower", "upper"))
    assert share.low == pytest.approx(100 * lower.low)
    assert share.high == pytest.approx(100 * upper.high)
    assert share.mean == pytest.approx(90)


@pytest.mark.parametrize(
    "holds", [[], [0.9, 1.0], [1, 0], True, [[True], [False]], ["yes"], [None, True]]
)
def test_seeds_share_takes_a_boolean_for_each_seed(holds):
    with pytest.raises(ValueError, match="holds must be a boolean for each of one seed or more"):
        seeds_share(holds)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (seeds_share(out_of(30, 30)), "30 of 30, at least 90.5"),
        (seeds_share(out_of(0, 30)), "0 of 30, at most 9.5"),
        (seeds_share(out_of(29, 30)), "29 of 30, 85.1 to 99.8"),
        (share_interval(29, 30, side="lower").scaled(100), "29 of 30, at least 85.1"),
        (share_interval(1, 30, side="upper").scaled(100), "1 of 30, at most 14.9"),
    ],
)
def test_a_share_is_shown_as_a_count_and_what_it_says_of_all(share, text):
    everything = between(-1, 101)
    shown = claim(share, everything, "supported", unit="% of seeds learn")
    assert shown.value_text == f"{text} % of seeds learn"


def test_a_horizon_is_shown_where_there_is_one(book):
    timed = claim(interval(-3, -1), below(0), "supported", id="A", horizon="<1600 steps")
    timeless = claim(interval(-3, -1), below(0), "supported", id="B")
    assert "horizon" not in timeless.as_row()
    assert "(horizon: &lt;1600 steps)" in timed._repr_mimebundle_()["text/html"]
    write_chapter(book, "first-things", timed, timeless)
    assert ledger(collect(book))._repr_html_().count("(horizon: &lt;1600 steps)") == 1


def test_a_horizon_is_a_text():
    with pytest.raises(TypeError, match=r"horizon must be a text such as .*, got 1600"):
        claim(interval(-3, -1), below(0), "supported", horizon=1600)


@pytest.mark.parametrize(
    ("criterion", "text"),
    [(below(1.5), "below 1.5"), (above(0), "above 0"), (between(-2, 2), "between -2 and 2")],
)
def test_criteria_say_what_they_ask(criterion, text):
    assert str(criterion) == text


def test_shown_claim_holds_card_row_and_text():
    bundle = claim(interval(-3, -1), below(0), "supported")._repr_mimebundle_()
    assert bundle[MIME]["verdict"] == "supported"
    assert "Errors are &lt; 2 points apart." in bundle["text/html"]
    assert 'class="mxb-verdict mxb-supported"' in bundle["text/html"]
    assert bundle["text/plain"] == (
        "T1-digits: supported (-2.0 [-3.0, -1.0] points, 10 seeds; below 0)"
    )


@pytest.fixture
def book(tmp_path):
    """A folder for notebooks, beside a table of contents that is not in alphabetical order."""
    contents = "root: book/intro\nparts:\n  - chapters:\n"
    for name in ("second-things", "first-things", "without", "claims"):
        contents += f"      - file: book/{name}\n"
    (tmp_path / "_toc.yml").write_text(contents, encoding="utf8")
    (tmp_path / "book").mkdir()
    return tmp_path / "book"


def write_chapter(folder, name, *claims):
    cells = [nbformat.v4.new_markdown_cell("# A chapter")]
    for shown in claims:
        output = nbformat.v4.new_output("execute_result", data=shown._repr_mimebundle_())
        cells.append(nbformat.v4.new_code_cell("Claim(...)", outputs=[output]))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")


def test_collect_finds_the_claims_of_all_chapters_in_the_order_of_the_contents(book):
    supported = claim(interval(-3, -1), below(0), "supported", id="A")
    mixed = claim(interval(-3, 1), below(0), "mixed", id="B")
    write_chapter(book, "first-things", mixed)
    write_chapter(book, "second-things", supported)
    write_chapter(book, "without")
    write_chapter(book, "claims", supported)  # the ledger page itself is no chapter
    rows = collect(book)
    found = [(row["id"], row["chapter"]) for row in rows]
    assert found == [("A", "second-things"), ("B", "first-things")]
    assert rows[1]["verdict"] == "mixed"


def test_the_books_own_claims_are_all_found():
    rows = collect(ROOT / "book")
    stored = [page.with_suffix(".ipynb").read_text(encoding="utf8") for page in chapters()]
    assert len(rows) == sum(text.count(f'"{MIME}": {{') for text in stored) > 0


def test_ids_are_unique_in_the_book(book):
    shown = claim(interval(-3, -1), below(0), "supported", id="A")
    write_chapter(book, "first-things", shown)
    write_chapter(book, "second-things", shown)
    with pytest.raises(ValueError, match="ids must be unique in the book, got twice: A"):
        collect(book)


def test_a_ledger_without_chapters_beside_it_says_where_they_are(book):
    write_chapter(book, "claims")
    table = ledger(collect(book))
    assert "Open it in a clone" in repr(table)
    assert "Open it in a clone" in table._repr_html_()


def test_a_ledger_all_by_itself_says_so_too(tmp_path):
    assert "Open it in a clone" in repr(ledger(collect(tmp_path)))


def test_ledger_shows_every_claim_with_a_link_to_its_chapter(book):
    write_chapter(book, "first-things", claim(interval(-3, -1), below(0), "supported", id="A"))
    write_chapter(book, "second-things", claim(interval(1, 3), below(0), "not supported", id="B"))
    table = ledger(collect(book))
    shown = table._repr_html_()
    assert shown.count("<tr>") == 3
    assert '<a href="second-things.html"><strong>B</strong></a>' in shown
    assert "mxb-not-supported" in shown
    assert shown.startswith('<div class="mxb-scroll">')  # on a phone it scrolls in its own box
    assert repr(table).splitlines()[1].startswith("A: supported (-2.0 [-3.0, -1.0] points")


def test_an_interval_says_what_it_is_over():
    measured = Interval(0.9, 0.8, 1.0, 60)
    claim = Claim(
        "demo", "One.", "ours", measured, "of one", above(0), stated="supported", counted="settings"
    )
    assert claim.value_text == "0.9 [0.8, 1.0] of one, 60 settings"

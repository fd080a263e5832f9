"""Advice and quotations are what the claims of the executed chapters say, or fail."""

import nbformat
import pytest
from notebooks import ROOT

from mixupbook.pages import advice
from mixupbook.pages.advice import outcomes, practical_advice, quoted_claims
from mixupbook.pages.claims import MIME, collect


def book_of(folder, *rows):
    """A book of one chapter, with these claims."""
    (folder / "book").mkdir()
    (folder / "_toc.yml").write_text("root: x\nchapters:\n- file: book/one\n", encoding="utf8")
    outputs = [nbformat.v4.new_output("display_data", data={MIME: row}) for row in rows]
    cell = nbformat.v4.new_code_cell("claims()", outputs=outputs)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "book" / "one.ipynb")
    return folder / "book"


def row(claim_id, measured, verdict="supported"):
    return {"id": claim_id, "sentence": "It is so.", "measured": measured, "verdict": verdict}


def test_a_line_shows_the_numbers_of_its_claims(tmp_path, monkeypatch):
    lines = (("Do {T-a}, not {T-b}.", {"T-a": "supported", "T-b": "mixed"}),)
    monkeypatch.setattr(advice, "ADVICE", lines)
    rows = (
        row("T-a", "-1.5 [-2.0, -1.0] points, 9 seeds"),
        row("T-b", "3 of 4, at least 10.5 % of seeds learn", "mixed"),
    )
    shown = practical_advice(book_of(tmp_path, *rows))
    assert shown == (
        "1. Do [-1.5 \\[-2.0, -1.0\\]](one.md), not [3 of 4, at least 10.5 % of seeds](one.md)."
    )


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        ("0 of 30, at most 9.5 % of seeds learn", "0 of 30, at most 9.5 % of seeds"),
        ("86 of 90, 90.1 to 98.5 % of draws so", "86 of 90, 90.1 to 98.5 % of draws"),
        ("2.10 [1.65, 2.67] times", r"2.10 \[1.65, 2.67\]"),
    ],
)
def test_a_number_comes_with_its_interval(tmp_path, monkeypatch, measured, shown):
    monkeypatch.setattr(advice, "ADVICE", (("{T-a}", {"T-a": "supported"}),))
    assert practical_advice(book_of(tmp_path, row("T-a", measured))) == f"1. [{shown}](one.md)"


def test_a_measurement_without_an_interval_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(advice, "ADVICE", (("{T-a}", {"T-a": "supported"}),))
    with pytest.raises(ValueError, match=r"value and interval, got '2\.2 mean drift'"):
        practical_advice(book_of(tmp_path, row("T-a", "2.2 mean drift")))


def test_outcomes_say_their_verdict_and_fail_with_another(tmp_path, monkeypatch):
    monkeypatch.setattr(advice, "OUTCOMES", (("So {T-a}.", {"T-a": "not supported"}),))
    folder = book_of(tmp_path, row("T-a", "1 [0, 2] points", "not supported"))
    assert outcomes(folder) == "1. So [1 \\[0, 2\\]](one.md). *Not supported.*"
    monkeypatch.setattr(advice, "OUTCOMES", (("So {T-a}.", {"T-a": "supported"}),))
    with pytest.raises(ValueError, match="'T-a' being supported, and it is not supported"):
        outcomes(folder)


def test_outcomes_with_several_verdicts_say_each(tmp_path, monkeypatch):
    line = ("{T-a}, {T-b}.", {"T-a": "mixed", "T-b": "not supported"})
    monkeypatch.setattr(advice, "OUTCOMES", (line,))
    rows = row("T-a", "1 [0, 2] x", "mixed"), row("T-b", "3 [2, 4] x", "not supported")
    assert outcomes(book_of(tmp_path, *rows)).endswith("*Mixed; not supported.*")


def test_the_books_outcomes_are_the_papers_four_claims_and_photographs():
    lines = outcomes(ROOT / "book").splitlines()
    assert [line[:2] for line in lines] == ["1.", "2.", "3.", "4.", "5."]
    assert "(real-images.md)" in lines[-1]


def changed_book(folder, claim_id, **changes):
    """The book's own claims, one of them changed."""
    claims = collect(ROOT / "book")
    assert claim_id in {claim["id"] for claim in claims}
    return book_of(folder, *(c | changes if c["id"] == claim_id else c for c in claims))


BUILT = [(outcomes, advice.OUTCOMES), (practical_advice, advice.ADVICE)]
SHOWN = [(build, claim_id) for build, lines in BUILT for _, ids in lines for claim_id in ids]


@pytest.mark.parametrize(("build", "claim_id"), SHOWN)
def test_every_number_shown_follows_the_ledger(tmp_path, build, claim_id):
    folder = changed_book(tmp_path, claim_id, measured="77.7 [66.6, 88.8] made up")
    assert r"77.7 \[66.6, 88.8\]" in build(folder)
    assert "77.7" not in build(ROOT / "book")


@pytest.mark.parametrize(("build", "claim_id"), SHOWN)
def test_no_sentence_outlives_its_verdict(tmp_path, build, claim_id):
    with pytest.raises(ValueError, match=f"'{claim_id}' being .*, and it is overturned"):
        build(changed_book(tmp_path, claim_id, verdict="overturned"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "'T-a' is in none of the executed chapters"),
        (
            [row("T-a", "1 [0, 2] points", "mixed")],
            "a line rests on claim 'T-a' being supported, and it is mixed",
        ),
    ],
)
def test_advice_that_has_lost_its_ground_fails(tmp_path, monkeypatch, rows, message):
    monkeypatch.setattr(advice, "ADVICE", (("Do {T-a}.", {"T-a": "supported"}),))
    with pytest.raises(ValueError, match=message):
        practical_advice(book_of(tmp_path, *rows))


def test_claims_are_quoted_in_the_order_asked_for(tmp_path):
    folder = book_of(tmp_path, row("T-a", "1 of 2"), row("T-b", "2 pieces", "not supported"))
    assert quoted_claims(["T-b", "T-a"], folder).splitlines() == [
        "- It is so. *Not supported*: 2 pieces ([T-b](one.md)).",
        "- It is so. *Supported*: 1 of 2 ([T-a](one.md)).",
    ]
    with pytest.raises(ValueError, match="'T-c' is in none"):
        quoted_claims(["T-c"], folder)


def test_the_books_advice_has_at_most_five_lines_each_with_a_number():
    lines = practical_advice(ROOT / "book").splitlines()
    assert 1 <= len(lines) <= 5
    numbers = [claim["measured"].split(" ")[0] for claim in collect(ROOT / "book")]
    assert all(any(f"[{number} " in line for number in numbers) for line in lines)

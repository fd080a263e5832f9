"""Advice and quotations are what the claims of the executed chapters say, or fail."""

import nbformat
import pytest
from notebooks import ROOT

from mixupbook.pages import advice
from mixupbook.pages.advice import practical_advice, quoted_claims
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
    rows = row("T-a", "-1.5 [-2.0, -1.0] points, 9 seeds"), row("T-b", "3 of 4, so", "mixed")
    shown = practical_advice(book_of(tmp_path, *rows))
    assert shown == "1. Do [-1.5 (-2.0, -1.0)](one.md), not [3 of 4](one.md)."


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "'T-a' is in none of the executed chapters"),
        ([row("T-a", "1 [0, 2] points", "mixed")], "'T-a' being supported, and it is mixed"),
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

"""Every link of the book into the laboratory is one of those that `linked.test.mjs` judges."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

import nbformat
import pytest
from laboratory_pages import read
from notebooks import ROOT

from mixupbook.pages.laboratory.parameters import attributes

LINKED = json.loads((Path(__file__).parent / "linked.json").read_text(encoding="utf8"))
LINK = re.compile(r"\{lab\}`[^`<]*<([^`]*)>`")


def test_every_link_is_judged():
    said = {page.stem: page.read_text(encoding="utf8") for page in (ROOT / "book").glob("*.md")}
    found = {page: set(LINK.findall(text)) for page, text in said.items() if LINK.search(text)}
    assert found == {page: set(LINKED[page]["links"]) for page in LINKED}


@pytest.mark.parametrize("page", LINKED)
def test_a_link_begins_where_the_page_does(page):
    """What it does not name is as in the page's first laboratory."""
    notebook = nbformat.read(ROOT / "book" / f"{page}.ipynb", as_version=4)
    shown = "".join(
        str(output.get("data", {}).get("text/html", ""))
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )
    started = attributes(read(dict(parse_qsl(LINKED[page]["start"]))))
    assert re.findall(r"<mixup-laboratory ?([^>]*)>", shown)[0] == started

"""Links between chapters and the page of the package."""

from types import SimpleNamespace

import pytest
from docutils import nodes
from notebooks import ROOT
from sphinx.addnodes import pending_xref
from usage import PACKAGE_PAGE, link_names, public_names, users

import mixupbook as mb

CHAPTERS = {
    "one": "Text on `fit`.\n\n```{code-cell} ipython3\nrun = mb.fit(data)\n```\n",
    "two": "```{code-cell} ipython3\nmb.fit_seeds(data)\n```\n\nfit\n",
}


def page(*words, title=False):
    paragraph = (nodes.title if title else nodes.paragraph)()
    for word in words:
        paragraph += nodes.literal(text=word)
    return nodes.section("", paragraph)


def links(doctree, name="book/one"):
    link_names(SimpleNamespace(env=SimpleNamespace(docname=name)), doctree)
    return [link["reftarget"] for link in doctree.findall(pending_xref)]


def test_a_chapter_uses_a_name_that_stands_in_its_code():
    assert users("fit", CHAPTERS) == ["one"]
    assert users("fit_seeds", CHAPTERS) == ["two"]
    assert users("Mixup", CHAPTERS) == []


def test_the_first_mention_of_a_public_name_is_a_link():
    words = ["mb.fit(data, seed=0)", "fit", "Draw", "x.fit", "mixupbook.Mixup", "fitted"]
    doctree = page(*words)
    assert links(doctree) == ["mixupbook.fit", "mixupbook.Draw", "mixupbook.Mixup"]
    assert doctree.astext() == page(*words).astext()


def test_titles_and_the_page_itself_have_no_such_links():
    assert links(page("mb.fit", title=True)) == []
    assert links(page("mb.fit"), name=PACKAGE_PAGE) == []


def test_public_names_are_those_of_the_package():
    assert public_names() == set(mb.__all__) - {"__version__"}


@pytest.mark.parametrize("name", ["Mixup", "CutMix", "fit", "descend", "group_errors"])
def test_names_of_the_package_are_used_in_the_book(name):
    chapters = {path.stem: path.read_text(encoding="utf8") for path in (ROOT / "book").glob("*.md")}
    assert users(name, chapters)

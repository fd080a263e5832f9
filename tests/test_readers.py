"""The notebooks that Binder and Colab open: the book's markup is read, what is folded is folded."""

from pathlib import Path

import jupytext
import nbformat
import pytest
from readers import Book, for_readers

SOURCES = """
@article{one, author={Ash, Ann}, title={T}, year={2001}, url={https://example.org/1}}
@article{two, author={Ash, Ann and Box, Bob}, title={T}, year={2002}}
@article{three, author={Ash, Ann and Box, Bob and Cup, Cat}, title={T}, year={2003}}
"""
HEADER = "---\njupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\n---\n"
FIRST = "# First\n\n$$\nx\n$$ (eq-first)\n\n```{prf:lemma}\n:label: lem-first\n\nText.\n```\n"
INTRO = "# Intro\n\n(sec-here)=\n## Here\n"


def notebook(folder: Path, text: str, glued: dict[str, str] | None = None):
    """The second chapter of a book of two, with this text, as its readers get it."""
    pages = {"intro": INTRO, "first": FIRST, "second": f"{HEADER}# Second\n\n{text}"}
    for name, content in pages.items():
        (folder / f"{name}.md").write_text(content, encoding="utf8")
    (folder / "sources.bib").write_text(SOURCES, encoding="utf8")
    numbered = [(folder / f"{name}.md", name != "intro") for name in pages]
    book = Book(numbered, folder / "sources.bib", "https://github.com/owner/name")
    chapter = jupytext.read(folder / "second.md")
    for name, value in (glued or {}).items():
        data = {"some/prefix/text/plain": repr(value)}
        record = {"scrapbook": {"name": name, "mime_prefix": "some/prefix/"}}
        output = nbformat.v4.new_output("display_data", data=data, metadata=record)
        chapter.cells.append(nbformat.v4.new_code_cell("glue()", outputs=[output]))
    return for_readers(chapter, folder / "second.md", book)


def shown(folder: Path, text: str, glued: dict[str, str] | None = None) -> str:
    """Its text, without title and preface."""
    cells = notebook(folder, f"+++\n\n{text}", glued).cells[1:]
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


SITE = "https://owner.github.io/name/book"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("{cite:t}`one`", "[Ash (2001)](https://example.org/1)"),
        ("{cite:p}`one`", "([Ash, 2001](https://example.org/1))"),
        ("{cite:t}`two`", "Ash and Box (2002)"),
        ("{cite:p}`two,three`", "(Ash and Box, 2002; Ash et al., 2003)"),
        ("{doc}`first`", f"[First]({SITE}/first.html)"),
        ("[there](first.md)", f"[there]({SITE}/first.html)"),
        ("{eq}`eq-first`", f"[(1.1)]({SITE}/first.html#equation-eq-first)"),
        ("{prf:ref}`lem-first`", f"[Lemma 1.1]({SITE}/first.html#lem-first)"),
        ("{ref}`here <sec-here>`", f"[here]({SITE}/intro.html#sec-here)"),
        ("{func}`name.function`", f"[`name.function`]({SITE}/api.html#name.function)"),
        ("{math}`x^2`", "$x^2$"),
        ("`code` and $x$ stay", "`code` and $x$ stay"),
    ],
)
def test_roles_read_as_the_pages_do(tmp_path, markup, text):
    assert shown(tmp_path, markup) == text


def test_numbers_are_filled_in(tmp_path):
    value = 'it\'s 8.2 % [7.5, 9.0] \\ "so"'
    assert shown(tmp_path, "Error {glue:text}`a-b`.", {"a-b": value}) == f"Error {value}."


def test_statements_are_headed_and_their_equations_tagged(tmp_path):
    text = (
        "```{prf:theorem} A name\n:label: thm-x\n\nLet\n\n$$\ny\n$$ (eq-y)\n\nbe.\n```\n\n"
        "```{prf:proof}\nBy {eq}`eq-y` and {prf:ref}`thm-x`.\n```\n\n"
        "```{admonition} Note\n:class: tip\n\n- Well.\n```\n"
    )
    assert shown(tmp_path, text) == (
        "**Theorem 2.1 (A name).** Let\n\n$$\ny\n\\tag{2.1}\n$$\n\nbe.\n\n"
        "*Proof.* By (2.1) and Theorem 2.1. ∎\n\n**Note**\n\n- Well."
    )


EXERCISE = (
    "## Exercises\n\n```{exercise-start}\n:label: ex-x\n```\nWhat?\n```{exercise-end}\n```\n\n"
    "````{solution-start} ex-x\n:class: dropdown\n````\n\nThat.\n\n```{code-cell}\n1\n```\n\n"
    "````{solution-end}\n````\n\n## Summary\n\n```{code-cell}\n2\n```\n"
)


def test_solutions_are_folded_under_a_heading_and_what_follows_is_not(tmp_path):
    cells = notebook(tmp_path, f"+++\n\n{EXERCISE}").cells[1:]
    texts = ["## Exercises", "### Exercise 2.1\n\nWhat?", "#### Solution to Exercise 2.1", "That."]
    assert [cell.source for cell in cells] == [*texts, "1", "## Summary", "2"]
    assert cells[2].metadata == {"jp-MarkdownHeadingCollapsed": True}
    assert cells[4].metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}
    assert "jupyter" not in cells[6].metadata


@pytest.mark.parametrize(
    ("tag", "folded"),
    [
        ("hide-input", {"source_hidden": True}),
        ("hide-cell", {"source_hidden": True, "outputs_hidden": True}),
        ("remove-cell", {"source_hidden": True, "outputs_hidden": True}),
    ],
)
def test_what_the_pages_hide_is_folded(tmp_path, tag, folded):
    cell = notebook(tmp_path, f"```{{code-cell}}\n:tags: [{tag}]\n1\n```\n").cells[-1]
    assert cell.metadata.jupyter == folded
    assert cell.metadata.tags == [tag]


def test_a_figures_caption_stands_under_it(tmp_path):
    options = "mystnb:\n  figure:\n    caption: Of {math}`x`.\n    name: fig-x\n"
    text = f"```{{code-cell}}\n---\n{options}---\n1\n```\n\nSee {{numref}}`fig-x`.\n"
    cells = notebook(tmp_path, text).cells
    assert [cell.source for cell in cells[1:]] == ["1", "**Fig. 2.1** Of $x$.", "See Fig. 2.1."]


def test_a_picture_of_the_text_has_its_number_and_caption(tmp_path):
    text = "```{figure} a.png\n:name: fig-a\n:alt: A box\n\nOf {math}`x`.\n```\n\n{numref}`fig-a`"
    assert shown(tmp_path, text) == "![A box](a.png)\n\n**Fig. 2.1** Of $x$.\n\nFig. 2.1"


def test_boxes_keep_what_is_inside_them(tmp_path):
    inner = "```{prf:lemma}\n:label: lem-y\n\nText.\n```"
    assert shown(tmp_path, f"````{{note}}\n:class: x\n\nOn:\n\n{inner}\n````") == (
        "**Note**\n\nOn:\n\n**Lemma 2.1.** Text."
    )


def test_an_answer_is_folded_until_it_is_asked_for(tmp_path):
    answer = "```{admonition} Answer\n:class: dropdown\n\nBy {math}`x`.\n```"
    assert shown(
        tmp_path, f"````{{admonition}} Predict first\n:class: hint\n\nWhy?\n\n{answer}\n````"
    ) == (
        "**Predict first**\n\nWhy?\n\n"
        "<details><summary><b>Answer</b></summary>\n\nBy $x$.\n\n</details>"
    )


@pytest.mark.parametrize("markup", ["{unknown}`x`", "```{unknown} x\ny\n```"])
def test_markup_without_a_form_is_not_let_through(tmp_path, markup):
    with pytest.raises(ValueError, match=r"second: a notebook has no form .* 'unknown'"):
        shown(tmp_path, markup)


@pytest.mark.parametrize("markup", ["{glue:text}`x`", "{cite:t}`x`", "{doc}`x`", "{eq}`eq-x`"])
def test_what_does_not_exist_is_an_error(tmp_path, markup):
    with pytest.raises(KeyError, match="x"):
        shown(tmp_path, markup)


def test_chapter_itself_is_left_as_it_is(tmp_path):
    written = f"{HEADER}# Second\n\n{EXERCISE}"
    notebook(tmp_path, EXERCISE)
    assert (tmp_path / "second.md").read_text(encoding="utf8") == written

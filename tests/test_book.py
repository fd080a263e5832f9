"""The book's structure: what every page, chapter, notebook and figure must have."""

import json
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import yaml
from docutils.parsers.rst.directives.images import Figure
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.directives import parse_directive_text
from myst_parser.parsers.mdit import create_md_parser
from notebooks import (
    GUARD_CELL,
    ROOT,
    book,
    chapters,
    code_cells,
    contents,
    current_url,
    name_cells,
    read_chapter,
    with_stored_outputs,
)
from readers import for_readers

BOOK = ROOT / "book"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
PAGES = [TOC["root"]] + [page["file"] for part in TOC["parts"] for page in part["chapters"]]
NOTEBOOKS = chapters()
NUMBERED = [page for page, numbered in contents() if numbered]  # the others are for reference
THEORY = next(
    [page["file"] for page in part["chapters"]]
    for part in TOC["parts"]
    if part["caption"] == "A theory of feature learning"
)
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
MARKDOWN = create_md_parser(
    MdParserConfig(enable_extensions=CONFIG["parse"]["myst_enable_extensions"]), RendererHTML
)
# Folders in the book without pages: what pages link to, and what programs leave behind.
NO_PAGES = {"_static", ".ipynb_checkpoints", "__pycache__", ".ruff_cache"}

each_page = pytest.mark.parametrize("name", PAGES)
each_notebook = pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)
each_numbered = pytest.mark.parametrize("page", NUMBERED, ids=lambda page: page.stem)


def source(name: str) -> str:
    return (ROOT / f"{name}.md").read_text(encoding="utf8")


def stored(page: Path) -> nbformat.NotebookNode:
    return nbformat.read(page.with_suffix(".ipynb"), as_version=4)


def mime_types(cell: nbformat.NotebookNode) -> set[str]:
    return {kind for output in cell.outputs for kind in output.get("data", {})}


def visible_lines(source: str) -> int:
    return sum(bool(line.strip()) for line in source.splitlines())


def test_there_are_chapters():
    assert NUMBERED


def test_every_file_is_a_page_of_the_contents_or_its_notebook():
    # Of two sources of a page Sphinx takes the one it finds first, so nothing else may lie there.
    named = [f"{name}.md" for name in PAGES]
    named += [page.with_suffix(".ipynb").relative_to(ROOT).as_posix() for page in NOTEBOOKS]
    files = [path.relative_to(ROOT) for path in BOOK.rglob("*") if path.is_file()]
    found = [path.as_posix() for path in files if not NO_PAGES & set(path.parts)]
    assert sorted(found) == sorted([*named, "book/references.bib", "book/ruff.toml"])


def test_no_file_beside_the_book_is_called_like_a_page():
    assert not {path.stem for path in ROOT.glob("*.*")} & {Path(name).name for name in PAGES}


@each_page
def test_page_has_sections(name):
    text = source(name)
    # The theme's scripts fail on a page whose list of sections is empty.
    assert len(re.findall(r"^## ", text, flags=re.MULTILINE)) >= 2


@each_notebook
def test_notebook_holds_what_the_chapter_says(page):
    written = for_readers(with_stored_outputs(page), page, book())
    name_cells(written)
    assert stored(page) == written, "run: make notebooks (or make sync, if only text changed)"
    run = [cell.source for cell in code_cells(stored(page))]
    assert run == [cell.source for cell in code_cells(read_chapter(page))]


@each_notebook
def test_notebook_reads_well_in_jupyter(page):
    """Folded like the page, and without the book's markup."""
    for cell in stored(page).cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"\{[a-z:-]+\}`|^`{3,}\{|^:\w+:", cell.source, re.MULTILINE)
        elif {"hide-input", "hide-cell", "remove-cell"} & set(cell.metadata.get("tags", [])):
            assert cell.metadata.jupyter.source_hidden


@each_notebook
def test_solutions_are_folded_in_jupyter(page):
    headings, inside = 0, False
    for cell in stored(page).cells:
        if cell.cell_type == "code":
            folded = cell.metadata.get("jupyter", {})
            assert not inside or (folded.source_hidden and folded.outputs_hidden)
        elif cell.source.startswith("#### Solution"):
            assert cell.metadata["jp-MarkdownHeadingCollapsed"] is True
            headings, inside = headings + 1, True
        elif re.match(r"#{1,4} ", cell.source):
            inside = False
    assert headings == page.read_text(encoding="utf8").count("{solution-start}")


@each_notebook
def test_notebook_was_run_top_to_bottom(page):
    notebook = stored(page)
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in code_cells(notebook) if cell.source.strip()]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_notebook_stores_no_error_or_warning(page):
    outputs = [output for cell in code_cells(stored(page)) for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]


@each_notebook
def test_outputs_need_no_kernel_and_no_other_host(page):
    for cell in code_cells(stored(page)):
        assert not {kind for kind in mime_types(cell) if "widget" in kind}
        for output in cell.outputs:
            shown = "".join(output.get("data", {}).get("text/html", ""))
            assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", shown)


def check_figure(name: str, caption: str, alt: str) -> None:
    assert name.startswith("fig-"), f"no name: {caption}"
    assert len(caption.split()) >= 4, f"no caption: {name}"
    words = re.findall(r"\w+", alt.lower())
    assert len(words) >= 8, f"alt text too short to describe it: {name}"
    assert len(set(words)) >= 6, f"alt text says little: {name}"
    assert alt != caption, f"alt text repeats the caption: {name}"


@each_notebook
def test_every_figure_of_a_cell_has_caption_and_description(page):
    for cell in code_cells(stored(page)):
        if any("image/" in kind for kind in mime_types(cell)):  # shown here, or glued
            options = cell.metadata.get("mystnb", {})
            figure, alt = options.get("figure", {}), options.get("image", {}).get("alt", "")
            check_figure(figure.get("name", ""), figure.get("caption", ""), alt)


def tokens(text: str) -> Iterator[Token]:
    """The elements of a page, down to those inside its paragraphs and directives."""
    for token in MARKDOWN.parse(text):
        yield token
        yield from token.children or []
        if re.match(r"\{(?!code)", token.info):
            yield from tokens(token.content)


def is_bare_picture(token: Token) -> bool:
    """Whether this shows a picture in a way that knows no number or caption."""
    if token.type.startswith("html_"):
        return "<img" in token.content.lower()
    if token.info.startswith("{eval-rst}"):
        return bool(re.search(r"\.\. (image|figure)::", token.content))
    return token.type == "image" or token.info.startswith("{image}")


@each_page
def test_every_figure_of_the_text_has_caption_and_description(name):
    for token in tokens(source(name)):
        assert not is_bare_picture(token), f"write it as a {{figure}}: {token.content}"
        if token.info.startswith("{figure}"):
            path = token.info.removeprefix("{figure}")
            figure = parse_directive_text(Figure, path, token.content)
            options = {"name": "", "alt": "", **figure.options}
            check_figure(options["name"], " ".join(figure.body), options["alt"])


@each_notebook
def test_first_cell_installs_the_package_where_it_is_missing(page):
    assert code_cells(stored(page))[0].source == GUARD_CELL.format(url=current_url())


@each_numbered
def test_chapter_opens_with_what_it_teaches_and_ends_with_a_summary(page):
    text = page.read_text(encoding="utf8")
    assert "```{admonition} What you will learn" in text
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE)[-1] == "Summary"


@each_notebook
def test_exercises_have_hidden_solutions(page):
    text = page.read_text(encoding="utf8")
    exercises = re.findall(r"\{exercise(?:-start)?\}[^\n]*\n:label: (\S+)", text)
    solutions = re.findall(r"\{solution(?:-start)?\} (\S+)\n:class: dropdown", text)
    assert exercises or page not in NUMBERED, "a chapter has exercises"
    assert sorted(exercises) == sorted(solutions)


def test_paths_named_in_the_text_exist():
    for name in PAGES:
        for path in re.findall(r"`([\w/.-]+\.(?:py|md|css))`", source(name)):
            places = [ROOT / path, ROOT / "mixupbook" / path]
            assert any(place.exists() for place in places) or path == "book/name.md", path


def test_cells_fit_the_column():
    cells = [cell.source for page in NOTEBOOKS for cell in code_cells(stored(page))]
    assert not [line for cell in cells for line in cell.splitlines() if len(line) > 80]


def test_cells_are_short():
    guard = GUARD_CELL.format(url=current_url())
    cells = [cell.source for page in NOTEBOOKS for cell in code_cells(stored(page))]
    cells = [source for source in cells if source != guard]
    lengths = [visible_lines(source) for source in cells]
    assert statistics.median(lengths) <= 7
    assert sum(length < 20 for length in lengths) >= 0.9 * len(lengths)


@each_notebook
def test_a_folded_cell_says_what_it_holds(page):
    for cell in code_cells(read_chapter(page)):
        if {"hide-input", "hide-cell"} & set(cell.metadata.get("tags", [])):
            label = cell.metadata.get("mystnb", {}).get("code_prompt_show", "")
            assert label, f"code_prompt_show is missing: {cell.source[:80]}"
            assert not label.lower().startswith("show code"), label


def test_little_code_is_visible():
    """Lines of code that a reader of the pages sees, those of folded solutions not counted."""
    lines = {page.stem: sum(map(visible_lines, shown_code(page))) for page in NOTEBOOKS}
    assert sum(lines.values()) <= 690, lines


def shown_code(page: Path) -> Iterator[str]:
    """The source of each cell that is neither folded nor in a solution."""
    in_solution = False
    for cell in read_chapter(page).cells:
        if cell.cell_type == "code":
            folded = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
            if not in_solution and not folded & set(cell.metadata.get("tags", [])):
                yield cell.source
        elif marks := re.findall(r"\{solution-(start|end)\}", cell.source):
            in_solution = marks[-1] == "start"


@pytest.mark.parametrize("name", THEORY)
def test_chapters_on_the_model_ask_for_a_prediction(name):
    """A question first, with its answer folded, before any kernel."""
    text = source(name)
    asked = re.findall(r"\{admonition\} Predict first\n:class: hint\n(.*?)^`{4}", text, re.M | re.S)
    assert asked, name
    assert all("```{admonition} Answer\n:class: dropdown" in question for question in asked)


@pytest.mark.parametrize("kind", ["fig", "eq", "ex", "def", "thm", "prop"])
def test_labels_are_unique_in_the_book(kind):
    text = "\n".join(source(name) for name in PAGES)
    labels = re.findall(rf"(?:^ *:?(?:label|name): |\$\$ \()({kind}-[\w-]+)", text, re.MULTILINE)
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("name", PAGES)
def test_line_breaks_of_equations_have_both_backslashes(name):
    assert not re.findall(r"^.*(?<!\\)\\$", source(name), re.MULTILINE)


def test_glued_names_are_unique_and_every_shown_one_exists():
    glued = []
    for page in NOTEBOOKS:
        notebook = json.loads(page.with_suffix(".ipynb").read_text(encoding="utf8"))
        outputs = [out for cell in notebook["cells"] for out in cell.get("outputs", [])]
        records = [out.get("metadata", {}).get("scrapbook") for out in outputs]
        glued += [record["name"] for record in records if record]
    text = "\n".join(source(name) for name in PAGES)
    shown = set(re.findall(r"\{glue:?\w*\}`([^`:]+)", text))
    assert len(glued) == len(set(glued))
    assert shown <= set(glued)


def test_references_are_complete_and_cited():
    entries = re.split(r"^@", (BOOK / "references.bib").read_text(encoding="utf8"), flags=re.M)[1:]
    keys = [re.match(r"\w+\{([\w-]+),", entry).group(1) for entry in entries]
    assert len(keys) == len(set(keys))
    text = "\n".join(source(name) for name in PAGES)
    cited = {
        key.strip()
        for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
        for key in keys.split(",")
    }
    assert set(keys) == cited, "the list holds what the pages cite, and nothing else"
    for key, entry in zip(keys, entries, strict=True):
        for field in ("author", "title", "year"):
            assert re.search(rf"^\s*{field}\s*=", entry, re.M), f"{key} lacks {field}"

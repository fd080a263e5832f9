"""The book's structure: what every page, chapter, notebook and figure must have."""

import json
import re
import statistics
from pathlib import Path

import nbformat
import pytest
import yaml
from notebooks import ROOT, chapters, read_chapter
from repository import GUARD_CELL, current_url

BOOK = ROOT / "book"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
PAGES = [TOC["root"]] + [page["file"] for part in TOC["parts"] for page in part["chapters"]]
NOTEBOOKS = chapters()
NUMBERED = [page for page in NOTEBOOKS if re.match(r"\d\d-", page.name)]

each_notebook = pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)
each_numbered = pytest.mark.parametrize("page", NUMBERED, ids=lambda page: page.stem)


def stored(page: Path) -> nbformat.NotebookNode:
    return nbformat.read(page.with_suffix(".ipynb"), as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def mime_types(cell: nbformat.NotebookNode) -> set[str]:
    return {kind for output in cell.outputs for kind in output.get("data", {})}


def visible_lines(source: str) -> int:
    return sum(bool(line.strip()) for line in source.splitlines())


def test_there_are_chapters():
    assert NUMBERED


def test_contents_and_pages_agree():
    sources = [
        path.relative_to(ROOT).with_suffix("").as_posix()
        for path in BOOK.rglob("*")
        if path.suffix in {".md", ".rst"} and "_static" not in path.parts
    ]
    assert sorted(PAGES) == sorted(sources), "each page is in _toc.yml once and has one source"


def test_every_notebook_belongs_to_a_chapter():
    twins = {path.stem for path in BOOK.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts}
    assert twins == {page.stem for page in NOTEBOOKS}


@pytest.mark.parametrize("name", PAGES)
def test_page_has_sections(name):
    text = (ROOT / f"{name}.md").read_text(encoding="utf8")
    # The theme's scripts fail on a page whose list of sections is empty.
    assert len(re.findall(r"^## ", text, flags=re.MULTILINE)) >= 2


@each_notebook
def test_notebook_holds_what_the_chapter_says(page):
    chapter, notebook = read_chapter(page), stored(page)
    assert notebook.metadata == chapter.metadata

    def content(cells):
        return [(cell.cell_type, cell.source, cell.metadata) for cell in cells]

    assert content(notebook.cells) == content(chapter.cells), "run: make notebooks"


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


@each_notebook
def test_every_figure_has_caption_and_description(page):
    for cell in code_cells(stored(page)):
        if not any(kind.startswith("image/") for kind in mime_types(cell)):
            continue
        options = cell.metadata.get("mystnb", {})
        figure, alt = options.get("figure", {}), options.get("image", {}).get("alt", "")
        assert figure.get("name", "").startswith("fig-"), f"no name: {cell.source}"
        assert len(figure.get("caption", "").split()) >= 4, f"no caption: {figure['name']}"
        assert len(alt.split()) >= 8, f"alt text too short to describe it: {figure['name']}"
        assert alt != figure["caption"], f"alt text repeats the caption: {figure['name']}"


@each_notebook
def test_first_cell_installs_the_package_where_it_is_missing(page):
    assert code_cells(stored(page))[0].source == GUARD_CELL.format(url=current_url())


@each_numbered
def test_chapter_opens_with_what_it_teaches_and_ends_with_a_summary(page):
    text = page.read_text(encoding="utf8")
    assert "```{admonition} What you will learn" in text
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE)[-1] == "Summary"


@each_numbered
def test_exercises_have_hidden_solutions(page):
    text = page.read_text(encoding="utf8")
    exercises = re.findall(r"\{exercise(?:-start)?\}[^\n]*\n:label: (\S+)", text)
    solutions = re.findall(r"\{solution(?:-start)?\} (\S+)\n:class: dropdown", text)
    assert exercises, "a chapter has exercises"
    assert sorted(exercises) == sorted(solutions)


def test_cells_are_short():
    guard = GUARD_CELL.format(url=current_url())
    cells = [cell.source for page in NOTEBOOKS for cell in code_cells(stored(page))]
    cells = [source for source in cells if source != guard]
    lengths = [visible_lines(source) for source in cells]
    assert statistics.median(lengths) <= 5
    assert sum(length < 20 for length in lengths) >= 0.9 * len(lengths)


@pytest.mark.parametrize("kind", ["fig", "eq", "ex", "def", "thm", "prop"])
def test_labels_are_unique_in_the_book(kind):
    text = "\n".join((ROOT / f"{name}.md").read_text(encoding="utf8") for name in PAGES)
    labels = re.findall(rf"(?:^:label: |^ +name: |\$\$ \()({kind}-[\w-]+)", text, re.MULTILINE)
    assert len(labels) == len(set(labels))


def test_glued_names_are_unique_and_every_shown_one_exists():
    glued = []
    for page in NOTEBOOKS:
        notebook = json.loads(page.with_suffix(".ipynb").read_text(encoding="utf8"))
        outputs = [out for cell in notebook["cells"] for out in cell.get("outputs", [])]
        records = [out.get("metadata", {}).get("scrapbook") for out in outputs]
        glued += [record["name"] for record in records if record]
    text = "\n".join((ROOT / f"{name}.md").read_text(encoding="utf8") for name in PAGES)
    shown = set(re.findall(r"\{glue:?\w*\}`([^`:]+)", text))
    assert len(glued) == len(set(glued))
    assert shown <= set(glued)


def test_references_are_complete_and_cited():
    entries = re.split(r"^@", (BOOK / "references.bib").read_text(encoding="utf8"), flags=re.M)[1:]
    keys = [re.match(r"\w+\{([\w-]+),", entry).group(1) for entry in entries]
    assert len(keys) == len(set(keys))
    text = "\n".join((ROOT / f"{name}.md").read_text(encoding="utf8") for name in PAGES)
    cited = {
        key.strip()
        for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
        for key in keys.split(",")
    }
    assert set(keys) == cited, "the list holds what the pages cite, and nothing else"
    for key, entry in zip(keys, entries, strict=True):
        for field in ("author", "title", "year"):
            assert re.search(rf"^\s*{field}\s*=", entry, re.M), f"{key} lacks {field}"

"""What refreshes the notebooks, and what brings their outputs into the pages."""

import importlib.resources
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import bookext
import lighten
import mutants
import nbformat
import pytest
from cells import format_cells
from fontTools.ttLib import TTFont
from jupyter_cache import get_cache
from notebooks import (
    CLAIMS,
    ROOT,
    book,
    chapters,
    contents,
    current_url,
    execute,
    read_chapter,
    select,
    store,
    with_stored_outputs,
)
from readers import Book
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

HEADER = (
    "---\njupytext:\n  text_representation:\n    extension: .md\n"
    "    format_name: myst\nkernelspec:\n  display_name: Python 3\n  language: python\n"
    "  name: python3\n---\n\n"
)


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "book" / "demo.md"
    path.parent.mkdir()
    path.write_text(
        f"{HEADER}# Demo\n\n```{{code-cell}} ipython3\nprint(6 * 7)\n```\n"
        "\n```{code-cell} ipython3\nobject\n```\n\n```{code-cell} ipython3\nobject\n```\n",
        encoding="utf8",
    )
    return path


def test_refreshing_twice_writes_the_same_bytes(page):
    first = nbformat.writes(execute(page))
    assert "42" in first
    assert nbformat.writes(execute(page)) == first


def test_cells_are_named_by_their_content(page):
    before = {cell.source: cell.id for cell in read_chapter(page).cells}
    page.write_text(page.read_text(encoding="utf8").replace("# Demo", "# Show"), encoding="utf8")
    after = {cell.source: cell.id for cell in read_chapter(page).cells}
    assert before["print(6 * 7)"] == after["print(6 * 7)"]
    ids = [cell.id for cell in read_chapter(page).cells]
    assert len(set(ids)) == len(ids), "equal cells have different names all the same"


def seeded_cache(root, tmp_path):
    """The cache that a build of the book in `root` looks outputs up in."""
    app = SimpleNamespace(
        config=SimpleNamespace(nb_execution_cache_path=str(tmp_path / "cache")),
        outdir=tmp_path / "html",
        srcdir=root,
    )
    bookext.seed_cache(app)
    return get_cache(tmp_path / "cache")


def test_pages_show_a_notebooks_outputs_only_while_its_code_is_the_chapters(page, tmp_path):
    nbformat.write(execute(page), page.with_suffix(".ipynb"))
    cache = seeded_cache(tmp_path, tmp_path)
    _, merged = cache.merge_match_into_notebook(read_chapter(page))
    assert merged.cells[1].outputs[0].text == "42\n"
    edited = read_chapter(page)
    edited.cells[1].source = "print(6 * 8)"
    with pytest.raises(KeyError):
        cache.match_cache_notebook(edited)


def test_pages_find_the_outputs_of_every_chapter(tmp_path):
    """Folded as its notebook is; or else a build would execute it again, for minutes."""
    cache = seeded_cache(ROOT, tmp_path)
    for page in chapters():
        _, merged = cache.merge_match_into_notebook(read_chapter(page))
        assert [cell.metadata for cell in merged.cells] == [
            cell.metadata for cell in read_chapter(page).cells
        ]


def test_text_follows_the_chapter_without_running_it(page):
    nbformat.write(execute(page), page.with_suffix(".ipynb"))
    page.write_text(page.read_text(encoding="utf8").replace("6 * 7", "7 * 6"), encoding="utf8")
    followed = with_stored_outputs(page)
    assert followed.cells[1].source == "print(7 * 6)"
    assert followed.cells[1].outputs[0].text == "42\n"
    assert followed.cells[1].execution_count == 1


def test_outputs_are_not_given_to_other_cells(page):
    nbformat.write(execute(page), page.with_suffix(".ipynb"))
    with page.open("a", encoding="utf8") as file:
        file.write("\n```{code-cell} ipython3\n1 + 1\n```\n")
    with pytest.raises(ValueError, match=r"demo.md has gained or lost code cells: run make noteb"):
        with_stored_outputs(page)


def test_storing_what_is_in_step_changes_nothing(tmp_path):
    whole = book()
    for page in chapters():
        copied = tmp_path / page.name
        shutil.copy(page, copied)
        shutil.copy(page.with_suffix(".ipynb"), copied.with_suffix(".ipynb"))
        before = copied.with_suffix(".ipynb").read_bytes()
        store(copied, with_stored_outputs(copied), whole)
        assert copied.with_suffix(".ipynb").read_bytes() == before


def test_the_chapter_that_contributing_shows_becomes_a_notebook(tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf8")
    (shown,) = re.findall(r"^`{8}md\n(.*?)^`{8}$", text, re.MULTILINE | re.DOTALL)
    page = tmp_path / "name.md"
    page.write_text(shown, encoding="utf8")
    assert format_cells(shown) == shown
    whole = Book([*contents(), (page, True)], ROOT / "book" / "references.bib", current_url())
    store(page, execute(page), whole)
    notebook = nbformat.read(page.with_suffix(".ipynb"), as_version=4)
    texts = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    number = len(whole.chapters)
    assert f"**Fig. {number}.1** Test error of eight seeds" in texts
    assert re.search(r"^The mean is \d+\.\d %\.$", texts, re.MULTILINE)
    assert f"Solution to Exercise {number}.1" in texts


@pytest.mark.parametrize("newer", [".md", ".ipynb"])
def test_jupytext_leaves_a_chapter_and_its_notebook_alone(tmp_path, newer):
    """They are no pair to it: a notebook for readers must never be written over its chapter."""
    page = chapters()[0]
    before = {}
    for age, suffix in enumerate(sorted([".md", ".ipynb"], key=lambda suffix: suffix == newer)):
        copied = tmp_path / page.with_suffix(suffix).name
        shutil.copy(page.with_suffix(suffix), copied)
        os.utime(copied, (1e9 + age, 1e9 + age))
        before[copied] = copied.read_bytes()
    command = [sys.executable, "-m", "jupytext", "--sync", *map(str, before)]
    subprocess.run(command, check=True, capture_output=True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_code_of_a_chapter_is_formatted_and_its_text_is_not(page):
    before = page.read_text(encoding="utf8").replace("print(6 * 7)", "print( 6*7 )")
    magic = "```{code-cell} ipython3\n:tags: [hide-cell]\n\n%pip  install x\n```\n\nx=1\n"
    assert format_cells(before + magic) == page.read_text(encoding="utf8") + magic
    with pytest.raises(ValueError, match=r"in the cell:\nprint\(6"):
        format_cells(before.replace("print( 6*7 )", "print(6"))


def test_page_without_code_is_read_as_myst(tmp_path):
    (tmp_path / "_toc.yml").write_text("root: page\nparts: []\n", encoding="utf8")
    (tmp_path / "page.md").write_text("# Page\n\n:::{note}\nText.\n:::\n", encoding="utf8")
    assert chapters(tmp_path) == []


def test_claims_page_comes_last_whatever_is_asked_for():
    pages = chapters()
    assert select(pages, [])[-1].stem == CLAIMS
    assert sorted(select(pages, [])) == sorted(pages)
    first = pages[0]
    assert [page.stem for page in select(pages, [first.stem])] == [first.stem, CLAIMS]
    assert select(pages, [f"book/{first.name}"]) == select(pages, [first.stem])


def test_chapter_is_found_by_the_beginning_of_its_name():
    pages = [Path(f"book/{name}.md") for name in ("one", "two", "two-more", CLAIMS)]
    one, two, _, claims = pages
    assert select(pages, ["on"]) == [one, claims]
    assert select(pages, ["two", "book/one.ipynb"]) == [one, two, claims]
    assert select(pages, ["cl"]) == [claims]
    for name in ("", "tw", "three", "-more"):
        with pytest.raises(SystemExit, match=f"{name}.*: one, two, two-more, claims$"):
            select(pages, [name])


def test_help_lists_every_target_with_awk_alone(tmp_path):
    # It is what a bare `make` shows, on a machine that may have little else.
    (tmp_path / "awk").symlink_to(shutil.which("awk"))
    make, barely = shutil.which("make"), {"PATH": str(tmp_path)}
    shown = subprocess.check_output([make], cwd=ROOT, env=barely, text=True)
    makefile = (ROOT / "Makefile").read_text(encoding="utf8")
    (targets,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert [line.split()[0] for line in shown.splitlines()] == targets.split()


def test_solutions_can_be_hidden_with_all_that_is_in_them(tmp_path):
    (tmp_path / "index.md").write_text(
        "# Page\n\n```{exercise-start}\n:label: ex-x\n```\nAsked.\n```{exercise-end}\n```\n\n"
        "```{solution-start} ex-x\n```\nAnswered.\n```{solution-end}\n```\n\nAfterwards.\n",
        encoding="utf8",
    )
    for hidden in (False, True):
        with docutils_namespace():
            app = Sphinx(
                tmp_path,
                None,
                tmp_path / str(hidden),
                tmp_path / "doctrees",
                "html",
                confoverrides={
                    "extensions": ["myst_nb", "sphinx_exercise", "bookext"],
                    "hide_solutions": hidden,
                    "html_theme": "sphinx_book_theme",
                    "nb_execution_mode": "off",
                },
                freshenv=True,
                status=None,
                warningiserror=True,
            )
            app.build()
        shown = (tmp_path / str(hidden) / "index.html").read_text(encoding="utf8")
        assert "Asked." in shown
        assert "Afterwards." in shown
        assert ("Answered." in shown) == (not hidden)


def test_page_that_needs_its_neighbours_has_no_colab_button():
    for page, left in (("book/claims", ["Binder"]), ("book/other", ["Binder", "Colab"])):
        buttons = [{"text": "Binder"}, {"text": "Colab"}]
        context = {"header_buttons": [{"label": "launch", "buttons": buttons}, {"label": "x"}]}
        bookext.prune_launch_buttons(None, page, "", context, None)
        assert [button["text"] for button in buttons] == left


def test_mathjax_has_every_part_that_the_pages_load():
    source = importlib.resources.files("sphinx-mathjax-offline") / "static" / "mathjax"
    for part in lighten.MATHJAX_PARTS:
        assert (source / part).is_file() or (source / part).is_dir()


def test_icon_fonts_keep_what_pages_and_style_sheets_write(tmp_path):
    theme = importlib.resources.files("pydata_sphinx_theme") / "theme" / "pydata_sphinx_theme"
    shutil.copytree(theme / "static", tmp_path, dirs_exist_ok=True)
    lighten.subset_icons(tmp_path, ['<i class="fas fa-rocket"></i>'])
    (font,) = tmp_path.rglob("fa-solid-900.woff")
    with TTFont(font) as opened:
        kept = opened.getBestCmap()
    sheet = (tmp_path / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf8")
    (of_a_box,) = re.findall(r'--pst-icon-exclamation-circle:"(.)"', sheet)
    rocket, unused = 0xF135, 0xF1FD  # a birthday cake
    assert {rocket, ord(of_a_box)} <= kept.keys()
    assert unused not in kept


def test_the_rooms_of_mutants_are_there():
    for modules, tests in mutants.ROOMS.values():
        assert all((ROOT / place).exists() for place in [*modules, *tests])

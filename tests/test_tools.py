"""What refreshes the notebooks, and what brings their outputs into the pages."""

import importlib.resources
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import bookext
import nbformat
import pytest
from jupyter_cache import get_cache
from notebooks import CLAIMS, ROOT, chapters, execute, read_chapter, select

HEADER = (
    "---\njupytext:\n  formats: ipynb,md:myst\n  text_representation:\n    extension: .md\n"
    "    format_name: myst\nkernelspec:\n  display_name: Python 3\n  language: python\n"
    "  name: python3\n---\n\n"
)


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "book" / "01-demo.md"
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


def test_pages_show_a_notebooks_outputs_only_while_its_code_is_the_chapters(page, tmp_path):
    nbformat.write(execute(page), page.with_suffix(".ipynb"))
    app = SimpleNamespace(
        config=SimpleNamespace(nb_execution_cache_path=str(tmp_path / "cache")),
        outdir=tmp_path / "html",
        srcdir=tmp_path,
    )
    bookext.seed_cache(app)
    cache = get_cache(tmp_path / "cache")
    _, merged = cache.merge_match_into_notebook(read_chapter(page))
    assert merged.cells[1].outputs[0].text == "42\n"
    edited = read_chapter(page)
    edited.cells[1].source = "print(6 * 8)"
    with pytest.raises(KeyError):
        cache.match_cache_notebook(edited)


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
    pages = [Path(f"book/{name}.md") for name in ("01-one", "02-two", "02-two-more", CLAIMS)]
    one, two, _, claims = pages
    assert select(pages, ["01"]) == [one, claims]
    assert select(pages, ["02-two", "book/01-one.ipynb"]) == [one, two, claims]
    assert select(pages, ["cl"]) == [claims]
    for name in ("0", "02", "03", "one"):
        with pytest.raises(SystemExit, match=f"{name}.*: 01-one, 02-two, 02-two-more, claims$"):
            select(pages, [name])


def test_help_lists_every_target_with_awk_alone(tmp_path):
    # It is what a bare `make` shows, on a machine that may have little else.
    (tmp_path / "awk").symlink_to(shutil.which("awk"))
    make, barely = shutil.which("make"), {"PATH": str(tmp_path)}
    shown = subprocess.check_output([make], cwd=ROOT, env=barely, text=True)
    makefile = (ROOT / "Makefile").read_text(encoding="utf8")
    (targets,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert [line.split()[0] for line in shown.splitlines()] == targets.split()


def test_mathjax_has_every_part_that_the_pages_load():
    source = importlib.resources.files("sphinx-mathjax-offline") / "static" / "mathjax"
    for part in bookext.MATHJAX_PARTS:
        assert (source / part).is_file() or (source / part).is_dir()

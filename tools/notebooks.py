"""Execute chapters and store each, with its outputs, as the notebook beside it.

A chapter `book/name.md` is what one edits. Its twin `book/name.ipynb` is written from it: what is
tested, what the pages take their outputs from, and what Binder and Colab open (see `readers`).
Running this twice writes the same bytes: no dates, exact timings or random names. The claims page
reads the notebooks of the others, so it always comes last.

    python tools/notebooks.py              execute every chapter
    python tools/notebooks.py real-images  execute one
    python tools/notebooks.py --no-run     execute none: bring text and code in step, keep outputs
"""

import argparse
import base64
import hashlib
import sys
from pathlib import Path

import durations
import jupytext
import nbformat
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from readers import Book, for_readers

ROOT = Path(__file__).resolve().parent.parent
CLAIMS = "claims"
CELL_TIMEOUT = 600  # seconds
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
# The figure that the README shows: its chapter, its name, and where it is kept.
PICTURE = ("linearity-counterexample", "fig-counterexample-errors", "book/_static/readme.png")
# The first cell of every chapter.
GUARD_CELL = """\
try:
    import mixupbook as mb
except ImportError:  # on Colab, say
    package = "mixupbook[pages] @ git+{url}"
    %pip install --quiet "{{package}}"
    import mixupbook as mb"""


def current_url(root: Path = ROOT) -> str:
    """The repository's address, which `_config.yml` states."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf8"))
    return config["repository"]["url"]


def chapters(root: Path = ROOT) -> list[Path]:
    """The pages with code, in the order of the table of contents."""
    pages = [page for page, _ in contents(root)]
    # The format is named, for a page without code has no header to name it.
    return [page for page in pages if "kernelspec" in jupytext.read(page, fmt="md:myst").metadata]


def contents(root: Path = ROOT) -> list[tuple[Path, bool]]:
    """Every page in order, and whether it has a number."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf8"))
    pages = [(toc["root"], False)]
    for part in toc["parts"]:
        pages += [(page["file"], part.get("numbered", False)) for page in part["chapters"]]
    return [(root / f"{file}.md", numbered) for file, numbered in pages]


def book(root: Path = ROOT) -> Book:
    """What the notebooks have to know of the other pages."""
    sources, times = root / "book" / "references.bib", durations.recorded()
    return Book(contents(root), sources, current_url(root), times)


def read_chapter(page: Path) -> nbformat.NotebookNode:
    """The chapter as a notebook that was not run, its text as it is written."""
    notebook = jupytext.read(page)
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": LANGUAGE})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    name_cells(notebook)
    return notebook


def name_cells(notebook: nbformat.NotebookNode) -> None:
    """Name every cell after its content, and equal cells by their order as well."""
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        name = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        seen[name] = seen.get(name, 0) + 1
        cell.id = name if seen[name] == 1 else f"{name}-{seen[name]}"


def execute(page: Path) -> nbformat.NotebookNode:
    """The chapter run top to bottom in a new kernel, its text as it is written."""
    notebook = read_chapter(page)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name=KERNELSPEC["name"],
        resources={"metadata": {"path": str(page.parent)}},
        extra_arguments=["--log-level=ERROR"],  # no remark on how the kernel is connected
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
    )
    client.execute()
    notebook.metadata["language_info"] = nbformat.from_dict(LANGUAGE)
    return notebook


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The cells that are run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def with_stored_outputs(page: Path) -> nbformat.NotebookNode:
    """The chapter as it is written, with the outputs that its notebook holds.

    Raises:
        ValueError: the notebook has another number of code cells, so that no output has a place.
    """
    notebook = read_chapter(page)
    stored = code_cells(nbformat.read(page.with_suffix(".ipynb"), as_version=4))
    if len(stored) != len(code_cells(notebook)):
        raise ValueError(f"{page.name} has gained or lost code cells: run make notebooks")
    for cell, before in zip(code_cells(notebook), stored, strict=True):
        cell.outputs, cell.execution_count = before.outputs, before.execution_count
    return notebook


def store(page: Path, executed: nbformat.NotebookNode, whole: Book) -> None:
    """Write the chapter's notebook, made for its readers."""
    notebook = for_readers(executed, page, whole)
    name_cells(notebook)
    nbformat.write(notebook, page.with_suffix(".ipynb"))


def find(pages: list[Path], name: str) -> Path:
    """The page that is called so, or else the only one whose name begins so."""
    start = Path(name).stem
    found = [page for page in pages if page.stem.startswith(start)]
    found = [page for page in found if page.stem == start] or found
    if len(found) != 1:
        known = ", ".join(page.stem for page in pages)
        raise SystemExit(
            f"CHAPTER must begin one name, got {name!r}, which begins {len(found)} of: {known}"
        )
    return found[0]


def select(pages: list[Path], wanted: list[str]) -> list[Path]:
    """The wanted pages (all if none is named), followed by the claims page."""
    chosen = [find(pages, name) for name in wanted] or pages
    refreshed = [page for page in pages if page in chosen or page.stem == CLAIMS]
    return sorted(refreshed, key=lambda page: page.stem == CLAIMS)


def picture(root: Path = ROOT) -> bytes:
    """The README's picture, out of the notebook that makes it."""
    chapter, name, _ = PICTURE
    notebook = nbformat.read(root / "book" / f"{chapter}.ipynb", as_version=4)
    (image,) = (
        output.data["image/png"]
        for cell in notebook.cells
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    )
    return base64.b64decode(image)


def main() -> None:
    """Refresh the notebooks named on the command line, and bring the text of all in step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="CHAPTER", help="default: every notebook")
    parser.add_argument(
        "--no-run", action="store_true", help="execute nothing, and keep the outputs as they are"
    )
    arguments = parser.parse_args()
    whole, pages = book(), chapters()
    chosen = [] if arguments.no_run else select(pages, arguments.names)
    for page in chosen:
        started = durations.processor_seconds()
        try:
            executed = execute(page)
        except CellExecutionError as error:
            sys.exit(f"{page.name} was not refreshed, for a cell failed:\n{error}")
        spent = durations.processor_seconds() - started
        durations.record(page.stem, spent)
        whole = book()
        store(page, executed, whole)
        print(f"{page.stem}: {spent:.1f} s of processor time")
    # The others' text may refer to a number that has changed.
    for page in pages:
        if page in chosen or not page.with_suffix(".ipynb").exists():
            continue
        try:
            store(page, with_stored_outputs(page), whole)
        except ValueError as error:
            sys.exit(str(error))
    (ROOT / PICTURE[2]).write_bytes(picture())


if __name__ == "__main__":
    main()

"""Execute chapters and store each with its outputs in the notebook beside it.

A chapter `book/name.md` is what one edits; its twin `book/name.ipynb` is what is tested,
shown and launched. Running this twice writes the same bytes: no dates, timings or random names.
The claims page reads the notebooks of the others, so it always comes last.
"""

import argparse
import base64
import hashlib
import sys
import time
from pathlib import Path

import jupytext
import nbformat
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
CLAIMS = "claims"
CELL_TIMEOUT = 600  # seconds
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
# The figure that the README shows: its chapter, its name, and where it is kept.
PICTURE = ("linearity-counterexample", "fig-counterexample-errors", "book/_static/readme.png")
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}


def chapters(root: Path = ROOT) -> list[Path]:
    """The pages with code, in the order of the table of contents."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf8"))
    files = [toc["root"]] + [page["file"] for part in toc["parts"] for page in part["chapters"]]
    pages = [root / f"{file}.md" for file in files]
    # The format is named, for a page without code has no header to name it.
    return [page for page in pages if "kernelspec" in jupytext.read(page, fmt="md:myst").metadata]


def read_chapter(page: Path) -> nbformat.NotebookNode:
    """The chapter as a notebook that was not run, with everything in it that is to be stored."""
    notebook = jupytext.read(page)
    formats = notebook.metadata["jupytext"]["formats"]
    notebook.metadata = nbformat.from_dict(
        {"jupytext": {"formats": formats}, "kernelspec": KERNELSPEC, "language_info": LANGUAGE}
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        name = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        seen[name] = seen.get(name, 0) + 1
        cell.id = name if seen[name] == 1 else f"{name}-{seen[name]}"
    return notebook


def execute(page: Path) -> nbformat.NotebookNode:
    """The chapter's notebook, run top to bottom in a new kernel."""
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
    """Refresh the notebooks named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="CHAPTER", help="default: every notebook")
    wanted = parser.parse_args().names
    for page in select(chapters(), wanted):
        started = time.perf_counter()
        try:
            notebook = execute(page)
        except CellExecutionError as error:
            sys.exit(f"{page.name} was not refreshed, for a cell failed:\n{error}")
        nbformat.write(notebook, page.with_suffix(".ipynb"))
        print(f"{page.stem}: {time.perf_counter() - started:.1f} s")
    (ROOT / PICTURE[2]).write_bytes(picture())


if __name__ == "__main__":
    main()

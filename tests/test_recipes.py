"""The chapter with recipes for other libraries: here they are all there, elsewhere none may be."""

import importlib.metadata
import importlib.util
import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from notebooks import ROOT, code_cells, read_chapter

PAGE = ROOT / "book" / "your-own-training.md"
LIBRARIES = ("lightning", "transformers", "accelerate", "skorch", "timm")
# One training for each method, and short: what is tested is that nothing else is needed.
SHORT = {
    "SEEDS = range(8)": "SEEDS = range(2)",
    "EPOCHS = 80": "EPOCHS = 3",
    "STOPS = [0, 20, 40, EPOCHS]": "STOPS = [0, 1, 2, EPOCHS]",
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_library_is_here_so_that_no_recipe_is_skipped(name):
    """In the version that is pinned, which `test_environment` compares."""
    assert importlib.util.find_spec(name), "run: make env"
    assert importlib.metadata.version(name)


def test_libraries_can_be_imported():
    """All but timm, of which one module is used: the rest of it wants torchvision."""
    code = f"import {', '.join(LIBRARIES[:-1])}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_library_has_a_recipe_and_says_so():
    cells = [cell.source for cell in code_cells(read_chapter(PAGE))]
    (listed,) = re.findall(r"^cells_need\((.*)\)$", "\n".join(cells), re.MULTILINE)
    needed = {name for cell in cells for name in re.findall(r"%%needs (.*)", cell)}
    assert {name for line in needed for name in line.split()} == set(LIBRARIES)
    assert set(re.findall(r'"(\w+)"', listed)) == set(LIBRARIES)


def test_chapter_runs_without_the_libraries(tmp_path):
    notebook = read_chapter(PAGE)
    missing = f"import sys\nsys.modules.update(dict.fromkeys({LIBRARIES!r}))"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(missing))
    for cell in code_cells(notebook):
        if "remove-cell" in cell.metadata.get("tags", []):
            cell.source = ""  # the numbers in the text, and what it says of them
        for long, short in SHORT.items():
            cell.source = cell.source.replace(long, short)
    sources = "\n".join(cell.source for cell in code_cells(notebook))
    assert all(short in sources for short in SHORT.values())
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, resources=place).execute()  # or raises
    skipped = [cell for cell in code_cells(notebook) if cell.source.startswith("%%needs")]
    assert len(skipped) > 9
    assert all(cell.outputs == [] for cell in skipped)
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    shown = [output.data.get("text/plain", "") for output in outputs if "data" in output]
    names = ", ".join(sorted(LIBRARIES))
    (text,) = (each for each in shown if "Not installed" in each)
    assert text.startswith(f"Not installed, so their recipes are skipped: {names} (")

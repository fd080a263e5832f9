"""Run notebooks as someone does who launches one: its file alone, in an empty folder.

    python tools/launch.py              every chapter, one after another
    python tools/launch.py real-images  one

Binder grants two gigabytes of memory, so that a notebook that takes more fails.
"""

import argparse
import shutil
import sys
import tempfile
import threading
from pathlib import Path

import nbformat
import psutil
from bookext import NOT_ON_COLAB
from nbclient import NotebookClient
from notebooks import CELL_TIMEOUT, chapters, find

LIMIT = 2e9  # bytes
SAMPLED_EVERY = 0.1  # seconds


def alone() -> list[Path]:
    """The chapters that need nothing beside them."""
    return [page for page in chapters() if f"book/{page.stem}" not in NOT_ON_COLAB]


def launch(notebook: Path) -> int:
    """Run a copy of a notebook in an empty folder; the most memory it took, in bytes.

    That is of the kernel and the processes that it starts, each counted whole.

    Raises:
        CellExecutionError: a cell failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(shutil.copy(notebook, folder))
        client = NotebookClient(
            nbformat.read(copied, as_version=4),
            timeout=CELL_TIMEOUT,
            resources={"metadata": {"path": folder}},
        )
        with Peak() as peak:
            client.execute()
    return peak.bytes


class Peak:
    """A context that samples the memory of all processes that this one starts in it."""

    def __init__(self) -> None:
        self.bytes = 0
        self._done = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def _sample(self) -> None:
        while not self._done.wait(SAMPLED_EVERY):
            children = psutil.Process().children(recursive=True)
            self.bytes = max(self.bytes, sum(map(_resident, children)))

    def __enter__(self) -> "Peak":
        self._sampler.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._sampler.join()


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:  # it ended meanwhile
        return 0


def main() -> None:
    """Launch the notebooks named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="CHAPTER", help="default: every chapter")
    names = parser.parse_args().names
    over = []
    for page in [find(alone(), name) for name in names] or alone():
        peak = launch(page.with_suffix(".ipynb"))
        print(f"{page.stem}: {peak / 1e9:.2f} GB", flush=True)
        over += [page.stem] if peak > LIMIT else []
    if over:
        sys.exit(f"more than {LIMIT / 1e9:g} GB: {', '.join(over)}")


if __name__ == "__main__":
    main()

"""Libraries that a chapter shows but does not need: without one, the cells about it are skipped."""

import importlib.util

from IPython import get_ipython
from IPython.display import display

__all__ = ["cells_need"]

MAGIC = "needs"


def cells_need(*libraries: str) -> None:
    """Makes ``%%needs NAME ...`` run a cell only where these libraries are installed.

    Says in one sentence which of `libraries` are missing, and nothing where none is. The last
    expression of such a cell is not shown: print it.

    Args:
        libraries: names of modules that a chapter has recipes for.

    Raises:
        RuntimeError: outside of IPython. At a cell: it names a library that was not listed here.
    """
    shell = get_ipython()
    if shell is None:
        raise RuntimeError("cells_need is for notebooks: there is no IPython here")
    missing = {name for name in libraries if importlib.util.find_spec(name) is None}

    def needs(line: str, cell: str) -> None:
        names = set(line.split())
        if not names or not names <= set(libraries):
            raise ValueError(f"%%{MAGIC} must name some of {', '.join(libraries)}, got {line!r}")
        if not names & missing:
            shell.ex(cell)

    shell.register_magic_function(needs, "cell", MAGIC)
    if missing:
        display({"text/plain": _sentence(sorted(missing))}, raw=True)


def _sentence(missing: list[str]) -> str:
    """What is skipped, and how to get it."""
    return (
        f"Not installed, so their recipes are skipped: {', '.join(missing)} "
        "(see the list at the top of the chapter)."
    )

"""Format the code cells of the chapters with ruff, in the chapters themselves.

Ruff reads notebooks, which nobody edits here. Captions and text are left as they are.
"""

import re
import subprocess
import sys
from pathlib import Path

from notebooks import ROOT, chapters

CELL = re.compile(
    r"(^```\{code-cell\}[^\n]*\n(?:---\n.*?^---\n|(?::\w+:[^\n]*\n)+\n?)?)(.*?)(^```$)",
    re.MULTILINE | re.DOTALL,
)
RUFF = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "book/cell.py"]


def format_cells(text: str, root: Path = ROOT) -> str:
    """A chapter with its code cells formatted; a cell with commands of IPython is left alone."""

    def formatted(cell: re.Match) -> str:
        options, code, end = cell.groups()
        if re.search(r"^\s*[%!]", code, re.MULTILINE):
            return cell.group()
        done = subprocess.run(
            RUFF, input=code, capture_output=True, text=True, cwd=root, check=False
        )
        if done.returncode:
            raise ValueError(f"{done.stderr.strip()}\nin the cell:\n{code}")
        return f"{options}{done.stdout}{end}"

    return CELL.sub(formatted, text)


def main() -> None:
    """Format the cells of every chapter."""
    for page in chapters():
        before = page.read_text(encoding="utf8")
        after = format_cells(before)
        if after != before:
            page.write_text(after, encoding="utf8")
            print(f"{page.name}: formatted")


if __name__ == "__main__":
    main()

"""How long a chapter takes: its reader, by the number of words, and a processor, as measured.

`tools/notebooks.py` measures when it executes a chapter. What it finds is kept in
`durations.json`, whose numbers change only where they are no longer about right.
"""

import json
import re
import resource
from pathlib import Path

import jupytext
import nbformat
from docutils import nodes

FILE = Path(__file__).with_suffix(".json")
WORDS_PER_MINUTE = 200
# A measurement within this factor of what is recorded is the same, as timings go.
TOLERANCE = 1.5
NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def processor_seconds() -> float:
    """What the finished children of this process, and theirs, have taken of processors so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def recorded(file: Path = FILE) -> dict[str, int]:
    """For each chapter, by name, the seconds that its code takes on one processor core."""
    return json.loads(file.read_text(encoding="utf8"))


def record(chapter: str, seconds: float, file: Path = FILE) -> None:
    """Keep a measurement, unless the one that is there says about the same."""
    known = recorded(file)
    before = known.get(chapter)
    if before is not None and before / TOLERANCE <= seconds <= before * TOLERANCE:
        return
    known[chapter] = max(1, round(seconds))
    file.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf8")


def words(chapter: nbformat.NotebookNode) -> int:
    """The number of words of a chapter's text, without its code."""
    texts = [cell.source for cell in chapter.cells if cell.cell_type == "markdown"]
    return sum(bool(re.search(r"\w", word)) for text in texts for word in text.split())


def sentence(words: int, seconds: float | None) -> str:
    """How long a chapter takes, in words.

    Args:
        words: their number in its text.
        seconds: what its code takes on one core; None where nobody has measured.
    """
    reading = f"About {_minutes(words / WORDS_PER_MINUTE)} to read"
    if seconds is None:
        return f"{reading}."
    running = "less than half a minute" if seconds < 30 else f"about {_minutes(seconds / 60)}"
    return f"{reading}; its code takes one processor core {running}."


def _minutes(number: float) -> str:
    whole = max(1, round(number))
    shown = NUMBERS[whole] if whole < len(NUMBERS) else str(whole)
    return f"{shown} minute" if whole == 1 else f"{shown} minutes"


def show_durations(app, doctree):
    """Handler of Sphinx: put the sentence under the title of a chapter with code."""
    page = Path(app.env.doc2path(app.env.docname))
    if page.with_suffix(".ipynb").exists():
        text = sentence(words(jupytext.read(page)), recorded().get(page.stem))
        title = next(doctree.findall(nodes.title))
        paragraph = nodes.paragraph("", text, classes=["mxb-durations"])
        title.parent.insert(title.parent.index(title) + 1, paragraph)

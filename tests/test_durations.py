"""How long a chapter takes: counted in words, measured in seconds, and said in round numbers."""

import json
import subprocess
import sys
from types import SimpleNamespace

import durations
import pytest
from docutils import nodes
from notebooks import chapters, read_chapter


@pytest.mark.parametrize(
    ("words", "seconds", "text"),
    [
        (2350, 52, "About 12 minutes to read; its code takes one processor core about one minute."),
        (1, 29, "About one minute to read; its code takes one processor core less than half a min"),
        (
            500,
            150,
            "About two minutes to read; its code takes one processor core about two minutes.",
        ),
        (700, None, "About four minutes to read."),
    ],
)
def test_durations_are_round(words, seconds, text):
    assert durations.sentence(words, seconds).startswith(text)


def test_only_the_words_of_the_text_count():
    markdown = SimpleNamespace(cell_type="markdown", source="# Two words\n\nand *three more* — $x$")
    code = SimpleNamespace(cell_type="code", source="not = these")
    assert durations.words(SimpleNamespace(cells=[markdown, code, markdown])) == 12


def test_a_measurement_about_as_long_changes_nothing(tmp_path):
    file = tmp_path / "durations.json"
    file.write_text("{}", encoding="utf8")
    kept = []
    for seconds in (60.4, 41.0, 89.0, 90.6, 60.1):
        durations.record("one", seconds, file)
        kept.append(durations.recorded(file)["one"])
    assert kept == [60, 60, 60, 91, 60]
    durations.record("a", 0.1, file)
    assert file.read_text(encoding="utf8") == '{\n  "a": 1,\n  "one": 60\n}\n'


def test_the_time_of_finished_processes_is_measured():
    before = durations.processor_seconds()
    code = "import time\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert 0.5 <= durations.processor_seconds() - before < 5


def test_every_chapter_was_measured():
    assert sorted(durations.recorded()) == sorted(page.stem for page in chapters())
    assert json.loads(durations.FILE.read_text(encoding="utf8")) == durations.recorded()


@pytest.mark.parametrize("page", chapters(), ids=lambda page: page.stem)
def test_page_says_under_its_title_how_long_it_takes(page):
    title = nodes.title("", "Title")
    doctree = nodes.section("", title, nodes.paragraph("", "Text"))
    env = SimpleNamespace(docname=f"book/{page.stem}", doc2path=lambda _: str(page))
    durations.show_durations(SimpleNamespace(env=env), doctree)
    shown = durations.sentence(durations.words(read_chapter(page)), durations.recorded()[page.stem])
    assert [child.astext() for child in doctree.children] == ["Title", shown, "Text"]


def test_page_without_code_says_nothing(tmp_path):
    doctree = nodes.section("", nodes.title("", "Title"))
    env = SimpleNamespace(docname="page", doc2path=lambda _: str(tmp_path / "page.md"))
    durations.show_durations(SimpleNamespace(env=env), doctree)
    assert doctree.astext() == "Title"

"""The README's code runs as it stands, and the commands it names exist."""

import re

import pytest
from notebooks import PICTURE, ROOT, picture

TEXT = (ROOT / "README.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


def test_readme_shows_code():
    assert BLOCKS


@pytest.mark.parametrize("code", BLOCKS, ids=[f"block{i}" for i in range(len(BLOCKS))])
def test_code_runs(code):
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})


def test_commands_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf8")
    for target in re.findall(r"\bmake ([a-z]+)", TEXT):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), f"make {target}"


def test_linked_files_exist():
    for target in re.findall(r"\]\(([\w./-]+)\)", TEXT) + re.findall(r'src="([\w./-]+)"', TEXT):
        assert (ROOT / target).exists(), target


def test_picture_is_the_chapters_figure():
    assert PICTURE[2] in TEXT
    assert (ROOT / PICTURE[2]).read_bytes() == picture(), "run: make notebooks"

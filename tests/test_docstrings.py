"""The page of the package documents each public name once, and each docstring is whole."""

import importlib
import inspect
import re

import pytest
from notebooks import ROOT

PAGE = (ROOT / "book" / "api.md").read_text(encoding="utf8")
ENTRY = re.compile(r"^\.\. auto(?:class|function|exception):: ([\w.]+)", re.MULTILINE)
MODULE = re.compile(r"^\.\. currentmodule:: (\S+)", re.MULTILINE)
GROUPS = {
    group.partition("\n")[0]: group.partition("\n")[2]
    for group in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
}
DOCUMENTED_MODULES = ("mixupbook.intervals", "mixupbook.images.linearity", "mixupbook.pages")
# What the package makes and hands out, and so does not check.
RESULTS = {"Interval", "Run", "Share", "TrainingInterrupted"}


def documented(group: str) -> list[str]:
    """The full names under one heading of the page."""
    names = []
    for block in re.findall(r"^```\{eval-rst\}\n(.*?)^```", group, re.MULTILINE | re.DOTALL):
        module = MODULE.search(block)[1]
        entries = ENTRY.findall(block)
        names += [e if e.startswith("mixupbook.") else f"{module}.{e}" for e in entries]
    return names


NAMES = [name for group in GROUPS.values() for name in documented(group)]


def named(full_name: str):
    """What a full name stands for."""
    module, _, name = full_name.rpartition(".")
    return getattr(importlib.import_module(module), name)


def section(docstring: str, title: str) -> str:
    """The lines of one section of a docstring, or nothing."""
    found = re.search(rf"^{title}:\n((?:(?:    .*)?\n)*)", docstring + "\n", re.MULTILINE)
    return found[1] if found else ""


def described(docstring: str) -> set[str]:
    """The arguments and attributes that a docstring says something about."""
    lines = section(docstring, "Args") + section(docstring, "Attributes")
    heads = re.findall(r"^    ([*\w, ]+):", lines, re.MULTILINE)
    return {name.strip(" *") for head in heads for name in head.split(",")}


def test_each_name_is_documented_once():
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("module", DOCUMENTED_MODULES)
def test_each_name_of_a_documented_module_is_there(module):
    public = {f"{module}.{name}" for name in importlib.import_module(module).__all__}
    assert public <= set(NAMES)


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_says_what_it_is_for_and_links_to_a_chapter(group):
    lead = GROUPS[group].partition("```")[0]
    linked = re.findall(r"\{doc\}`([\w-]+)`", lead)
    assert linked
    assert all((ROOT / "book" / f"{page}.md").is_file() for page in linked)


@pytest.mark.parametrize("name", NAMES)
def test_each_docstring_is_whole(name):
    value = named(name)
    docstring = inspect.getdoc(value)
    assert ">>>" in section(docstring, "Example"), "no example"
    arguments = {p for p in inspect.signature(value).parameters if not p.startswith("_")}
    assert arguments <= described(docstring), arguments - described(docstring)
    if value.__name__ not in RESULTS:
        assert section(docstring, "Raises").strip(), "does not say what is refused"

"""Cells about a library that is not there are skipped, and a sentence says so."""

import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from mixupbook.pages import optional


@pytest.fixture
def shell(monkeypatch):
    """A shell of its own, as a chapter's kernel has one."""
    shell = InteractiveShell()
    monkeypatch.setattr(optional, "get_ipython", lambda: shell)
    monkeypatch.setattr(optional, "display", lambda data, raw: sys.stdout.write(data["text/plain"]))
    yield shell
    shell.history_manager.enabled = False


def run(shell, line):
    shell.run_cell_magic("needs", line, "ran = True")
    return shell.user_ns.pop("ran", False)


def test_says_nothing_where_all_is_there(shell, capsys):
    optional.cells_need("json", "csv")
    assert capsys.readouterr().out == ""
    assert run(shell, "json")
    assert run(shell, "json csv")


def test_says_what_is_missing_and_skips_its_cells(shell, capsys):
    optional.cells_need("json", "no_such_b", "no_such_a")
    assert capsys.readouterr().out.startswith(
        "Not installed, so their recipes are skipped: no_such_a, no_such_b ("
    )
    assert run(shell, "json")
    assert not run(shell, "no_such_a")
    assert not run(shell, "json no_such_b")


def test_a_library_that_cannot_be_imported_is_missing(shell, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "csv", None)
    optional.cells_need("csv")
    assert "skipped: csv (" in capsys.readouterr().out


@pytest.mark.parametrize("line", ["", "csv", "json csv"])
def test_refuses_cells_that_need_what_was_not_listed(shell, line):
    optional.cells_need("json")
    with pytest.raises(ValueError, match=f"%%needs must name some of json, got '{line}'"):
        run(shell, line)


def test_errors_of_a_cell_are_its_own(shell):
    optional.cells_need("json")
    with pytest.raises(ZeroDivisionError):
        shell.run_cell_magic("needs", "json", "1 / 0")


def test_is_for_notebooks():
    with pytest.raises(RuntimeError, match="no IPython here"):
        optional.cells_need("json")

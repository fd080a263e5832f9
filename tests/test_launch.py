"""A notebook runs from its file alone, within the memory that Binder grants."""

import durations
import launch
import nbformat
import pytest
from nbclient.exceptions import CellExecutionError


def notebook(folder, code):
    path = folder / "some.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]), path)
    return path


def test_the_quickest_chapter_runs_alone_within_the_limit():
    """`python tools/launch.py` runs them all, as a workflow does once a week."""
    times = durations.recorded()
    page = min(launch.alone(), key=lambda page: times[page.stem])
    assert 0 < launch.launch(page.with_suffix(".ipynb")) < launch.LIMIT


def test_memory_is_that_of_the_kernel_and_of_what_it_starts(tmp_path):
    hold = "import time; held = bytearray(b'x') * {size}; time.sleep(1)"
    size = 300_000_000
    code = (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {hold.format(size=size)!r}], check=True)"
    )
    assert size < launch.launch(notebook(tmp_path, code)) < size + 300_000_000


def test_nothing_lies_beside_it_and_a_failing_cell_is_an_error(tmp_path):
    (tmp_path / "other").touch()
    launch.launch(notebook(tmp_path, "import os; assert os.listdir() == ['some.ipynb']"))
    with pytest.raises(CellExecutionError, match="wrong"):
        launch.launch(notebook(tmp_path, "raise ValueError('wrong')"))


def test_too_much_memory_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["launch.py", "real"])
    monkeypatch.setattr(launch, "launch", lambda _: 2_100_000_000)
    with pytest.raises(SystemExit, match="more than 2 GB: real-images"):
        launch.main()


def test_the_ledger_which_reads_the_other_notebooks_is_not_run_alone():
    assert "claims" not in {page.stem for page in launch.alone()}

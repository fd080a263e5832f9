"""The chapters' explorer in a real JupyterLab: its sliders, moved by the keyboard, redraw it."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

CELL = """\
import mixupbook as mb
from mixupbook.pages.explorers import mixing_explorer
digits = mb.load_digits(train=100, test=10, seed=0)
mixing_explorer(digits.x_train[[12, 13]], digits.y_train[[12, 13]], digits.classes, curve=True)
"""
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
STARTS, DRAWS = 60, 300_000  # seconds; milliseconds, importing is slow on a busy machine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until_it_answers(address: str, server: subprocess.Popen) -> None:
    end = time.monotonic() + STARTS
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/api", timeout=1)
            return
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab does not answer: {server.poll()}")


@pytest.fixture(scope="module")
def jupyterlab(tmp_path_factory):
    """The address of a server of this machine alone, with one notebook that shows the explorer."""
    folder = tmp_path_factory.mktemp("lab")
    notebook = new_notebook(cells=[new_code_cell(CELL)], metadata=KERNEL)
    nbformat.write(notebook, folder / "explorer.ipynb")
    own = {name: str(folder / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
    port = free_port()
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    options += ["--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    options += [
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if os.getuid() == 0:
        options.append("--allow-root")
    environment = {name: value for name, value in os.environ.items() if name != "MIXUPBOOK_STATIC"}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            cwd=folder,
            env=environment | own,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            until_it_answers(f"http://127.0.0.1:{port}", server)
            yield f"http://127.0.0.1:{port}/lab/tree/explorer.ipynb?reset"
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture(scope="module")
def explorer(browser, jupyterlab):
    """The page, once the notebook's one cell has shown the explorer."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(jupyterlab)
    page.locator(".jp-Notebook .jp-CodeCell").first.click(timeout=DRAWS)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=DRAWS)
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".jp-OutputArea img", timeout=DRAWS)
    yield page
    page.close()


SOURCE = "document.querySelector('.jp-OutputArea img')?.src"


def picture(page) -> str:
    return page.evaluate(SOURCE)


def wait_for_another(page, before: str) -> None:
    """Wait until another picture is drawn than before."""
    page.wait_for_function(
        f"(before) => {{ const now = {SOURCE}; return now && now !== before; }}",
        arg=before,
        timeout=DRAWS,
    )


def test_the_slider_moves_by_keyboard_and_the_figure_with_it(explorer):
    before = picture(explorer)
    explorer.locator(".widget-slider [role=slider], .widget-slider .noUi-handle").first.focus()
    explorer.keyboard.press("ArrowRight")
    wait_for_another(explorer, before)
    assert explorer.locator(".widget-readout").first.inner_text() == "0.75"


def test_the_label_map_is_chosen_by_keyboard_and_the_figure_follows(explorer):
    before = picture(explorer)
    menu = explorer.locator(".widget-dropdown select")
    menu.focus()
    explorer.keyboard.press("h")
    assert menu.evaluate("(e) => e.selectedOptions[0].textContent") == "hard"
    wait_for_another(explorer, before)

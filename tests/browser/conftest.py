"""A headless Chromium, and the built pages served to it from this machine."""

import functools
import http.server
import shutil
import threading

import pytest
from browser.built import PAGES, SITE
from browser.laboratory_page import DESKTOP, Lab, serve
from browser.opened import Opened
from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
]


def pytest_collection_modifyitems(items):
    """Two processes share the pages: each opens its own, and makes all the tests of them."""
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        item.add_marker(pytest.mark.xdist_group(parameters.get("opened", item.path.name)))


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        """Say nothing: a request is not news."""


@pytest.fixture(scope="session")
def site():
    assert (SITE / "index.html").exists(), "nothing to look at: run `make book` first"
    handler = functools.partial(Handler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, f"none of {', '.join(BROWSERS)} is installed"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def laboratory_address():
    with serve() as server:
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def visit(browser, laboratory_address):
    """Makes browsers of one's own, for the laboratory alone; none of them may have an error."""
    opened = []

    def new(**options):
        context = browser.new_context(**(DESKTOP | options))
        opened.append((context, Lab(context.new_page(), laboratory_address)))
        return opened[-1][1]

    yield new
    for context, lab in opened:
        context.close()
        assert lab.errors == []


@pytest.fixture
def lab(visit):
    return visit()


@pytest.fixture(scope="session", params=[page for page in PAGES if page != "index.html"])
def opened(browser, site, request):
    """Each page in turn, opened once for all the tests of it, which pytest therefore groups."""
    page = browser.new_page()
    seen = Opened(page, request.param)
    seen.open(site)
    yield seen
    page.close()


@pytest.fixture
def fresh(browser):
    """A page of its own for a test that leaves it."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    yield page
    page.close()

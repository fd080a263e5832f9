"""A page with the atlas alone, served from this machine, and what a test does there."""

import functools
import http.server
import threading
from pathlib import Path

import mixupbook.pages
from mixupbook.pages.atlas.atlas_markup import element

FOLDER = Path(mixupbook.pages.__file__).parent
SETTING = {
    "lam": 0.7,
    "label_lam": None,
    "init_std": 0.01,
    "n": 100,
    "d": 500,
    "steps": 1600,
    "stop": None,
}
POINTS = [
    {"rho": 0.1, "noise": 0.12, "standard": 0.5, "mixup": 0.02},
    {"rho": 0.1, "noise": 0.3, "standard": 0.5, "mixup": 0.45},
    {"rho": 0.2, "noise": 0.2, "standard": 0.41, "mixup": 0.13},
    {"rho": 0.3, "noise": 0.06, "standard": 0.01, "mixup": 0.0},
]
PAGE = """<!doctype html>
<html lang="en" data-theme="{theme}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>The atlas</title><link rel="icon" href="data:,"></head>
<body style="margin: 12px"><main><h1>The atlas</h1>{element}</main>
<script type="module" src="/atlas/define.js"></script></body></html>"""

LABORATORY = '<!doctype html><title>The laboratory</title><link rel="icon" href="data:,">'


class Pages(http.server.SimpleHTTPRequestHandler):
    """The modules in their folders; `/light` and `/dark` are pages with the element."""

    extensions_map = {".js": "text/javascript"}  # noqa: RUF012

    def do_GET(self):
        name = self.path.removeprefix("/")
        if name in ("light", "dark"):
            self.answer(PAGE.format(theme=name, element=element(SETTING, POINTS)))
        elif name == "intro.html":
            self.answer(LABORATORY)
        else:
            super().do_GET()

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format, *args):
        """Say nothing: a request is not news."""


def serve():
    """A server of the pages; its owner shuts it down."""
    handler = functools.partial(Pages, directory=FOLDER)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class AtlasPage:
    """The atlas on an open page."""

    def __init__(self, page, address):
        self.page, self.address, self.errors, self.at_once = page, address, [], None
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        self.element = page.locator("mixup-atlas")
        self.plane = self.element.locator(".plane")

    def open(self, kind="light"):
        self.page.goto(f"{self.address}/{kind}")
        return self.until("done")

    def until(self, state, timeout=60000):
        self.page.wait_for_selector(f"mixup-atlas[data-state={state}]", timeout=timeout)
        return self

    def data(self):
        return self.element.evaluate("(e) => ({ ...e.dataset })")

    def find(self, selector):
        return self.element.locator(selector)

    def change(self, name, value):
        """A slider, set as by a hand; `at_once` is the state before anything can be done."""
        slider = self.find(f"input.{name}").element_handle()
        self.at_once = self.element.evaluate(
            """(atlas, [slider, value]) => {
                slider.value = value;
                slider.dispatchEvent(new Event("input"));
                return atlas.dataset.state;
            }""",
            [slider, str(value)],
        )
        return self

    def pixels(self):
        """The map's colours, in one text to compare."""
        return self.find("canvas").evaluate("(e) => e.toDataURL()")

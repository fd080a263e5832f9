"""A page with the laboratory alone, served from this machine, and what a test does there."""

import functools
import http.server
import json
import threading
from pathlib import Path

import mixupbook.pages
from mixupbook.pages.laboratory.bundle import bundle

FOLDER = Path(mixupbook.pages.__file__).parent / "laboratory"
DESKTOP = {"viewport": {"width": 1000, "height": 900}}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
PAGE = """<!doctype html>
<html lang="en" data-theme="{theme}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>The laboratory</title><link rel="icon" href="data:,"></head>
<body style="margin: 12px"><main><h1>The laboratory</h1>
<p><a id="link" href="#lab?stop=60&lam=0.8">a case</a></p>
<div style="height: {above}px"></div>
<mixup-laboratory {attributes}><p id="fallback">A static figure.</p></mixup-laboratory>
<div style="height: 2500px"></div></main>
<script type="module" src="/define.js"></script></body></html>"""
NOTEBOOK = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A notebook</title>
<link rel="icon" href="data:,"></head>
<body><main><div id="cell"></div></main></body></html>"""


class Pages(http.server.SimpleHTTPRequestHandler):
    """The modules by their names; `/lab/...` is a page with the element, given attributes."""

    extensions_map = {".js": "text/javascript"}  # noqa: RUF012

    def do_GET(self):
        name, _, attributes = self.path.removeprefix("/").partition("/")
        if name in ("lab", "dark", "below"):
            theme = "dark" if name == "dark" else "light"
            above = 2500 if name == "below" else 0
            words = attributes.replace("/", " ")
            self.answer(PAGE.format(theme=theme, above=above, attributes=words), "text/html")
        elif name == "notebook":
            self.answer(NOTEBOOK, "text/html")
        elif name == "bundle.js":
            self.answer(bundle(), "text/javascript")
        else:
            super().do_GET()

    def answer(self, text, kind):
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
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


class Lab:
    """The laboratory on an open page."""

    def __init__(self, page, address):
        self.page, self.address, self.errors = page, address, []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        self.element = page.locator("mixup-laboratory")

    def open(self, query="", kind="lab", attributes=""):
        """A page anew: another fragment alone would load nothing."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}/{kind}/{attributes}{'#lab?' + query if query else ''}")
        self.page.wait_for_selector("mixup-laboratory[data-state]", state="attached")
        return self

    def until(self, state, timeout=30000):
        self.page.wait_for_selector(f"mixup-laboratory[data-state={state}]", timeout=timeout)
        return self

    def result(self, query, **attributes):
        """Rare errors of standard training and of Mixup after a run by address."""
        data = self.open(f"{query}&run=1", **attributes).until("done").data()
        return float(data["standardRareError"]), float(data["mixupRareError"])

    def data(self):
        return self.element.evaluate("(e) => ({ ...e.dataset })")

    def step(self):
        return int(self.data()["step"])

    def values(self):
        return self.element.evaluate("(e) => e.values")

    def says(self):
        return self.find(".says").inner_text()

    def find(self, selector):
        return self.element.locator(selector)

    def button(self, name):
        return self.element.get_by_role("button", name=name)

    def change(self, name, value):
        """A slider or number, set as by a hand."""
        self.find(f"input.{name}").evaluate(
            "(e, value) => { e.value = value; for (const kind of ['input', 'change'])"
            " e.dispatchEvent(new Event(kind, { bubbles: true })); }",
            json.dumps(value),
        )

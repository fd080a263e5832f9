"""A built page, opened once, that every test of it looks at."""

import gzip
from dataclasses import dataclass, field

from playwright.sync_api import Page, Response

DESKTOP, PHONES, PAPER = 1280, (412, 390, 375, 360), 673  # pixels; A4 within its margins
SCHEMES = ("light", "dark")
# What a host compresses on its way: text.
COMPRESSED = ("html", "javascript", "json", "css", "svg", "text")


@dataclass
class Opened:
    """The page, and what happened when it was opened."""

    page: Page
    name: str
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    bytes_loaded: dict[str, int] = field(default_factory=dict)

    def open(self, site: str):
        """Load the page and wait until its mathematics is set."""
        page = self.page
        page.on(
            "request",
            lambda request: (
                request.url.startswith((site, "data:")) or self.elsewhere.append(request.url)
            ),
        )
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console",
            lambda said: said.type == "error" and self.errors.append(f"console: {said.text}"),
        )
        responses: list[Response] = []
        page.on("response", lambda response: responses.append(response))
        page.goto(f"{site}/{self.name}", wait_until="networkidle")
        page.evaluate("() => window.MathJax?.startup?.promise")
        for response in responses:
            if response.status >= 400:
                self.errors.append(f"{response.status} {response.url}")
            self.bytes_loaded[response.url] = transferred(response)

    def look(self, width: int = DESKTOP, scheme: str = "light"):
        """See the page at this width, in light or dark, once it has settled."""
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.emulate_media(color_scheme=scheme, media="screen")
        self.page.wait_for_function(f'document.documentElement.dataset.theme === "{scheme}"')
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )


def transferred(response: Response) -> int:
    """How many bytes a static host sends for it."""
    body = response.body() if response.status < 300 else b""
    kind = response.headers.get("content-type", "")
    return len(gzip.compress(body, 6)) if any(text in kind for text in COMPRESSED) else len(body)

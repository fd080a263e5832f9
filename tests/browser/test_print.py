"""A page printed from the browser: nothing cut, nothing to press, figures in one piece."""

import pytest
from browser.built import BOOK
from browser.opened import PAPER

LEFT_ON_PAPER = """() => [...document.querySelectorAll(
    ".bd-sidebar, .bd-header-article, .prev-next-footer, button, summary, dialog")]
  .filter((e) => e.checkVisibility()).map((e) => e.outerHTML.slice(0, 120))"""
CUT_ON_PAPER = """() => [...document.querySelectorAll(
    ".bd-article :is(pre, img, table, mjx-math, figcaption)")]
  .filter((e) => e.checkVisibility())
  .filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
    || (e.tagName === "PRE" && e.scrollWidth > e.clientWidth + 1))
  .map((e) => e.outerHTML.slice(0, 120))"""
SPLIT = """() => [...document.querySelectorAll(".bd-article figure, .mxb-claim")]
  .filter((e) => getComputedStyle(e).breakInside !== "avoid")
  .map((e) => e.outerHTML.slice(0, 120))"""


def test_paper_shows_the_text_alone_and_whole(opened):
    opened.look(PAPER, "dark")
    opened.page.emulate_media(media="print")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.page.evaluate("document.documentElement.dataset.theme") == "light"
    assert opened.page.evaluate(LEFT_ON_PAPER) == []
    assert opened.page.evaluate(CUT_ON_PAPER) == []
    assert opened.page.evaluate(SPLIT) == []
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("name", [name for name in BOOK if "feature-noise" in name])
def test_chromium_prints_it(fresh, site, name):
    fresh.goto(f"{site}/{name}", wait_until="networkidle")
    assert fresh.pdf(prefer_css_page_size=True).startswith(b"%PDF")

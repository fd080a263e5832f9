"""Everything fits its page: phones scroll down only, what is wider scrolls in its own box."""

import pytest
from browser.opened import PHONES

# What reaches past the right edge and does not scroll inside a box of its own.
OVERFLOWING = """() => {
  const edge = document.documentElement.clientWidth;
  const boxed = (element) => {
    for (let parent = element.parentElement; parent; parent = parent.parentElement)
      if (["auto", "scroll", "hidden"].includes(getComputedStyle(parent).overflowX)) return true;
    return false;
  };
  return document.documentElement.scrollWidth <= edge ? [] :
    [...document.querySelectorAll("body *")]
      .filter((e) => e.getBoundingClientRect().right > edge + 1 && !boxed(e))
      .map((e) => e.outerHTML.slice(0, 120)).concat(["the page scrolls sideways"]);
}"""
# Formulas, pictures and code that a box cuts which cannot be scrolled, by hand and by keyboard.
CUT = """() => [...document.querySelectorAll("mjx-math, .bd-article img, pre, .bd-article table")]
  .filter((e) => {
    const { right, width } = e.getBoundingClientRect();
    if (!width) return false;
    for (let box = e; box !== document.body; box = box.parentElement) {
      const scrolls = /auto|scroll/.test(getComputedStyle(box).overflowX);
      const hides = scrolls || /hidden|clip/.test(getComputedStyle(box).overflowX);
      const cut = box === e ? e.scrollWidth > e.clientWidth + 1
        : right + box.scrollLeft > box.getBoundingClientRect().right + 1;
      if (hides && cut) return !(scrolls && box.tabIndex === 0);
    }
    return false;
  })
  .map((e) => e.outerHTML.slice(0, 120))"""
# Formulas in the text that do not fit their line even in pieces.
LONG = """() => [...document.querySelectorAll("span.math")]
  .filter((e) => e.scrollWidth > e.clientWidth + 1 && /auto/.test(getComputedStyle(e).overflowX))
  .map((e) => e.textContent.slice(0, 120))"""
# On the desktop an equation is not scrolled, nor is a line of code, in folded cells either.
SCROLLED = """() => [...document.querySelectorAll(
    'mjx-container[display="true"], div.cell_input pre')]
  .filter((e) => e.clientWidth && e.scrollWidth > e.clientWidth + 1)
  .map((e) => e.textContent.slice(0, 120))"""
UNFOLD = (
    """(open) => document.querySelectorAll("details.hide").forEach((e) => { e.open = open; })"""
)
# The height on the screen of what a figure, drawn at 110 dots an inch, has ten points high.
SMALL_TEXT = """() => [...document.querySelectorAll(".mxb-picture img")]
  .map((e) => [e.src, 10 * 110 / 72 * e.getBoundingClientRect().width / e.naturalWidth])
  .filter(([, height]) => height > 0 && height < 9)"""


@pytest.fixture
def unfolded(opened):
    """The page with its folded cells open."""
    opened.page.evaluate(UNFOLD, True)
    yield opened
    opened.page.evaluate(UNFOLD, False)


@pytest.mark.parametrize("width", PHONES)
def test_page_fits_a_phone(unfolded, width):
    unfolded.look(width)
    assert unfolded.page.evaluate(OVERFLOWING) == []
    assert unfolded.page.evaluate(CUT) == []
    assert unfolded.page.evaluate(LONG) == []
    assert unfolded.page.evaluate(SMALL_TEXT) == []


def test_page_fits_the_desktop(unfolded):
    unfolded.look()
    assert unfolded.page.evaluate(OVERFLOWING) == []
    assert unfolded.page.evaluate(SCROLLED) == []

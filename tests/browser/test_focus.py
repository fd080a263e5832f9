"""Readers without a mouse: where the keyboard is, is seen, and it gets everywhere soon."""

import pytest
from browser.built import BOOK

# What can have focus and shows nothing when it has.
UNSEEN = """() => [...document.querySelectorAll("a[href], button, summary, input, [tabindex='0']")]
  .filter((e) => e.checkVisibility({ visibilityProperty: true }))
  .filter((e) => {
    e.focus({ focusVisible: true, preventScroll: true });
    const { outlineStyle, outlineWidth } = getComputedStyle(e);
    const seen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    return document.activeElement === e && !seen;
  })
  .map((e) => e.outerHTML.slice(0, 120))"""
# Formulas that the keyboard stops at though there is nothing to scroll.
STOPS = """() => [...document.querySelectorAll(".math, .math *")]
  .filter((e) => e.tabIndex >= 0 && e.tagName !== "A" && e.scrollWidth <= e.clientWidth + 1)
  .map((e) => e.outerHTML.slice(0, 120))"""


def test_focus_is_seen(opened):
    opened.look()
    assert opened.page.evaluate(UNSEEN) == []


def test_formulas_are_no_tab_stops(opened):
    opened.look()
    assert opened.page.evaluate(STOPS) == []


@pytest.fixture
def chapter(fresh, site):
    fresh.goto(f"{site}/{next(name for name in BOOK if 'feature-noise' in name)}")
    return fresh


def test_theme_switch_keeps_focus(chapter):
    switch = chapter.locator(".theme-switch-button:visible").first
    switch.focus()
    modes = set()
    for _ in range(3):
        chapter.keyboard.press("Enter")
        modes.add(chapter.evaluate("document.documentElement.dataset.mode"))
        assert switch.evaluate("(button) => button === document.activeElement")
    assert modes == {"light", "dark", "auto"}


def test_first_stop_skips_to_the_text(chapter):
    chapter.keyboard.press("Tab")
    assert "Skip" in chapter.evaluate("document.activeElement.textContent")
    assert chapter.locator("#pst-skip-link a").bounding_box()["y"] >= 0
    chapter.keyboard.press("Enter")
    chapter.keyboard.press("Tab")
    assert chapter.evaluate("Boolean(document.activeElement.closest('main'))")

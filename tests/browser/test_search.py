"""Who searches for a page by its title finds it first."""

import pytest
from browser.built import BOOK

TITLE = """() => [...document.querySelector(".bd-article h1").childNodes]
  .filter((e) => !e.className?.match(/section-number|headerlink/))
  .map((e) => e.textContent).join("").trim()"""


@pytest.mark.parametrize("name", BOOK)
def test_title_finds_its_page_first(fresh, site, name):
    fresh.goto(f"{site}/{name}")
    title = fresh.evaluate(f'document.querySelector(".bd-article").closest("main") && ({TITLE})()')
    fresh.goto(f"{site}/search.html")
    fresh.locator("input[name=q]:visible").first.fill(title)
    fresh.keyboard.press("Enter")
    fresh.wait_for_selector("#search-results li a")
    first = fresh.locator("#search-results li a").first.get_attribute("href")
    assert first.split("#")[0].split("?")[0].endswith(name.removeprefix("book/")), title

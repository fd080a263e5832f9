"""Every built page in a real browser: nothing fails, nothing comes from elsewhere, all fits."""

import re
from dataclasses import dataclass, field

import pytest
from browser.built import BOOK, PAGES, SITE
from notebooks import book

# The look of a page and the width it is read at.
DESKTOP = {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}}
PHONE = {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}}

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
MATH_LEFT = """() => [...document.querySelectorAll(".math")]
  .filter((e) => !e.querySelector("mjx-container") || e.querySelector("mjx-merror"))
  .map((e) => e.textContent.slice(0, 120))"""
# Equations that are cut at the edge of their box; on a phone one may scroll them.
CUT = """() => [...document.querySelectorAll('mjx-container[display="true"]')]
  .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent.slice(0, 120))"""
# Formulas in the text that are clipped where they could be scrolled.
CLIPPED = """() => [...document.querySelectorAll("span.math")]
  .filter((e) => e.querySelector("mjx-math") && getComputedStyle(e).overflowX === "hidden"
    && e.querySelector("mjx-math").getBoundingClientRect().right
      > e.getBoundingClientRect().right + 1)
  .map((e) => e.textContent.slice(0, 120))"""
# Formulas in the text that may get a scrollbar below them (Playwright itself hides the bars).
WITH_BAR = """() => [...document.querySelectorAll("span.math")]
  .filter((e) => /auto|scroll/.test(getComputedStyle(e).overflowX)
    && getComputedStyle(e).scrollbarWidth !== "none")
  .map((e) => e.textContent.slice(0, 120))"""
# Code cells, the folded ones opened, that have to be scrolled to be read.
CUT_CODE = """() => {
  document.querySelectorAll("details").forEach((e) => { e.open = true; });
  return [...document.querySelectorAll("div.cell_input pre")]
    .filter((e) => e.clientWidth && e.scrollWidth > e.clientWidth + 1)
    .map((e) => e.textContent.slice(0, 120));
}"""
BROKEN_IMAGES = """() => [...document.images]
  .filter((e) => getComputedStyle(e).display !== "none" && !e.naturalWidth).map((e) => e.src)"""
UNDESCRIBED = """() => [...document.querySelectorAll("main .bd-article img")]
  .filter((e) => {
    const words = e.alt.toLowerCase().match(/[\\p{L}\\p{N}_]+/gu) ?? [];
    return e.alt.includes("_images/") || words.length < 8 || new Set(words).size < 6;
  })
  .map((e) => e.src + ": " + e.alt)"""


@dataclass
class Visit:
    """What a page did when it was opened."""

    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def look(request):
    return request.param


@pytest.fixture
def page(browser, look):
    context = browser.new_context(**look)
    yield context.new_page()
    context.close()


def visit(page, site, name):
    """Open a page and wait until its mathematics is set."""
    seen = Visit()

    def watch(request):
        if not request.url.startswith((site, "data:")):
            seen.elsewhere.append(request.url)

    page.on("request", watch)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on(
        "console", lambda said: said.type == "error" and seen.errors.append(f"console: {said.text}")
    )
    page.on(
        "response",
        lambda got: got.status >= 400 and seen.errors.append(f"{got.status} {got.url}"),
    )
    page.goto(f"{site}/{name}", wait_until="networkidle")
    page.evaluate("() => window.MathJax?.startup?.promise")
    return seen


def test_the_book_has_pages():
    assert len(BOOK) >= 5


def test_front_page_leads_to_the_introduction(page, site):
    page.goto(site)
    page.wait_for_url(f"{site}/book/intro.html")


@pytest.mark.parametrize("name", [page for page in PAGES if page != "index.html"])
def test_page(page, site, look, name):
    seen = visit(page, site, name)
    assert seen.errors == []
    assert seen.elsewhere == []
    assert page.evaluate(MATH_LEFT) == []
    assert look is PHONE or page.evaluate(CUT) == []
    assert page.evaluate(BROKEN_IMAGES) == []
    assert page.evaluate(UNDESCRIBED) == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f'document.documentElement.dataset.theme === "{scheme}"')
        assert page.evaluate(OVERFLOWING) == []


@pytest.mark.parametrize("name", BOOK)
def test_page_fits_phones_and_its_code_the_desktop(browser, site, name):
    page = browser.new_page(**DESKTOP)
    visit(page, site, name)
    assert page.evaluate(CUT_CODE) == []
    assert page.evaluate(WITH_BAR) == []
    for width in (390, 375, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(OVERFLOWING) == []
        assert page.evaluate(CLIPPED) == []
        assert page.evaluate(WITH_BAR) == []
    page.close()


@pytest.mark.parametrize("name", BOOK)
def test_links_within_the_book_lead_somewhere(browser, site, name):
    page = browser.new_page()
    page.goto(f"{site}/{name}")
    links = page.evaluate("[...document.querySelectorAll('a[href]')].map((e) => e.href)")
    page.close()
    for link in {link for link in links if link.startswith(site)}:
        path, _, anchor = link.removeprefix(f"{site}/").partition("#")
        target = SITE / (path or "index.html")
        assert target.is_file(), f"{name} links to {path}"
        if anchor.startswith("lab?"):
            assert "<mixup-laboratory" in target.read_text(encoding="utf8"), f"{name}: {link}"
        elif anchor and target.suffix == ".html":
            assert f'id="{anchor}"' in target.read_text(encoding="utf8"), f"{name} links to {link}"


@pytest.mark.parametrize("name", BOOK)
def test_launch_and_edit_links_lead_to_files_of_the_repository(name):
    text = (SITE / name).read_text(encoding="utf8")
    root = SITE.parents[1]
    launched = re.findall(
        r"colab\.research\.google\.com/github/[^/]+/[^/]+/blob/main/([^\"]+)", text
    )
    launched += re.findall(r"mybinder\.org/v2/gh/[^\"]*urlpath=lab/tree/([^\"]+)", text)
    edited = re.findall(r"github\.com/[^/]+/[^/]+/edit/main/([^\"]+)", text)
    source = (root / name).with_suffix(".md")
    if source.exists():
        assert (root / edited[0]) == source
        runs_code = source.with_suffix(".ipynb").exists()
        buttons = 1 if name == "book/claims.html" else 2  # Colab has no other chapter to read
        assert len(launched) == (buttons if runs_code else 0)
    for path in launched + edited:
        assert (root / path).is_file(), path


def test_notebooks_call_things_as_the_pages_do():
    """Numbers of figures, statements, exercises and equations, which the notebooks count anew."""
    labels = book().labels
    for label, (page, called) in labels.items():
        text = (SITE / "book" / f"{page}.html").read_text(encoding="utf8")
        place = rf'id="(?:equation-)?{re.escape(label)}"'
        if called:
            number = rf'{place}.*?(?:class="eqno"|class="caption-number")>([^<]*)<'
            assert re.search(number, text, re.DOTALL).group(1).strip() == called
        else:
            assert re.search(place, text), label
    assert {called.split()[0] for _, called in labels.values() if " " in called} >= {
        "Fig.",
        "Definition",
        "Theorem",
        "Exercise",
    }


def test_hidden_solution_opens_when_clicked(browser, site):
    chapters = [name for name in BOOK if "solution dropdown" in (SITE / name).read_text()]
    assert chapters
    page = browser.new_page()
    page.goto(f"{site}/{chapters[0]}", wait_until="networkidle")
    solution = page.locator(".solution.dropdown").first
    inside = solution.locator(".cell_output").first
    assert not inside.is_visible()
    solution.locator("button.toggle-button").click()
    assert inside.is_visible()
    page.close()

"""Every built page in a real browser: nothing fails, nothing comes from elsewhere."""

import re

import pytest
from browser.built import BOOK, SITE
from notebooks import book

MATH_LEFT = """() => [...document.querySelectorAll(".math")]
  .filter((e) => !e.querySelector("mjx-container") || e.querySelector("mjx-merror"))
  .map((e) => e.textContent.slice(0, 120))"""
BROKEN_IMAGES = """() => [...document.images]
  .filter((e) => getComputedStyle(e).display !== "none" && !e.naturalWidth).map((e) => e.src)"""
UNDESCRIBED = """() => [...document.querySelectorAll("main .bd-article img")]
  .filter((e) => {
    const words = e.alt.toLowerCase().match(/[\\p{L}\\p{N}_]+/gu) ?? [];
    return e.alt.includes("_images/") || words.length < 8 || new Set(words).size < 6;
  })
  .map((e) => e.src + ": " + e.alt)"""


def test_the_book_has_pages():
    assert len(BOOK) >= 5


def test_front_page_leads_to_the_introduction(fresh, site):
    fresh.goto(site)
    fresh.wait_for_url(f"{site}/book/intro.html")


def test_page(opened):
    opened.look()
    assert opened.errors == []
    assert opened.elsewhere == []
    assert opened.page.evaluate(MATH_LEFT) == []
    assert opened.page.evaluate(BROKEN_IMAGES) == []
    assert opened.page.evaluate(UNDESCRIBED) == []


def test_links_within_the_book_lead_somewhere(opened, site):
    links = opened.page.evaluate("[...document.querySelectorAll('a[href]')].map((e) => e.href)")
    for link in {link for link in links if link.startswith(site)}:
        path, _, anchor = link.removeprefix(f"{site}/").partition("#")
        target = SITE / (path.partition("?")[0] or "index.html")
        assert target.is_file(), f"{opened.name} links to {path}"
        if target.suffix != ".html":
            continue
        text = target.read_text(encoding="utf8")
        if anchor.startswith("lab?"):
            assert "<mixup-laboratory" in text, f"{opened.name} links to {link}"
        elif anchor:
            assert f'id="{anchor}"' in text, f"{opened.name} links to {link}"


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


def test_hidden_solution_opens_when_clicked(fresh, site):
    chapters = [name for name in BOOK if "solution dropdown" in (SITE / name).read_text()]
    assert chapters
    fresh.goto(f"{site}/{chapters[0]}", wait_until="networkidle")
    solution = fresh.locator(".solution.dropdown:has(.cell_output)").first
    inside = solution.locator(".cell_output").first
    assert not inside.is_visible()
    solution.locator("button.toggle-button").click()
    assert inside.is_visible()


def test_code_of_a_figure_is_folded_beneath_it(fresh, site):
    fresh.goto(f"{site}/book/feature-noise.html", wait_until="networkidle")
    cell = fresh.locator(".mxb-output-first:has(img)").first
    bar, picture = cell.locator("summary"), cell.locator("img")
    assert bar.bounding_box()["y"] > picture.bounding_box()["y"]
    assert bar.bounding_box()["height"] < 32
    bar.click()
    assert all(code.is_visible() for code in cell.locator("pre").all())


def test_chapters_say_what_is_folded_and_begin_with_no_bar_of_code_alone():
    for name in BOOK:
        text = (SITE / name).read_text(encoding="utf8")
        assert "Show code cell" not in text, name
        before = text.partition("<article")[2].partition("<h2")[0]
        assert before.count("<summary") <= before.count("mxb-output-first"), name

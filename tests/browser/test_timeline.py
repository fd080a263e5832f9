"""The timelines of the built pages: by keyboard and pointer, without JavaScript, on paper."""

import json

import pytest
from browser.built import SITE

CHAPTERS = {"standard-training": 1, "mixup-learns-rare": 2}  # so many trainings each
READ = """(e) => ({
  step: Number(e.dataset.step),
  says: e.shadowRoot.querySelector("input").getAttribute("aria-valuetext"),
  figures: [...e.shadowRoot.querySelectorAll(".figure")].map((one) => one.textContent),
  bars: [...e.shadowRoot.querySelectorAll(".fill")].map((one) => parseFloat(one.style.width)),
  dots: [...e.shadowRoot.querySelectorAll("circle")].map((one) => one.getAttribute("cx")),
})"""


@pytest.fixture(params=CHAPTERS)
def shown(fresh, site, request):
    """The timeline of a page, and its record."""
    fresh.goto(f"{site}/book/{request.param}.html", wait_until="networkidle")
    element = fresh.locator("mixup-timeline")
    element.scroll_into_view_if_needed()
    record = json.loads(element.locator("script").text_content())
    assert len(record["runs"]) == CHAPTERS[request.param]
    return element, record


def test_keys_move_the_time(shown):
    element, record = shown
    slider = element.get_by_role("slider", name="Training step")
    first = element.evaluate(READ)
    assert first["step"] == record["steps"][record["at"]]
    slider.focus()
    slider.press("End")
    last = element.evaluate(READ)
    assert last["step"] == record["steps"][-1]
    assert last["dots"] != first["dots"]
    assert last["figures"] == [f"{100 * run['error'][-1]:.0f} %" for run in record["runs"]]
    longest = max(max(run[kind]) for run in record["runs"] for kind in ("common", "rare", "noise"))
    widths = [
        100 * run[kind][-1] / longest
        for run in record["runs"]
        for kind in ("common", "rare", "noise")
    ]
    assert last["bars"] == pytest.approx(widths, abs=0.01)
    for run in record["runs"]:
        assert f"{run['name']}: " in last["says"]
        assert f"rare feature {run['rare'][-1]:.2f}" in last["says"]
    slider.press("ArrowLeft")
    assert element.evaluate(READ)["step"] == record["steps"][-2]


def test_what_the_chapter_says_is_seen(shown):
    """The common features first; the rare ones under Mixup alone."""
    _, record = shown
    for run in record["runs"]:
        passed = {kind: next((k for k, v in enumerate(run[kind]) if v > 1), None)
                  for kind in ("common", "rare")}  # fmt: skip
        assert passed["common"] is not None
        if run["which"] == "standard":
            assert passed["rare"] is None
            assert run["error"][-1] > 0.4
        else:
            assert passed["rare"] > passed["common"]
            assert run["error"][-1] < 0.05
            assert run["noise"][-1] < 0.8 * max(run["noise"])


def test_it_fits_a_phone_and_follows_the_theme(shown):
    element, _ = shown
    page = element.page
    for width in (360, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        tiny = element.evaluate(
            """(e) => [...e.shadowRoot.querySelectorAll("svg text")].filter((one) =>
            parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a < 10.5)
            .map((one) => one.textContent)"""
        )
        assert tiny == []
    paper = "(e) => getComputedStyle(e.shadowRoot.querySelector('.timeline')).backgroundColor"
    light = element.evaluate(paper)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_timeout(50)
    assert element.evaluate(paper) != light


def test_on_paper_the_table_stands_until_the_slider_is_moved(shown):
    element, record = shown
    element.page.emulate_media(media="print")
    assert element.locator("table").count() == len(record["runs"])
    assert element.locator("table").first.is_visible()
    assert not element.locator("input").is_visible()
    element.page.emulate_media(media="screen")
    assert not element.locator("table").first.is_visible()


@pytest.mark.parametrize("name", CHAPTERS)
def test_without_javascript_the_table_stands(browser, site, name):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/book/{name}.html")
    assert page.locator("mixup-timeline table").first.is_visible()
    context.close()


@pytest.mark.parametrize("name", CHAPTERS)
def test_it_weighs_little(name):
    text = (SITE / "book" / f"{name}.html").read_text(encoding="utf8")
    record = text.split('<mixup-timeline><script type="application/json">')[1].split("</script>")[0]
    assert len(record) < 20_000

"""How the laboratory looks: on phones, in the dark, on paper, and where it cannot run."""

import pytest
from browser.built import SITE
from browser.laboratory_page import FOLDER, PHONE


def test_few_controls(lab):
    lab.open(attributes="controls=few/stop=150")
    assert lab.element.get_by_role("button").count() == 1
    assert lab.find("input").count() == 1
    lab.button("Train").click()
    assert float(lab.until("done").data()["mixupRareError"]) <= 0.02


@pytest.mark.parametrize("attributes", ["", "controls=few"])
def test_it_fits_a_phone(visit, attributes):
    lab = visit(**PHONE).open("stop=150&run=1", attributes=attributes).until("done")
    assert lab.page.evaluate("document.documentElement.scrollWidth") == 360
    small = lab.element.evaluate(
        """(e) => [...e.shadowRoot.querySelectorAll("button, input, .target")]
        .map((one) => [one.getAttribute("class"), one.getBoundingClientRect()])
        .filter(([, { width, height }]) => width < 24 || height < 24)
        .filter(([name]) => name !== "same").map(([name]) => name)"""
    )
    assert small == []
    check = lab.find("label.check")
    assert check.count() == 0 or check.bounding_box()["height"] >= 24
    tiny = lab.element.evaluate(
        """(e) => [...e.shadowRoot.querySelectorAll("svg text")].filter((one) => one.textContent)
        .map((one) => [one.textContent, parseFloat(getComputedStyle(one).fontSize)
          * (one.getScreenCTM()?.a ?? 1)]).filter(([, size]) => size < 11)"""
    )
    assert tiny == []
    out = lab.element.evaluate(
        """(e) => { const edge = e.getBoundingClientRect().right;
        return [...e.shadowRoot.querySelectorAll("svg text, p, button, input, output, label")]
          .filter((one) => one.getBoundingClientRect().right > edge)
          .map((one) => one.textContent); }"""
    )
    assert out == []


def test_it_follows_the_theme(lab):
    lab.open(kind="dark")
    paper = "(e) => getComputedStyle(e).backgroundColor"
    dark = lab.find(".laboratory").evaluate(paper)
    lab.page.evaluate("document.documentElement.dataset.theme = 'light'")
    lab.page.wait_for_timeout(50)
    assert lab.find(".laboratory").evaluate(paper) == "rgb(255, 255, 255)" != dark
    lab.page.evaluate("delete document.documentElement.dataset.theme")
    lab.page.emulate_media(color_scheme="dark")
    lab.page.wait_for_timeout(50)
    assert lab.find(".laboratory").evaluate(paper) == dark
    lab.page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    lab.page.wait_for_timeout(50)
    assert lab.find(".laboratory").evaluate(paper) != dark


def test_without_javascript_the_figure_stands(visit):
    lab = visit(java_script_enabled=False)
    lab.page.goto(f"{lab.address}/lab/")
    assert lab.page.locator("#fallback").is_visible()


@pytest.mark.parametrize(
    "missing",
    [
        "delete window.Worker",
        "window.Worker = class { constructor() { throw new TypeError('no modules'); } }",
        "window.Worker = class extends EventTarget {"
        " constructor() { super(); setTimeout(() => this.dispatchEvent(new Event('error'))); }"
        " postMessage() {} terminate() {} }",
    ],
    ids=["none", "refused", "broken"],
)
def test_without_workers_the_figure_stands(lab, missing):
    lab.page.add_init_script(missing)
    lab.open("run=1").until("failed")
    assert lab.page.locator("#fallback").is_visible()
    assert not lab.find(".card.mixup").is_visible()
    assert not lab.button("Train").is_visible()
    assert "cannot train here" in lab.says()


def test_paper_shows_the_figure_or_what_was_found(lab):
    lab.open()
    lab.page.wait_for_selector("mixup-laboratory[data-standard-rare-error]")
    assert not lab.page.locator("#fallback").is_visible()
    lab.page.emulate_media(media="print")
    assert lab.page.locator("#fallback").is_visible()
    assert not lab.find(".card.mixup").is_visible()
    lab.page.emulate_media(media="screen")
    lab.button("Train").click()
    lab.until("done")
    lab.page.emulate_media(media="print")
    assert not lab.page.locator("#fallback").is_visible()
    assert lab.find(".card.mixup .figure").is_visible()
    assert not lab.button("Train").is_visible()


def test_the_pages_serve_the_modules_and_nothing_else(site):
    served = {path.name for path in (SITE / "_static" / "laboratory").rglob("*")}
    assert served == {path.name for path in FOLDER.glob("*.js")}

"""The mixer in the pages that hold it: by mouse and keyboard, on phones, in the dark, on paper."""

import json

import pytest
from browser.opened import PHONES

import mixupbook as mb

PRACTICE, COUNTEREXAMPLE = "book/mixup-in-practice.html", "book/linearity-counterexample.html"


@pytest.fixture(params=[PRACTICE, COUNTEREXAMPLE])
def mixer(fresh, site, request):
    fresh.goto(f"{site}/{request.param}")
    fresh.wait_for_selector("mixup-mixer[data-lam]")
    return fresh.locator("mixup-mixer")


def data(mixer):
    return mixer.evaluate("(e) => ({ ...e.dataset })")


def pixels(mixer):
    return mixer.locator("canvas.mixed").evaluate(
        "(e) => [...e.getContext('2d').getImageData(0, 0, e.width, e.height).data]"
        ".filter((_, at) => at % 4 === 0)"
    )


def test_keys_move_the_image_and_both_labels(mixer):
    lam = mixer.get_by_role("slider")
    lam.focus()
    for _ in range(5):
        lam.press("ArrowRight")
    assert lam.get_attribute("aria-valuetext").startswith("75 % ")
    assert float(data(mixer)["lam"]) == 0.75
    first, second = json.loads(mixer.get_attribute("examples"))["pixels"]
    expected = [255 * (1 - 0.75 * a - 0.25 * b) for a, b in zip(first, second, strict=True)]
    assert pixels(mixer) == pytest.approx(expected, abs=1)
    assert mixer.locator(".bar output").all_inner_texts() == ["0.75", "0.25"]


def test_label_maps_give_what_the_package_gives(mixer):
    image = pixels(mixer)
    for name in ("identity", "cubic", "sqrt", "hard"):
        mixer.locator(f"input[value={name}]").check()
        expected = float(mb.label_coefficient(name, 0.7))
        assert float(data(mixer)["labelLam"]) == pytest.approx(expected, abs=1e-6)
        shares = [float(text) for text in mixer.locator(".bar output").all_inner_texts()]
        assert shares == pytest.approx([expected, 1 - expected], abs=0.0051)
    assert pixels(mixer) == image
    assert not mixer.get_by_role("button").is_visible()


def test_radio_buttons_go_by_keyboard(mixer):
    first = mixer.locator("input[type=radio]").first
    first.focus()
    first.press("ArrowDown")
    assert data(mixer)["map"] != "identity"


def test_the_words_move_at_once_and_are_read_out_when_the_reader_rests(mixer):
    # By one script, so that no time passes between the moves and the look.
    written, aloud = mixer.evaluate(
        """(e) => { const lam = e.shadowRoot.querySelector("#lam");
        for (const value of [0.8, 0.7, 0.6]) {
          lam.value = value;
          lam.dispatchEvent(new Event("input"));
        }
        const text = (at) => e.shadowRoot.querySelector(at).textContent;
        return [text(".says"), text("[aria-live]")]; }"""
    )
    assert "60 %" in written
    assert "70 %" in aloud
    mixer.page.wait_for_timeout(600)
    assert mixer.locator("[aria-live]").text_content() == written
    assert mixer.locator(".says").get_attribute("aria-hidden") == "true"
    assert not mixer.locator("[aria-live]").get_attribute("aria-hidden")


def test_the_curves_texts_stand_apart(fresh, site):
    fresh.goto(f"{site}/{COUNTEREXAMPLE}")
    fresh.wait_for_selector("mixup-mixer[data-lam]")
    touching = fresh.locator("mixup-mixer").evaluate(
        """(e) => { const boxes = [...e.shadowRoot.querySelectorAll(".curve text")]
          .map((one) => ({ text: one.textContent, box: one.getBoundingClientRect() }));
        const meet = (a, b) => a.left < b.right && b.left < a.right
          && a.top < b.bottom && b.top < a.bottom;
        return boxes.flatMap((a, k) => boxes.slice(k + 1)
          .filter((b) => meet(a.box, b.box)).map((b) => `${a.text} on ${b.text}`)); }"""
    )
    assert touching == []


def test_the_second_draw_is_another_each_time(fresh, site):
    fresh.goto(f"{site}/{COUNTEREXAMPLE}")
    mixer = fresh.locator("mixup-mixer")
    mixer.locator("input[value=independent]").check()
    seen = {data(mixer)["labelLam"]}
    for _ in range(5):
        mixer.get_by_role("button", name="Draw again").click()
        seen.add(data(mixer)["labelLam"])
    assert len(seen) == 6
    assert all(0.5 <= float(value) <= 1 for value in seen)


def test_it_fits_phones(mixer):
    for width in PHONES:
        mixer.page.set_viewport_size({"width": width, "height": 800})
        out = mixer.evaluate(
            """(e) => { const edge = e.getBoundingClientRect().right + 0.5;
            return [...e.shadowRoot.querySelectorAll("svg text, canvas, input, output, label, p")]
              .filter((one) => one.getBoundingClientRect().right > edge)
              .map((one) => one.outerHTML); }"""
        )
        assert out == [], width


def test_paper_shows_the_static_figure_until_it_is_touched(mixer):
    drawing = mixer.locator("> svg")
    assert not drawing.is_visible()
    mixer.page.emulate_media(media="print")
    assert drawing.is_visible()
    assert not mixer.locator("canvas.mixed").is_visible()
    mixer.page.emulate_media(media="screen")
    mixer.get_by_role("slider").press("ArrowLeft")
    mixer.page.emulate_media(media="print")
    assert mixer.locator("canvas.mixed").is_visible()
    assert not drawing.is_visible()


def test_without_javascript_the_static_figure_stands(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/{PRACTICE}")
    assert page.locator("mixup-mixer > svg").is_visible()
    context.close()

"""The laboratory's controls: by mouse, by touch and by keyboard alone."""

import itertools

import pytest
from browser.laboratory_page import PHONE

RANGES = ["lam", "label_lam", "stop", "rho", "noise", "overlap"]
NUMBERS = ["steps", "seed"]
TYPED = list(itertools.product(NUMBERS, ["100", "9999999", "x"]))
BUTTONS = ["Train", "10 steps", "Same start", "Another draw", "Copy link", "Reset"]


# ------------------------------------------------------------------ controls


@pytest.mark.parametrize("name", RANGES)
def test_sliders_move_by_mouse_and_by_keyboard(lab, name):
    lab.open("noise=0.1&stop=400&overlap=0.5")
    slider = lab.find(f"input.{name}")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    lab.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    clicked = lab.values()[name]
    low, high = (float(slider.get_attribute(end)) for end in ("min", "max"))
    assert clicked == pytest.approx(low + 0.75 * (high - low), abs=0.05 * (high - low))
    slider.press("ArrowLeft")
    step = float(slider.get_attribute("step"))
    assert lab.values()[name] == pytest.approx(clicked - step)
    slider.press("Home")
    assert lab.values()[name] == low
    slider.press("End")
    assert lab.values()[name] == ("never" if name == "stop" else high)
    assert slider.get_attribute("aria-valuetext")


def test_label_follows_lambda_until_it_is_moved(lab):
    lab.open()
    same = lab.element.get_by_label("same as λ")
    lab.change("lam", 0.8)
    assert lab.find("input.label_lam").input_value() == "0.8"
    lab.change("label_lam", 0.95)
    assert not same.is_checked()
    lab.change("lam", 0.6)
    assert lab.values()["label_lam"] == 0.95
    same.focus()
    lab.page.keyboard.press("Space")
    assert lab.values()["label_lam"] == "same"
    same.click()
    assert lab.values()["label_lam"] == 0.6


@pytest.mark.parametrize(("name", "typed"), TYPED)
def test_numbers_are_typed_and_checked(lab, name, typed):
    lab.open()
    field = lab.find(f"input.{name}")
    before, most = lab.values()[name], int(field.get_attribute("max"))
    field.click()
    field.press("Control+a")
    lab.page.keyboard.type(typed)
    field.press("Tab")
    wanted = before if typed == "x" else min(int(typed), most)
    assert lab.values()[name] == wanted
    if typed != "x":
        assert field.input_value() == str(wanted)


def test_everything_is_reached_by_tab_and_shows_its_focus(lab):
    lab.open()
    reached = []
    for _ in range(30):
        lab.page.keyboard.press("Tab")
        found = lab.page.evaluate(
            """() => { const e = document.activeElement.shadowRoot?.activeElement;
            if (!e) return null;
            const mark = e.querySelector(".grip") ?? e;
            const { outlineStyle, outlineWidth, strokeWidth } = getComputedStyle(mark);
            const width = parseFloat(mark === e ? outlineWidth : strokeWidth);
            return [e.classList[0], mark === e && outlineStyle === "none" ? 0 : width]; }"""
        )
        if found:
            reached.append(found)
    names = [name for name, _ in reached]
    assert {"stopper", "play", "step", "again", "another", "share", "reset", "same"} <= set(names)
    assert {*RANGES, *NUMBERS} <= set(names)
    assert [name for name, width in reached if width < 2] == []


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_buttons_work_by_keyboard(lab, key):
    lab.open()
    for name, state in (("10 steps", "paused"), ("Same start", "running"), ("Pause", "paused")):
        lab.button(name).press(key)
        lab.until(state)
    lab.button("Another draw").press(key)
    assert lab.values()["seed"] == 2
    lab.button("Copy link").press(key)
    lab.page.wait_for_function("location.hash.includes('seed=2')")
    lab.button("Reset").press(key)
    assert lab.values()["seed"] == 1


def test_the_page_sees_no_plain_keys(lab):
    """It would take them for its own shortcuts: the focus is in an element that it knows not."""
    lab.open()
    lab.page.evaluate(
        "window.seen = []; document.addEventListener('keydown', (event) => seen.push(event.key))"
    )
    for control in ("input.lam", ".stopper", "input.seed"):
        lab.find(control).press("ArrowRight")
    lab.find("input.lam").press("Control+k")
    assert lab.page.evaluate("seen") == ["Control", "k"]


def test_every_control_has_a_name(lab):
    lab.open()
    for name in BUTTONS:
        assert lab.button(name).count() == 1
    unnamed = lab.element.evaluate(
        """(e) => [...e.shadowRoot.querySelectorAll("input")]
        .filter((input) => !input.labels.length || !input.labels[0].textContent.trim())
        .map((input) => input.className)"""
    )
    assert unnamed == []
    assert lab.element.get_by_role("slider", name="Mixup stops at step").count() == 2


# ------------------------------------------------------------------ the line to drag


def place(lab, step):
    """Where a step of 800 is in the curve, on the page."""
    box = lab.find(".curve").bounding_box()
    return box["x"] + 48 + (box["width"] - 70) * step / 800


def test_line_is_dragged_by_mouse_while_it_trains(lab):
    lab.open("stop=400&run=1").until("done")
    grip = lab.find(".grip").bounding_box()
    y = grip["y"] + grip["height"] / 2
    lab.page.mouse.move(place(lab, 400), y)
    lab.page.mouse.down()
    for step in (300, 150, 61):
        lab.page.mouse.move(place(lab, step), y)
    lab.page.mouse.up()
    assert lab.values()["stop"] == 60
    data = lab.until("running").until("done").data()
    assert float(data["mixupRareError"]) > 0.3
    assert lab.find(".stop-label").text_content() == "Mixup stops here: 60"
    assert lab.find("path.before.mixup").get_attribute("d").startswith("M")


def test_line_dragged_to_the_end_means_never(lab):
    lab.open("stop=400")
    grip = lab.find(".grip").bounding_box()
    y = grip["y"] + grip["height"] / 2
    lab.page.mouse.move(place(lab, 400), y)
    lab.page.mouse.down()
    lab.page.mouse.move(place(lab, 900), y)
    lab.page.mouse.up()
    assert lab.values()["stop"] == "never"
    lab.page.mouse.move(place(lab, 200), y)  # let go
    assert lab.values()["stop"] == "never"


def test_line_is_dragged_by_finger(visit):
    lab = visit(**PHONE).open("stop=400")
    lab.find(".grip").scroll_into_view_if_needed()
    grip = lab.find(".grip").bounding_box()
    y = grip["y"] + grip["height"] / 2
    touch = lab.page.context.new_cdp_session(lab.page)

    def finger(kind, *points):
        at = [{"x": x, "y": y} for x in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    finger("touchStart", place(lab, 400))
    for step in (350, 300, 200):
        finger("touchMove", place(lab, step))
    finger("touchEnd")
    assert lab.values()["stop"] == pytest.approx(200, abs=5)
    assert lab.find(".curve").evaluate("(e) => getComputedStyle(e).touchAction") == "pan-y"


def test_line_moves_by_keys(lab):
    lab.open("stop=400")
    line = lab.find(".stopper")
    moves = [
        ("ArrowLeft", 390),
        ("ArrowDown", 380),
        ("ArrowRight", 390),
        ("PageUp", 490),
        ("PageDown", 390),
        ("Home", 0),
        ("ArrowLeft", 0),
        ("End", "never"),
        ("ArrowRight", "never"),
        ("ArrowLeft", 790),
    ]
    for key, stop in moves:
        line.press(key)
        assert lab.values()["stop"] == stop, key
        assert line.get_attribute("aria-valuetext") == (
            "never" if stop == "never" else f"step {stop}"
        )
    assert line.get_attribute("aria-valuemax") == "800"


def test_a_stop_still_to_come_moves_without_a_new_start(lab):
    lab.open()
    lab.button("10 steps").click()
    lab.page.wait_for_selector("mixup-laboratory[data-step='10']")
    lab.change("stop", 60)
    lab.page.wait_for_timeout(400)
    assert lab.step() == 10
    lab.button("Continue").click()
    moved = lab.until("done").data()
    lab.button("Same start").click()
    assert lab.until("running").until("done").data() == moved
    assert float(moved["mixupRareError"]) > 0.3

"""The laboratory in a real browser: by mouse, by touch, by keyboard, by address, and without."""

import itertools
import math

import pytest
from browser.laboratory_page import Lab, serve

RANGES = ["lam", "label_lam", "stop", "rho", "noise", "overlap"]
NUMBERS = ["steps", "seed"]
TYPED = list(itertools.product(NUMBERS, ["100", "9999999", "x"]))
BUTTONS = ["Train", "10 steps", "Same start", "Another draw", "Copy link", "Reset"]
DESKTOP = {"viewport": {"width": 1000, "height": 900}}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def address():
    server = serve()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def visit(browser, address):
    """Opens a browser of one's own; no page of it may have an error."""
    opened = []

    def new(**options):
        context = browser.new_context(**(DESKTOP | options))
        opened.append((context, Lab(context.new_page(), address)))
        return opened[-1][1]

    yield new
    for context, lab in opened:
        context.close()
        assert lab.errors == []


@pytest.fixture
def lab(visit):
    return visit()


# ------------------------------------------------------------------ what it shows


@pytest.mark.parametrize("seed", range(5))
def test_rare_feature_is_learned_with_mixup_and_not_without(lab, seed):
    standard, mixup = lab.result(f"seed={seed}")
    assert 0.4 <= standard <= 0.6
    assert mixup <= 0.02
    assert lab.step() == 800
    percent = math.floor(100 * standard + 0.5)
    assert lab.says() == (
        f"After 800 steps standard training errs on {percent} % of rare test examples, "
        "Mixup on 0 %."
    )
    assert lab.find(".card.standard .figure").inner_text() == f"{percent} %"
    assert lab.find(".card.mixup .figure").inner_text() == "0 %"


@pytest.mark.parametrize(
    ("query", "low", "high"),
    [
        ("overlap=0", 0.4, 0.6),
        ("overlap=1", 0, 0.02),
        ("stop=50", 0.4, 0.6),
        ("stop=75", 0.2, 0.45),
        ("stop=150", 0, 0.02),
        ("lam=0.95", 0.4, 0.6),
        ("lam=1", 0.4, 0.6),
        ("rho=0", 0.4, 0.6),
        ("noise=0.05", 0, 0.02),
    ],
)
def test_it_reacts_to_its_parameters(lab, query, low, high):
    standard, mixup = lab.result(query)
    assert low <= mixup <= high
    assert query == "noise=0.05" or 0.4 <= standard <= 0.6
    if query == "lam=1":
        assert mixup == standard


def test_divergence_is_said_in_words(lab):
    lab.open("noise=3&run=1").until("done")
    assert lab.step() < 100
    assert "Standard training diverged at step" in lab.says()
    assert lab.find(".card.standard .verdict").inner_text() == "has diverged"
    lab.change("noise", 0.1)
    lab.until("running").until("done")
    assert lab.says().startswith("After 800 steps")


def test_it_stops_when_nothing_changes_any_more(lab):
    lab.open("noise=0&rho=0.5&lam=0.5&steps=20000&run=1").until("done", 60000)
    assert lab.step() < 20000
    assert lab.says().endswith("Nothing changes any more.")


def test_strips_follow_lambda_and_overlap(lab):
    lab.open()
    widths = (
        "(g) => [...g.querySelectorAll('.patch')]"
        ".map((e) => [e.classList[1], e.width.baseVal.value])"
    )
    mixture = lab.find(".strips > g:nth-of-type(3) > g").first
    assert mixture.evaluate(widths) == [["common", 28], ["rare", pytest.approx(12)]]
    assert "0.42" in lab.find(".amount").inner_text()
    lab.change("lam", 0.5)
    assert mixture.evaluate(widths) == [["common", 20], ["rare", 20]]
    assert "0.50" in lab.find(".amount").inner_text()
    lab.change("overlap", 0)
    assert mixture.evaluate(widths) == [["common", 20], ["noise", 20]]
    assert "gets no push" in lab.find(".meets").inner_text()
    assert "another patch" in lab.find(".strips").get_attribute("aria-label")


# ------------------------------------------------------------------ starting and resting


def test_it_starts_paused(lab):
    lab.open().until("ready")
    lab.page.wait_for_timeout(700)
    data = lab.data()
    assert (data["state"], data["step"], data["refused"]) == ("ready", "0", "")
    assert "Press Train" in lab.says()


def test_train_pause_continue_and_again(lab):
    lab.open()
    lab.button("Train").click()
    lab.until("running")
    assert lab.says() == "Training both networks."
    lab.page.wait_for_function("document.querySelector('mixup-laboratory').dataset.step > 40")
    lab.button("Pause").click()
    lab.until("paused")
    lab.page.wait_for_timeout(200)
    step = lab.step()
    assert 0 < step < 800
    assert lab.says().startswith(f"After {step} steps")
    lab.page.wait_for_timeout(300)
    assert lab.step() == step
    lab.button("Continue").click()
    lab.until("done")
    first = lab.data()
    lab.button("Train again").click()
    lab.until("running").until("done")
    assert lab.data() == first


def test_steps_same_start_and_another_draw(lab):
    lab.open()
    for step in (10, 20):
        lab.button("10 steps").click()
        lab.page.wait_for_selector(f"mixup-laboratory[data-state=paused][data-step='{step}']")
    lab.button("Same start").click()
    first = lab.until("done").data()
    lab.button("10 steps").click()
    assert "over" in lab.says()
    assert lab.data() == first
    lab.button("Another draw").click()
    second = lab.until("running").until("done").data()
    assert lab.values()["seed"] == 2
    assert second["standardRareError"] != first["standardRareError"]
    lab.button("Reset").click()
    assert lab.until("running").until("done").data() == first


def test_a_run_is_read_out_at_its_ends_alone(lab):
    lab.open()
    lab.element.evaluate(
        """(e) => { window.said = []; const p = e.shadowRoot.querySelector("[aria-live]");
        new MutationObserver(() => said.push(p.textContent))
          .observe(p, { childList: true, characterData: true, subtree: true }); }"""
    )
    lab.button("Train").click()
    lab.until("done")
    said = lab.page.evaluate("said")
    assert [text.split()[0] for text in said] == ["Training", "After"]


def test_less_motion(visit):
    lab = visit(reduced_motion="reduce").open("run=1")
    lab.page.wait_for_timeout(500)
    assert lab.data()["state"] == "ready"
    assert "less motion" in lab.says()
    lab.element.evaluate(
        """(e) => { window.drawn = 0;
        const p = e.shadowRoot.querySelector(".curve path.mixup:not(.before)");
        new MutationObserver(() => { drawn += 1; }).observe(p, { attributes: true }); }"""
    )
    lab.button("Train").click()
    lab.until("done")
    assert lab.page.evaluate("drawn") < 12  # a picture a second, not 200
    assert lab.data()["mixupRareError"] == "0"


def test_it_waits_while_off_screen(lab):
    lab.open("steps=5000")
    lab.button("Train").click()
    lab.until("running")
    lab.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    lab.page.wait_for_selector("mixup-laboratory[data-state=waiting]", state="attached")
    lab.page.wait_for_timeout(200)
    step = lab.step()
    lab.page.wait_for_timeout(400)
    assert lab.step() == step < 5000
    lab.page.evaluate("scrollTo(0, 0)")
    lab.until("done")
    assert lab.step() == 5000


def test_it_waits_in_a_tab_behind(lab):
    lab.open("steps=5000")
    lab.button("Train").click()
    lab.until("running")
    hide = """(value) => {
      Object.defineProperty(document, "hidden", { value, configurable: true });
      document.dispatchEvent(new Event("visibilitychange")); }"""
    lab.page.evaluate(hide, True)
    lab.until("waiting")
    lab.page.wait_for_timeout(200)
    step = lab.step()
    lab.page.wait_for_timeout(300)
    assert lab.step() == step
    lab.page.evaluate(hide, False)
    lab.until("done")


def test_below_the_fold_it_costs_nothing_until_it_is_seen(lab):
    workers = []
    lab.page.on("worker", lambda worker: workers.append(worker))
    lab.open(kind="below")
    lab.page.wait_for_timeout(300)
    assert workers == []
    lab.element.scroll_into_view_if_needed()
    lab.page.wait_for_selector("mixup-laboratory[data-standard-rare-error]")
    assert len(workers) == 1


# ------------------------------------------------------------------ address


def test_nonsense_in_the_address_gives_defaults_and_is_named(lab):
    lab.open("lam=abc&stop=1.5&noise=0x1&seed=&<b>=1&overlap=0.5")
    assert lab.data()["refused"] == "lam stop noise seed <b>"
    values = lab.values()
    assert {name: values[name] for name in ("lam", "stop", "noise", "seed", "overlap")} == {
        "lam": 0.7,
        "stop": "never",
        "noise": 0.15,
        "seed": 1,
        "overlap": 0.5,
    }
    words = lab.find(".refused").inner_text()
    for name in ("lam = abc", "stop = 1.5", "noise = 0x1", "seed = nothing", "<b> = 1"):
        assert f"{name} was not taken" in words
    assert lab.find(".refused b").count() == 0


def test_values_beyond_their_range_are_clamped_and_named(lab):
    lab.open("lam=7&rho=-1&steps=1e9&stop=20000")
    values = lab.values()
    assert (values["lam"], values["rho"], values["steps"], values["stop"]) == (1, 0, 20000, 20000)
    assert lab.data()["refused"] == "lam rho steps"
    assert "the most allowed is 1. Now lam = 1." in lab.find(".refused").inner_text()
    lab.open("lam=0.9")
    assert lab.data()["refused"] == ""
    assert not lab.find(".refused").is_visible()


def test_a_link_opens_the_laboratory_in_its_state(lab):
    lab.open(kind="below", attributes="seed=3")
    lab.page.click("#link")
    lab.page.wait_for_function("document.querySelector('mixup-laboratory').values.stop === 60")
    assert lab.values()["lam"] == 0.8
    assert lab.values()["seed"] == 3
    top = "document.querySelector('mixup-laboratory').getBoundingClientRect().top"
    lab.page.wait_for_function(f"{top} >= 0 && {top} < 200")
    lab.change("stop", 400)
    lab.change("seed", 9)
    lab.page.evaluate("scrollTo(0, 0)")
    lab.page.click("#link")  # the address is there already
    lab.page.wait_for_function("document.querySelector('mixup-laboratory').values.stop === 60")
    assert lab.values()["seed"] == 3


def test_an_address_elsewhere_on_the_page_is_not_its_business(lab):
    lab.open("lam=0.9")
    lab.change("seed", 5)
    lab.page.evaluate("location.hash = '#summary'")
    lab.page.wait_for_timeout(100)
    assert (lab.values()["lam"], lab.values()["seed"]) == (0.9, 5)


def test_a_found_case_is_shared_by_link(visit):
    lab = visit(permissions=["clipboard-read", "clipboard-write"])
    lab.open(attributes="seed=3/stop=150")
    lab.change("overlap", 0.5)
    lab.change("stop", 75)
    lab.button("Copy link").click()
    lab.page.wait_for_function("location.hash !== ''")
    link = lab.page.evaluate("navigator.clipboard.readText()")
    assert link.endswith("#lab?overlap=0.5&stop=75")
    assert link == lab.page.url
    assert "copied" in lab.says()
    assert lab.page.evaluate("history.length") == 2  # about:blank and the page
    lab.button("Train").click()
    first = lab.until("done").data()
    lab.button("Copy link").click()
    lab.page.wait_for_function("location.hash.endsWith('run=1')")
    lab.page.reload()
    assert lab.until("done").data() == first


def test_without_a_clipboard_the_address_bar_holds_the_link(lab):
    lab.page.add_init_script("delete Navigator.prototype.clipboard")
    lab.open()
    lab.change("seed", 4)
    lab.button("Copy link").click()
    lab.page.wait_for_function("location.hash === '#lab?seed=4'")
    assert "address bar" in lab.says()


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


# ------------------------------------------------------------------ looks


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


# ------------------------------------------------------------------ coming and going


def test_the_element_may_leave_and_come_back(lab):
    lab.open("run=1").until("running")
    workers = len(lab.page.workers)
    lab.element.evaluate("(e) => { window.kept = e; e.remove(); }")
    lab.page.wait_for_timeout(200)
    assert (workers, len(lab.page.workers)) == (1, 0)
    lab.page.evaluate("document.querySelector('main').prepend(kept)")
    assert lab.until("done").data()["mixupRareError"] == "0"


FUZZ = """async (moves) => {
  let bits = 12345;
  const random = (n) => (bits = (Math.imul(bits, 1103515245) + 12345) >>> 0, (bits >>> 8) % n);
  const lab = document.querySelector("mixup-laboratory");
  const root = lab.shadowRoot;
  const keys = ["ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End"];
  for (let k = 0; k < moves; k++) {
    const all = [...root.querySelectorAll("input, button, .stopper")];
    const one = all[random(all.length)];
    if (one.matches("button, [type=checkbox]")) one.click();
    else if (one.matches(".stopper"))
      one.dispatchEvent(new KeyboardEvent("keydown", { key: keys[random(6)], bubbles: true }));
    else {
      const [low, high] = [Number(one.min), Math.min(Number(one.max), 3000)];
      one.value = random(20) ? low + (high - low) * random(101) / 100 : "nonsense";
      for (const kind of ["input", "change"]) one.dispatchEvent(new Event(kind));
    }
    const query = `lam=${random(9) / 4}&stop=${random(900)}&run=${random(2)}`;
    if (!random(40)) location.hash = `#lab?${query}`;
    if (!random(60)) scrollTo(0, random(2) * 2500);
    await new Promise((next) => setTimeout(next, random(12)));
  }
  return lab.values;
}"""


def heap(lab, session):
    session.send("HeapProfiler.collectGarbage")
    return session.send("Runtime.getHeapUsage")["usedSize"]


def test_a_thousand_random_moves_end_well(visit):
    lab = visit(permissions=["clipboard-read", "clipboard-write"]).open()
    session = lab.page.context.new_cdp_session(lab.page)
    session.send("HeapProfiler.enable")
    lab.page.evaluate(FUZZ, 100)  # what is made once is made now
    before = heap(lab, session)
    lab.page.evaluate(FUZZ, 1000)
    assert lab.errors == []
    assert heap(lab, session) - before < 4e6
    assert len(lab.page.workers) == 1
    lab.page.evaluate("scrollTo(0, 0)")
    standard, mixup = lab.result("")
    assert standard > 0.4
    assert mixup < 0.02


# ------------------------------------------------------------------ in a notebook

MODEL = """() => {
  const values = { lam: 0.7, label_lam: null, rho: 0.1, noise: 0.15, overlap: 1, stop: 150,
    steps: 800, seed: 1, run: false, controls: "full", step: 0, standard_rare_error: null,
    mixup_rare_error: null };
  const listeners = [];
  window.model = {
    values, saved: 0, listeners,
    get: (name) => values[name],
    set: (name, value) => { values[name] = value; },
    save_changes: () => { model.saved += 1; },
    on: (event, call) => listeners.push([event, call]),
    off: (event, call) => {
      const at = listeners.findIndex(([e, c]) => e === event && c === call);
      if (at >= 0) listeners.splice(at, 1);
    },
    python: (name, value) => {
      values[name] = value;
      for (const [event, call] of [...listeners]) if (event === `change:${name}`) call();
    },
  };
}"""


def test_the_bundle_serves_a_notebook(lab):
    lab.page.goto(f"{lab.address}/notebook#lab?lam=0.9")
    lab.page.evaluate(MODEL)
    lab.page.evaluate(
        """async () => {
          const { default: widget } = await import("/bundle.js");
          window.end = widget.render({ model, el: document.querySelector("#cell") });
        }"""
    )
    lab.until("ready")
    assert lab.values()["lam"] == 0.7  # the address is the notebook's
    assert lab.values()["stop"] == 150
    lab.page.evaluate("model.python('run', true)")
    lab.until("done")
    found = lab.page.evaluate("model.values")
    assert (found["step"], found["mixup_rare_error"]) == (800, 0)
    assert 0.4 <= found["standard_rare_error"] <= 0.6
    lab.page.evaluate("model.python('stop', null)")
    lab.page.evaluate("model.python('lam', 0.95)")
    lab.until("running").until("done")
    assert lab.values()["stop"] == "never"
    assert lab.page.evaluate("model.values.mixup_rare_error") > 0.4
    lab.change("label_lam", 0.8)
    assert lab.page.evaluate("model.values.label_lam") == 0.8
    lab.page.evaluate("end()")
    assert lab.page.evaluate("model.listeners.length") == 0
    assert lab.element.count() == 0

"""The laboratory in a real browser: what it shows, when it trains and when it rests."""

import math

import pytest

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
def test_it_reacts_to_its_parameters(visit, query, low, high):
    lab = visit(reduced_motion="reduce").open(query)  # at once, without the pictures on the way
    lab.button("Train").click()
    data = lab.until("done").data()
    standard, mixup = float(data["standardRareError"]), float(data["mixupRareError"])
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


def test_a_new_start_hears_nothing_of_the_old_run(lab):
    lab.open("steps=20000")  # a hundred steps at a time
    for _ in range(6):
        lab.button("Same start").click()
        lab.page.wait_for_function("document.querySelector('mixup-laboratory').dataset.step > 90")
    path = lab.find(".curve path.mixup:not(.before)").get_attribute("d")
    places = [float(point.split()[0]) for point in path.removeprefix("M").split("L")]
    assert places == sorted(set(places))
    assert places[0] == 48


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
    assert lab.page.evaluate("drawn") <= 4  # one a second, not 200
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

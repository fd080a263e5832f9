"""The laboratory taken out and put back, under a thousand random moves, and in a notebook."""


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
    assert lab.element.get_attribute("data-lm-suppress-shortcuts") == "true"
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
    assert lab.page.evaluate("model.values.stop") is None
    assert lab.page.evaluate("model.values.mixup_rare_error") > 0.4
    lab.change("label_lam", 0.8)
    assert lab.page.evaluate("model.values.label_lam") == 0.8
    lab.page.evaluate("end()")
    assert lab.page.evaluate("model.listeners.length") == 0
    assert lab.element.count() == 0

/**
 * The custom element `<mixup-laboratory>`: standard training and Mixup, live and side by side.
 *
 * Attributes: the parameters' names (the state it begins in), `controls="few"`, and `address="off"`
 * where the page's address is none of its business. What stands inside the element is the static
 * figure, which is seen where nothing else can be.
 *
 * It tells the outside by attributes: `data-state` (ready, running, waiting while nobody looks,
 * paused, done, failed), `data-step`, `data-standard-rare-error`, `data-mixup-rare-error`,
 * `data-refused`; and by the events `laboratory-change` and `laboratory-rest`.
 */

import { answersAddress, share, watchAddress } from "./address.js";
import { watchAttention } from "./attention.js";
import { set } from "./dom.js";
import { panel } from "./panel.js";
import { PARAMETERS, continues, defaults, parameter, parse, serialise } from "./parameters.js";
import { Training } from "./training.js";
import { result } from "./words.js";

/** A run is shown in about so many pictures, and asks for no more steps at once than the latter. */
const PICTURES = 200;
const MOST_AT_ONCE = 100;
/** Steps of the button that takes a few. */
const FEW_STEPS = 10;
/** Milliseconds without a further change, until a run begins anew. */
const SETTLING = 200;
/** Milliseconds between pictures for readers who want less motion. */
const CALM = 1000;

export class Laboratory extends HTMLElement {
  #panel;
  #training = null;
  #ends = [];
  #start = defaults();
  #values = defaults();
  #state = "ready";
  #records = [];
  #before = [];
  #attended = false;
  #pending = null;
  #begun = false;
  #drawn = -Infinity;
  #portion = 0;

  /** The parameters, by their names in the address. */
  get values() {
    return { ...this.#values };
  }

  connectedCallback() {
    const { values, refused, reasons } = parse(this.#attributes());
    this.#start = values;
    this.#values = { ...values };
    this.#panel = panel(this.#actions(), this.getAttribute("controls") === "few");
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.replaceChildren(this.#panel.style, this.#panel.node);
    this.#refuse(refused, reasons);
    this.#ends = [this.#panel.end, watchAttention(this, (attended) => this.#attend(attended))];
    this.#state = "ready";
    this.#set("ready");
    if (this.#values.run) this.#beginAtOnce();
    if (answersAddress(this)) this.#ends.push(watchAddress(this, (hash) => this.#open(hash)));
  }

  disconnectedCallback() {
    clearTimeout(this.#pending);
    this.#pending = null;
    for (const end of this.#ends.splice(0)) end();
    this.#training?.end();
    this.#training = null;
    this.#begun = false;
    this.#attended = false;
    this.#records = [];
    this.#before = [];
  }

  /**
   * Sets parameters, as moving controls does: a run that was under way begins anew.
   * @param {object} changes values by name, as the table allows them
   */
  assign(changes) {
    const query = new URLSearchParams(changes).toString();
    this.#change(parse(query, this.#values).values);
  }

  /** Trains from where the run is; from the start where it was over. */
  play() {
    if (this.#state === "failed") return;
    if (this.#state === "done") this.#begin();
    this.#panel.announce("Training both networks.");
    this.#set("running");
    this.#go();
  }

  pause() {
    this.#rest("paused");
  }

  #attributes() {
    const said = PARAMETERS.filter(({ name }) => this.hasAttribute(name));
    return new URLSearchParams(said.map(({ name }) => [name, this.getAttribute(name)])).toString();
  }

  #actions() {
    return {
      change: (name, value) => this.#change({ ...this.#values, [name]: value }),
      play: () => (this.#state === "running" ? this.pause() : this.play()),
      step: () => this.#takeFew(),
      again: () => this.#anew(),
      another: () => {
        const seed = (this.#values.seed + 1) % (parameter("seed").max + 1);
        this.#adopt({ ...this.#values, seed });
        this.#anew();
      },
      share: () => this.#share(),
      reset: () => this.#change({ ...this.#start }),
    };
  }

  /** The state that an address names. */
  #open(hash) {
    const { values, refused, reasons } = parse(hash, this.#start);
    this.#refuse(refused, reasons);
    this.#adopt(values);
    this.#begin();
    this.#set("ready");
    this.scrollIntoView({ block: "start" });
    if (values.run) this.#beginAtOnce();
  }

  #refuse(refused, reasons) {
    this.dataset.refused = refused.join(" ");
    this.#panel.refuse(reasons);
  }

  #beginAtOnce() {
    if (this.#panel.calm()) this.#panel.announce("Your system asks for less motion: press Train.");
    else this.play();
  }

  /** As it is, a run that was begun included. */
  async #share() {
    const found = { ...this.#values, run: this.#state === "ready" ? 0 : 1 };
    this.#panel.announce(await share(serialise(found, this.#start)));
  }

  /** A state; of those, failed is the last. */
  #set(state) {
    if (this.#state !== "failed") this.#state = state;
    const waits = this.#state === "running" && !this.#attended;
    this.dataset.state = waits ? "waiting" : this.#state;
    this.#draw();
  }

  #adopt(values) {
    this.#values = values;
    this.dispatchEvent(new CustomEvent("laboratory-change", { detail: this.values }));
  }

  #change(values) {
    const old = this.#values;
    if (PARAMETERS.every(({ name }) => values[name] === old[name])) return;
    this.#adopt(values);
    // What was asked for before will have been done.
    const step = (this.#latest?.step ?? 0) + (this.#training?.busy ? this.#portion : 0);
    if (this.#state !== "done" && this.#pending === null && continues(old, values, step)) {
      if (values.stop !== old.stop) this.#training?.moveStop(values);
      this.#draw();
      return;
    }
    // Not at every place that a slider passes.
    const active = this.#state === "running" || this.#state === "done";
    clearTimeout(this.#pending);
    this.#pending = setTimeout(() => {
      this.#begin();
      if (this.#state === "running") this.play();
    }, SETTLING);
    if (this.#records.length > 1) this.#keepAsBefore();
    this.#set(active ? "running" : "ready");
  }

  get #latest() {
    return this.#records.at(-1) ?? null;
  }

  #keepAsBefore() {
    if (this.#records.length > 1) this.#before = this.#records;
    this.#records = [];
  }

  /** To the first step of a run with the present values. */
  #begin() {
    clearTimeout(this.#pending);
    this.#pending = null;
    this.#keepAsBefore();
    this.#begun = this.#ready();
    if (this.#begun) this.#training.begin(this.#values);
  }

  #anew() {
    this.#begin();
    this.play();
  }

  /** Whether there is a worker; the first call makes it. */
  #ready() {
    if (this.#state === "failed") return false;
    try {
      this.#training ??= new Training(
        (answer) => this.#receive(answer),
        () => this.#fail(),
      );
    } catch {
      this.#fail();
    }
    return this.#training !== null;
  }

  #fail() {
    this.#training?.end();
    this.#training = null;
    this.#panel.announce("This browser cannot train here; the figure shows how it comes out.");
    this.#set("failed");
  }

  #takeFew() {
    if (this.#state === "done") {
      this.#panel.announce("The run is over. Same start begins it anew.");
      return;
    }
    if (!this.#begun || this.#pending !== null) this.#begin();
    if (!this.#begun) return;
    this.#set("paused");
    this.#advance(FEW_STEPS);
  }

  #advance(steps) {
    const left = this.#values.steps - (this.#latest?.step ?? 0);
    this.#portion = Math.max(0, Math.min(steps, left));
    this.#training.advance(this.#portion);
  }

  /** Asks for the next steps, once and only while they are wanted and seen. */
  #go() {
    const wanted = this.isConnected && this.#state === "running" && this.#attended;
    if (!wanted || this.#pending !== null) return;
    if (!this.#begun) this.#begin();
    if (!this.#training || this.#training.busy) return;
    const portion = this.#panel.calm() ? MOST_AT_ONCE : Math.ceil(this.#values.steps / PICTURES);
    this.#advance(Math.min(portion, MOST_AT_ONCE));
  }

  #receive({ measured, settled }) {
    if (this.#latest?.step !== measured.step) this.#records.push(measured);
    const over = measured.step >= this.#values.steps || settled;
    if (over && measured.step > 0 && this.#state !== "ready") {
      this.#rest("done", settled && measured.step < this.#values.steps);
    } else if (this.#state === "paused" && !this.#training.busy) {
      this.#rest("paused");
    } else {
      this.#draw();
      if (this.#state === "running") requestAnimationFrame(() => this.#go());
    }
  }

  /** A pause or the end: the only times when results are read out. */
  #rest(state, unchanging = false) {
    this.#set(state);
    if (!this.#latest) return;
    this.#panel.announce(result(this.#latest, this.#values, unchanging));
    this.dispatchEvent(new CustomEvent("laboratory-rest", { detail: this.#latest }));
  }

  #attend(attended) {
    this.#attended = attended;
    if (attended && !this.#begun && this.#state !== "failed") this.#begin();
    if (this.#state === "running") this.#set("running");
    this.#go();
  }

  #draw() {
    const latest = this.#latest;
    set(this, {
      "data-step": latest?.step ?? 0,
      "data-standard-rare-error": latest?.standard.rareError ?? null,
      "data-mixup-rare-error": latest?.mixup.rareError ?? null,
    });
    const moving = this.#state === "running" && this.#panel.calm() && this.#pending === null;
    if (moving && performance.now() - this.#drawn < CALM) return;
    this.#drawn = performance.now();
    this.#panel.update({
      values: this.#values,
      state: this.#state,
      records: this.#records,
      before: this.#before,
    });
  }
}

/**
 * The custom element `<mixup-atlas>`: what the reduced dynamics predict over noise and the share of
 * rare examples, computed in the page while the reader moves the controls.
 *
 * Inside it stand a static text, seen where nothing else can be, and a `<script
 * type="application/json">` with `{setting, points}`: what was measured, and where. Its attribute
 * `laboratory` is the page whose laboratory a point opens in.
 *
 * It tells the outside by attributes: `data-state` (waiting until it is first seen, busy, done,
 * failed), `data-cells` and `data-map-ms` (computed for Mixup's map, and how long), `data-point`,
 * `data-standard-rare-error`, `data-mixup-rare-error` and `data-dots`.
 */

import { watchAttention } from "../laboratory/attention.js";
import { html, say, set } from "../laboratory/dom.js";
import { STYLE } from "../laboratory/style.js";
import { watchTheme } from "../laboratory/theme.js";
import { Computing } from "./computing.js";
import { controls } from "./controls.js";
import { legend } from "./legend.js";
import { LOOKS } from "./looks.js";
import { plane } from "./plane.js";
import {
  AXES,
  SIZE,
  alike,
  cellAt,
  laboratoryAddress,
  request,
  valueAt,
  valuesOf,
} from "./settings.js";
import { measuredNote, reading } from "./words.js";

/** Milliseconds without a move before the reading is read out. */
const QUIET = 400;
/** Where the reading point begins: a row and a column. */
const BEGINNING = [8, 8];

export class Atlas extends HTMLElement {
  #parts;
  #computing = null;
  #ends = [];
  #recorded;
  #values;
  #maps = {};
  #at = BEGINNING;
  #dark = false;
  #asking = null;
  #saying = null;

  /** The controls' values, by their names. */
  get values() {
    return { ...this.#values };
  }

  connectedCallback() {
    if (!this.shadowRoot) this.#build();
    const { plane: map, controls: moved } = this.#parts;
    const watched = new ResizeObserver(([entry]) => map.resize(entry.contentRect.width));
    watched.observe(map.node);
    moved.update(this.#values);
    set(this, { "data-state": "waiting" });
    this.#ends = [
      () => watched.disconnect(),
      watchTheme((dark) => this.#recolour(dark)),
      watchAttention(this, (attended) => attended && this.#begin()),
    ];
    this.#read(...this.#at);
  }

  disconnectedCallback() {
    for (const end of this.#ends.splice(0)) end();
    cancelAnimationFrame(this.#asking);
    clearTimeout(this.#saying);
    this.#computing?.end();
    this.#computing = null;
    this.#asking = null;
  }

  #build() {
    this.#recorded = JSON.parse(this.querySelector("script")?.textContent ?? "{}");
    this.#values = valuesOf(this.#recorded.setting);
    const parts = (this.#parts = {
      plane: plane({ read: (...cell) => this.#read(...cell), open: () => parts.open.click() }),
      controls: controls({
        change: (name, value) => this.#change({ ...this.#values, [name]: value }),
        reset: () => this.#change(valuesOf(this.#recorded.setting)),
      }),
      legend: legend(),
      says: html("p", { class: "says", "aria-hidden": "true" }),
      aloud: html("p", { class: "aloud", "aria-live": "polite" }),
      open: html("a", { class: "open" }, "Train at this point in the laboratory"),
      note: html("p", { class: "note" }),
    });
    const { says, aloud, open, note } = parts;
    const drawn = html("div", {}, parts.plane.node, parts.legend.node, note, says, aloud, open);
    const moved = html("div", {}, parts.controls.node, parts.controls.reset);
    const live = html("div", { class: "live sheet" }, drawn, moved);
    parts.root = html("div", { class: "laboratory atlas" }, live, html("slot"));
    this.attachShadow({ mode: "open" }).append(html("style", {}, STYLE + LOOKS), parts.root);
  }

  #begin() {
    if (this.#computing || this.dataset.state === "failed") return;
    try {
      this.#computing = new Computing(
        (answer) => this.#receive(answer),
        () => this.#fail(),
      );
      this.#ask();
    } catch {
      this.#fail();
    }
  }

  #fail() {
    this.#computing?.end();
    this.#computing = null;
    this.#parts.root.classList.add("failed");
    set(this, { "data-state": "failed" });
  }

  #change(values) {
    this.#values = values;
    this.#parts.controls.update(values);
    this.#point();
    this.#showMeasured();
    if (!this.#computing) return;
    set(this, { "data-state": "busy" });
    // Once for each picture, however fast a slider moves.
    this.#asking ??= requestAnimationFrame(() => this.#ask());
  }

  #ask() {
    this.#asking = null;
    set(this, { "data-state": "busy" });
    this.#computing.ask(request(this.#values));
  }

  #receive({ kind, rare, cells, ms, done }) {
    this.#maps = { ...this.#maps, [kind]: rare };
    this.#parts.plane.draw(this.#maps, this.#dark);
    this.#showLegend();
    if (kind === "mixup") set(this, { "data-cells": cells, "data-map-ms": ms.toFixed(0) });
    if (done && this.#asking === null) set(this, { "data-state": "done" });
    this.#read(...this.#at);
  }

  #recolour(dark) {
    this.#dark = dark;
    this.#parts.root.classList.toggle("dark", dark);
    this.#parts.plane.draw(this.#maps, dark);
    this.#showLegend();
    this.#showMeasured();
  }

  #showLegend() {
    this.#parts.legend.update(this.#dark, this.#maps.mixup?.some(Number.isNaN) ?? false);
  }

  get #place() {
    const [row, column] = this.#at;
    return { rho: valueAt(AXES.rho, row), noise: valueAt(AXES.noise, column) };
  }

  #read(row, column) {
    this.#at = [row, column];
    this.#parts.plane.mark(row, column);
    this.#point();
    const cell = row * SIZE + column;
    const { standard: { [cell]: standard } = [], mixup: { [cell]: mixup } = [] } = this.#maps;
    if (standard === undefined || mixup === undefined) return;
    const { rho, noise } = this.#place;
    set(this, {
      "data-point": `${rho} ${noise}`,
      "data-standard-rare-error": standard,
      "data-mixup-rare-error": mixup,
    });
    say(this.#parts.says, reading(this.#place, { standard, mixup }, this.#measuredHere()));
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => say(this.#parts.aloud, this.#parts.says.textContent), QUIET);
  }

  /** The link to the laboratory at the reading point. */
  #point() {
    const page = this.getAttribute("laboratory") ?? "intro.html";
    set(this.#parts.open, { href: page + laboratoryAddress(this.#values, this.#place) });
  }

  /** The points that were measured at these settings. */
  get #measured() {
    const { setting, points = [] } = this.#recorded;
    return setting && alike(valuesOf(setting), this.#values) ? points : [];
  }

  /** The measured point in the cell that is read. */
  #measuredHere() {
    const [row, column] = this.#at;
    return this.#measured.find(({ rho, noise }) => {
      const apart = [cellAt(AXES.rho, rho) - row, cellAt(AXES.noise, noise) - column];
      return apart.every((cells) => Math.abs(cells) <= 0.5);
    });
  }

  #showMeasured() {
    const { plane: map, note, controls: moved } = this.#parts;
    const count = this.#recorded.points?.length ?? 0;
    const shown = this.#measured;
    map.dots(shown, this.#dark);
    say(note, measuredNote(count, shown.length > 0));
    set(moved.reset, { hidden: this.#recorded.setting ? null : "" });
    set(this, { "data-dots": shown.length });
  }
}

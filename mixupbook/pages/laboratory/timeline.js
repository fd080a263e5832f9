/**
 * The custom element `<mixup-timeline>`: what recorded networks had learned at a step that the
 * reader picks with a slider.
 *
 * The record is JSON in a script inside the element: `{steps, at, runs: [{name, which, error, common,
 * rare, noise}]}`, `at` being the place in `steps` that it opens with, and each of the last four a
 * number per step. The table beside the script is seen where nothing else can be.
 */

import { html, say, set, svg } from "./dom.js";
import { STYLE } from "./style.js";
import { watchTheme } from "./theme.js";
import { percent } from "./words.js";

const KINDS = [
  ["common", "common feature"],
  ["rare", "rare feature"],
  ["noise", "memorised noise"],
];
/** Measures of the drawing, in its own units. */
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [280, 170, 38, 268, 8, 132];

const OWN_STYLE = /* css */ `
.timeline .cards { grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); }
.timeline .course { display: flex; flex-wrap: wrap; gap: 4px 24px; align-items: center; }
.timeline .course svg { flex: 1 1 16rem; max-width: 22rem; min-width: 0; height: auto; overflow: visible; }
.timeline .course .bars { flex: 1 1 14rem; }
.timeline .controls { margin: 0 0 10px; }
.curves { fill: none; stroke-width: 2.4; stroke-linejoin: round; }
.curves .common { stroke: var(--common); }
.curves .rare { stroke: var(--rare); stroke-dasharray: 7 3; }
.curves .noise { stroke: var(--noise); stroke-dasharray: 2 3; }
.now { stroke: var(--muted); stroke-width: 1.5; }
@container (max-width: 520px) {
  /* Within reach while one looks at the second card; below the page's own bar. */
  .timeline .controls { position: sticky; top: 3rem; z-index: 1; background: var(--paper); }
}
circle { stroke: var(--paper); stroke-width: 1.5; }
circle.common { fill: var(--common); } circle.rare { fill: var(--rare); } circle.noise { fill: var(--noise); }
`;

class Timeline extends HTMLElement {
  #end = () => {};

  connectedCallback() {
    const record = JSON.parse(this.querySelector("script[type='application/json']").textContent);
    const shown = panel(record, (at) => (this.dataset.step = record.steps[at]));
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.replaceChildren(html("style", {}, STYLE, OWN_STYLE), shown);
    this.#end = watchTheme((dark) => shown.classList.toggle("dark", dark));
  }

  disconnectedCallback() {
    this.#end();
  }
}

/** The slider and a card for each run; `moved` is told where it stands. */
function panel({ steps, at, runs }, moved) {
  const scale = scales(steps, runs);
  const cards = runs.map((run) => card(run, steps, scale));
  const value = html("output", { for: "step" });
  const slider = html("input", { type: "range", id: "step", min: 0, max: steps.length - 1, step: 1 });
  const node = html(
    "div",
    { class: "laboratory timeline untouched" },
    html(
      "div",
      { class: "live" },
      html(
        "div",
        { class: "controls field" },
        html("div", { class: "name" }, html("label", { for: "step" }, "Training step"), value),
        slider,
      ),
      html("div", { class: "cards" }, ...cards.map((one) => one.node)),
    ),
    html("slot"),
  );
  slider.value = at;
  slider.addEventListener("input", () => {
    node.classList.remove("untouched");
    show(Number(slider.value));
  });
  // In a notebook, keys would be the notebook's as well.
  node.addEventListener("keydown", (event) => event.stopPropagation());
  show(at);
  return node;

  function show(k) {
    for (const one of cards) one.show(k);
    say(value, `${steps[k]} of ${steps.at(-1)}`);
    set(slider, { "aria-valuetext": [`step ${steps[k]}`, ...runs.map((run) => words(run, k))].join(". ") });
    moved(k);
  }
}

function words(run, k) {
  const strengths = KINDS.map(([kind, label]) => `${label} ${run[kind][k].toFixed(2)}`);
  return `${run.name}: ${percent(run.error[k])} errors on new rare examples, ${strengths.join(", ")}`;
}

/** Where a step and a strength (on a logarithmic scale) are drawn, and the largest strength. */
function scales(steps, runs) {
  const all = runs.flatMap((run) => KINDS.flatMap(([kind]) => run[kind]));
  const longest = Math.max(...all);
  const low = Math.floor(Math.log10(Math.min(...all)));
  const high = Math.log10(1.2 * longest);
  const x = (step) => LEFT + ((RIGHT - LEFT) * (step - steps[0])) / (steps.at(-1) - steps[0]);
  const y = (strength) => BOTTOM - ((BOTTOM - TOP) * (Math.log10(strength) - low)) / (high - low);
  return { x, y, low, high, longest };
}

/** One run: its rare error in large figures, its curves with dots that move, and bars. */
function card(run, steps, scale) {
  const figure = html("span", { class: "figure" });
  const now = svg("path", { class: "now" });
  const dots = KINDS.map(([kind]) => svg("circle", { class: kind, r: 4.5 }));
  const fills = KINDS.map(([kind]) => html("span", { class: `fill ${kind}` }));
  const values = KINDS.map(() => html("span", { class: "value" }));
  const rows = KINDS.flatMap(([, label], i) => [
    html("span", {}, label),
    html("span", { class: "track" }, fills[i]),
    values[i],
  ]);
  const chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
  chart.append(axes(steps, scale), now, curves(run, steps, scale), ...dots);
  const node = html(
    "div",
    { class: `card ${run.which}`, role: "group", "aria-label": run.name },
    html("p", { class: "card-title" }, run.name),
    html("p", { class: "headline" }, figure, html("span", {}, "errors on new rare examples")),
    html("div", { class: "course" }, chart, html("div", { class: "bars" }, ...rows)),
  );
  return { node, show };

  function show(k) {
    const x = scale.x(steps[k]);
    say(figure, percent(run.error[k]));
    set(now, { d: `M${x} ${TOP}V${BOTTOM}` });
    KINDS.forEach(([kind], i) => {
      const strength = run[kind][k];
      set(dots[i], { cx: x, cy: scale.y(strength) });
      fills[i].style.width = `${(100 * strength) / scale.longest}%`;
      say(values[i], strength.toFixed(2));
    });
  }
}

function curves(run, steps, { x, y }) {
  const path = (kind) => `M${steps.map((step, k) => `${x(step)} ${y(run[kind][k])}`).join("L")}`;
  const lines = KINDS.map(([kind]) => svg("path", { class: kind, d: path(kind) }));
  return svg("g", { class: "curves" }, ...lines);
}

function axes(steps, { x, y, low, high }) {
  const node = svg("g", { class: "axes" });
  for (let power = low; power <= high; power += 1) {
    const at = y(10 ** power);
    node.append(svg("line", { x1: LEFT, x2: RIGHT, y1: at, y2: at }));
    node.append(svg("text", { x: LEFT - 5, y: at + 4, class: "end" }, String(10 ** power)));
  }
  for (const step of [steps[0], steps.at(-1)]) {
    node.append(svg("text", { x: x(step), y: BOTTOM + 16, class: "middle" }, String(step)));
  }
  node.append(svg("text", { x: (LEFT + RIGHT) / 2, y: BOTTOM + 30, class: "middle" }, "training steps"));
  return node;
}

if (!customElements.get("mixup-timeline")) customElements.define("mixup-timeline", Timeline);

/** In a live notebook: called by anywidget for every view. */
export function render({ model, el }) {
  const record = html("script", { type: "application/json" }, JSON.stringify(model.get("record")));
  el.append(html("mixup-timeline", {}, record));
}

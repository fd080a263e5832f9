/** Buttons and sliders. They know names and ranges, and report what was asked for. */

import { html, say, set } from "./dom.js";
import { FIXED } from "./engine.js";
import { button, field, group } from "./fields.js";
import { checked, labelLam, parameter, stopStep } from "./parameters.js";
import { percent } from "./words.js";

/** Sliders: what they are called (a subscript after a bar), and the value beside it. */
const SLIDERS = {
  lam: ["Mixing coefficient, λ", ({ lam }) => lam.toFixed(2)],
  label_lam: ["Label coefficient, λ|y", (values) => labelLam(values).toFixed(2)],
  stop: ["Mixup stops at step", ({ stop, steps }) => (stop < steps ? `${stop}` : "never")],
  rho: ["Rare examples, ρ", ({ rho }) => `${Math.round(FIXED.examples * rho)} of ${FIXED.examples}`],
  noise: ["Noise, σ", ({ noise }) => noise.toFixed(2)],
  overlap: ["Overlap of places", ({ overlap }) => percent(overlap)],
};
const NUMBERS = { steps: "Steps to train", seed: "Seed of data and start" };

/**
 * @param {object} on what is called: `change(name, value)`, and for the buttons `play`, `step`,
 *   `again`, `another`, `share` and `reset`
 * @param {boolean} few only the button to train and the step at which Mixup stops
 * @returns {{buttons: Element, sliders: Element, update: (values: object, state: string) => void}}
 */
export function controls(on, few) {
  const play = button("play", on.play);
  const rest = [
    button("step", on.step, "10 steps"),
    button("again", on.again, "Same start"),
    button("another", on.another, "Another draw"),
    button("share", on.share, "Copy link"),
    button("reset", on.reset, "Reset"),
  ];
  const change = (name) => (value) => on.change(name, value);
  const stop = slider("stop", change("stop"));
  const mixing = [slider("lam", change("lam")), labelSlider(change("label_lam")), stop];
  const data = ["rho", "noise", "overlap"].map((name) => slider(name, change(name)));
  const numbers = Object.keys(NUMBERS).map((name) => numberField(name, change(name)));
  const parts = few ? [stop] : [...mixing, ...data, ...numbers];
  const buttons = html("div", { class: "buttons" }, play, ...(few ? [stop.node] : rest));
  const sliders = html("div", { class: "controls" });
  if (!few) sliders.append(group("Mixup", mixing), group("Data and training", [...data, ...numbers]));

  return { buttons, sliders, update };

  function update(values, state) {
    say(play, { running: "❚❚ Pause", paused: "▶ Continue", done: "▶ Train again" }[state] ?? "▶ Train");
    for (const part of parts) part.update(values);
  }
}

function slider(name, onChange) {
  const row = parameter(name);
  const [title, shown] = SLIDERS[name];
  const input = html("input", { type: "range", min: row.min, step: row.step });
  const { id, value, node } = field(name, title, input);
  set(input, { id, class: name });
  input.addEventListener("input", () => {
    const ends = name === "stop" && Number(input.value) >= Number(input.max);
    onChange(ends ? row.word : checked(row, input.value).value);
  });
  return { node, input, update };

  function update(values) {
    const { at, end, step } = (PLACES[name] ?? plain)(values, row);
    set(input, { max: Math.max(end, at), step });
    if (Number(input.value) !== at) input.value = at;
    set(input, { "aria-valuetext": shown(values) });
    say(value, shown(values));
  }
}

/** Where a slider stands, where it ends, and in which steps it goes. */
const plain = (values, { name, max, slider: end = max, step }) => ({ at: values[name], end, step });
const PLACES = {
  label_lam: (values, { max, step }) => ({ at: labelLam(values), end: max, step }),
  stop: (values) => {
    const { steps } = values;
    const at = stopStep(values);
    const coarse = Math.max(1, Math.round(steps / 160));
    const step = at < steps && at % coarse ? 1 : coarse; // a link's stop may lie between
    const end = step * Math.ceil(steps / step);
    return { at: Math.min(at, end), end, step };
  },
};

/** The label's share, which follows that of the features until it is moved. */
function labelSlider(onChange) {
  const made = slider("label_lam", onChange);
  const same = html("input", { type: "checkbox", class: "same" });
  same.addEventListener("change", () => onChange(same.checked ? "same" : Number(made.input.value)));
  made.node.append(html("label", { class: "check" }, same, " same as λ"));
  return {
    node: made.node,
    update(values) {
      made.update(values);
      same.checked = values.label_lam === "same";
    },
  };
}

function numberField(name, onChange) {
  const row = parameter(name);
  const { min, max, step } = row;
  const input = html("input", { type: "number", inputmode: "numeric", min, max, step, class: name });
  const { id, node } = field(name, NUMBERS[name], input);
  set(input, { id });
  input.addEventListener("change", () => {
    const { value = Number(input.dataset.value) } = checked(row, input.value);
    input.value = value;
    onChange(value);
  });
  return {
    node,
    update(values) {
      input.dataset.value = values[name];
      // Not under the hands of one who types.
      if (input.getRootNode().activeElement !== input) input.value = values[name];
    },
  };
}

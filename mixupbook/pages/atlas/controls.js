/** The atlas's sliders. They know names and ranges, and report what was asked for. */

import { html, say, set } from "../laboratory/dom.js";
import { button, field, group } from "../laboratory/fields.js";
import { labelLam, stopStep } from "../laboratory/parameters.js";

const plain = (value) => `${value}`;
const hundredths = (value) => value.toFixed(2);

/**
 * A slider goes from `low` to `high`, in steps of `step`, or in so many `notches` by equal factors
 * to numbers of two digits.
 */
const MIXUP = {
  lam: { title: "Mixing coefficient, λ", low: 0.5, high: 1, step: 0.01, shown: hundredths },
  label_lam: { title: "Label coefficient, λ|y", low: 0.5, high: 1, step: 0.01, shown: hundredths },
};
const TRAINING = {
  steps: { title: "Training steps", low: 100, high: 6400, notches: 24, shown: plain },
  init_std: { title: "Start, σ|0", low: 0.001, high: 1, notches: 30, shown: plain },
  n: { title: "Training examples, n", low: 40, high: 400, step: 10, shown: plain },
  d: { title: "Dimensions, d", low: 100, high: 2000, step: 50, shown: plain },
};
/** The slider of the stop has so many places. */
const STOPS = 80;

/**
 * @param {{change: (name: string, value: number | string) => void, reset: () => void}} on
 * @returns {{node: Element, reset: Element, update: (values: object) => void}}
 */
export function controls(on) {
  const one = ([name, row]) => slider(name, row, (value) => on.change(name, value));
  const made = (table) => Object.entries(table).map(one);
  const [lam, label] = made(MIXUP);
  const mixup = [lam, withSame(label, on), stopSlider(on)];
  const training = made(TRAINING);
  const groups = [group("Mixup", mixup), group("Training", training)];
  const reset = button("reset", on.reset, "Same settings as the recorded measurement");
  return {
    node: html("div", { class: "controls" }, ...groups),
    reset,
    update: (values) => [...mixup, ...training].forEach((part) => part.update(values)),
  };
}

function slider(name, row, onChange) {
  const { title, low, high, step, notches, shown } = row;
  const range = notches ? { min: 0, max: notches, step: 1 } : { min: low, max: high, step };
  const input = html("input", { type: "range", class: name, ...range });
  const { id, value: written, node } = field(name, title, input);
  set(input, { id });
  input.addEventListener("input", () => onChange(valueAt(row, Number(input.value))));
  return {
    node,
    input,
    update(values) {
      const value = name === "label_lam" ? labelLam(values) : values[name];
      // A recorded value may lie between two places; there the slider stands beside it.
      if (valueAt(row, Number(input.value)) !== value) input.value = placeOf(row, value);
      set(input, { "aria-valuetext": shown(value) });
      say(written, shown(value));
    },
  };
}

function valueAt({ low, high, notches }, place) {
  if (!notches) return place;
  return Number((low * (high / low) ** (place / notches)).toPrecision(2));
}

function placeOf({ low, high, notches }, value) {
  return notches ? (notches * Math.log(value / low)) / Math.log(high / low) : value;
}

/** The label's coefficient follows that of the features until it is moved. */
function withSame(label, on) {
  const same = html("input", { type: "checkbox", class: "same" });
  same.addEventListener("change", () => {
    on.change("label_lam", same.checked ? "same" : Number(label.input.value));
  });
  label.node.append(html("label", { class: "check" }, same, " same as λ"));
  return {
    node: label.node,
    update(values) {
      label.update(values);
      same.checked = values.label_lam === "same";
    },
  };
}

/** Its end means never, wherever the training ends. */
function stopSlider(on) {
  const input = html("input", { type: "range", class: "stop", min: 0, max: STOPS, step: 1 });
  const { id, value: written, node } = field("stop", "Mixup stops at step", input);
  set(input, { id });
  let last = 0;
  const stepAt = (place) => (place === STOPS ? "never" : Math.round((place * last) / STOPS));
  input.addEventListener("input", () => on.change("stop", stepAt(Number(input.value))));
  return {
    node,
    update(values) {
      last = values.steps;
      const stop = stopStep(values);
      const said = stop < last ? `${stop}` : "never";
      const stands = `${stepAt(Number(input.value))}`;
      if (stands !== said) input.value = (STOPS * Math.min(stop, last)) / last;
      set(input, { "aria-valuetext": said });
      say(written, said);
    },
  };
}

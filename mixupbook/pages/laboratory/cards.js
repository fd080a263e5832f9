/** Two cards, one for each network: its rare error in large figures, and what it has learned. */

import { html, say, set } from "./dom.js";
import { stopStep } from "./parameters.js";
import { percent, verdict } from "./words.js";

const BARS = [
  ["commonFeature", "common feature", "common"],
  ["rareFeature", "rare feature", "rare"],
  ["noise", "memorised noise", "noise"],
];
/** Bars are as long as their card at this response, or at the largest there is. */
const FULL = 2.5;

/**
 * @returns {{node: Element, update: (values: object, measured: object | null) => void}}
 */
export function cards() {
  const both = ["standard", "mixup"].map(card);
  return { node: html("div", { class: "cards" }, ...both.map(({ node }) => node)), update };

  function update(values, measured) {
    const longest = Math.max(FULL, ...both.flatMap(({ which }) => responses(measured?.[which])));
    for (const one of both) one.update(values, measured, longest);
  }
}

function responses(found) {
  return BARS.map(([name]) => found?.[name]).filter(Number.isFinite);
}

function card(which) {
  const title = html("p", { class: "card-title" });
  const figure = html("span", { class: "figure" }, "–");
  const says = html("p", { class: "verdict" });
  const bars = BARS.map(([name, label, kind]) => bar(name, label, kind));
  const node = html(
    "div",
    { class: `card ${which}`, role: "group" },
    title,
    html("p", { class: "headline" }, figure, html("span", {}, "errors on new rare examples")),
    says,
    html("div", { class: "bars" }, ...bars.flatMap(({ parts }) => parts)),
  );
  return { which, node, update };

  function update(values, measured, longest) {
    const name = which === "standard" ? "Standard training" : mixupName(values);
    say(title, name);
    set(node, { "aria-label": name });
    if (!measured) return; // a run that has just begun: a moment
    const found = measured[which];
    say(figure, percent(found.rareError));
    say(says, measured.step === 0 ? "not yet trained: guesses" : verdict(found));
    for (const one of bars) one.update(found, longest);
  }
}

function mixupName(values) {
  const stop = stopStep(values);
  return stop < values.steps ? `Mixup until step ${stop}` : "Mixup";
}

/** A row of three: what it is, how much, in a bar and in figures. */
function bar(name, label, kind) {
  const fill = html("span", { class: `fill ${kind}` });
  const value = html("span", { class: "value" });
  return {
    parts: [html("span", {}, label), html("span", { class: "track" }, fill), value],
    update(found, longest) {
      const length = found[name];
      const known = Number.isFinite(length);
      fill.style.width = known ? `${Math.min(100, (100 * length) / longest)}%` : "0";
      say(value, known ? shown(length) : "–");
    },
  };
}

function shown(length) {
  return length < 100 ? length.toFixed(2) : length.toExponential(0);
}

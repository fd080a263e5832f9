/** What is seen: strips, cards, curve, controls, and the sentences between them. */

import { cards } from "./cards.js";
import { controls } from "./controls.js";
import { curve } from "./curve.js";
import { html, say, svg } from "./dom.js";
import { FIXED } from "./engine.js";
import { strips } from "./strips.js";
import { STYLE } from "./style.js";
import { watchTheme } from "./theme.js";
import { mixture, percent } from "./words.js";

const FIRST_WORDS = "Not yet trained: both networks begin with the same weights. Press Train.";

/**
 * @param {object} on the actions, as in `controls`
 * @param {boolean} few whether there are only two controls
 */
export function panel(on, few) {
  const parts = {
    strips: strips(),
    mixture: few ? blend() : push(),
    cards: cards(),
    curve: curve((stop) => on.change("stop", stop)),
    controls: controls(on, few),
  };
  const says = html("p", { class: "says", role: "status", "aria-live": "polite" }, FIRST_WORDS);
  const progress = html("p", { class: "progress", "aria-hidden": "true" });
  const refused = html("p", { class: "refused", role: "alert" });
  const plot = html("div", { class: "plot" }, legend(), parts.curve.node);
  const node = html(
    "div",
    { class: "laboratory untouched" },
    html(
      "div",
      { class: "live" },
      refused,
      mixingPanel(parts.strips.node, parts.mixture.node),
      parts.controls.buttons,
      parts.cards.node,
      plot,
      progress,
    ),
    html("slot"),
    says,
    html("div", { class: "live" }, parts.controls.sliders),
  );
  node.addEventListener("keydown", keepKeys);
  const lessMotion = matchMedia("(prefers-reduced-motion: reduce)");
  const observer = new ResizeObserver(([{ contentRect }]) => parts.curve.resize(contentRect.width));
  observer.observe(plot);
  const endTheme = watchTheme((dark) => node.classList.toggle("dark", dark));

  return {
    node,
    style: html("style", {}, STYLE),
    update,
    announce: (text) => say(says, text),
    refuse: (reasons) => say(refused, reasons.join(" ")),
    calm: () => lessMotion.matches,
    end() {
      observer.disconnect();
      endTheme();
    },
  };

  function update({ values, state, records, before }) {
    const latest = records.at(-1) ?? null;
    say(progress, `step ${latest?.step ?? 0} of ${values.steps}`);
    node.classList.toggle("untouched", records.length < 2);
    node.classList.toggle("failed", state === "failed");
    parts.strips.update(values);
    parts.mixture.update(values);
    parts.cards.update(values, latest);
    parts.curve.update(values, records, before);
    parts.controls.update(values, state);
  }
}

/** Plain keys are the controls' own: from outside, a page sees no input that has the focus. */
function keepKeys(event) {
  if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
}

function mixingPanel(strip, mixture) {
  return html(
    "div",
    { class: "mixing-panel" },
    strip,
    html(
      "div",
      { class: "explains" },
      html(
        "p",
        {},
        `Two networks, the same ${FIXED.examples} examples, the same start. ` +
          "Most examples show their class by ",
        html("b", { class: "common" }, "the common feature v"),
        ", a few only by ",
        html("b", { class: "rare" }, "the rare feature r"),
        "; ξ is noise, another in each example, which a network can memorise. One trains on the " +
          "examples, the other on their mixtures. There are two classes: who guesses errs on 50\u00a0%.",
      ),
      mixture,
    ),
  );
}

/** What a mixture is, for who sees one for the first time. */
function blend() {
  const shares = html("span", { class: "amount" });
  const node = html("p", { class: "push" }, "Each patch of a mixture ", shares, "laid over each other");
  const update = ({ lam }) => say(shares, `${percent(lam)} and ${percent(1 - lam)}`);
  return { node, update };
}

/** What a mixture does to the rare feature. */
function push() {
  const amount = html("span", { class: "amount" });
  const meets = html("span", { class: "meets" });
  const node = html("p", { class: "push" }, "Push of a mixture on r ", amount, meets);
  return { node, update };

  function update(values) {
    const found = mixture(values);
    say(amount, values.overlap === 0 ? "0" : `2λ(1−λ) = ${found.push.toFixed(2)}`);
    say(meets, found.meets);
  }
}

function legend() {
  const entry = (kind, text) =>
    html(
      "span",
      {},
      svg("svg", { viewBox: "0 0 30 10", "aria-hidden": "true" }, svg("path", { class: `line ${kind}`, d: "M0 5H30" })),
      text,
    );
  return html(
    "p",
    { class: "legend" },
    html("strong", {}, "Errors on new rare examples"),
    entry("standard", "standard"),
    entry("mixup", "Mixup"),
  );
}

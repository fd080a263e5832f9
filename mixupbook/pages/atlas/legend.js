/** What colours and lines of the map mean. */

import { html, svg } from "../laboratory/dom.js";
import { scale } from "./colours.js";

const LINES = { mixup: "25 % with Mixup", standard: "25 % with standard training" };

/** @returns {{node: Element, update: (dark: boolean, hasGaps: boolean) => void}} */
export function legend() {
  const strip = html("span", { class: "strip" });
  const colours = html("span", {}, "Rare error with Mixup: 0\u00a0%", strip, "50\u00a0%");
  const lines = Object.entries(LINES).map(([kind, text]) => {
    const line = svg("path", { class: `boundary ${kind}`, d: "M0 5H34" });
    return html("span", {}, svg("svg", { "aria-hidden": "true" }, line), text);
  });
  const hatched = html("span", { class: "hatched" });
  const gaps = html("span", { hidden: "" }, hatched, "too few rare examples");
  return {
    node: html("div", { class: "key" }, colours, ...lines, gaps),
    update(dark, hasGaps) {
      strip.style.background = scale(dark);
      gaps.hidden = !hasGaps;
    },
  };
}

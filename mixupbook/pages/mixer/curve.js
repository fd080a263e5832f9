/** The label coefficient over lambda: the line, the map, and where the reader stands. */

import { set, svg } from "../laboratory/dom.js";
import { INDEPENDENT, labelCoefficient } from "./maps.js";

const [LEFT, TOP, SIZE] = [46, 10, 150];
const x = (lam) => LEFT + SIZE * lam;
const y = (share) => TOP + SIZE * (1 - share);
// Just below one half, too: a map may jump there.
const LAMS = [...Array(101).keys()].map((k) => k / 100).toSpliced(50, 0, 0.4999);

/** @returns {{node: Element, update: (map: string, lam: number, labelLam: number) => void}} */
export function curve() {
  const draws = svg("g", { class: "draws" }, square(0), square(0.5));
  const path = svg("path", { class: "map" });
  const dot = svg("circle", { r: 6, class: "dot" });
  const node = svg(
    "svg",
    { viewBox: "0 0 211 205", class: "curve", role: "img" },
    svg("path", { class: "axis", d: `M${x(0)} ${y(1)}V${y(0)}H${x(1)}` }),
    draws,
    svg("path", { class: "line", d: `M${x(0)} ${y(0)}L${x(1)} ${y(1)}` }),
    path,
    dot,
    ...[0, 0.5, 1].map((tick) => text(x(tick), y(0) + 16, tick, "middle")),
    ...[0, 0.5, 1].map((tick) => text(LEFT - 6, y(tick) + 4, tick, "end")),
    text(x(0.5), y(0) + 34, "share of the image, λ", "middle"),
    svg("g", { transform: `translate(11 ${y(0.5)}) rotate(-90)` }, text(0, 0, "of the label", "middle")),
  );
  return { node, update };

  function update(map, lam, labelLam) {
    const points = LAMS.map((at) => `${x(at)} ${y(labelCoefficient(map, at))}`);
    const isDrawn = map === INDEPENDENT; // then the path is the mean
    set(path, { d: `M${points.join("L")}`, "stroke-dasharray": isDrawn && "5 4" });
    set(draws, { visibility: isDrawn ? "visible" : "hidden" });
    set(dot, { cx: x(lam), cy: y(labelLam) });
    set(node, { "aria-label": `Label coefficient over lambda: the map ${map}, beside the diagonal` });
  }
}

function square(from) {
  return svg("rect", { x: x(from), y: y(from + 0.5), width: SIZE / 2, height: SIZE / 2 });
}

function text(left, bottom, said, anchor) {
  return svg("text", { x: left, y: bottom, "text-anchor": anchor }, `${said}`);
}

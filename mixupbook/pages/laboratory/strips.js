/** Three strips of patches: a common example, a rare one, and their mixture. */

import { set, svg } from "./dom.js";
import { mixture } from "./words.js";

const SIZE = 40;
const GAP = 6;
const ROW = SIZE + 10;
const LABEL = 74;
const PATCHES = 4;
const LETTERS = { common: "v", rare: "r", noise: "ξ" };

/** What the patches of an example hold; a rare feature is in the first place or in the second. */
function contents(kind, place = 0) {
  return Array.from({ length: PATCHES }, (_, p) => (p === place ? kind : "noise"));
}

/**
 * @returns {{node: SVGElement, update: (values: object) => void}}
 */
export function strips() {
  const width = LABEL + PATCHES * (SIZE + GAP) - GAP;
  const node = svg("svg", {
    class: "strips",
    role: "img",
    viewBox: `0 0 ${width} ${2 * ROW + SIZE}`,
  });
  const rows = ["common", "rare", "mixture"].map((title, k) => {
    const text = { x: 0, y: k * ROW + SIZE / 2 + 5, class: "strip-title" };
    const patches = svg("g", { transform: `translate(${LABEL} ${k * ROW})` });
    node.append(svg("text", text, title), patches);
    return patches;
  });

  return { node, update };

  function update(values) {
    const { lam, overlap } = values;
    const common = contents("common");
    const rare = contents("rare", overlap >= 0.5 ? 0 : 1);
    rows[0].replaceChildren(...common.map((kind, p) => patch(p, [[kind, 1]])));
    rows[1].replaceChildren(...rare.map((kind, p) => patch(p, [[kind, 1]])));
    rows[2].replaceChildren(
      ...common.map((kind, p) => patch(p, [[kind, lam], [rare[p], 1 - lam]])),
    );
    set(node, { "aria-label": described(values) });
  }
}

/** One patch, divided among what is mixed in it. */
function patch(p, parts) {
  const group = svg("g", { transform: `translate(${p * (SIZE + GAP)} 0)` });
  let x = 0;
  for (const [kind, share] of parts) {
    const width = share * SIZE;
    group.append(svg("rect", { class: `patch ${kind}`, x, y: 0, width, height: SIZE }));
    if (width >= 11) {
      const size = width < 17 ? "small" : "";
      const at = { x: x + width / 2, y: SIZE / 2 + 5 };
      group.append(svg("text", { class: `letter ${kind} ${size}`, ...at }, LETTERS[kind]));
    }
    x += width;
  }
  group.append(svg("rect", { class: "frame", x: 0.5, y: 0.5, width: SIZE - 1, height: SIZE - 1 }));
  return group;
}

function described(values) {
  const { push, meets } = mixture(values);
  const place = values.overlap >= 0.5 ? "the same patch" : "another patch";
  return (
    "Three strips of four patches. A common example holds the common feature v in its first " +
    `patch, a rare example the rare feature r in ${place}; the other patches hold noise. In ` +
    `their mixture each patch is ${percentage(values.lam)} of the first and ` +
    `${percentage(1 - values.lam)} of the second. Push on the rare feature: ` +
    `${values.overlap === 0 ? 0 : push.toFixed(2)}, ${meets}.`
  );
}

function percentage(share) {
  return `${Math.round(100 * share)} per cent`;
}

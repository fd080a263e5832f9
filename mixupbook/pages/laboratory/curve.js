/** The rare test error over the steps, and the line "Mixup stops here", which can be dragged. */

import { say, set, svg } from "./dom.js";
import { stopStep } from "./parameters.js";

const HEIGHT = 230;
const MARGIN = { left: 48, right: 22, top: 38, bottom: 40 };
/** The dashed line lies on the other one, so that both are seen where they are the same. */
const KINDS = ["mixup", "standard"];
/** The line moves by this share of the steps with an arrow key, and by ten of them with a page. */
const KEY_SHARE = 1 / 80;

/**
 * @param {(stop: number | "never") => void} onStop the line was moved
 * @returns {{node: SVGElement, update: (values: object, records: object[], before: object[]) => void,
 *   resize: (width: number) => void}}
 */
export function curve(onStop) {
  const scene = svg("g", { "aria-hidden": "true" });
  const axes = svg("g", { class: "axes" });
  const mixing = svg("rect", { class: "mixing" });
  const before = KINDS.map((kind) => svg("path", { class: `line before ${kind}` }));
  const lines = KINDS.map((kind) => svg("path", { class: `line ${kind}` }));
  const dots = KINDS.map((kind) => svg("circle", { class: `dot ${kind}`, r: 4.5 }));
  scene.append(mixing, axes, ...before, ...lines, ...dots);
  const stopper = handle();
  const node = svg("svg", { class: "curve", role: "group", height: HEIGHT }, scene, stopper.node);
  set(node, { "aria-label": "Errors on rare test examples over the steps" });

  let width = 640;
  let shown = null;
  stopper.listen((x) => moved(stepAt(x)), keyed);
  return { node, update, resize };

  function resize(newWidth) {
    const hidden = newWidth < MARGIN.left + MARGIN.right;
    if (hidden || Math.abs(newWidth - width) < 1) return;
    width = newWidth;
    if (shown) update(...shown);
  }

  function update(values, records, earlier) {
    shown = [values, records, earlier];
    set(node, { width, viewBox: `0 0 ${width} ${HEIGHT}` });
    const errors = [...records, ...earlier].flatMap((m) => KINDS.map((kind) => m[kind].rareError));
    const top = errors.some((error) => error > 0.6) ? 1 : 0.6;
    const y = (error) => HEIGHT - MARGIN.bottom - (error / top) * plotHeight();
    drawAxes(axes, values.steps, top, x, y, width);
    KINDS.forEach((kind, k) => {
      set(before[k], { d: path(earlier, kind, y) });
      set(lines[k], { d: path(records, kind, y) });
      const last = records.findLast((measured) => Number.isFinite(measured[kind].rareError));
      set(dots[k], last ? { cx: x(last.step), cy: y(last[kind].rareError) } : { cx: -99 });
    });
    const stop = Math.min(stopStep(values), values.steps);
    set(mixing, {
      x: MARGIN.left,
      y: MARGIN.top,
      width: x(stop) - MARGIN.left,
      height: plotHeight(),
    });
    stopper.update(values, x(stop), width);
  }

  function x(step) {
    return MARGIN.left + (step / shown[0].steps) * (width - MARGIN.left - MARGIN.right);
  }

  function stepAt(clientX) {
    const box = node.getBoundingClientRect();
    const inside = (clientX - box.left - MARGIN.left) / (width - MARGIN.left - MARGIN.right);
    return inside * shown[0].steps;
  }

  /** To a round step within the run; its end means never. */
  function moved(step) {
    const { steps } = shown[0];
    const grid = Math.max(1, Math.round(steps / 160));
    const to = Math.max(0, Math.round(step / grid) * grid);
    onStop(to >= steps ? "never" : to);
  }

  function keyed(key) {
    const { steps } = shown[0];
    const at = Math.min(stopStep(shown[0]), steps);
    const little = Math.max(1, Math.round(steps * KEY_SHARE));
    const to = {
      ArrowLeft: at - little,
      ArrowDown: at - little,
      ArrowRight: at + little,
      ArrowUp: at + little,
      PageDown: at - 10 * little,
      PageUp: at + 10 * little,
      Home: 0,
      End: steps,
    }[key];
    if (to === undefined) return false;
    moved(to);
    return true;
  }

  function path(records, kind, y) {
    return records
      .filter((measured) => Number.isFinite(measured[kind].rareError))
      .map((m, i) => `${i ? "L" : "M"}${x(m.step).toFixed(1)} ${y(m[kind].rareError).toFixed(1)}`)
      .join("");
  }
}

function plotHeight() {
  return HEIGHT - MARGIN.top - MARGIN.bottom;
}

function drawAxes(axes, steps, top, x, y, width) {
  const marks = top === 1 ? [0, 0.5, 1] : [0, 0.25, 0.5];
  const levels = marks.flatMap((error) => [
    svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(error), y2: y(error) }),
    svg("text", { x: MARGIN.left - 8, y: y(error) + 4, class: "end" }, `${100 * error} %`),
  ]);
  const bottom = HEIGHT - MARGIN.bottom;
  const quarters = [0, 1, 2, 3, 4].map((k) =>
    svg("text", { x: x((k * steps) / 4), y: bottom + 18, class: "middle" }, `${Math.round((k * steps) / 4)}`),
  );
  const middle = (MARGIN.left + width - MARGIN.right) / 2;
  const unit = svg("text", { x: middle, y: bottom + 35, class: "middle unit" }, "training steps");
  axes.replaceChildren(...levels, ...quarters, unit);
}

/** The line with its handle: a slider for everyone. */
function handle() {
  const line = svg("line", { class: "stop-line", y1: MARGIN.top - 4, y2: HEIGHT - MARGIN.bottom });
  const grip = svg("rect", { class: "grip", width: 28, height: 26, rx: 6, y: MARGIN.top - 32 });
  const arrows = svg("text", { class: "arrows", y: MARGIN.top - 14 }, "◂ ▸");
  const label = svg("text", { class: "stop-label", y: MARGIN.top - 14 });
  // Wide enough for a finger, over the whole height.
  const target = svg("rect", { class: "target", width: 44, y: 0, height: HEIGHT - MARGIN.bottom });
  const node = svg(
    "g",
    { class: "stopper", role: "slider", tabindex: 0, "aria-label": "Mixup stops at step" },
    target, line, grip, arrows, label,
  );
  return { node, update, listen };

  function update({ stop, steps }, x, width) {
    const never = stop === "never" || stop >= steps;
    set(target, { x: x - 22 });
    set(line, { x1: x, x2: x });
    set(grip, { x: x - 14 });
    set(arrows, { x });
    const left = x > width / 2;
    set(label, { x: left ? x - 22 : x + 22, "text-anchor": left ? "end" : "start" });
    say(label, never ? "Mixup never stops: drag" : `Mixup stops here: ${stop}`);
    set(node, {
      "aria-valuemin": 0,
      "aria-valuemax": steps,
      "aria-valuenow": never ? steps : stop,
      "aria-valuetext": never ? "never" : `step ${stop}`,
    });
  }

  function listen(onDrag, onKey) {
    node.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      node.setPointerCapture(event.pointerId);
      node.focus();
      event.preventDefault();
    });
    node.addEventListener("pointermove", (event) => {
      if (node.hasPointerCapture(event.pointerId)) onDrag(event.clientX);
    });
    node.addEventListener("keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey && onKey(event.key)) {
        event.preventDefault();
      }
    });
  }
}

/** The plane: the map with its lines, dots, axes and reading point. */

import { html, set, svg } from "../laboratory/dom.js";
import { colour, css } from "./colours.js";
import { contour, smooth } from "./contour.js";
import { AXES, SIZE, cellAt, valueAt } from "./settings.js";

const MARGIN = { left: 54, right: 10, top: 10, bottom: 46 };
const LEVEL = 0.25;
const TICKS = { noise: [0.1, 0.2, 0.3, 0.4, 0.5], rho: [0.1, 0.2, 0.3, 0.4] };
/** The reading point is a frame that does not hide a dot. */
const AROUND_DOT = 20;
/** Height of the map, as a share of its width. */
const SHAPE = 0.8;
const LABEL =
  "Map of the rare error over noise and share of rare examples. Arrow keys move the reading " +
  "point, with Shift by five cells; Enter opens it in the laboratory.";
const KEYS = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [1, 0],
  ArrowDown: [-1, 0],
  PageUp: [5, 0],
  PageDown: [-5, 0],
  Home: [0, -SIZE],
  End: [0, SIZE],
};

/**
 * @param {{read: (row: number, column: number) => void, open: () => void}} on a cell is pointed at,
 *   or chosen
 * @returns {{node: Element, draw: (maps: object, dark: boolean) => void,
 *   mark: (row: number, column: number) => void, dots: (points: object[], dark: boolean) => void,
 *   resize: (width: number) => void}}
 */
export function plane(on) {
  const canvas = html("canvas", { width: SIZE, height: SIZE, "aria-hidden": "true" });
  const axes = svg("g", { class: "axes" });
  const lines = ["standard", "mixup"].map((kind) => ({
    kind,
    halo: svg("path", { class: `boundary halo ${kind}` }),
    path: svg("path", { class: `boundary ${kind}` }),
  }));
  const dotted = svg("g", { class: "dots" });
  const point = [svg("rect", { class: "point halo" }), svg("rect", { class: "point" })];
  const paths = lines.flatMap(({ halo, path }) => [halo, path]);
  const scene = svg("svg", { "aria-hidden": "true" }, axes, ...paths, dotted, ...point);
  const attributes = { class: "plane", tabindex: 0, role: "application", "aria-label": LABEL };
  const node = html("div", attributes, canvas, scene);

  let width = 0;
  let height = 0;
  let at = [0, 0];
  let shown = { maps: {}, dark: false, points: [] };
  listen();
  return { node, draw, mark, dots, resize };

  function resize(newWidth) {
    const inner = newWidth - MARGIN.left - MARGIN.right;
    if (inner <= 0 || inner === width) return;
    width = inner;
    height = Math.round(width * SHAPE);
    set(scene, { width: newWidth, height: height + MARGIN.top + MARGIN.bottom });
    Object.assign(canvas.style, {
      left: `${MARGIN.left}px`,
      top: `${MARGIN.top}px`,
      width: `${width}px`,
      height: `${height}px`,
    });
    drawAxes(axes, x, y, width, height);
    draw(shown.maps, shown.dark);
    dots(shown.points, shown.dark);
    mark(...at);
  }

  /** Of a place in cells. */
  function x(column) {
    return MARGIN.left + ((column + 0.5) / SIZE) * width;
  }

  function y(row) {
    return MARGIN.top + height - ((row + 0.5) / SIZE) * height;
  }

  function draw(maps, dark) {
    shown = { ...shown, maps, dark };
    if (maps.mixup) paint(canvas, maps.mixup, dark);
    for (const { kind, halo, path } of lines) {
      const found = maps[kind] ? contour(maps[kind], SIZE, LEVEL) : [];
      const d = found.map(smooth).map((line) => `M${line.map(([c, r]) => [x(c), y(r)].map(fixed)).join("L")}`);
      for (const one of [halo, path]) set(one, { d: d.join("") });
    }
  }

  function mark(row, column) {
    at = [row, column];
    const [w, h] = [width, height].map((length) => Math.max(length / SIZE + 4, AROUND_DOT));
    const size = { width: w, height: h };
    const place = { x: x(column) - w / 2, y: y(row) - h / 2 };
    for (const rect of point) set(rect, { ...place, ...size });
  }

  function dots(points, dark) {
    shown = { ...shown, points, dark };
    const drawn = points.map(({ rho, noise, standard, mixup }) => {
      const place = { cx: x(cellAt(AXES.noise, noise)), cy: y(cellAt(AXES.rho, rho)) };
      const ring = svg("circle", { ...place, r: 7, fill: css(standard, dark) });
      const gap = svg("circle", { ...place, r: 4.5, class: "gap" });
      const disc = svg("circle", { ...place, r: 3.5, fill: css(mixup, dark) });
      const edge = svg("circle", { ...place, r: 7.5, class: "edge" });
      return svg("g", { class: "measured" }, ring, gap, disc, edge);
    });
    dotted.replaceChildren(...drawn);
  }

  function listen() {
    const point = (event) => {
      const box = canvas.getBoundingClientRect();
      const column = ((event.clientX - box.left) / box.width) * SIZE;
      const row = ((box.bottom - event.clientY) / box.height) * SIZE;
      read(Math.floor(row), Math.floor(column));
    };
    node.addEventListener("pointerdown", point);
    node.addEventListener("pointermove", point);
    node.addEventListener("click", (event) => {
      // A finger reads by touching; it has the link below.
      if (event.pointerType !== "touch") on.open();
    });
    node.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const move = KEYS[event.key];
      if (event.key === "Enter") on.open();
      else if (move) read(...at.map((cell, k) => cell + move[k] * (event.shiftKey ? 5 : 1)));
      else return;
      event.preventDefault();
    });
  }

  function read(...cell) {
    on.read(...cell.map((one) => Math.min(Math.max(one, 0), SIZE - 1)));
  }
}

function fixed(number) {
  return number.toFixed(1);
}

/** A pixel for each cell, the first row at the bottom; nothing where there is no prediction. */
function paint(canvas, rare, dark) {
  const context = canvas.getContext("2d");
  const picture = context.createImageData(SIZE, SIZE);
  rare.forEach((error, cell) => {
    if (Number.isNaN(error)) return;
    const row = SIZE - 1 - Math.floor(cell / SIZE);
    picture.data.set([...colour(error, dark), 255], 4 * (row * SIZE + (cell % SIZE)));
  });
  context.putImageData(picture, 0, 0);
}

function drawAxes(axes, x, y, width, height) {
  const bottom = MARGIN.top + height;
  const columns = TICKS.noise.map((noise) => [x(cellAt(AXES.noise, noise)), noise]);
  const rows = TICKS.rho.map((rho) => [y(cellAt(AXES.rho, rho)), rho]);
  const below = columns.flatMap(([at, noise]) => [
    svg("line", { x1: at, x2: at, y1: bottom, y2: bottom + 5 }),
    svg("text", { x: at, y: bottom + 19, class: "middle" }, noise.toFixed(1)),
  ]);
  const left = rows.flatMap(([at, rho]) => [
    svg("line", { x1: MARGIN.left - 5, x2: MARGIN.left, y1: at, y2: at }),
    svg("text", { x: MARGIN.left - 9, y: at + 4, class: "end" }, rho.toFixed(1)),
  ]);
  const middle = { x: MARGIN.left + width / 2, y: bottom + 38, class: "middle unit" };
  const transform = `translate(14 ${MARGIN.top + height / 2}) rotate(-90)`;
  const names = [
    svg("text", middle, "noise, σ²d/n"),
    svg("text", { class: "middle unit", transform }, "share of rare examples, ρ"),
  ];
  axes.replaceChildren(...below, ...left, ...names);
}

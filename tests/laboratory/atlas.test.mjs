/** The atlas without a page: its settings and addresses, the lines in its map, its worker. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { contour, smooth } from "../../book/_static/atlas/contour.js";
import {
  AXES,
  SIZE,
  alike,
  cellAt,
  laboratoryAddress,
  request,
  valueAt,
  valuesOf,
} from "../../book/_static/atlas/settings.js";
import { reading } from "../../book/_static/atlas/words.js";
import { cartographer } from "../../book/_static/atlas/worker.js";
import { parse } from "../../book/_static/laboratory/parameters.js";
import { ends } from "../../book/_static/laboratory/reduced.js";

const START = { init_std: 0.01, n: 100, d: 500, steps: 200 };
const RECORDED = { ...START, lam: 0.7, label_lam: null, stop: null };

test("cells and values", () => {
  assert.deepEqual([valueAt(AXES.rho, 0), valueAt(AXES.rho, SIZE - 1)], [0.02, 0.4]);
  assert.equal(cellAt(AXES.noise, 0.5), SIZE - 1);
  assert.equal(Math.round(cellAt(AXES.noise, valueAt(AXES.noise, 17))), 17);
});

test("settings are alike if they train alike", () => {
  const values = valuesOf(RECORDED);
  assert.deepEqual([values.label_lam, values.stop], ["same", "never"]);
  for (const change of [{}, { label_lam: 0.7 }, { stop: 200 }, { stop: 900 }]) {
    assert.ok(alike(values, { ...values, ...change }), JSON.stringify(change));
  }
  for (const change of [{ lam: 0.71 }, { label_lam: 0.8 }, { stop: 199 }, { d: 550 }]) {
    assert.ok(!alike(values, { ...values, ...change }), JSON.stringify(change));
  }
});

test("an address of the laboratory keeps sigma^2 d / n and is taken as given", () => {
  const values = { ...valuesOf(RECORDED), label_lam: 0.8, stop: 150 };
  const address = laboratoryAddress(values, { rho: 0.1467, noise: 0.32 });
  const { values: found, refused } = parse(address);
  assert.deepEqual(refused, []);
  const { noise, rho, lam, label_lam: label, stop, steps, run } = found;
  assert.ok(Math.abs((noise ** 2 * 200) / 40 - 0.32) < 0.02);
  assert.deepEqual([rho, lam, label, stop, steps, run], [0.15, 0.7, 0.8, 150, 200, 1]);
});

test("at the plane's edge each class of the laboratory has a rare example", () => {
  const { values } = parse(laboratoryAddress(valuesOf(RECORDED), { rho: 0.02, noise: 0.02 }));
  assert.deepEqual([values.rho, values.stop], [0.05, "never"]);
});

test("a line is where the values cross the level, and closes where it can", () => {
  const size = 9;
  const map = (value) => {
    const cells = Array.from({ length: size ** 2 }, (_, at) => [Math.floor(at / size), at % size]);
    return Float64Array.from(cells, ([row, column]) => value(row, column));
  };
  const [slope, ...none] = contour(map((_, column) => column), size, 2.5);
  assert.deepEqual(none, []);
  assert.equal(slope.length, size);
  assert.ok(slope.every(([column]) => column === 2.5));
  const rows = slope.map(([, row]) => row);
  assert.deepEqual(rows.toSorted((a, b) => a - b), [...Array(size).keys()]);

  const [ring, ...others] = contour(map((r, c) => Math.hypot(r - 4, c - 4)), size, 2.2);
  assert.deepEqual(others, []);
  assert.deepEqual(ring[0], ring.at(-1));
  assert.ok(ring.every(([c, r]) => Math.abs(Math.hypot(r - 4, c - 4) - 2.2) < 0.1));
  assert.deepEqual(contour(map(() => NaN), size, 0.25), []);
});

test("a smooth line keeps its ends and stays within half a cell of the jumps", () => {
  const size = 30;
  const slope = 0.7;
  const above = (_, at) => Number((at % size) > slope * Math.floor(at / size));
  const [line] = contour(Float64Array.from({ length: size ** 2 }, above), size, 0.5);
  const found = smooth(line);
  assert.equal(found.length, line.length);
  assert.deepEqual([found[0], found.at(-1)], [line[0], line.at(-1)]);
  const apart = ([column, row]) => Math.abs(column - slope * row) / Math.hypot(1, slope);
  const furthest = (points) => Math.max(...points.slice(2, -2).map(apart));
  assert.ok(furthest(found) < furthest(line) && furthest(found) < 0.5);
  assert.deepEqual(smooth([[0, 1]]), [[0, 1]]);
});

test("the reading says what is predicted, what was measured, and where nothing is", () => {
  const place = { rho: 0.1, noise: 0.123 };
  const shares = { standard: 0.5, mixup: 0.002 };
  const said = reading(place, shares, { standard: 0.48, mixup: 0 }).replaceAll("\u00a0", " ");
  assert.equal(
    said,
    "At ρ = 0.10, σ²d/n = 0.12 the predicted rare error is 50 % after standard training and " +
      "0.2 % after Mixup. Measured there: 48 % after standard training and 0 % after Mixup.",
  );
  assert.match(reading(place, { standard: 0.5, mixup: 1e-9 }, null), /and 0\u00a0% after Mixup/);
  assert.match(reading(place, { standard: NaN, mixup: NaN }, null), /nothing is predicted/);
});

test("the worker draws both maps coarsely, then both in full", async () => {
  const told = [];
  const draw = cartographer((answer) => told.push(answer), async () => true);
  const setting = request(valuesOf({ ...RECORDED, steps: 100 }));
  await draw(setting);
  const stages = told.map(({ kind, done }) => `${kind} ${done}`);
  assert.deepEqual(stages, ["mixup false", "standard false", "mixup false", "standard true"]);
  assert.deepEqual(told.slice(0, 2).map(({ cells }) => cells), [14 ** 2, 14 ** 2]);
  const [row, column] = [9, 21]; // of the lattice
  const place = { rho: valueAt(AXES.rho, row), noise: valueAt(AXES.noise, column) };
  for (const { kind, rare } of told) {
    const own = kind === "mixup" ? setting : { n: 100, d: 500, initStd: 0.01 };
    assert.equal(rare[row * SIZE + column], ends({ ...own, ...place }, 100).rare);
  }
  // Standard training is the same under other controls of Mixup, and is not drawn anew.
  await draw({ ...setting, lam: 0.9, labelLam: 0.9 });
  assert.deepEqual(told[7], told[3]);
});

test("the worker leaves a map when there is a newer request", async () => {
  const told = [];
  let rests = 0;
  const draw = cartographer((answer) => told.push(answer), async () => (rests += 1) < 3);
  await draw(request(valuesOf({ ...RECORDED, steps: 6400 })));
  assert.equal(rests, 3);
  assert.deepEqual(told, []);
});

/** The atlas's map, computed where it is steep, beside the map that is computed everywhere. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fits, refining } from "../../book/_static/atlas/refining.js";
import { ends, map } from "../../book/_static/laboratory/reduced.js";

const SIZE = 40;
const FURTHEST = 0.02;
const between = (low, high) =>
  Array.from({ length: SIZE }, (_, k) => low + ((high - low) * k) / (SIZE - 1));
const GRID = { rhos: between(0.02, 0.4), noises: between(0.02, 0.5) };
const SETTINGS = [
  { lam: 0.7, n: 100, d: 500, steps: 800 },
  { lam: 1, n: 100, d: 500, steps: 800 },
  { lam: 0.6, labelLam: 0.9, n: 200, d: 1000, initStd: 0.03, steps: 400 },
  { lam: 0.9, labelLam: 0.6, n: 150, d: 100, initStd: 0.3, steps: 400 },
  { lam: 0.5, n: 40, d: 200, stopStep: 300, steps: 800 },
];

/** The map, how many cells of it were computed, and how it looked when the lattice was complete. */
function refined(setting, steps) {
  const values = new Float64Array(SIZE * SIZE).fill(-1);
  const cell = (row, column) => {
    const place = { rho: GRID.rhos[row], noise: GRID.noises[column] };
    return ends({ ...setting, ...place }, steps).rare;
  };
  let first = null;
  let computed = 0;
  for (const whole of refining(SIZE, cell, values)) {
    if (whole && !first) first = values.slice();
    else computed += 1;
  }
  return { values, computed, first };
}

for (const { steps, ...setting } of SETTINGS) {
  test(`interpolated little apart from computed: ${JSON.stringify(setting)}`, (t) => {
    const exact = map({ ...GRID, ...setting, steps }).rare;
    const { values, computed, first } = refined(setting, steps);
    let furthest = 0;
    exact.forEach((value, at) => {
      assert.equal(Number.isNaN(values[at]), Number.isNaN(value));
      if (!Number.isNaN(value)) furthest = Math.max(furthest, Math.abs(values[at] - value));
    });
    t.diagnostic(`${computed} cells computed, at most ${furthest.toFixed(4)} apart`);
    assert.ok(furthest < FURTHEST, `${furthest}`);
    assert.ok(computed < (2 / 3) * SIZE ** 2);
    assert.ok(first.every((value) => value !== -1));
  });
}

test("sizes that the lattice fits", () => {
  assert.deepEqual([1, 4, 10, 12, 40].map(fits), [true, true, true, false, true]);
});

/**
 * The page's reduced dynamics agree with `mixupbook.reduced_dynamics`, on fixtures that Python
 * writes for the occasion. PYTHON names the interpreter; without it that of .venv is taken.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { dynamics, ends, map, refusal } from "../../book/_static/laboratory/reduced.js";
import { logistic, normalCdf } from "../../book/_static/laboratory/special.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TOLERANCE = 1e-6;
const RECORDED = ["common_error", "rare_error", "feature_response", "noise_response"];

const written = execFileSync(
  process.env.PYTHON ?? `${ROOT}.venv/bin/python`,
  ["tests/laboratory/reduced_fixtures.py"],
  { cwd: ROOT },
);
const { steps, every, at, runs, normal } = JSON.parse(written);

/** The largest difference, of a size above one relative to it. */
function distance(found, expected) {
  const apart = (value, other) => Math.abs(value - other) / Math.max(1, Math.abs(other));
  const values = found.flat();
  assert.equal(values.length, expected.flat().length);
  assert.ok(values.every(Number.isFinite));
  return Math.max(...expected.flat().map((value, k) => apart(values[k], value)));
}

for (const [name, { setting, expected }] of Object.entries(runs)) {
  test(`as Python: ${name}`, (t) => {
    const { records, reason } = dynamics(setting, { steps, recordEvery: every });
    assert.equal(reason, null);
    assert.deepEqual(records.map(({ step }) => step), at);
    for (const key of RECORDED) {
      const apart = distance(records.map((record) => record[key]), expected[key]);
      assert.ok(apart < TOLERANCE, `${key}: ${apart}`);
      t.diagnostic(`${key}: ${apart.toExponential(1)}`);
    }
  });
}

test("the settings differ in what they come to", () => {
  const last = Object.values(runs).map(({ expected }) => expected.rare_error.at(-1));
  assert.ok(last.length >= 12);
  assert.ok(last.some((error) => error < 0.01) && last.some((error) => error > 0.45));
  assert.ok(last.some((error) => error > 0.05 && error < 0.45));
});

test("what is recorded last does not depend on when else it is", () => {
  const { setting } = runs["stopped late"];
  const [, ...rest] = dynamics(setting, { steps: 1500, recordEvery: 700 }).records;
  assert.deepEqual(rest.map(({ step }) => step), [700, 1400, 1500]);
  assert.deepEqual(rest.at(-1), dynamics(setting, { steps: 1500 }).records.at(-1));
});

test("a group without an example is refused", () => {
  const setting = { rho: 0.04, noise: 0.1, n: 40, d: 200, lam: 0.7 };
  const { reason, records } = dynamics(setting, { steps: 10 });
  assert.match(reason, /at least, but 0.8 are expected/);
  assert.deepEqual(records, []);
  assert.ok(Number.isNaN(ends(setting, 10).rare));
  assert.equal(refusal({ ...setting, rho: 0.05 }), null);
  assert.notEqual(refusal({ ...setting, rho: 0.97 }), null);
});

test("a map has in each cell what the run of that cell ends with", () => {
  const rest = { n: 60, d: 300, lam: 0.7, labelLam: 0.8, stopStep: 250, initStd: 0.02 };
  const rhos = [0.02, 0.1, 0.3];
  const noises = [0.03, 0.2];
  const found = map({ rhos, noises, steps: 400, ...rest });
  rhos.forEach((rho, row) => {
    noises.forEach((noise, column) => {
      const last = dynamics({ rho, noise, ...rest }, { steps: 400 }).records.at(-1);
      const at = row * noises.length + column;
      assert.equal(found.rare[at], last?.rare_error ?? NaN);
      assert.equal(found.common[at], last?.common_error ?? NaN);
    });
  });
});

test("the logistic function is as good as the language's exponential", () => {
  for (let x = -39.99; x < 39.99; x += 0.00137) {
    const exact = 1 / (1 + Math.exp(-x));
    assert.ok(Math.abs(logistic(x) / exact - 1) < 2e-10, `at ${x}`);
  }
  assert.deepEqual([-50, 50, -Infinity, Infinity].map(logistic), [0, 1, 0, 1]);
  assert.ok(Number.isNaN(logistic(NaN)));
});

test("the normal law is SciPy's, in the tail too", () => {
  for (const [x, expected] of normal) {
    assert.ok(Math.abs(normalCdf(x) - expected) <= 1e-12 * expected, `at ${x}`);
  }
  assert.deepEqual([-Infinity, 0, Infinity].map(normalCdf), [0, 0.5, 1]);
  assert.ok(Number.isNaN(normalCdf(NaN)));
});

/** What the laboratory says of a run. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { defaults } from "../../mixupbook/pages/laboratory/parameters.js";
import { mixture, percent, result, verdict } from "../../mixupbook/pages/laboratory/words.js";

const measured = (standard, mixup, step = 800, diverged = null) => ({
  step,
  diverged,
  standard: { rareError: standard },
  mixup: { rareError: mixup },
});

test("fractions in per cent", () => {
  const said = [0, 0.005, 0.01, 0.476, 1, NaN].map(percent);
  assert.deepEqual(said, ["0 %", "0.5 %", "1 %", "48 %", "100 %", "–"]);
});

test("the result in a sentence", () => {
  assert.equal(
    result(measured(0.48, 0), defaults()),
    "After 800 steps standard training errs on 48 % of rare test examples, Mixup on 0 %.",
  );
  assert.equal(
    result(measured(0.48, 0.365), { ...defaults(), stop: 75 }),
    "After 800 steps standard training errs on 48 % of rare test examples, " +
      "Mixup, stopped at step 75, on 37 %.",
  );
});

test("a stop that is still to come is none", () => {
  const values = { ...defaults(), stop: 75 };
  assert.doesNotMatch(result(measured(0.5, 0.5, 75), values), /stopped/);
  assert.match(result(measured(0.5, 0.5, 76), values), /stopped at step 75/);
});

test("an end before the last step says why", () => {
  assert.match(result(measured(0.5, 0), defaults(), true), /Nothing changes any more\.$/);
  assert.match(result(measured(0.5, 0, 1), defaults()), /^After 1 step standard/);
});

test("divergence is said, and whose it is", () => {
  const lost = (standard, mixup) =>
    result(measured(NaN, 0.5, 49, { step: 49, standard, mixup }), defaults());
  assert.match(lost(true, false), /^Standard training diverged at step 49: /);
  assert.match(lost(false, true), /^Mixup diverged/);
  assert.match(lost(true, true), /^Standard training and Mixup diverged/);
});

test("a network's verdict follows its error", () => {
  const said = [0, 0.2, 0.5, NaN].map((rareError) => verdict({ rareError }));
  assert.equal(new Set(said).size, 4);
  assert.match(said[0], /has learned/);
  assert.match(said[2], /guesses/);
});

test("the push is 2 l (1 - l), where v meets r", () => {
  assert.ok(Math.abs(mixture({ lam: 0.7, overlap: 1 }).push - 0.42) < 1e-12);
  assert.match(mixture({ lam: 0.7, overlap: 0 }).meets, /never meets/);
  assert.match(mixture({ lam: 0.7, overlap: 0.25 }).meets, /25 %/);
});

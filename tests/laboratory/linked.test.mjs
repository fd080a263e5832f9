/** What the chapters say of a state of the laboratory that they link to holds for five seeds. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { advance, draw, measure, start } from "../../book/_static/laboratory/engine.js";
import { labelLam, parse, stopStep } from "../../book/_static/laboratory/parameters.js";

const PAGES = JSON.parse(readFileSync(new URL("./linked.json", import.meta.url)));
const SEEDS = [1, 2, 3, 4, 5];

for (const [page, { start: first, links }] of Object.entries(PAGES)) {
  for (const [query, said] of Object.entries(links)) {
    test(`${page}: ${query}`, () => {
      const { values, refused } = parse(query, parse(first).values);
      assert.deepEqual(refused, []);
      for (const seed of SEEDS) check({ ...values, seed }, said);
    });
  }
}

function check(values, said) {
  const training = { lam: values.lam, labelLam: labelLam(values), stop: stopStep(values) };
  const run = start(draw(values), training);
  const from = said.rises_from ?? said.stays_from ?? 0;
  const before = measure(advance(run, from)).mixup.rareError;
  const { standard, mixup } = measure(advance(run, values.steps - from));
  within(standard.rareError, said.standard);
  within(mixup.rareError, said.mixup);
  if (said.rises_from) assert.ok(mixup.rareError > before, `${mixup.rareError} after ${before}`);
  if (said.stays_from) assert.ok(Math.abs(mixup.rareError - before) < 0.05);
}

function within(error, [low, high]) {
  assert.ok(low <= error && error <= high, `${error} is not in [${low}, ${high}]`);
}

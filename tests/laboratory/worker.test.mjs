/** The worker's answers, without a thread. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { advance, draw, measure, start } from "../../mixupbook/pages/laboratory/engine.js";
import { trainer } from "../../mixupbook/pages/laboratory/worker.js";

const WORLD = { rho: 0.1, noise: 0.15, overlap: 1, seed: 1 };
const RUN = { lam: 0.7, labelLam: 0.7, stop: Infinity };

test("a run begins at step 0 and goes as far as it is told", () => {
  const answer = trainer();
  const begun = answer({ id: 1, start: { world: WORLD, run: RUN } });
  assert.deepEqual([begun.id, begun.measured.step, begun.settled], [1, 0, false]);
  answer({ id: 1, advance: 30 });
  const { measured } = answer({ id: 1, advance: 12 });
  assert.deepEqual(measured, measure(advance(start(draw(WORLD), RUN), 42)));
});

test("what is said of a run that is over has no answer", () => {
  const answer = trainer();
  assert.equal(answer({ id: 1, advance: 5 }), null);
  answer({ id: 1, start: { world: WORLD, run: RUN } });
  answer({ id: 2, start: { world: WORLD, run: RUN } });
  assert.equal(answer({ id: 1, advance: 5 }), null);
  assert.equal(answer({ id: 2, advance: 5 }).measured.step, 5);
});

test("a stop moved while it is ahead is as good as one set at the start", () => {
  const answer = trainer();
  answer({ id: 1, start: { world: WORLD, run: RUN } });
  answer({ id: 1, advance: 20 });
  answer({ id: 1, stop: 40 });
  const { measured } = answer({ id: 1, advance: 60 });
  assert.deepEqual(measured, measure(advance(start(draw(WORLD), { ...RUN, stop: 40 }), 80)));
});

test("a divergence is told, and is the end", () => {
  const answer = trainer();
  answer({ id: 1, start: { world: { ...WORLD, noise: 3 }, run: RUN } });
  const { measured, settled } = answer({ id: 1, advance: 100 });
  assert.ok(measured.diverged && settled && Number.isNaN(measured.standard.rareError));
  assert.ok(measured.step < 100);
});

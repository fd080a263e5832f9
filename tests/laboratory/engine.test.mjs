/** What the engine promises by itself: `node --test tests/laboratory/engine.test.mjs`. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  FIXED,
  advance,
  draw,
  measure,
  settled,
  start,
  weights,
  worldFrom,
} from "../../book/_static/laboratory/engine.js";

const SETTINGS = { rho: 0.1, noise: 0.15, overlap: 1, seed: 0 };
const SMALL = { examples: 12, testExamples: 20, dimension: 30, filters: 2 };
const SEEDS = [0, 1, 2, 3, 4];

const ended = (settings, training, steps = FIXED.steps) =>
  measure(advance(start(draw({ ...SETTINGS, ...settings }), training), steps));

/** The patch of example i, as a list. */
function patch({ train, patches, dimension }, i, p) {
  const from = (i * patches + p) * dimension;
  return Array.from(train.x.subarray(from, from + dimension));
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

for (const seed of SEEDS) {
  test(`seed ${seed}: Mixup teaches the rare feature, standard training does not`, () => {
    const { standard, mixup, diverged } = ended({ seed }, { lam: 0.7 });
    assert.equal(diverged, null);
    assert.ok(standard.rareError > 0.4 && standard.rareError < 0.6);
    assert.equal(mixup.rareError, 0);
    assert.equal(standard.commonError + mixup.commonError, 0);
    assert.ok(mixup.rareFeature > 5 * standard.rareFeature);
    assert.ok(mixup.noise < standard.noise);
  });

  test(`seed ${seed}: a first window of Mixup suffices, a shorter one does not`, () => {
    const after = (stop) => ended({ seed }, { lam: 0.7, stop }).mixup.rareError;
    assert.ok(after(50) > 0.4);
    const between = after(75);
    assert.ok(between > 0.05 && between < 0.5);
    assert.ok(after(150) <= 0.01);
    assert.equal(after(300), 0);
  });

  test(`seed ${seed}: it needs places that overlap, and an l that is not too near to one`, () => {
    assert.ok(ended({ seed, overlap: 0 }, { lam: 0.7 }).mixup.rareError > 0.4);
    assert.ok(ended({ seed }, { lam: 0.95 }).mixup.rareError > 0.4);
  });
}

test("l = 0.95 learns it in a longer run", () => {
  assert.ok(ended({}, { lam: 0.95 }, 6000).mixup.rareError < 0.2);
});

test("what is fixed cannot be changed", () => {
  assert.throws(() => {
    FIXED.lr = 1;
  }, TypeError);
});

test("a draw depends on its settings alone", () => {
  const [one, same, other] = [0, 0, 1].map((seed) => draw({ ...SETTINGS, seed }, SMALL));
  assert.deepEqual(one, same);
  assert.notDeepEqual(one.train.x, other.train.x);
  assert.notDeepEqual(one.weights, other.weights);
});

test("seeds that agree in their last 32 bits differ", () => {
  const [one, other] = [1, 1 + 2 ** 40].map((seed) => draw({ ...SETTINGS, seed }, SMALL));
  assert.notDeepEqual(one.weights, other.weights);
});

test("the splits are no copies of each other, nor of those of near seeds", () => {
  const noise = SEEDS.flatMap((seed) => {
    const { train, test: clean, weights: first } = draw({ ...SETTINGS, seed });
    const drawn = (x) => ![0, 1, Math.fround(FIXED.featureNoise)].includes(x);
    return [train.x, clean.x, first].map((values) => values.filter(drawn).slice(0, 5).join());
  });
  assert.equal(new Set(noise).size, noise.length);
});

test("noise and initial weights are normal, with the standard deviations asked for", () => {
  const world = draw(SETTINGS);
  const exact = (value) => [0, 1, Math.fround(FIXED.featureNoise)].includes(value);
  for (const [values, scale] of [
    [Array.from(world.test.x).filter((value) => !exact(value)), 0.15],
    [Array.from(world.weights), FIXED.initStd],
  ]) {
    const moment = (power) => mean(values.map((value) => (value / scale) ** power));
    const error = 1 / Math.sqrt(values.length);
    assert.ok(Math.abs(moment(1)) < 4 * error);
    assert.ok(Math.abs(moment(2) - 1) < 4 * Math.sqrt(2) * error);
    assert.ok(Math.abs(moment(3)) < 4 * Math.sqrt(15) * error);
    assert.ok(Math.abs(moment(4) - 3) < 4 * Math.sqrt(96) * error);
    // The two normals of a pair, and neighbouring pairs, are uncorrelated.
    for (const lag of [1, 2]) {
      const products = values.slice(lag).map((value, i) => (value * values[i]) / scale ** 2);
      assert.ok(Math.abs(mean(products)) < 4 * error);
    }
  }
});

test("examples hold what the model says", () => {
  const sizes = { ...SMALL, patches: 5, noisePatches: 2 };
  const world = draw({ ...SETTINGS, rho: 0.3, overlap: 0.5 }, sizes);
  const { y, isRare } = world.train;
  const foreign = Math.fround(FIXED.featureNoise);
  const places = [[], []]; // of the feature in common and in rare examples
  const rareLabels = [];
  for (let i = 0; i < y.length; i++) {
    const held = [0, 1, 2, 3, 4].map((p) => patch(world, i, p));
    const place = held.findIndex((values) => values[y[i] + 2 * isRare[i]] === 1);
    places[isRare[i]].push(place);
    if (isRare[i]) rareLabels.push(y[i]);
    const kinds = held.map((values) => {
      const not = Array.from(values.keys()).filter((k) => values[k] !== 0);
      if (not.length === 1) return values[not[0]] === foreign && not[0] < 2 ? "foreign" : "feature";
      return not.every((k) => k >= 4) && not.length === sizes.dimension - 4 ? "noise" : "none";
    });
    assert.equal(kinds[place], "feature");
    assert.deepEqual(kinds.sort(), ["feature", "foreign", "foreign", "noise", "noise"]);
  }
  assert.deepEqual(new Set(places[0]), new Set([0]));
  assert.deepEqual(places[1].sort(), [0, 0, 1, 1]);
  assert.equal(mean(rareLabels), 0.5, "rare examples are balanced by class");
});

test("one half of the test examples are rare, whatever rho is", () => {
  for (const rho of [0, 0.1, 1]) {
    const { test: clean } = draw({ ...SETTINGS, rho }, SMALL);
    assert.equal(mean(Array.from(clean.isRare)), 0.5);
  }
});

test("other settings leave the seed's noise as it is", () => {
  const world = draw(SETTINGS, SMALL);
  const louder = draw({ ...SETTINGS, noise: 0.3 }, SMALL);
  const apart = draw({ ...SETTINGS, overlap: 0 }, SMALL);
  const rarer = draw({ ...SETTINGS, rho: 0.5 }, SMALL);
  assert.deepEqual(louder.weights, world.weights);
  louder.train.x.forEach((value, q) => {
    if (Math.abs(world.train.x[q]) && value !== world.train.x[q]) {
      assert.ok(Math.abs(value / world.train.x[q] - 2) < 1e-5);
    }
  });
  const last = SMALL.examples - 1; // common in both
  for (let p = 0; p < FIXED.patches; p++) {
    assert.deepEqual(patch(apart, last, p), patch(world, last, p));
    assert.deepEqual(patch(rarer, last, p), patch(world, last, p));
  }
});

test("a world can be started from again, and steps may be taken in any portions", () => {
  const world = draw(SETTINGS, SMALL);
  const training = { lam: 0.7, stop: 55 };
  const whole = advance(start(world, training), 130);
  const portions = start(world, training);
  for (const steps of [0, 1, 49, 10, 70]) advance(portions, steps);
  assert.deepEqual(measure(portions), measure(whole));
  for (const which of ["standard", "mixup"]) {
    assert.deepEqual(weights(portions, which), weights(whole, which));
  }
  assert.equal(settled(portions), settled(whole));
});

test("measuring changes nothing", () => {
  const run = advance(start(draw(SETTINGS, SMALL), { lam: 0.7 }), 20);
  const other = advance(start(run.world, { lam: 0.7 }), 20);
  for (let k = 0; k < 5; k++) measure(advance(run, 5));
  assert.deepEqual(measure(run), measure(advance(other, 25)));
});

test("both networks start alike", () => {
  const { standard, mixup } = measure(start(draw(SETTINGS), { lam: 0.7 }));
  delete standard.loss;
  delete mixup.loss;
  assert.deepEqual(mixup, standard);
});

test("on a tie the network says class 0", () => {
  const world = draw(SETTINGS, { ...SMALL, initStd: 0, testExamples: 6 });
  world.testSplit.y.set([1, 1, 0, 0, 0, 0]);
  const { rareError, commonError } = measure(start(world, { lam: 0.7 })).mixup;
  assert.deepEqual([rareError, commonError], [2 / 3, 0]);
});

test("the label's share is that of the features where it is not given", () => {
  const world = draw(SETTINGS, SMALL);
  const [one, other] = [undefined, 0.7].map((labelLam) =>
    measure(advance(start(world, { lam: 0.7, labelLam }), 40)),
  );
  assert.deepEqual(one, other);
});

for (const [name, settings, overrides] of [
  ["no rare examples", { rho: 0 }, {}],
  ["rare examples only", { rho: 1, overlap: 0.5 }, {}],
  ["no noise", { noise: 0 }, {}],
  ["odd sizes", {}, { examples: 13, testExamples: 7, dimension: 11, filters: 3, patches: 3 }],
  ["no noise patches", {}, { patches: 2, noisePatches: 1 }],
  ["one filter", {}, { filters: 1 }],
  ["the largest seed", { seed: 2 ** 53 - 1 }, {}],
]) {
  test(`runs with ${name}`, () => {
    const world = draw({ ...SETTINGS, ...settings }, { ...SMALL, ...overrides });
    const found = measure(advance(start(world, { lam: 0.7, stop: 30 }), 60));
    assert.equal(found.diverged, null);
    for (const which of ["standard", "mixup"]) {
      for (const value of Object.values(found[which])) assert.ok(Number.isFinite(value) && value >= 0);
    }
  });
}

for (const [name, settings, overrides] of [
  ["noise", { noise: 1e6 }, {}],
  ["noise beyond numbers", { noise: 1e60 }, {}],
  ["learning rate", {}, { lr: 1e9 }],
  ["initial weights", {}, { initStd: 1e60 }],
]) {
  test(`a run that diverges is marked, and ends: ${name}`, () => {
    const run = start(draw({ ...SETTINGS, ...settings }, { ...SMALL, ...overrides }), { lam: 0.7 });
    advance(run, 500);
    const found = measure(run);
    assert.ok(found.diverged && (found.diverged.standard || found.diverged.mixup));
    assert.equal(found.diverged.step, found.step);
    assert.ok(found.step < 500);
    assert.ok(settled(run));
    for (const which of ["standard", "mixup"]) {
      for (const value of Object.values(found[which])) {
        assert.equal(Number.isNaN(value), found.diverged[which]);
      }
    }
    assert.deepEqual(measure(advance(run, 10)), found);
  });
}

test("no value is lost without the mark, at every step of a run that grows", () => {
  for (const lr of [3, 10, 30, 100, 1000]) {
    const run = start(draw(SETTINGS, { ...SMALL, lr }), { lam: 0.7, stop: 20 });
    for (let step = 0; step < 60; step++) {
      const found = measure(advance(run, 1));
      for (const which of ["standard", "mixup"]) {
        const lost = Object.values(found[which]).some((value) => !Number.isFinite(value));
        assert.equal(lost, Boolean(found.diverged?.[which]), `lr ${lr}, step ${step}`);
      }
    }
  }
});

test("a run settles once nothing moves, not while a stop is to come or a feature still grows", () => {
  const still = start(draw(SETTINGS, { ...SMALL, initStd: 0 }), { lam: 0.7 });
  assert.equal(settled(still), false, "nothing is known at the start");
  assert.equal(settled(advance(still, 100)), true);
  const waiting = start(draw(SETTINGS, { ...SMALL, initStd: 0 }), { lam: 0.7, stop: 500 });
  assert.equal(settled(advance(waiting, 400)), false);
  assert.equal(settled(advance(waiting, 200)), true);
  const growing = advance(start(draw(SETTINGS), { lam: 0.95 }), 2000);
  assert.equal(settled(growing), false);
  const learned = advance(start(draw(SETTINGS), { lam: 0.7, stop: 150 }), 3000);
  assert.equal(settled(learned), false);
  assert.equal(settled(learned, { pace: 1e-4 }), true);
});

test("arrays that do not fit are refused by name", () => {
  const { train, test: clean, weights: first } = draw(SETTINGS, SMALL);
  const arrays = { train, test: clean, weights: first, patches: 4, dimension: SMALL.dimension };
  const refused = (changed, message) =>
    assert.throws(() => worldFrom({ ...arrays, ...changed }), { name: "RangeError", message });
  refused({ weights: first.slice(1) }, /weights/);
  refused({ patches: 5 }, /train\.x must hold 1800 numbers, got 1440/);
  refused({ test: { ...clean, isRare: [1] } }, /test\.isRare/);
  refused({ test: { ...clean, isRare: clean.isRare.map(() => 0) } }, /common and rare/);
});

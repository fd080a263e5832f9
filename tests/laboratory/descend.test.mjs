/**
 * The engine agrees with `mixupbook.descend`, on fixtures that Python writes for the occasion.
 * PYTHON names the interpreter; without it that of .venv is taken.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { advance, measure, start, weights, worldFrom } from "../../book/_static/laboratory/engine.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TOLERANCE = 1e-8;

const written = execFileSync(
  process.env.PYTHON ?? `${ROOT}.venv/bin/python`,
  ["tests/laboratory/descend_fixtures.py"],
  { cwd: ROOT, maxBuffer: 2 ** 26 },
);
const fixtures = Object.entries(JSON.parse(written));

/** The largest difference, over the largest of the expected values. */
function distance(found, expected) {
  assert.equal(found.length, expected.length);
  let apart = 0;
  let size = 0;
  expected.forEach((value, i) => {
    apart = Math.max(apart, Math.abs(found[i] - value));
    size = Math.max(size, Math.abs(value));
    assert.ok(!Number.isNaN(found[i]));
  });
  return size ? apart / size : apart;
}

/** Responses of a network to the training patches, without the engine's padding. */
function responses({ world }, network) {
  const found = [];
  for (let row = 0; row < world.train.y.length * world.patches; row++) {
    const at = row * world.columns;
    found.push(...network.responses.slice(at, at + 2 * world.filters));
  }
  return found;
}

/** What is measured of both networks every so many steps. */
function course(run, every, count) {
  const found = [measure(run)];
  while (found.length < count) found.push(measure(advance(run, every)));
  return found;
}

test("there are fixtures, and the ones that end move away from their start", () => {
  assert.ok(fixtures.length >= 15);
  for (const [name, { world, standard }] of fixtures) {
    if (standard) assert.ok(distance(standard.weights, world.weights) > 0.1, name);
  }
  const rates = fixtures.flatMap(([, { mixup }]) => mixup?.rareError ?? []);
  assert.ok(new Set(rates).size > 5);
});

for (const [name, fixture] of fixtures) {
  test(`as descend does: ${name}`, () => {
    const { lam, labelLam, stop } = fixture.settings;
    const run = start(worldFrom(fixture.world), { lam, labelLam, stop: stop ?? Infinity });
    const found = course(run, fixture.every, 7);
    const networks = ["standard", "mixup"];
    if (fixture.diverged.includes(true)) {
      // A run ends with the first network that diverges.
      const marked = networks.map((which) => run.diverged[which]);
      assert.ok(marked.includes(true));
      marked.forEach((mark, i) => assert.ok(!mark || fixture.diverged[i]));
      return;
    }
    assert.equal(run.step, 300);
    assert.equal(run.diverged, null);
    for (const which of networks) {
      const { weights: ended, responses: last, rareError, commonError, ...rest } = fixture[which];
      assert.deepEqual(found.map((at) => at[which].rareError), rareError);
      assert.deepEqual(found.map((at) => at[which].commonError), commonError);
      for (const [quantity, values] of Object.entries(rest)) {
        const apart = distance(found.map((at) => at[which][quantity]), values);
        assert.ok(apart < TOLERANCE, `${which} ${quantity}: ${apart}`);
      }
      const apart = Math.max(
        distance(weights(run, which), ended),
        distance(responses(run, run[which]), last),
      );
      assert.ok(apart < TOLERANCE, `${which} ends ${apart} apart`);
    }
  });
}

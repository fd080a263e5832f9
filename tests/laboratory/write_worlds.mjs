/**
 * Writes worlds as the laboratory draws them, and what its engine measures in runs on them, for
 * `mixupbook.descend` to be compared with: `node write_worlds.mjs FOLDER < plan.json`, the plan
 * being {steps, every, runs: [{draw, training}, ...]}. Numbers of a world are one file of float32.
 */

import { readFileSync, writeFileSync } from "node:fs";

import { advance, draw, measure, start } from "../../book/_static/laboratory/engine.js";

const folder = process.argv[2];
const { steps, every, runs } = JSON.parse(readFileSync(0, "utf8"));

function course(run) {
  const found = [measure(run)];
  while (run.step < steps) found.push(measure(advance(run, every)));
  return found;
}

const written = runs.map(({ draw: settings, training }, k) => {
  const world = draw(settings);
  const { train, test, weights, patches, dimension, filters, lr } = world;
  const numbers = Float32Array.of(...weights, ...train.x);
  writeFileSync(`${folder}/${k}.start`, numbers);
  writeFileSync(`${folder}/${k}.test`, test.x);
  const labels = [train, test].map(({ y, isRare }) => ({ y: [...y], isRare: [...isRare] }));
  const found = course(start(world, { ...training, stop: training.stop ?? Infinity }));
  return { patches, dimension, filters, lr, train: labels[0], test: labels[1], found };
});
process.stdout.write(JSON.stringify(written));

/**
 * How fast the laboratory trains: `node benchmarks/laboratory.mjs`.
 *
 * Steps of both networks together, per second on the clock and per second of processor time (which
 * other programs on the machine disturb less); the best of several rounds. Mixup mixes throughout.
 */

import { availableParallelism, cpus, loadavg } from "node:os";
import { performance } from "node:perf_hooks";

import { FIXED, advance, draw, measure, start } from "../book/_static/laboratory/engine.js";

const SETTINGS = { rho: 0.1, noise: 0.15, overlap: 1, seed: 0 };
const TARGET = 1200;
const ROUNDS = 10;
const STEPS = 300;

/** The most calls per second of the clock and of the processor. */
function rates(call, calls) {
  let clock = 0;
  let processor = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const used = process.cpuUsage();
    const begun = performance.now();
    call();
    const { user, system } = process.cpuUsage(used);
    clock = Math.max(clock, (1e3 * calls) / (performance.now() - begun));
    processor = Math.max(processor, (1e6 * calls) / (user + system));
  }
  return { clock, processor };
}

function report(what, { clock, processor }, unit, target = "") {
  const numbers = `${clock.toFixed(0).padStart(6)} ${unit}, ${processor.toFixed(0).padStart(6)} by processor time`;
  console.log(`${what.padEnd(34)}${numbers}${target}`);
}

const load = loadavg()[0].toFixed(1);
console.log(`${cpus()[0].model}, load ${load} on ${availableParallelism()} cores\n`);
for (const [what, overrides, target] of [
  ["n=60, P=4, d=200, m=6", { examples: 60, filters: 6 }, `   target ${TARGET}`],
  [`as it opens: n=${FIXED.examples}, m=${FIXED.filters}`, {}, ""],
]) {
  const run = start(draw(SETTINGS, overrides), { lam: 0.7 });
  report(what, rates(() => advance(run, STEPS), STEPS), "steps/s", target);
  report("  measured", rates(() => measure(run), 1), "times/s");
}
report("a world drawn", rates(() => draw(SETTINGS), 1), "times/s");

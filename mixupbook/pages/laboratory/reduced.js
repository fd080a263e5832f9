/**
 * The reduced dynamics of `mixupbook.reduced_dynamics`, in the page: what training does to the
 * features, without any weights. Pure.
 *
 * Here every group has the number of examples expected of it, and the features start from their
 * mean, so that the two classes mirror each other (`reduced_step.js`). From a very large start
 * (sigma_0 about 1) that mirror is unstable; Python's rounding errors then break it, and runs there
 * differ from run to run.
 */

import {
  DIAGONAL,
  featureMargin,
  fixed,
  mixupStep,
  noiseEnergy,
  noiseMargin,
  standardStep,
  start,
} from "./reduced_step.js";
import { normalCdf } from "./special.js";

/** What a setting need not say. */
const DEFAULTS = Object.freeze({
  patches: 4,
  alpha: 0.2,
  noisePatches: 1,
  width: 6,
  lr: 0.4,
  initStd: 0.01,
  lam: 1,
  labelLam: null,
  stopStep: null,
});

/**
 * Why a setting is refused, or null: Python refuses it, too.
 * @param {{rho: number, n: number}} setting
 */
export function refusal({ rho, n }) {
  const fewest = (n * Math.min(rho, 1 - rho)) / 2;
  if (fewest >= 1) return null;
  return `each group needs one example at least, but ${Number(fewest.toPrecision(3))} are expected`;
}

/**
 * A run, recorded at every multiple of `recordEvery` and after the last step.
 * @param {object} setting
 * @param {number} setting.rho share of rare examples
 * @param {number} setting.noise sigma^2 d / n
 * @param {number} setting.n training examples
 * @param {number} setting.d dimension
 * @param {number} setting.lam l of Mixup; 1 is standard training
 * @param {?number} [setting.labelLam] l_y; null for the same as `lam`
 * @param {?number} [setting.stopStep] where Mixup gives way to standard training; null for never
 * @param {{steps: number, recordEvery: number}} times
 * @returns {{reason: ?string, records: object[]}} a record has step, common_error, rare_error,
 *   feature_response and noise_response as in Python; there is none where there is a reason
 */
export function dynamics(setting, { steps, recordEvery = steps }) {
  const reason = refusal(setting);
  if (reason) return { reason, records: [] };
  const whole = { ...DEFAULTS, ...setting };
  const run = fixed(whole);
  const state = start(run);
  const records = [];
  for (let step = 0; step < steps; step = Math.min(step + recordEvery, steps)) {
    records.push(record(run, state, step));
    advance(run, state, whole, step, Math.min(step + recordEvery, steps));
  }
  records.push(record(run, state, steps));
  return { reason, records };
}

/**
 * The errors after the last step, and nothing else.
 * @returns {{common: number, rare: number}} NaN where the setting is refused
 */
export function ends(setting, steps) {
  if (refusal(setting)) return { common: NaN, rare: NaN };
  const whole = { ...DEFAULTS, ...setting };
  const run = fixed(whole);
  const state = start(run);
  advance(run, state, whole, 0, steps);
  return { common: error(run, state, false), rare: error(run, state, true) };
}

/**
 * The errors after the last step in every cell of a grid.
 * @param {object} grid `rhos`, `noises` and `steps`, and the rest of a setting
 * @returns {{common: Float64Array, rare: Float64Array}} row by row, a row for each rho; NaN where a
 *   setting is refused
 */
export function map({ rhos, noises, steps, ...setting }) {
  const common = new Float64Array(rhos.length * noises.length);
  const rare = new Float64Array(rhos.length * noises.length);
  rhos.forEach((rho, row) => {
    noises.forEach((noise, column) => {
      const at = row * noises.length + column;
      ({ common: common[at], rare: rare[at] } = ends({ ...setting, rho, noise }, steps));
    });
  });
  return { common, rare };
}

/** From one step to another. */
function advance(run, state, { lam, labelLam, stopStep }, from, to) {
  const target = labelLam ?? lam;
  const isStandard = lam === 1 && target === 1;
  const change = isStandard ? from : Math.min(Math.max(stopStep ?? to, from), to);
  for (let step = from; step < change; step++) mixupStep(run, state, lam, target);
  for (let step = change; step < to; step++) standardStep(run, state);
}

function record(run, state, step) {
  const both = (of) => [of(false), of(false), of(true), of(true)];
  return {
    step,
    common_error: error(run, state, false),
    rare_error: error(run, state, true),
    feature_response: both((rare) => featureMargin(state, rare)),
    noise_response: both((rare) => noiseMargin(run, state, rare)),
  };
}

/**
 * The probability of a wrong label for a test example: it shows its feature, alpha times one
 * class's common feature in each of its patches for that, and fresh noise, whose part in the margin
 * is taken to be Gaussian with mean zero.
 */
function error(run, state, rare) {
  const { noisePatches: patches, alpha } = run;
  const own = featureMargin(state, rare);
  const foreign = alpha ** 2 * featureMargin(state, false);
  const spread = noiseSpread(run, state);
  let sum = 0;
  let ways = 1; // to choose the patches that show the own class's feature
  for (let ones = 0; ones <= patches; ones++) {
    sum += (ways / 2 ** patches) * normalCdf(-(own + (2 * ones - patches) * foreign) / spread);
    ways *= (patches - ones) / (ones + 1);
  }
  return sum;
}

/** Standard deviation of the margin that fresh noise gives: both classes' filters add alike. */
function noiseSpread(run, state) {
  const { patchesOf, ownPatches, variance, dimension, initial, width } = run;
  let trace = 0;
  let squares = 0;
  for (let g = 0; g < DIAGONAL.length; g++) {
    const energy = noiseEnergy(run, state, g);
    trace += patchesOf[g] * energy;
    squares += patchesOf[g] * energy ** 2;
  }
  const ofStart = (dimension * initial) ** 2 / width;
  const ofClass = squares + trace ** 2 / width + ofStart;
  return Math.max(Math.sqrt(4 * ownPatches * variance ** 2 * ofClass), Number.MIN_VALUE);
}

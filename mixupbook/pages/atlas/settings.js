/**
 * What the atlas shows: the plane's axes, the values of the controls, and the ways from them to the
 * reduced dynamics and to the laboratory. Pure.
 */

import { FIXED } from "../laboratory/engine.js";
import {
  checked,
  defaults,
  labelLam,
  parameter,
  serialise,
  stopStep,
} from "../laboratory/parameters.js";

/** Cells of the map in each direction, and what their middles stand for. */
export const SIZE = 40;
const NOISE = { low: 0.02, high: 0.5 }; // sigma^2 d / n, to the right
const RHO = { low: 0.02, high: 0.4 }; // upwards

export const AXES = { noise: NOISE, rho: RHO };

/** The value in the middle of a column or row. */
export function valueAt({ low, high }, cell) {
  return Number((low + ((high - low) * cell) / (SIZE - 1)).toFixed(4));
}

/** Where a value lies, in cells: whole numbers are middles. */
export function cellAt({ low, high }, value) {
  return ((value - low) / (high - low)) * (SIZE - 1);
}

/** Where the controls stand if no measurement says otherwise; names as in the laboratory. */
const DEFAULTS = {
  lam: 0.7,
  label_lam: "same",
  init_std: 0.01,
  n: 100,
  d: 500,
  steps: 1600,
  stop: "never",
};

/** The setting of a measurement as values of the controls. */
export function valuesOf(setting = {}) {
  const values = { ...DEFAULTS, ...setting };
  return { ...values, label_lam: values.label_lam ?? "same", stop: values.stop ?? "never" };
}

/** Whether two sets of values train alike. */
export function alike(one, other) {
  const [a, b] = [one, other].map((values) => JSON.stringify(request(values)));
  return a === b;
}

/** What the worker is asked: a setting of `dynamics` without the place, and the steps. */
export function request(values) {
  const { lam, init_std: initStd, n, d, steps } = values;
  const stop = stopStep(values);
  const ahead = stop < steps ? stop : null;
  return { lam, labelLam: labelLam(values), stopStep: ahead, initStd, n, d, steps };
}

/** Two rare examples, so that each class has one. */
const FEWEST_RARE = 2 / FIXED.examples;

/**
 * The laboratory's address of a place in the plane. It has a number of examples and dimensions of
 * its own, so that its sigma is another for the same sigma^2 d / n; and its values are rounded.
 * @param {object} values of the controls
 * @param {{rho: number, noise: number}} place
 */
export function laboratoryAddress({ lam, label_lam, stop, steps }, { rho, noise }) {
  const sigma = Math.sqrt((noise * FIXED.examples) / FIXED.dimension);
  const stops = stop === "never" || stop >= steps ? "never" : stop;
  const taken = { ...defaults(), run: 1 };
  const rare = Math.max(rho, FEWEST_RARE);
  const wanted = { lam, label_lam, rho: rare, noise: sigma, stop: stops, steps };
  for (const [name, value] of Object.entries(wanted)) {
    taken[name] = checked(parameter(name), value).value;
  }
  return serialise(taken);
}

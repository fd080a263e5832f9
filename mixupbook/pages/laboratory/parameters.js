/**
 * The laboratory's parameters: one table of what there is, and the ways between it and the address
 * (`#lab?lam=0.8&stop=75`). Pure: it knows neither the page nor the engine.
 */

/**
 * The table. `name` is the parameter's name in the address and as an attribute of the element.
 * Numbers lie between `min` and `max`, both allowed, and are rounded to multiples of `step`; where
 * there is a `word`, it may stand in the number's place. `slider` is where a slider ends, if before
 * `max`.
 */
export const PARAMETERS = Object.freeze(
  [
    { name: "lam", kind: "number", default: 0.7, min: 0.5, max: 1, step: 0.01 },
    { name: "label_lam", kind: "number", word: "same", default: "same", min: 0.5, max: 1, step: 0.01 },
    { name: "rho", kind: "number", default: 0.1, min: 0, max: 0.5, step: 0.025 },
    { name: "noise", kind: "number", default: 0.15, min: 0, max: 3, step: 0.01, slider: 0.4 },
    { name: "overlap", kind: "number", default: 1, min: 0, max: 1, step: 0.05 },
    { name: "stop", kind: "whole", word: "never", default: "never", min: 0, max: 20000, step: 1 },
    { name: "steps", kind: "whole", default: 800, min: 50, max: 20000, step: 1 },
    { name: "seed", kind: "whole", default: 1, min: 0, max: 999999, step: 1 },
    { name: "run", kind: "flag", default: 0, min: 0, max: 1, step: 1 },
  ].map(Object.freeze),
);

const BY_NAME = new Map(PARAMETERS.map((parameter) => [parameter.name, parameter]));
const PREFIX = "#lab?";
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** The row of the table, or undefined. */
export function parameter(name) {
  return BY_NAME.get(name);
}

/** What holds where nothing is said. */
export function defaults() {
  return Object.fromEntries(PARAMETERS.map(({ name, default: value }) => [name, value]));
}

/**
 * One value, checked.
 * @param {object} row of the table
 * @param {string | number} given
 * @returns {{value?: number | string, reason?: string}} `value` is absent where nothing could be made
 *   of what was given, and comes with a `reason` where it is the nearest one allowed
 */
export function checked(row, given) {
  const text = String(given).trim();
  if (row.word && text === row.word) return { value: row.word };
  const number = NUMBER.test(text) ? Number(text) : NaN;
  if (Number.isNaN(number) || (row.kind !== "number" && !Number.isInteger(number))) {
    return { reason: `it must be ${allowed(row)}` };
  }
  if (number < row.min) return { value: row.min, reason: `the least allowed is ${row.min}` };
  if (number > row.max) return { value: row.max, reason: `the most allowed is ${row.max}` };
  return { value: rounded(row, number) };
}

/** What a parameter may be, in words. */
export function allowed({ kind, word, min, max }) {
  if (kind === "flag") return "0 or 1";
  const range = `a ${kind === "whole" ? "whole " : ""}number from ${min} to ${max}`;
  return word ? `${range}, or "${word}"` : range;
}

/** To the nearest multiple of the step, without the dust of binary fractions. */
function rounded({ step }, number) {
  return Number((Math.round(number / step) * step).toFixed(6));
}

/** Whether a hash is one of the laboratory's. */
export function isAddress(hash) {
  return hash.startsWith(PREFIX);
}

/**
 * The values that a query names, on top of others.
 * @param {string} query such as "lam=0.8&stop=75", or a whole hash with it
 * @param {object} [start] values of what it does not name
 * @returns {{values: object, refused: string[], reasons: string[]}} names of parameters that were
 *   not taken as given, and why, in sentences
 */
export function parse(query, start = defaults()) {
  const values = { ...start };
  const refused = [];
  const reasons = [];
  const given = new URLSearchParams(isAddress(query) ? query.slice(PREFIX.length) : query);
  for (const [name, text] of given) {
    const row = parameter(name);
    const shown = `${short(name)} = ${short(text.trim()) || "nothing"}`;
    if (!row) {
      refused.push(short(name).replace(/\s/g, "_"));
      reasons.push(`${shown} was not taken: there is no such parameter.`);
      continue;
    }
    const { value, reason } = checked(row, text);
    if (value !== undefined) values[name] = value;
    if (!reason) continue;
    refused.push(name);
    reasons.push(`${shown} was not taken: ${reason}. Now ${name} = ${values[name]}.`);
  }
  return { values, refused: [...new Set(refused)], reasons };
}

/** Of what a stranger wrote, enough to know it again. */
function short(text) {
  return text.length > 24 ? `${text.slice(0, 24)}…` : text;
}

/**
 * The values as a hash, those that differ from `start` alone.
 * @param {object} values
 * @param {object} [start]
 */
export function serialise(values, start = defaults()) {
  const changed = PARAMETERS.filter(({ name }) => values[name] !== start[name]);
  return PREFIX + changed.map(({ name }) => `${name}=${values[name]}`).join("&");
}

/** The coefficient of the labels. */
export function labelLam({ lam, label_lam: own }) {
  return own === "same" ? lam : own;
}

/** The step at which Mixup stops; Infinity where it never does. */
export function stopStep({ stop }) {
  return stop === "never" ? Infinity : stop;
}

/**
 * Whether a run may go on under other values as if it had begun with them: they differ, if at all,
 * in what is still to come.
 * @param {object} old
 * @param {object} values
 * @param {number} step steps that are done
 */
export function continues(old, values, step) {
  const later = ["stop", "steps", "run"];
  const same = PARAMETERS.every(({ name }) => later.includes(name) || values[name] === old[name]);
  const stopAhead = values.stop === old.stop || Math.min(stopStep(values), stopStep(old)) >= step;
  return same && stopAhead && values.steps >= step;
}

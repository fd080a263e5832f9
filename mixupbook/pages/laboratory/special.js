/** Two functions of statistics, where the language has none. Pure. */

/** The logistic function is tabulated in steps of 1/64; beyond the table it is 0 or 1. */
const PER_UNIT = 64;
const REACH = 40;
const TABLE = Float64Array.from(
  { length: 2 * REACH * PER_UNIT + 1 },
  (_, k) => 1 / (1 + Math.exp(REACH - k / PER_UNIT)),
);

/**
 * The logistic function 1 / (1 + exp(-x)), to a relative 2e-10 between -40 and 40: a Taylor series
 * about the nearest entry of the table, whose derivatives are polynomials in the entry. A map asks
 * for 25 million of them, and an exponential with a division takes several times as long.
 */
export function logistic(x) {
  if (!(Math.abs(x) < REACH)) return beyond(x);
  const at = ((x + REACH) * PER_UNIT + 0.5) | 0;
  const off = x + REACH - at / PER_UNIT;
  const value = TABLE[at];
  const slope = value * (1 - value);
  return value + slope * off * (1 + off * (0.5 - value + (off * (1 - 6 * slope)) / 6));
}

function beyond(x) {
  if (Number.isNaN(x)) return NaN;
  return x > 0 ? 1 : 0;
}

/** Below this the series is good, above it the fraction. */
const TAIL = 3;

/** The distribution function of the standard normal law, to about 13 digits also in the tail. */
export function normalCdf(x) {
  if (Number.isNaN(x)) return NaN;
  if (Math.abs(x) < TAIL) return 0.5 + series(x);
  return x < 0 ? tail(-x) : 1 - tail(x);
}

function density(x) {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/** The mass between 0 and x: density(x) times x + x^3 / 3 + x^5 / 15 + ... */
function series(x) {
  let term = x;
  let sum = 0;
  for (let odd = 3; Math.abs(term) > 1e-17; odd += 2) {
    sum += term;
    term *= (x * x) / odd;
  }
  return sum * density(x);
}

/** The mass above x > 0: density(x) over x + 1/(x + 2/(x + 3/(x + ...))), from its far end. */
function tail(x) {
  let fraction = x;
  for (let k = 60; k > 0; k--) fraction = x + k / fraction;
  return density(x) / fraction;
}

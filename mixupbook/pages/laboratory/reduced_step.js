/**
 * One step of the reduced dynamics of `mixupbook.theory.reduced_equations`, for two classes that
 * mirror each other. Pure, and without an allocation: a map takes millions of steps.
 *
 * Both classes have equally many examples and the same start. Exchanging them is then a symmetry:
 * what happens in the filters of class 0 to a group happens in those of class 1 to its mirror
 * image, and a margin of class 0 is minus that of class 1. So all that is kept is about the filters
 * of class 1. Groups have the order c0, c1, r0, r1: common or rare, and the class.
 */

import { logistic } from "./special.js";

const GROUPS = 4;
const C0 = 0;
const C1 = 1;
const R0 = 2;
const R1 = 3;

/** A symmetric matrix is its upper half, row by row; here is its diagonal. */
export const DIAGONAL = [0, 4, 7, 9];

/**
 * What stays fixed in a run, from a setting as `dynamics` has it.
 * @returns {object} numbers and Float64Arrays
 */
export function fixed({ rho, noise, n, d, patches, alpha, noisePatches, width, lr, initStd }) {
  const common = (n * (1 - rho)) / 2;
  const rare = (n * rho) / 2;
  const counts = [common, common, rare, rare];
  const dimension = d - GROUPS;
  const ownPatches = patches - 1 - noisePatches;
  const variance = (noise * n) / d; // sigma^2
  return {
    n,
    common,
    rare,
    alpha,
    noisePatches,
    ownPatches,
    width,
    variance,
    dimension,
    energy: variance * dimension, // ||xi||^2
    initial: width * initStd ** 2,
    scale: (2 * lr) / n ** 2,
    patchesOf: Float64Array.from(counts, (count) => ownPatches * count),
    pairs: pairs(common, rare),
    others: others(counts, ownPatches, dimension),
  };
}

/** Ordered pairs: the first is c1 or r1, the second c1, c0, r1 or r0. */
function pairs(common, rare) {
  const ofCommon = [common * (common - 1), common ** 2, common * rare, common * rare];
  const ofRare = [rare * common, rare * common, rare * (rare - 1), rare ** 2];
  return Float64Array.from([...ofCommon, ...ofRare]);
}

/** Noise patches of group h other than one's own in group g, over the noise's dimension. */
function others(counts, ownPatches, dimension) {
  const all = counts.flatMap((_, g) => counts.map((count, h) => ownPatches * count - (g === h)));
  return Float64Array.from(all, (number) => number / dimension);
}

/** The state that a run starts from: features are met at random, no noise has grown. */
export function start({ initial }) {
  const gram = new Float64Array(10);
  for (const at of DIAGONAL) gram[at] = initial;
  return {
    gram, // Q_1
    grown: new Float64Array(GROUPS).fill(1), // exp(tau)
    first: new Float64Array(GROUPS ** 2), // I_gh of the Gaussian correction
    second: new Float64Array(GROUPS), // J_gh, summed over the others of h
    correction: new Float64Array(GROUPS), // c_g
    pulls: new Float64Array(GROUPS), // scratch, as are the following
    partner: new Float64Array(GROUPS),
    meeting: new Float64Array(2 * GROUPS),
    pushes: new Float64Array(2 * GROUPS),
  };
}

/** The margin that the feature alone gives an example of class 1, common or rare. */
export function featureMargin({ gram }, rare) {
  return rare ? gram[DIAGONAL[R1]] - gram[DIAGONAL[R0]] : gram[DIAGONAL[C1]] - gram[DIAGONAL[C0]];
}

/** An example's own noise in the filters of class 1: <w, xi>^2 / ||xi||^2 of a patch of group g. */
export function noiseEnergy(run, state, g) {
  const { grown, correction } = state;
  return run.initial * grown[g] * grown[g] * Math.max(1 + correction[g], 0);
}

/** The margin that its own noise gives an example of class 1, common or rare. */
export function noiseMargin(run, state, rare) {
  const zero = rare ? R0 : C0;
  const difference = noiseEnergy(run, state, zero + 1) - noiseEnergy(run, state, zero);
  return run.ownPatches * run.energy * difference;
}

function ownMargin(run, state, rare) {
  return featureMargin(state, rare) + noiseMargin(run, state, rare);
}

/** A step of standard training, in which no feature meets another. */
export function standardStep(run, state) {
  const { n, common, rare, scale } = run;
  const perCommon = scale * n * logistic(-ownMargin(run, state, false));
  const perRare = scale * n * logistic(-ownMargin(run, state, true));
  growFeatures(state.gram, common * perCommon, rare * perRare, 0, 0);
  growNoise(run, state, perCommon, perRare);
}

/** A step of Mixup. */
export function mixupStep(run, state, lam, labelLam) {
  const { common, rare, scale } = run;
  const ofCommon = ownMargin(run, state, false);
  const ofRare = ownMargin(run, state, true);
  push(run, state, ofCommon, ofRare, lam, labelLam);

  const { pushes } = state;
  const first = scale * lam * lam;
  const second = scale * (1 - lam) * (1 - lam);
  const cross = scale * lam * (1 - lam);
  const asFirst = (k) => pushes[k] + pushes[k + 1] + pushes[k + 2] + pushes[k + 3];
  const asSecond = (k) => pushes[k] - pushes[k + 1] + pushes[k + 4] - pushes[k + 5];
  // An example with itself mixes to itself.
  const alone = (count, margin) => scale * count * logistic(-margin);
  const onCommon = first * asFirst(0) + second * asSecond(0) + alone(common, ofCommon);
  const onRare = first * asFirst(4) + second * asSecond(2) + alone(rare, ofRare);
  growFeatures(
    state.gram,
    onCommon + 2 * cross * pushes[0],
    onRare + 2 * cross * pushes[6],
    cross * (pushes[2] + pushes[4]),
    cross * (pushes[3] - pushes[5]),
  );
  growNoise(run, state, onCommon / common, onRare / rare);
}

/** What the mixtures push: minus the residuals of c1 and r1 with each partner, times the pairs. */
function push({ pairs }, state, ofCommon, ofRare, lam, labelLam) {
  const { gram, partner, meeting, pushes } = state;
  partner[0] = ofCommon;
  partner[1] = -ofCommon;
  partner[2] = ofRare;
  partner[3] = -ofRare;
  // How the first's feature meets the partner's: of Q_1 - Q_0, where Q_0 is the mirror image.
  const same = gram[6] - gram[2]; // Q(c1, r1) - Q(c0, r0)
  const other = gram[5] - gram[3]; // Q(c1, r0) - Q(c0, r1)
  meeting[0] = gram[4] - gram[0];
  meeting[2] = same;
  meeting[3] = other;
  meeting[4] = same;
  meeting[5] = -other;
  meeting[6] = gram[9] - gram[7];
  const rest = 1 - lam;
  for (let k = 0; k < 8; k++) {
    const own = k < 4 ? ofCommon : ofRare;
    const margin = lam * lam * own + rest * rest * partner[k & 3] + 2 * lam * rest * meeting[k];
    const against = k & 1 ? 1 - labelLam : 0;
    pushes[k] = (logistic(-margin) - against) * pairs[k];
  }
}

/**
 * (I + C) Q (I + C), where C has, by the mirror, C(c1, c1) = -C(c0, c0) = a, C(r1, r1) = -C(r0, r0)
 * = b, C(c1, r1) = -C(c0, r0) = s, C(c1, r0) = -C(c0, r1) = t, and no other entry.
 */
function growFeatures(gram, a, b, s, t) {
  const q00 = gram[0];
  const q01 = gram[1];
  const q02 = gram[2];
  const q03 = gram[3];
  const q11 = gram[4];
  const q12 = gram[5];
  const q13 = gram[6];
  const q22 = gram[7];
  const q23 = gram[8];
  const q33 = gram[9];
  const lessC = 1 - a;
  const moreC = 1 + a;
  const lessR = 1 - b;
  const moreR = 1 + b;
  const p00 = lessC * q00 - s * q02 - t * q03;
  const p01 = lessC * q01 - s * q12 - t * q13;
  const p02 = lessC * q02 - s * q22 - t * q23;
  const p03 = lessC * q03 - s * q23 - t * q33;
  const p10 = moreC * q01 + t * q02 + s * q03;
  const p11 = moreC * q11 + t * q12 + s * q13;
  const p12 = moreC * q12 + t * q22 + s * q23;
  const p13 = moreC * q13 + t * q23 + s * q33;
  const p20 = t * q01 + lessR * q02 - s * q00;
  const p21 = t * q11 + lessR * q12 - s * q01;
  const p22 = t * q12 + lessR * q22 - s * q02;
  const p23 = t * q13 + lessR * q23 - s * q03;
  const p30 = s * q01 + moreR * q03 - t * q00;
  const p31 = s * q11 + moreR * q13 - t * q01;
  const p32 = s * q12 + moreR * q23 - t * q02;
  const p33 = s * q13 + moreR * q33 - t * q03;
  gram[0] = lessC * p00 - s * p02 - t * p03;
  gram[1] = moreC * p01 + t * p02 + s * p03;
  gram[2] = t * p01 + lessR * p02 - s * p00;
  gram[3] = s * p01 + moreR * p03 - t * p00;
  gram[4] = moreC * p11 + t * p12 + s * p13;
  gram[5] = t * p11 + lessR * p12 - s * p10;
  gram[6] = s * p11 + moreR * p13 - t * p10;
  gram[7] = t * p21 + lessR * p22 - s * p20;
  gram[8] = s * p21 + moreR * p23 - t * p20;
  gram[9] = s * p31 + moreR * p33 - t * p30;
}

/**
 * Multiplies the responses to noise, and adds to the integrals of the Gaussian correction: with
 * E = exp(tau), I_gh' = E_h' / E_g and J_gh' = I_gh' I_hg.
 */
function growNoise({ energy, others }, state, perCommon, perRare) {
  const { grown, pulls, first, second, correction } = state;
  pulls[C0] = -energy * perCommon * grown[C0];
  pulls[C1] = energy * perCommon * grown[C1];
  pulls[R0] = -energy * perRare * grown[R0];
  pulls[R1] = energy * perRare * grown[R1];
  for (let g = 0; g < GROUPS; g++) {
    grown[g] = Math.abs(grown[g] + pulls[g]);
    const inverse = 1 / grown[g];
    let more = 0;
    for (let h = 0; h < GROUPS; h++) {
      more += others[GROUPS * g + h] * pulls[h] * first[GROUPS * h + g];
    }
    second[g] += inverse * more;
  }
  for (let g = 0; g < GROUPS; g++) {
    const inverse = 1 / grown[g];
    let sum = 2 * second[g];
    for (let h = 0; h < GROUPS; h++) {
      const integral = first[GROUPS * g + h] + inverse * pulls[h];
      first[GROUPS * g + h] = integral;
      sum += others[GROUPS * g + h] * (integral + 2) * integral;
    }
    correction[g] = sum;
  }
}

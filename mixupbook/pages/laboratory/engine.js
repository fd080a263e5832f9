/**
 * The laboratory's engine: standard training and Mixup over all pairs, side by side, on the same
 * feature-noise data and from the same initial weights. It knows nothing of a page.
 *
 * Data. An example has P patches of d coordinates and a label y in {0, 1}. The first four axes are
 * the features common_0, common_1, rare_0, rare_1. One patch holds the feature of the class: the
 * common one, or in rare examples (the share rho) the rare one. b further patches hold the common
 * feature of either class at strength alpha; the rest are noise, N(0, sigma^2) in every coordinate
 * beyond the four.
 *
 * Network. F_k(x) = sum_{r<m} sum_{p<P} <w_{k,r}, x^(p)>^2 for the classes k = 0, 1. Only the margin
 * F_1 - F_0 matters. All 2m filters lie in one axis, class 0 first: A (n, P * filters) holds the
 * responses <w, x_i^(p)>, and A' the same with the sign of each filter's class, - for 0, + for 1.
 *
 * Mixup. The mean over all n^2 ordered pairs of the cross-entropy of l x_i + (1 - l) x_j against the
 * label l_y y_i + (1 - l_y) y_j. With M = A' A^T the margins are
 *
 *     z_ij = l^2 M_ii + (1 - l)^2 M_jj + 2 l (1 - l) M_ij,
 *
 * and with D_ij = sigmoid(z_ij) - l_y y_i - (1 - l_y) y_j, its row sums r and its column sums c,
 *
 *     dL/dA = 2/n^2 [ l^2 diag(r) + (1 - l)^2 diag(c) + l (1 - l) (D + D^T) ] A',
 *
 * so no pair is ever formed. In standard training M_ii are the margins, and the bracket is diagonal.
 *
 * Steps. The weights move within the span of the patches, W_t = W_0 - X^T S_t, S_t being the sum of
 * the gradients in the responses, times the learning rate. So X W_t = X W_0 - K S_t with K = X X^T,
 * and a step costs the same in every dimension. Patches that hold a feature vanish off the four
 * axes: the weights on those are kept as they are, and K is needed for the noise patches alone.
 *
 * The algebra is that of the Python package (mixupbook/theory: losses.py, stepping.py), with which
 * tests/laboratory compares it; the model and its constants are our reconstruction of Zou, Cao, Li
 * and Gu (ICML 2023). Everything is computed in 64 bits; data are rounded to 32, as there.
 *
 * Products run in blocks of 2 x 4 entries, so axes are padded with zeros to multiples of four:
 * filters, examples and patches that are zero have no response and no gradient.
 */

/**
 * What the laboratory keeps fixed.
 * @property examples n, training examples
 * @property testExamples clean test examples, one half of them rare
 * @property dimension d
 * @property patches P
 * @property noisePatches b, patches with feature noise
 * @property featureNoise alpha
 * @property filters m, for each class
 * @property initStd sigma_0, standard deviation of the initial weights
 * @property lr learning rate
 * @property steps a run in which the story is complete
 */
export const FIXED = Object.freeze({
  examples: 40,
  testExamples: 400,
  dimension: 200,
  patches: 4,
  noisePatches: 1,
  featureNoise: 0.2,
  filters: 4,
  initStd: 0.01,
  lr: 0.4,
  steps: 800,
});

/** Axes of the four features. */
const FEATURES = 4;

/** Every so many steps the features are noted, for `settled` to compare. */
const NOTE_EVERY = 50;

/** Squared responses that add up to more are lost: far from overflow, and from any use. */
const LIMIT = 1e100;

/* ------------------------------------------------------------------ random numbers */

/** Scrambles 32 bits: the finaliser of MurmurHash3. */
function scrambled(bits) {
  let z = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return z ^ (z >>> 16);
}

/**
 * A stream of random numbers: xoshiro128** of Blackman and Vigna, from a scrambled seed. Uniforms
 * are the same in every browser; normals are up to the last digits of its `log` and `cos`.
 * @param {number} seed whole number in [0, 2^53)
 * @param {number} stream one seed has several, independent of each other
 * @returns {{uniform: () => number, normal: () => number}}
 */
function generator(seed, stream) {
  const parts = [seed, seed / 2 ** 32, stream].map((part) => Math.floor(part) | 0);
  let mixing = 0;
  for (const part of parts) mixing = scrambled((mixing + 0x9e3779b9) ^ part);
  const state = Uint32Array.from({ length: 4 }, () => {
    mixing = (mixing + 0x9e3779b9) | 0;
    return scrambled(mixing);
  });
  const rotated = (x, k) => (x << k) | (x >>> (32 - k));
  const uniform = () => {
    const result = Math.imul(rotated(Math.imul(state[1], 5), 7), 9) >>> 0;
    const shifted = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotated(state[3], 11);
    return (result + 0.5) / 2 ** 32;
  };
  // Box and Muller's two normals, one at a time.
  let kept = null;
  const normal = () => {
    if (kept !== null) {
      const second = kept;
      kept = null;
      return second;
    }
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    kept = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  return { uniform, normal };
}

/* ------------------------------------------------------------------ data */

/**
 * Examples made of patches.
 * @typedef {object} Patches
 * @property {Float32Array} x (n, P, d)
 * @property {Uint8Array} y (n) labels 0 or 1
 * @property {Uint8Array} isRare (n) 1 where the feature is the rare one
 */

/**
 * Draws a world: both splits and the initial weights.
 *
 * Labels alternate, and the first examples are the rare ones: as many in one class as in the other,
 * or one more. The same seed with other settings gives the same places and the same noise, rescaled.
 *
 * @param {object} settings
 * @param {number} settings.rho share of rare training examples, in [0, 1]; rounded to a count
 * @param {number} settings.noise sigma, standard deviation of the noise, not negative
 * @param {number} settings.overlap share of the rare examples, in [0, 1], whose feature stands in
 *   the first patch, where common ones have theirs, and not in the second; rounded to a count
 * @param {number} settings.seed whole number in [0, 2^53)
 * @param {Partial<typeof FIXED>} [overrides]
 * @returns {World}
 */
export function draw({ rho, noise, overlap, seed }, overrides = {}) {
  const sizes = { ...FIXED, ...overrides };
  const { examples, testExamples, dimension, filters } = sizes;
  const rare = Math.round(rho * examples);
  const testRare = Math.round(testExamples / 2);
  const train = sample(generator(seed, 0), examples, rare, { ...sizes, noise, overlap });
  const test = sample(generator(seed, 1), testExamples, testRare, { ...sizes, noise, overlap });
  const { normal } = generator(seed, 2);
  const weights = Float32Array.from(
    { length: 2 * filters * dimension },
    () => normal() * sizes.initStd,
  );
  return worldFrom({ train, test, weights, patches: sizes.patches, dimension, lr: sizes.lr });
}

/**
 * @param {{uniform: () => number, normal: () => number}} random
 * @param {number} n
 * @param {number} rare how many of them are rare
 * @param {object} model sizes and settings
 * @returns {Patches}
 */
function sample(random, n, rare, model) {
  const { patches, dimension, noisePatches, featureNoise, noise, overlap } = model;
  const overlapping = Math.round(overlap * rare);
  const x = new Float32Array(n * patches * dimension);
  const y = Uint8Array.from({ length: n }, (_, i) => i % 2);
  const isRare = Uint8Array.from({ length: n }, (_, i) => (i < rare ? 1 : 0));
  for (let i = 0; i < n; i++) {
    const place = i >= overlapping && i < rare ? 1 : 0;
    const order = shuffled(random, patches).filter((patch) => patch !== place);
    const foreign = order.map(() => (random.uniform() < 0.5 ? 0 : 1));
    for (let p = 0; p < patches; p++) {
      const start = (i * patches + p) * dimension;
      for (let k = FEATURES; k < dimension; k++) x[start + k] = noise * random.normal();
    }
    const hold = (patch, feature, strength) => {
      const start = (i * patches + patch) * dimension;
      x.fill(0, start, start + dimension);
      x[start + feature] = strength;
    };
    hold(place, y[i] + 2 * isRare[i], 1);
    for (let p = 0; p < noisePatches; p++) hold(order[p], foreign[p], featureNoise);
  }
  return { x, y, isRare };
}

/** The numbers 0 to `count` - 1 in random order. */
function shuffled(random, count) {
  const scores = Array.from({ length: count }, () => random.uniform());
  return scores.map((_, i) => i).sort((i, j) => scores[i] - scores[j]);
}

/**
 * A world: data, initial weights, and what descent needs of them.
 * @typedef {object} World
 * @property {Patches} train
 * @property {Patches} test
 * @property {Float32Array} weights (2, m, d) initial weights
 * @property {number} patches P
 * @property {number} dimension d
 * @property {number} filters m, for each class
 * @property {number} lr learning rate
 * @property {number} columns filters of both classes, padded
 * @property {Float64Array} near (4, columns) initial weights on the features
 * @property {Split} trainSplit
 * @property {Split} testSplit
 */

/**
 * The world of given arrays (plain or typed), in the layout of the Python package.
 * @param {object} arrays
 * @param {{x: ArrayLike<number>, y: ArrayLike<number>, isRare: ArrayLike<number>}} arrays.train
 * @param {{x: ArrayLike<number>, y: ArrayLike<number>, isRare: ArrayLike<number>}} arrays.test
 * @param {ArrayLike<number>} arrays.weights (2, m, d)
 * @param {number} arrays.patches P
 * @param {number} arrays.dimension d
 * @param {number} [arrays.lr]
 * @returns {World}
 * @throws {RangeError} sizes that do not fit, or a test set without common or without rare examples
 */
export function worldFrom({ train, test, weights, patches, dimension, lr = FIXED.lr }) {
  const filters = weights.length / (2 * dimension);
  check(Number.isInteger(filters), `weights must hold (2, m, ${dimension}), got ${weights.length}`);
  for (const [name, { x, y, isRare }] of Object.entries({ train, test })) {
    const size = y.length * patches * dimension;
    check(x.length === size, `${name}.x must hold ${size} numbers, got ${x.length}`);
    check(
      isRare.length === y.length,
      `${name}.isRare must have ${y.length} entries, got ${isRare.length}`,
    );
  }
  const rare = Array.from(test.isRare, Number);
  check(new Set(rare).size === 2, "test must hold common and rare examples");
  const columns = padded(2 * filters);
  const world = {
    train: typed(train),
    test: typed(test),
    weights: Float32Array.from(weights),
    patches,
    dimension,
    filters,
    lr,
    columns,
  };
  const { near, far } = divided(world);
  const trainRows = noiseRows(world.train, world);
  const testRows = noiseRows(world.test, world);
  world.near = near;
  world.trainSplit = split(world.train, trainRows, trainRows, far, world);
  world.testSplit = split(world.test, testRows, trainRows, far, world);
  return world;
}

function check(holds, message) {
  if (!holds) throw new RangeError(message);
}

function typed({ x, y, isRare }) {
  return { x: Float32Array.from(x), y: Uint8Array.from(y), isRare: Uint8Array.from(isRare) };
}

/** The next multiple of four. */
function padded(count) {
  return 4 * Math.ceil(count / 4);
}

/** The initial weights as columns: those on the four features, and those on the other axes. */
function divided({ weights, filters, dimension, columns }) {
  const near = new Float64Array(FEATURES * columns);
  const far = new Float64Array((dimension - FEATURES) * columns);
  for (let f = 0; f < 2 * filters; f++) {
    for (let k = 0; k < dimension; k++) {
      const value = weights[f * dimension + k];
      if (k < FEATURES) near[k * columns + f] = value;
      else far[(k - FEATURES) * columns + f] = value;
    }
  }
  return { near, far };
}

/** The patches that are not zero off the features: their indices, and the rest of each as a row. */
function noiseRows({ x }, { dimension }) {
  const index = [];
  for (let row = 0; row * dimension < x.length; row++) {
    const rest = x.subarray(row * dimension + FEATURES, (row + 1) * dimension);
    if (rest.some((value) => value !== 0)) index.push(row);
  }
  const rest = dimension - FEATURES;
  const rows = new Float64Array(padded(index.length) * rest);
  index.forEach((row, i) => {
    rows.set(x.subarray(row * dimension + FEATURES, (row + 1) * dimension), i * rest);
  });
  return { index: Int32Array.from(index), rows };
}

/**
 * What gives the responses of a split's patches from a network's state.
 * @typedef {object} Split
 * @property {number} n examples
 * @property {number} size examples, padded
 * @property {Int8Array} against (n) 1 - 2y, the sign that turns margins against the label
 * @property {Uint8Array} y (n)
 * @property {Uint8Array} isRare (n)
 * @property {{row: number, feature: number, value: number}[]} onFeatures coordinates not zero
 * @property {Int32Array} index (N) patches that hold noise
 * @property {Float64Array} gram (N padded, N of training padded) products with training noise
 * @property {Float64Array} start (N padded, columns) responses of the noise at the initial weights
 * @property {Float64Array} onNoise (N padded, columns) scratch: the noise's responses, less `start`
 */

/** @returns {Split} */
function split({ x, y, isRare }, { index, rows }, trained, far, { patches, dimension, columns }) {
  const n = y.length;
  const rest = dimension - FEATURES;
  const count = padded(index.length);
  const trainedCount = padded(trained.index.length);
  const onFeatures = [];
  for (let row = 0; row < n * patches; row++) {
    for (let feature = 0; feature < FEATURES; feature++) {
      const value = x[row * dimension + feature];
      if (value !== 0) onFeatures.push({ row, feature, value });
    }
  }
  const gram = new Float64Array(count * trainedCount);
  multiply(gram, rows, transposed(trained.rows, trainedCount, rest), count, rest, trainedCount);
  const start = new Float64Array(count * columns);
  multiply(start, rows, far, count, rest, columns);
  return {
    n,
    size: padded(n),
    against: Int8Array.from(y, (label) => 1 - 2 * label),
    y,
    isRare,
    onFeatures,
    index,
    gram,
    start,
    onNoise: new Float64Array(count * columns),
  };
}

/* ------------------------------------------------------------------ products */

/**
 * out = a b, for a (rows, inner) and b (inner, columns), rows even and columns a multiple of four.
 * `fromDiagonal`: only from the block on the diagonal on, for a product known to be symmetric.
 */
function multiply(out, a, b, rows, inner, columns, fromDiagonal = false) {
  for (let i = 0; i < rows; i += 2) {
    const first = i * inner;
    const second = first + inner;
    for (let j = fromDiagonal ? i & ~3 : 0; j < columns; j += 4) {
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      let t0 = 0;
      let t1 = 0;
      let t2 = 0;
      let t3 = 0;
      for (let k = 0, q = j; k < inner; k++, q += columns) {
        const s = a[first + k];
        const t = a[second + k];
        const b0 = b[q];
        const b1 = b[q + 1];
        const b2 = b[q + 2];
        const b3 = b[q + 3];
        s0 += s * b0;
        s1 += s * b1;
        s2 += s * b2;
        s3 += s * b3;
        t0 += t * b0;
        t1 += t * b1;
        t2 += t * b2;
        t3 += t * b3;
      }
      const p = i * columns + j;
      out[p] = s0;
      out[p + 1] = s1;
      out[p + 2] = s2;
      out[p + 3] = s3;
      out[p + columns] = t0;
      out[p + columns + 1] = t1;
      out[p + columns + 2] = t2;
      out[p + columns + 3] = t3;
    }
  }
}

/** The transpose of a (rows, columns). */
function transposed(a, rows, columns, out = new Float64Array(rows * columns)) {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[j * rows + i] = a[i * columns + j];
  }
  return out;
}

/* ------------------------------------------------------------------ a run */

/**
 * A network in training.
 * @typedef {object} Network
 * @property {Float64Array} near (4, columns) its weights on the features
 * @property {Float64Array} moved (N padded, columns) S, the sum of the scaled gradients at the noise
 * @property {Float64Array} responses (n padded, P * columns) A
 */

/**
 * Starts a run: two networks at the world's initial weights.
 * @param {World} world
 * @param {object} settings
 * @param {number} settings.lam l in [0, 1], share of the first example in a mixture
 * @param {number} [settings.labelLam] l_y in [0, 1], its share in the label; l where it is not given
 * @param {number} [settings.stop] the step from which Mixup goes on as standard training
 */
export function start(world, { lam, labelLam = lam, stop = Infinity }) {
  const { size } = world.trainSplit;
  const width = world.patches * world.columns;
  const run = {
    world,
    lam,
    labelLam,
    stop,
    step: 0,
    diverged: null,
    standard: network(world),
    mixup: network(world),
    notes: [],
    scratch: {
      signed: new Float64Array(size * width),
      turned: new Float64Array(size * width),
      gradient: new Float64Array(size * width),
      gram: new Float64Array(size * size),
      mixing: new Float64Array(size * size),
      rowSums: new Float64Array(size),
      columnSums: new Float64Array(size),
    },
  };
  markDivergence(run);
  note(run);
  return run;
}

/** @returns {Network} */
function network(world) {
  const { trainSplit, columns, patches } = world;
  const state = {
    near: world.near.slice(),
    moved: new Float64Array(trainSplit.start.length),
    responses: new Float64Array(trainSplit.size * patches * columns),
  };
  respond(trainSplit, state, columns, state.responses);
  return state;
}

/** Writes the responses of a split's patches to `out` (n padded, P * columns). */
function respond(split, { near, moved }, columns, out) {
  const { index, start, onFeatures } = split;
  out.fill(0);
  noiseResponses(split, moved, columns);
  for (let i = 0; i < index.length; i++) {
    const row = index[i] * columns;
    for (let f = 0; f < columns; f++) {
      out[row + f] = start[i * columns + f] - split.onNoise[i * columns + f];
    }
  }
  for (const { row, feature, value } of onFeatures) {
    for (let f = 0; f < columns; f++) {
      out[row * columns + f] += value * near[feature * columns + f];
    }
  }
}

/** K S, by how much the responses of the noise have moved. */
function noiseResponses({ gram, start, onNoise }, moved, columns) {
  multiply(onNoise, gram, moved, start.length / columns, moved.length / columns, columns);
}

/**
 * Takes so many steps of both networks, or fewer where one of them diverges.
 * @param {object} run from `start`
 * @param {number} steps
 */
export function advance(run, steps) {
  const last = run.step + steps;
  while (run.step < last && !run.diverged) {
    standardGradient(run, run.standard);
    move(run, run.standard);
    if (run.step < run.stop) mixupGradient(run, run.mixup);
    else standardGradient(run, run.mixup);
    move(run, run.mixup);
    run.step += 1;
    markDivergence(run);
    if (run.step % NOTE_EVERY === 0) note(run);
  }
  return run;
}

/** Moves a network against the gradient in its responses. */
function move({ world, scratch: { gradient } }, { near, moved, responses }) {
  const { trainSplit, columns, lr } = world;
  for (const { row, feature, value } of trainSplit.onFeatures) {
    for (let f = 0; f < columns; f++) {
      near[feature * columns + f] -= lr * value * gradient[row * columns + f];
    }
  }
  const { index } = trainSplit;
  for (let i = 0; i < index.length; i++) {
    const row = index[i] * columns;
    for (let f = 0; f < columns; f++) moved[i * columns + f] += lr * gradient[row + f];
  }
  respond(trainSplit, { near, moved }, columns, responses);
}

/** Writes A' to `signed`. */
function sign({ filters, columns }, responses, signed) {
  for (let row = 0; row < responses.length; row += columns) {
    for (let f = 0; f < filters; f++) signed[row + f] = -responses[row + f];
    for (let f = filters; f < columns; f++) signed[row + f] = responses[row + f];
  }
}

/** The margin of example i. */
function margin(responses, i, width, { filters, columns }) {
  let sum = 0;
  for (let row = i * width; row < (i + 1) * width; row += columns) {
    for (let f = 0; f < filters; f++) sum -= responses[row + f] ** 2;
    for (let f = filters; f < 2 * filters; f++) sum += responses[row + f] ** 2;
  }
  return sum;
}

function sigmoid(z) {
  return 1 / (1 + Math.exp(-z));
}

/** Writes the gradient of standard training in the responses to the scratch `gradient`. */
function standardGradient({ world, scratch: { signed, gradient } }, { responses }) {
  const { n, against } = world.trainSplit;
  const width = world.patches * world.columns;
  sign(world, responses, signed);
  for (let i = 0; i < n; i++) {
    const residual = against[i] * sigmoid(against[i] * margin(responses, i, width, world));
    const factor = (2 / n) * residual;
    for (let q = i * width; q < (i + 1) * width; q++) gradient[q] = factor * signed[q];
  }
}

/** Writes M to the scratch `gram`, its upper triangle, and A' to `signed`. */
function pairGram({ world, scratch }, { responses }) {
  const { size } = world.trainSplit;
  const width = world.patches * world.columns;
  sign(world, responses, scratch.signed);
  transposed(responses, size, width, scratch.turned);
  multiply(scratch.gram, scratch.signed, scratch.turned, size, width, size, true);
}

/** Writes the gradient of Mixup over all pairs in the responses to the scratch `gradient`. */
function mixupGradient(run, network) {
  const { world, lam, labelLam, scratch } = run;
  const { gram, mixing, rowSums, columnSums } = scratch;
  const { n, size, against } = world.trainSplit;
  const width = world.patches * world.columns;
  pairGram(run, network);
  const own = lam ** 2;
  const other = (1 - lam) ** 2;
  const cross = 2 * lam * (1 - lam);
  rowSums.fill(0);
  columnSums.fill(0);
  // Residuals are taken from the side of the first example's label: see losses.py.
  for (let i = 0; i < n; i++) {
    const diagonal = gram[i * size + i];
    for (let j = i; j < n; j++) {
      const opposite = gram[j * size + j];
      const shared = cross * gram[i * size + j];
      const share = against[i] === against[j] ? 0 : 1 - labelLam;
      const there = own * diagonal + other * opposite + shared;
      const back = own * opposite + other * diagonal + shared;
      const d = against[i] * (sigmoid(against[i] * there) - share);
      const e = against[j] * (sigmoid(against[j] * back) - share);
      rowSums[i] += d;
      columnSums[j] += d;
      if (i !== j) {
        rowSums[j] += e;
        columnSums[i] += e;
      }
      const both = (cross / n ** 2) * (d + e);
      mixing[i * size + j] = both;
      mixing[j * size + i] = both;
    }
  }
  for (let i = 0; i < n; i++) {
    mixing[i * size + i] += (2 / n ** 2) * (own * rowSums[i] + other * columnSums[i]);
  }
  multiply(scratch.gradient, mixing, scratch.signed, size, size, width);
}

/** Marks a run one of whose networks has left all bounds. */
function markDivergence(run) {
  const standard = isLost(run.standard);
  const mixup = isLost(run.mixup);
  if (standard || mixup) run.diverged = { step: run.step, standard, mixup };
}

function isLost({ responses }) {
  let sum = 0;
  for (let q = 0; q < responses.length; q++) sum += responses[q] * responses[q];
  return !(sum <= LIMIT); // NaN is lost, too
}

/* ------------------------------------------------------------------ what is measured */

/**
 * What a network has learned.
 * @typedef {object} Measured
 * @property {number} rareError fraction of rare test examples with a wrong label
 * @property {number} commonError the same of common ones
 * @property {number} loss the loss that is minimised from this step on
 * @property {number} commonFeature mean over the classes k of max_r |<w_{k,r}, v_k>|
 * @property {number} rareFeature the same for the rare features
 * @property {number} noise mean over the rare training examples (over all, where none is rare) of
 *   max_{p,r} |<w_{y,r}, xi^(p)>|, xi^(p) being the noise in patch p
 */

/**
 * Measures both networks, on the test set and as the book's chapters do.
 * @param {object} run from `start`
 * @returns {{step: number, diverged: null | {step: number, standard: boolean, mixup: boolean},
 *   standard: Measured, mixup: Measured}} `diverged` says which network diverged, and when; its
 *   values are then NaN, and only then.
 */
export function measure(run) {
  const of = (which) => {
    const network = run[which];
    const mixes = which === "mixup" && run.step < run.stop;
    const found = {
      ...errors(run.world, network),
      loss: mixes ? pairLoss(run) : meanLoss(run, network),
      ...learned(run.world, network),
    };
    if (run.diverged?.[which]) for (const name of Object.keys(found)) found[name] = NaN;
    return found;
  };
  return {
    step: run.step,
    diverged: run.diverged,
    standard: of("standard"),
    mixup: of("mixup"),
  };
}

/** Error rates on the test set. */
function errors(world, network) {
  const { testSplit, patches, columns } = world;
  const width = patches * columns;
  const responses = new Float64Array(testSplit.size * width);
  respond(testSplit, network, columns, responses);
  const wrong = [0, 0];
  const count = [0, 0];
  for (let i = 0; i < testSplit.n; i++) {
    const found = margin(responses, i, width, world);
    const kind = testSplit.isRare[i];
    count[kind] += 1;
    // On a tie the network says class 0.
    if ((found > 0) !== (testSplit.y[i] === 1)) wrong[kind] += 1;
  }
  return { rareError: wrong[1] / count[1], commonError: wrong[0] / count[0] };
}

/** Cross-entropy for a margin against the label, whose target has a share `share` against it. */
function crossEntropy(z, share) {
  return Math.log1p(Math.exp(-Math.abs(z))) + Math.max(z, 0) - share * z;
}

function meanLoss({ world }, { responses }) {
  const { n, against } = world.trainSplit;
  const width = world.patches * world.columns;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    sum += crossEntropy(against[i] * margin(responses, i, width, world), 0);
  }
  return sum / n;
}

function pairLoss(run) {
  const { world, lam, labelLam, scratch } = run;
  const { n, size, against } = world.trainSplit;
  const { gram } = scratch;
  pairGram(run, run.mixup);
  let sum = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const cross = 2 * lam * (1 - lam) * gram[Math.min(i, j) * size + Math.max(i, j)];
      const z = lam ** 2 * gram[i * size + i] + (1 - lam) ** 2 * gram[j * size + j] + cross;
      sum += crossEntropy(against[i] * z, against[i] === against[j] ? 0 : 1 - labelLam);
    }
  }
  return sum / n ** 2;
}

/** The features and the noise that a network responds to. */
function learned({ trainSplit, patches, filters, columns }, { near, moved }) {
  const largest = (row, label) => {
    let most = 0;
    for (let f = label * filters; f < (label + 1) * filters; f++) {
      most = Math.max(most, Math.abs(row(f)));
    }
    return most;
  };
  const feature = (k) => largest((f) => near[k * columns + f], k % 2);
  const { n, y, isRare, index, start, onNoise } = trainSplit;
  noiseResponses(trainSplit, moved, columns);
  const noise = new Float64Array(n);
  index.forEach((row, i) => {
    const example = Math.floor(row / patches);
    const found = largest((f) => start[i * columns + f] - onNoise[i * columns + f], y[example]);
    noise[example] = Math.max(noise[example], found);
  });
  const rare = noise.filter((_, i) => isRare[i]);
  return {
    commonFeature: (feature(0) + feature(1)) / 2,
    rareFeature: (feature(2) + feature(3)) / 2,
    noise: mean(rare.length ? rare : noise),
  };
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The weights of a network: those on the features, and W_0 - X^T S on the other axes.
 * @param {object} run from `start`
 * @param {"standard" | "mixup"} which
 * @returns {Float64Array} (2, m, d), as in the Python package
 */
export function weights({ world, ...run }, which) {
  const { dimension, filters, columns, train, trainSplit } = world;
  const { near, moved } = run[which];
  const found = Float64Array.from(world.weights);
  for (let f = 0; f < 2 * filters; f++) {
    for (let k = 0; k < FEATURES; k++) found[f * dimension + k] = near[k * columns + f];
    trainSplit.index.forEach((row, i) => {
      for (let k = FEATURES; k < dimension; k++) {
        found[f * dimension + k] -= moved[i * columns + f] * train.x[row * dimension + k];
      }
    });
  }
  return found;
}

/* ------------------------------------------------------------------ when to stop */

/** Notes what both networks have learned, for `settled`. */
function note(run) {
  const values = [run.standard, run.mixup].flatMap((network) =>
    Object.values(learned(run.world, network)),
  );
  run.notes = [...run.notes.slice(-1), values];
}

/**
 * Whether nothing changes any more: a run has diverged; or, with no stop of Mixup still to come,
 * no feature and no noise of either network has moved, over the last 50 steps noted, by more than
 * the fraction `pace` of its size per step. At 1e-5 none would move by a hundredth in 1,000 steps.
 * @param {object} run from `start`
 * @param {{pace?: number}} [options]
 */
export function settled(run, { pace = 1e-5 } = {}) {
  if (run.diverged) return true;
  const toCome = Number.isFinite(run.stop) && run.step < run.stop + NOTE_EVERY;
  if (toCome || run.notes.length < 2) return false;
  const [before, after] = run.notes;
  return after.every((value, i) => Math.abs(value - before[i]) <= pace * NOTE_EVERY * value);
}

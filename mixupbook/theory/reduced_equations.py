"""The equations of the reduced dynamics: four groups of examples, two Gram matrices, no weights.

With the layout "same" the feature patches of all examples meet. Two classes have one residual, so
that every step multiplies the filters of class 1 by I + eta B and those of class 0 by I - eta B.
What the network does with the features then depends on the Gram matrices of its responses to them,
Q_k = sum_r w_kr w_kr^T, alone. All examples of a group g (a class, common or rare) are taken to be
alike: their feature is the g-th axis, and their own noise has grown by exp(tau_g) in the filters of
class 1 and, up to O(lr), by exp(-tau_g) in those of class 0.

Left out are the feature noise (in the training examples) and the products of different examples'
noise, except for their mean effect on an example's own: the Gaussian correction below. With
orthogonal noise of one norm, no feature noise, standard training and one initial response to noise
for all, the equations are exact; and so they are for Mixup without noise.

Arrays have the runs as their last axis, so that NumPy's loops are long.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import comb, expit, ndtr

GROUPS = 4  # common_0, common_1, rare_0, rare_1: in the order of their features
CLASS = np.array([0, 1, 0, 1])
SIGN = np.where(CLASS == 1, 1.0, -1.0)[:, None]
CLASS_SIGN = np.array([-1.0, 1.0])[:, None, None]

Array = np.ndarray


class Setting(NamedTuple):
    """What stays fixed in each of R runs."""

    counts: Float[Array, "4 R"]  # examples of each group
    noise_energy: Float[Array, " R"]  # ||xi||^2 = sigma^2 (d - 4), of one patch
    noise_patches: Float[Array, " R"]  # of one example
    noise_dimension: Float[Array, " R"]  # d - 4
    cosine_variance: Float[Array, " R"]  # of two noise patches: 1/(d - 4), or 0 if orthogonal
    foreign_patches: Float[Array, " R"]  # patches with feature noise
    feature_noise: Float[Array, " R"]  # alpha
    width: Float[Array, " R"]
    init_std: Float[Array, " R"]

    def take(self, runs: Array) -> "Setting":
        """The setting of the runs listed."""
        return Setting(*(field[..., runs] for field in self))


class State(NamedTuple):
    """What moves. `first` and `second` are the integrals I_gh and J_gh of the Gaussian correction,
    for the filters of each class.
    """

    grams: Float[Array, "2 4 4 R"]  # Q_0 and Q_1
    growth: Float[Array, "2 4 R"]  # about -tau and tau
    first: Float[Array, "2 4 4 R"]
    second: Float[Array, "2 4 4 R"]

    def take(self, runs: Array) -> "State":
        """The state of the runs listed."""
        return State(*(field[..., runs] for field in self))


class Mixing(NamedTuple):
    """The objective in force in each run; standard training has coefficients 1."""

    lam: Float[Array, " R"]
    label_lam: Float[Array, " R"]
    smoothing: Float[Array, " R"]


def standard(runs: int) -> Mixing:
    """Standard training in all runs."""
    return Mixing(np.ones(runs), np.ones(runs), np.zeros(runs))


def start(grams: Float[Array, "2 4 4 R"]) -> State:
    """The state with given Gram matrices, where no noise has grown."""
    integrals = np.zeros_like(grams)
    return State(grams, np.zeros_like(grams[:, 0]), integrals, integrals)


def noise_energies(setting: Setting, state: State) -> Float[Array, "2 4 R"]:
    """An example's own noise in the filters of each class: <w, xi>^2 / ||xi||^2 of one patch.

    The noise of the others, whose cosines with it have mean square 1/(d - 4), adds to it on
    average, to second order in the cosines, the share c_g = sum_h (others of h) (I_gh^2 + 2 J_gh +
    2 I_gh) / (d - 4).
    """
    initial = setting.width * setting.init_std**2
    grown = np.exp(2 * state.growth)
    others = setting.noise_patches * setting.counts - np.eye(GROUPS)[..., None]
    shares = (state.first + 2) * state.first + 2 * state.second
    correction = (others * shares).sum(axis=2) * setting.cosine_variance
    return initial * grown * np.maximum(1 + correction, 0)  # no energy is negative


def noise_margins(setting: Setting, energies: Float[Array, "2 4 R"]) -> Float[Array, "4 R"]:
    """N_g: what an example's own noise patches add to its margin F_1 - F_0."""
    return setting.noise_patches * setting.noise_energy * (energies[1] - energies[0])


def clean_margins(setting: Setting, state: State) -> Float[Array, "4 R"]:
    """The margin F_1 - F_0 of a clean training example of each group."""
    features = np.einsum("kggr->kgr", state.grams)
    noise = noise_margins(setting, noise_energies(setting, state))
    return features[1] - features[0] + noise


def largest_residual(setting: Setting, state: State) -> Float[Array, " R"]:
    """Of standard training: what the worst group lacks in the probability of its class."""
    return expit(-SIGN * clean_margins(setting, state)).max(axis=0)


def step(setting: Setting, state: State, mixing: Mixing, rate: Float[Array, " R"]) -> State:
    """One step of gradient descent on the mean over all ordered pairs of examples."""
    lam, rest = mixing.lam, 1 - mixing.lam
    own = clean_margins(setting, state)
    gram = state.grams[1] - state.grams[0]
    margin = lam**2 * own[:, None] + rest**2 * own[None] + 2 * lam * rest * gram

    # Residuals S(z) - t from the side of the first label, where 1 - S(z) would lose its digits.
    sign = SIGN[:, None]
    other_label = (CLASS[:, None] != CLASS[None])[..., None]
    against = np.where(other_label, 1 - mixing.label_lam, 0)
    against = (1 - mixing.smoothing) * against + mixing.smoothing / 2
    pairs = setting.counts[:, None] * (setting.counts - np.eye(GROUPS)[..., None])
    pushes = -sign * (expit(-sign * margin) - against) * pairs
    # An example with itself mixes to itself.
    alone = -SIGN * (expit(-SIGN * own) - mixing.smoothing / 2) * setting.counts

    scale = -2 * rate / setting.counts.sum(axis=0) ** 2
    on_own = scale * (lam**2 * pushes.sum(axis=1) + rest**2 * pushes.sum(axis=0) + alone)
    change = scale * lam * rest * (pushes + pushes.swapaxes(0, 1))
    change[np.arange(GROUPS), np.arange(GROUPS)] += on_own

    eye = np.eye(GROUPS)[..., None]
    factor = np.stack([eye - change, eye + change])
    grams = np.einsum("kabr,kbcr->kacr", factor, state.grams)
    grams = np.einsum("kabr,kbcr->kacr", grams, factor)
    faster = setting.noise_energy * on_own / setting.counts * CLASS_SIGN
    growth = state.growth + np.log(np.abs(1 + faster))
    if not setting.cosine_variance.any():
        return State(grams, growth, state.first, state.second)
    # I_gh' = tau_h' exp(tau_h - tau_g) and J_gh' = I_gh' I_hg, in class 0 with -tau.
    more = np.exp(-growth)[:, :, None] * (np.exp(state.growth) * faster)[:, None]
    second = state.second + more * state.first.swapaxes(1, 2)
    return State(grams, growth, state.first + more, second)


def expected_errors(setting: Setting, state: State) -> Float[Array, "2 2 R"]:
    """The probability of a wrong label, for common and rare test examples (first axis) by class.

    A test example shows its feature, feature noise alpha v_s in each of its b patches for it, s
    uniform, and fresh noise, whose part in the margin is taken to be Gaussian.
    """
    features = np.einsum("kggr->kgr", state.grams)
    features = features[1] - features[0]
    energies = noise_energies(setting, state)
    patches = setting.noise_patches * setting.counts
    trace = (patches * energies).sum(axis=1)
    variance = setting.noise_energy / setting.noise_dimension  # sigma^2
    mean = setting.noise_patches * variance * (trace[1] - trace[0])
    squares = (patches * energies**2).sum(axis=1) + trace**2 / setting.width
    initial = 2 * setting.width * (setting.noise_dimension * setting.init_std**2) ** 2
    spread = np.sqrt(2 * setting.noise_patches * variance**2 * (squares.sum(axis=0) + initial))
    spread = np.maximum(spread, np.finfo(float).tiny)  # without noise the sign decides

    error = np.zeros_like(features)
    foreign = setting.feature_noise**2 * features[:2]
    for ones in range(int(setting.foreign_patches.max()) + 1):
        zeros = setting.foreign_patches - ones
        probability = comb(setting.foreign_patches, ones) / 2**setting.foreign_patches
        margin = features + zeros * foreign[0] + ones * foreign[1] + mean
        error += probability * ndtr(-SIGN * margin / spread)
    return error.reshape(2, 2, -1)

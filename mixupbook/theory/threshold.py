"""How many rare examples a class needs for standard training to learn its feature.

After a settled run the margin of a rare example is R + N, its feature and its own noise. By the
conservation law both have grown in step, R = R_0 G^kappa and N = N_0 G, with kappa the ratio of the
examples that share the feature to the energy of a noise patch. The feature is learned where R
exceeds the bar alpha^2 C of feature noise, C the margin on a common feature.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import expm
from scipy.optimize import brentq

from mixupbook._arguments import in_interval, whole_number
from mixupbook.theory.feature_noise import FEATURES, FeatureNoise, check_seed

__all__ = ["rare_threshold"]


# `| Any`: what else is given is refused by hand, with messages for people.
def rare_threshold(
    model: FeatureNoise | Any,
    n: int | Any,
    *,
    width: int | Any = 10,
    init_std: float | Any = 0.01,
    lr: float | Any = 0.2,
    steps: float | Any = 1e6,
    noise_seed: int | Any | None = None,
) -> float:
    """kappa*, above which standard training has learned a class's rare feature at a step.

    kappa = n'/||xi||^2, with n' rare examples in the class and ||xi||^2 = sigma^2 (d - 4). With
    orthogonal noise, R_0 = m sigma_0^2 and N_0 = b m sigma_0^2 ||xi||^2 for b noise patches,

        kappa* = ln(alpha^2 C / R_0) / ln((Lambda - alpha^2 C) / N_0),

    Lambda = ln(4 (||xi||^2 N + n' R) lr steps / n) the margin of a rare example at this step.

    With Gaussian noise N grows otherwise, along the spectrum of the Gram matrix of all patches: at
    first all residuals are one half, until a common feature is learned at t_c = ln(1/R_0) n/(2 n_c)
    (in units of lr steps, with n_c common examples a class), then only those of rare examples. Both
    phases are linear. n' is whole there, and kappa* interpolates between two of them.

    Args:
        model: gives sigma, alpha, the patches, and rho for the common examples.
        n: training examples, at least 2.
        width: m, filters per class, at least 1.
        init_std: sigma_0, positive, with m sigma_0^2 below alpha^2 C.
        lr: learning rate, positive.
        steps: T, the step of which kappa* tells; large enough for all examples to be fitted.
        noise_seed: seed of the one random Gram matrix, for Gaussian noise; None: orthogonal noise.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed: a model of another layout than ``"same"``,
            without noise or without feature noise, a start that is not small, steps that are too
            few, or no threshold up to n/2 rare examples a class.

    Example:
        >>> model = FeatureNoise(500, 4, 0.1, 0.2, 1, 0.1, layout="same")
        >>> stds = (1e-30, 1e-3, 1e-2)
        >>> [f"{rare_threshold(model, 100, width=6, init_std=std, lr=0.4):.2f}" for std in stds]
        ['0.99', '0.94', '0.91']
    """
    if not isinstance(model, FeatureNoise):
        raise TypeError(f"model must be a FeatureNoise, got {type(model).__name__}")
    patches = model.patches - 1 - model.noise_patches
    if model.layout != "same" or patches == 0 or 0 in (model.noise_std, model.feature_noise):
        raise ValueError(
            f"model must have the layout 'same', noise and feature noise, got {model!r}"
        )
    if not 0 < model.rare_fraction < 1:
        raise ValueError(f"model must have a rare_fraction between 0 and 1, got {model!r}")
    n = whole_number("n", n, at_least=2)
    width = whole_number("width", width, at_least=1)
    init_std = in_interval("init_std", init_std, 0, open_low=True)
    time = in_interval("lr", lr, 0, open_low=True) * in_interval("steps", steps, 1)

    energy = model.noise_std**2 * (model.dimension - len(FEATURES))
    common = n * (1 - model.rare_fraction) / 2
    feature_start = width * init_std**2
    noise_start = patches * feature_start * energy

    def common_noise(margin: float) -> float:
        """N of a common example whose feature has this margin, by the conservation law."""
        return noise_start * (margin / feature_start) ** (energy / common)

    def common_excess(margin: float) -> float:
        noise = common_noise(margin)
        return margin + noise - _fitted(common * margin + energy * noise, time / n)

    bar = model.feature_noise**2 * _root(common_excess, 1e-3)
    if not feature_start < bar:
        raise ValueError(
            f"init_std must be small: m init_std^2 below the bar {bar:.2g}, got {init_std!r}"
        )
    growth = math.log(bar / feature_start)

    def noise_left(rare: float | int) -> float:
        """N of a fitted rare example whose R is at the bar, of so many in its class."""
        return _root(
            lambda noise: bar + noise - _fitted(rare * bar + energy * noise, time / n), 1e-9
        )

    if noise_seed is None:
        return brentq(
            lambda kappa: growth / kappa - math.log(noise_left(kappa * energy) / noise_start),
            1e-3,
            1e3,
        )
    noise = _noise(model, n * patches, check_seed("noise_seed", noise_seed))
    before = math.nan
    for rare in range(max(1, int(energy / 2)), n // 2):
        grown = feature_start * _gaussian_growth(noise, n, rare, patches, feature_start, growth)
        excess = math.log(grown / noise_left(rare))
        if excess <= 0 and not math.isnan(before):
            return (rare - excess / (excess - before)) / energy
        before = excess if excess > 0 else math.nan
    raise ValueError(
        f"model must have its threshold between kappa = 1/2 and n/2 = {n / 2:g} rare examples a "
        f"class, got {model!r}"
    )


def _fitted(pull: float, time: float) -> float:
    """The margin that standard training has given an example at a late time.

    Margins grow at 4 `pull` exp(-margin) per unit of time, and `pull` changes slowly.
    """
    return math.log(4 * pull * time)


def _root(rising: Callable[[float], float], low: float) -> float:
    """Where a function that rises from a negative value at `low` vanishes."""
    if rising(low) >= 0:
        raise ValueError(
            "steps must be so many that training fits all examples from a small start, got fewer, "
            "or an init_std that is not small"
        )
    return brentq(rising, low, 1e4)


def _noise(model: FeatureNoise, patches: int, seed: int) -> np.ndarray:
    """Noise patches off the features, (patches, d - 4)."""
    shape = (patches, model.dimension - len(FEATURES))
    return model.noise_std * np.random.default_rng(seed).standard_normal(shape)


def _gaussian_growth(
    noise: np.ndarray, n: int, rare: int, patches: int, feature_start: float, growth: float
) -> float:
    """N / R_0 of rare examples once their feature's margin has grown by exp(growth).

    A filter's responses a to all noise patches, of Gram matrix K, move by a' = K S a / n while all
    residuals are one half, S the sign of an example's label as the filter's class sees it; a
    response to the feature grows by rare / n meanwhile. Later S has the rare examples alone.
    """
    gram = noise @ noise.T
    example = np.arange(len(noise)) // patches
    sign = np.where(example < n // 2, 1.0, -1.0)
    is_rare = (example % (n // 2) < rare) & (example < 2 * (n // 2))
    end = growth * n / (2 * rare)
    fitted = min(-math.log(feature_start) * n / (2 * (n // 2 - rare)), end)
    flow = expm(gram * (sign * is_rare) * ((end - fitted) / n)) @ expm(gram * sign * (fitted / n))
    own = flow[is_rare & (sign > 0)]
    return float(np.einsum("ij,jk,ik->", own, gram, own, optimize=True)) / rare

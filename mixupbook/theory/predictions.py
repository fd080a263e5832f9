"""What the theory predicts of the feature-noise model, in closed form or as a root to solve for.

The chapters on standard training and on Mixup derive each of these, and compare it with runs of
`descend`.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from scipy.optimize import brentq
from scipy.special import expit

from mixupbook._arguments import in_interval, whole_number
from mixupbook.theory.feature_noise import FeatureNoise

__all__ = [
    "GrowthRates",
    "Pushes",
    "critical_margin",
    "cross_term_pushes",
    "equilibrium_margin",
    "growth_rates",
    "steps_to_grow",
]


class GrowthRates(NamedTuple):
    """How fast a small weight grows along each direction, in units of the step size."""

    common: float
    rare: float
    noise: float


class Pushes(NamedTuple):
    """Residuals with which the cross term pushes a rare feature into each class's filters."""

    right: float
    wrong: float


# `| Any`: what else is given is refused by hand, with messages for people; the type checker of the
# tests is not to speak first.
def growth_rates(model: FeatureNoise | Any, n: int | Any) -> GrowthRates:
    """Early growth rates under standard training on n examples, for small weights.

    Along a direction of rate g, a step of size eta multiplies the inner product by 1 + eta g,
    while all residuals are close to one half. The rates of the common and the rare feature are
    expectations over the sample; a class that has more or fewer examples has its own shares in
    their place. The rate of noise is the share one example's own patch contributes; the patches
    of the other examples change it by a fraction of order sqrt(nP/d).

    Returns:
        common (1 - rho)/2, rare rho/2 and noise sigma^2 (d - 4)/n.

    Raises:
        TypeError: `model` is no `FeatureNoise`, or `n` no whole number.
        ValueError: `n` is below 1.

    Example:
        >>> rates = growth_rates(FeatureNoise(504, 4, 0.1, 0.2, 1, 0.2), n=100)
        >>> [round(rate, 3) for rate in rates]
        [0.45, 0.05, 0.2]
    """
    if not isinstance(model, FeatureNoise):
        raise TypeError(f"model must be a FeatureNoise, got {type(model).__name__}")
    n = whole_number("n", n, at_least=1)
    rare = model.rare_fraction / 2
    return GrowthRates(0.5 - rare, rare, model.noise_std**2 * (model.dimension - 4) / n)


def steps_to_grow(factor: float | Any, rate: float | Any, lr: float | Any) -> float:
    """Steps of size `lr` in which an inner product grows by a factor, at one of the rates above.

    Raises:
        ValueError: a factor below 1, or a rate or step size that is not positive.

    Example:
        >>> round(steps_to_grow(100, rate=0.45, lr=0.4), 1)
        27.8
    """
    factor = in_interval("factor", factor, 1)
    rate = in_interval("rate", rate, 0, open_low=True)
    lr = in_interval("lr", lr, 0, open_low=True)
    return math.log(factor) / math.log1p(lr * rate)


def equilibrium_margin(
    lam: float | Any, label_lam: float | Any | None = None, *, overlap: float | Any = 0.0
) -> float:
    """The margin A on a common feature at which Mixup over all pairs comes to rest.

    Two balanced classes, each with its own common feature learned at margin A and nothing else. A
    pair with different labels has margin g A, g = 2 l - 1, and target l_y. A pair with the same
    label has margin A where its two feature patches coincide, and q A with q = l^2 + (1 - l)^2
    where they do not; its target is 1. With S the logistic function, A solves

        overlap S(-A) + (1 - overlap) q S(-q A) = g (S(g A) - l_y).

    The left side falls and the right side rises with A, so there is one solution, or none.

    Args:
        lam: feature coefficient l in [1/2, 1].
        label_lam: label coefficient l_y in [0, 1]; `lam` where it is None.
        overlap: the share of same-label pairs whose feature patches coincide, in [0, 1]: 1 for the
            layout ``"same"``, 1/P for ``"random"``.

    Returns:
        A, or infinity where margins grow without bound (l_y = 1, and l = 1/2).

    Raises:
        ValueError: a value outside what is allowed.

    Example:
        >>> f"{equilibrium_margin(0.7):.2f}", equilibrium_margin(0.7, label_lam=1)
        ('3.98', inf)
    """
    lam = in_interval("lam", lam, 0.5, 1)
    label_lam = lam if label_lam is None else in_interval("label_lam", label_lam, 0, 1)
    overlap = in_interval("overlap", overlap, 0, 1)
    gap, same = 2 * lam - 1, lam**2 + (1 - lam) ** 2
    if gap == 0 or label_lam == 1:
        return math.inf

    def slope(margin: float) -> float:
        pull = overlap * expit(-margin) + (1 - overlap) * same * expit(-same * margin)
        return pull - gap * (expit(gap * margin) - label_lam)

    return _root(slope)


def cross_term_pushes(lam: float | Any, margin: float | Any) -> Pushes:
    """The two residuals by which common-rare pairs push a rare feature that nobody has learned.

    A common feature has margin A. Where it shares a patch with the rare feature of its own class,
    the filters of that (right) class are pushed towards the rare feature in proportion to their
    response to the common one and to

        right = 2 - S(l^2 A) - S((1 - l)^2 A).

    Where it shares a patch with the rare feature of the other class, its filters (the wrong class
    for that feature) are pushed likewise, in proportion to wrong = right - 1. The label coefficient
    cancels: as long as no rare feature is learned, it acts through A alone.

    Args:
        lam: feature coefficient l in [0, 1].
        margin: A, not negative; infinity is allowed.

    Raises:
        ValueError: a value outside what is allowed.

    Example:
        >>> pushes = cross_term_pushes(0.7, margin=0)
        >>> pushes.right, pushes.wrong
        (1.0, 0.0)
    """
    lam = in_interval("lam", lam, 0, 1)
    margin = margin if margin == math.inf else in_interval("margin", margin, 0)
    if margin == math.inf and lam in (0, 1):
        raise ValueError(f"margin must be finite where lam is 0 or 1, got {margin!r}")
    right = expit(-(lam**2) * margin) + expit(-((1 - lam) ** 2) * margin)
    return Pushes(float(right), float(right - 1))


def critical_margin(lam: float | Any) -> float:
    """The margin A* of a common feature above which the wrong class is pushed harder.

    It solves right = -wrong in `cross_term_pushes`, that is S(l^2 A) + S((1 - l)^2 A) = 3/2.

    Args:
        lam: feature coefficient l in [1e-150, 1): the square of a smaller one vanishes.

    Raises:
        ValueError: a value outside what is allowed.

    Example:
        >>> f"{critical_margin(0.7):.2f}"
        '4.49'
    """
    lam = in_interval("lam", lam, 1e-150, 1, open_high=True)
    small, large = sorted((lam**2, (1 - lam) ** 2))
    # S(z) - 1/2 = tanh(z/2)/2 keeps the digits of a small z, and S(-z) those of 1 - S(z).
    return _root(lambda margin: expit(-large * margin) - math.tanh(small * margin / 2) / 2)


def _root(falling: Callable[[float], float]) -> float:
    """Where a function that falls from a positive value at 0 vanishes."""
    high = 1.0
    while falling(high) > 0:
        high *= 2
    return brentq(falling, 0, high)

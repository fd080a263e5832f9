"""What gradient descent minimises: standard training, and Mixup over all pairs.

An objective is a small immutable description; `gradients` computes with it. Over all n^2 ordered
pairs, Mixup with feature coefficient l and label coefficient l_y minimises

    1/n^2 sum_{i,j} CE(F(l x_i + (1 - l) x_j), l_y e_{y_i} + (1 - l_y) e_{y_j}).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from scipy.special import betaln, roots_jacobi
from torch import Tensor

from mixupbook._arguments import in_interval, one_of, whole_number
from mixupbook.mixup.label_maps import INDEPENDENT, LabelMap, label_coefficient
from mixupbook.theory.feature_noise import PatchData

__all__ = ["PARTNERS", "ExpectedMixup", "PairMixup", "Standard"]

Partners = str | Callable[[PatchData], Tensor]

# Which ordered pairs (i, j) stay in the mean: an (n, n) mask from the data.
PARTNERS: dict[str, Callable[[PatchData], Tensor]] = {
    "same_label": lambda data: data.y[:, None] == data.y[None, :],
    "other_label": lambda data: data.y[:, None] != data.y[None, :],
    "common_rare": lambda data: data.is_rare[:, None] != data.is_rare[None, :],
    "not_common_rare": lambda data: data.is_rare[:, None] == data.is_rare[None, :],
}
ALL = "all"

# How well the nodes of an expectation must reproduce the mean of the folded law.
MEAN_TOLERANCE = 1e-6


# `| Any`, here and below: what else is given is refused by hand, with messages for people; the type
# checker of the tests is not to speak first.
@dataclass(frozen=True)
class Standard:
    """Standard training: the mean cross-entropy of the examples as they are.

    Args:
        label_smoothing: eps in [0, 1]: targets (1 - eps) e_y + eps/2, as in
            ``torch.nn.functional.cross_entropy``.

    Raises:
        TypeError: `label_smoothing` is not a number.
        ValueError: it lies outside [0, 1].

    Example:
        >>> Standard(label_smoothing=0.1)
        Standard(label_smoothing=0.1)
    """

    label_smoothing: float | Any = 0.0

    def __post_init__(self) -> None:
        in_interval("label_smoothing", self.label_smoothing, 0, 1)

    def at(self, step: int) -> "Standard":
        """The objective in force at a step: always this one."""
        return self

    def changes(self) -> tuple[int, ...]:
        """The steps from which another objective is in force: none."""
        return ()


S = TypeVar("S", bound="Scheduled")


class Scheduled:
    """What the Mixup objectives share: where they start and stop."""

    start_step: int | None
    stop_step: int | None

    def at(self: S, step: int) -> Standard | S:
        """The objective in force at a step: `Standard` before the start and from the stop on."""
        started = self.start_step is None or step >= self.start_step
        stopped = self.stop_step is not None and step >= self.stop_step
        return self if started and not stopped else Standard()

    def changes(self) -> tuple[int, ...]:
        """The steps from which another objective is in force."""
        return tuple(step for step in (self.start_step, self.stop_step) if step is not None)

    def _check_schedule(self) -> None:
        for name in ("start_step", "stop_step"):
            if getattr(self, name) is not None:
                whole_number(name, getattr(self, name))
        start, stop = self.start_step, self.stop_step
        if start is not None and stop is not None and start >= stop:
            raise ValueError(
                f"start_step must be below stop_step = {self.stop_step}, got {self.start_step!r}"
            )


@dataclass(frozen=True)
class PairMixup(Scheduled):
    """Mixup over all ordered pairs with one fixed coefficient.

    Args:
        lam: feature coefficient l in [0, 1].
        label_lam: label coefficient l_y in [0, 1]; `lam` (standard Mixup) where it is None.
        start_step: the late-started control: standard training before this step.
        stop_step: early-stopped Mixup: standard training from this step on (0: from the first).
        partners: the pairs that stay in the mean: ``"all"``, ``"same_label"``,
            ``"other_label"``, ``"common_rare"``, ``"not_common_rare"``, or a callable that takes
            the `PatchData` of a run to a bool mask (n, n) with at least one pair, whose entry
            [i, j] keeps the mixture l x_i + (1 - l) x_j.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed.

    Sources: coefficients l != l_y and early stopping are in the abstract of Zou, Cao, Li and Gu
    (ICML 2023), the mean over all pairs is our reconstruction; partners and late start are ours,
    controls of the mechanism.

    Example:
        >>> PairMixup(0.7, stop_step=600).at(600)
        Standard(label_smoothing=0.0)
    """

    lam: float | Any = 0.7
    label_lam: float | Any | None = None
    start_step: int | Any | None = None
    stop_step: int | Any | None = None
    partners: Partners | Any = ALL

    def __post_init__(self) -> None:
        in_interval("lam", self.lam, 0, 1)
        if self.label_lam is not None:
            in_interval("label_lam", self.label_lam, 0, 1)
        self._check_schedule()
        if not callable(self.partners):
            one_of("partners", self.partners, [ALL, *PARTNERS])

    def nodes(self) -> tuple[Tensor, Tensor, Tensor]:
        """Feature coefficients, label coefficients and their weights: here one of each."""
        label_lam = self.lam if self.label_lam is None else self.label_lam
        return _float64([self.lam]), _float64([label_lam]), _float64([1.0])

    def mask(self, data: PatchData) -> Tensor | None:
        """The pairs kept, (n, n) bool, or None where all are.

        Raises:
            TypeError: a callable returned something else than a bool tensor.
            ValueError: it has another shape, or keeps no pair.
        """
        return mask_of(self, self.partners, data)


@dataclass(frozen=True)
class ExpectedMixup(Scheduled):
    """Mixup over all ordered pairs, in expectation over l ~ Beta(alpha, alpha).

    Pairs are ordered, so l and 1 - l count alike and l is folded to [1/2, 1]. The expectation is a
    Gauss-Jacobi quadrature: the singular factor of the Beta density is its weight function. The
    n x n products of responses serve all of its nodes.

    The default 32 nodes reproduce the gradient to about 1e-10 while margins stay below 20 (in the
    book's regimes they stay below 10). The larger the margins, the steeper the loss in l: to about
    1e-6 at margins of 50, 1e-4 at 100, and 1e-3 at several hundred. A label map with a kink
    converges slowly (1e-4) and one with a step more so (1e-2). To check, compare
    `loss_and_gradient` with that of twice the nodes.

    Args:
        alpha: parameter of the Beta law, positive.
        label_map: l_y as a function of l (see `mixupbook.label_coefficient`).
        start_step: the late-started control: standard training before this step.
        stop_step: early-stopped Mixup: standard training from this step on (0: from the first).
        quadrature: number of nodes, at least 1; the time of a step grows with it.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed, too few nodes for `alpha` or so many that they
            overflow, or the label map ``"independent"``, which is a second draw: as the loss is
            linear in l_y, its expectation is that of the constant map at the mean of the folded
            law.

    Sources: Beta(alpha, alpha) is of Zhang, Cisse, Dauphin and Lopez-Paz (ICLR 2018); the exact
    expectation over all pairs is ours.

    Example:
        >>> lam, label_lam, weight = ExpectedMixup(alpha=1.0).nodes()
        >>> f"mean of the folded law: {(weight * lam).sum():.4f}"
        'mean of the folded law: 0.7500'
    """

    alpha: float | Any = 1.0
    label_map: LabelMap | Any = "identity"
    start_step: int | Any | None = None
    stop_step: int | Any | None = None
    quadrature: int | Any = 32

    def __post_init__(self) -> None:
        in_interval("alpha", self.alpha, 0, open_low=True)
        self._check_schedule()
        whole_number("quadrature", self.quadrature, at_least=1)
        if isinstance(self.label_map, str) and self.label_map == INDEPENDENT:
            raise ValueError(
                "label_map must be a function of lambda, got 'independent', a second draw: use the "
                "constant map at the mean of the folded law"
            )
        lam, weight = self._rule()
        if not weight.isfinite().all():
            raise ValueError(
                f"quadrature = {self.quadrature!r} nodes overflow at alpha = {self.alpha!r}: up to "
                "alpha = 1000 take fewer, and beyond it the limit, PairMixup(lam=0.5)"
            )
        # Few nodes cannot follow a narrow law; the mean, known in closed form, tells.
        folded_mean = 0.5 + math.exp(-self.alpha * math.log(4) - betaln(self.alpha, self.alpha)) / (
            self.alpha
        )
        if not abs(float((weight * lam).sum()) - folded_mean) < MEAN_TOLERANCE:
            raise ValueError(
                f"alpha = {self.alpha!r} needs more nodes than quadrature = {self.quadrature!r}"
            )
        label_coefficient(self.label_map, lam)  # raises where there is no such map

    def nodes(self) -> tuple[Tensor, Tensor, Tensor]:
        """Feature coefficients in [1/2, 1], label coefficients, and weights that sum to 1."""
        lam, weight = self._rule()
        return lam, label_coefficient(self.label_map, lam), weight

    def mask(self, data: PatchData) -> None:
        """Every pair is kept."""
        return

    def _rule(self) -> tuple[Tensor, Tensor]:
        """The nodes and weights of the quadrature."""
        # With l = (1 + s^2)/2 every named label map is smooth in s on [0, 1], the square root too.
        # The density of l is then (1 - s)^(a-1) times the smooth factor below.
        with np.errstate(all="ignore"):  # a rule that overflows is refused at construction
            roots, weights = roots_jacobi(self.quadrature, self.alpha - 1, 0)
        s = (torch.from_numpy(roots) + 1) / 2
        lam = (1 + s**2) / 2
        weight = torch.from_numpy(weights) * ((1 + s) * lam) ** (self.alpha - 1) * s
        return lam, weight / weight.sum()


def _float64(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, device="cpu")


def mask_of(objective: object, partners: Partners, data: PatchData) -> Tensor | None:
    """The pairs that `partners` keeps, (n, n) bool, or None where it keeps all.

    Raises:
        TypeError: a callable returned something else than a bool tensor.
        ValueError: it has another shape, or keeps no pair; the message names the objective.
    """
    if isinstance(partners, str):
        if partners == ALL:
            return None
        mask = PARTNERS[partners](data)
    else:
        mask = partners(data)
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        raise TypeError(f"partners must give a bool tensor, got {mask!r}")
    if mask.is_meta:
        raise ValueError("partners must give a mask with values, got one on the device 'meta'")
    if mask.shape != (len(data), len(data)):
        raise ValueError(
            f"partners must give a mask of shape ({len(data)}, {len(data)}), "
            f"got {tuple(mask.shape)}"
        )
    if not mask.any():
        raise ValueError(f"partners must keep at least one pair, got none with {objective!r}")
    return mask

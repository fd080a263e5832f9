"""The arms of a rung: standard training, Mixup among some pairs alone, and label smoothing."""

import math

import torch
from jaxtyping import Bool, Int
from scipy.optimize import brentq
from torch import Tensor

__all__ = ["ARMS", "PAIRS", "floor_of_pairs", "partner_masks", "smoothing_at"]

# Who may be mixed with whom. Of each pair (i, j) the first gives the larger part.
PAIRS = ("all", "other", "same", "same-common-rare", "all-but-those")
ARMS = ("standard", *PAIRS, "smoothing")


def partner_masks(y: Int[Tensor, " n"], rare: Bool[Tensor, " n"]) -> dict[str, Bool[Tensor, "n n"]]:
    """For each kind of pair, who (row) may have whom (column) as a partner.

    ``"all-but-those"`` are all pairs but those of a common and a rare example of one label.
    """
    same = y[:, None] == y[None, :]
    these = same & (rare[:, None] != rare[None, :])
    kinds = (torch.ones_like(same), ~same, same, these, ~these)
    return dict(zip(PAIRS, kinds, strict=True))


def floor_of_pairs(y: Int[Tensor, " n"], lam: float | None) -> float:
    """The least loss, in nats, that Mixup over all pairs can reach: the mean entropy of its labels.

    Args:
        y: labels.
        lam: l; None where it is uniform on [1/2, 1], as under Beta(1, 1), folded.
    """
    share = y.bincount().double() / len(y)
    differ = 1 - float(share.square().sum())
    entropy = 0.5 if lam is None else -lam * math.log(lam) - (1 - lam) * math.log(1 - lam)
    return differ * entropy


def smoothing_at(floor: float, classes: int) -> float:
    """The eps of label smoothing, targets (1 - eps) e_y + eps/K, whose least loss is `floor` nats.

    Example:
        >>> round(smoothing_at(0.45, classes=10), 3)
        0.088
    """

    def excess(eps: float) -> float:
        own, other = 1 - eps + eps / classes, eps / classes
        return -own * math.log(own) - (classes - 1) * other * math.log(other) - floor

    return float(brentq(excess, 1e-12, 1.0))

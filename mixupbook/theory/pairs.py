"""All ordered pairs of examples, with the coefficients and targets of their mixtures.

With two classes the residual of class 0 is that of class 1 with the other sign, so one n x n matrix
serves both. Residuals are computed from the side of the first example's label, as sigmoid(-z) where
it is 1: on well-learned examples 1 - sigmoid(z) would lose its digits. All of this is for R runs at
once, along a leading axis.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mixupbook.theory.objectives import ExpectedMixup, PairMixup


class Pairs(NamedTuple):
    """What mixtures of pairs need besides responses; coefficients are in float64."""

    lams: Float[Tensor, "nodes R 1 1"]
    label_lams: Float[Tensor, "nodes R 1 1"]  # at least 1/2
    weights: Float[Tensor, "nodes R 1 1"]  # of the nodes, over the number of pairs
    sign: Float[Tensor, "R n 1"]  # 1 where the first example has label 0, else -1
    differ: Float[Tensor, "R n n"]  # 1 where the labels of a pair differ
    kept: Float[Tensor, "R n n"] | None  # 1 where a pair counts; None where all do


def pairs_of(
    objectives: Sequence[PairMixup | ExpectedMixup],
    y: Float[Tensor, "R n"],
    masks: Sequence[Tensor | None],
) -> Pairs:
    """The pairs of runs.

    Args:
        objectives: one for each run, all with equally many quadrature nodes.
        y: labels as numbers 0 and 1.
        masks: for each run the pairs kept, or None where all are.
    """
    runs, n = y.shape
    coefficients = torch.stack([torch.stack(objective.nodes()) for objective in objectives])
    lams, label_lams, weights = coefficients.to(y.device).permute(1, 2, 0)[..., None, None]
    # The pair (j, i) with 1 - l and 1 - l_y is the pair (i, j) with l and l_y. So the label
    # that residuals are taken from is always the one with the larger share of the target.
    mirrored = label_lams < 0.5
    lams = torch.where(mirrored, 1 - lams, lams)
    label_lams = torch.where(mirrored, 1 - label_lams, label_lams)

    kept = None
    count = torch.full((runs, 1, 1), float(n**2), dtype=torch.float64, device=y.device)
    if any(mask is not None for mask in masks):
        every = torch.ones(n, n, dtype=torch.bool, device="cpu")
        kept = torch.stack([every if mask is None else mask.cpu() for mask in masks]).to(y)
        # Objectives with a mask have one node.
        turned = mirrored[0].flatten()
        kept[turned] = kept[turned].mT
        count = kept.sum(dim=(1, 2), keepdim=True, dtype=torch.float64)
    sign = (1 - 2 * y.double())[:, :, None]
    differ = (y[:, :, None] != y[:, None, :]).to(y)
    return Pairs(lams, label_lams, weights / count, sign, differ, kept)

"""The losses of objectives that keep sets of patches, under any activation.

A filter's response to a patch of zeros is 0, and a margin is a sum over the patches: of
contributions c_i (P numbers for each example), which are all that sets of patches act on. With the
row s of a set (1 for what stays), CutMix and dropping have the margins

    z_ijs = <s, c_i> + <1 - s, c_j>       and      z_is = <s, c_i>,

so that no pair of inputs is ever formed: n^2 numbers for each set, or n.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from mixupbook.theory.activations import Activation
from mixupbook.theory.cross_entropy import cross_entropy_sums, sigmoid_by_run
from mixupbook.theory.feature_noise import PatchData
from mixupbook.theory.patch_network import class_signs
from mixupbook.theory.patch_objectives import PairCutMix, PatchDropping


class CutMixLoss:
    """Mean cross-entropy of all pairs that exchange patches, over all sets of one size.

    Args:
        objectives: one for each run, all keeping equally many patches.
        y: labels as numbers 0 and 1.
        datasets: the examples of those runs.
        activation: what filters make of their responses.
    """

    def __init__(
        self,
        objectives: Sequence[PairCutMix],
        y: Float[Tensor, "R n"],
        datasets: Sequence[PatchData],
        activation: Activation,
    ) -> None:
        n, patches = datasets[0].x.shape[:2]
        self.activation = activation
        self.sets = objectives[0].patch_sets(patches).to(y)
        area = objectives[0].keep / patches
        shares = [1 - (area if o.label_lam is None else o.label_lam) for o in objectives]
        against = y.new_tensor(shares, dtype=torch.float64)[:, None, None]
        differ = y[:, :, None] != y[:, None, :]
        self.against = (against * differ).to(y)
        masks = [one.mask(data) for one, data in zip(objectives, datasets, strict=True)]
        every = torch.ones(n, n, dtype=torch.bool, device="cpu")
        kept = torch.stack([every if mask is None else mask.cpu() for mask in masks])
        count = kept.sum(dim=(1, 2), keepdim=True, dtype=torch.float64) * len(self.sets)
        self.weight = (kept / count).to(y)
        self.sign = (1 - 2 * y)[:, :, None]

    def value(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, " R"]:
        """The loss of each run."""
        parts = _contributions(self.activation.value(responses))
        total = parts.new_zeros(len(parts))
        for stays in self.sets:
            total += cross_entropy_sums(self._margins(parts, stays), self.against, self.weight)
        return total

    def gradient(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, "R n P filters"]:
        """The gradient in the responses."""
        value, slope = self.activation.value_and_slope(responses)
        parts = _contributions(value)
        pull = torch.zeros_like(parts)
        for stays in self.sets:
            residual = sigmoid_by_run(self._margins(parts, stays)).sub_(self.against)
            residual *= self.weight
            residual *= self.sign
            pull += residual.sum(dim=2)[:, :, None] * stays
            pull += residual.sum(dim=1)[:, :, None] * (1 - stays)
        return _in_responses(pull, slope)

    def _margins(
        self, parts: Float[Tensor, "R n P"], stays: Float[Tensor, " P"]
    ) -> Float[Tensor, "R n n"]:
        """Margins of all pairs against the label of the first example."""
        first, second = (parts * stays).sum(dim=2), (parts * (1 - stays)).sum(dim=2)
        return (first[:, :, None] + second[:, None, :]) * self.sign


class DroppingLoss:
    """Mean cross-entropy of the examples without some of their patches, over all sets of them.

    Args:
        objectives: one for each run.
        y: labels as numbers 0 and 1.
        patches: of an example.
        activation: what filters make of their responses.
    """

    def __init__(
        self,
        objectives: Sequence[PatchDropping],
        y: Float[Tensor, "R n"],
        patches: int,
        activation: Activation,
    ) -> None:
        self.activation = activation
        found = [one.patch_sets(patches) for one in objectives]
        self.sets = found[0][0].to(y)
        self.weight = torch.stack([weights / y.shape[1] for _, weights in found])[:, None].to(y)
        self.sign = (1 - 2 * y)[:, :, None]

    def value(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, " R"]:
        """The loss of each run."""
        margin = self._margins(_contributions(self.activation.value(responses)))
        return cross_entropy_sums(margin, torch.zeros_like(margin), self.weight)

    def gradient(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, "R n P filters"]:
        """The gradient in the responses."""
        value, slope = self.activation.value_and_slope(responses)
        residual = sigmoid_by_run(self._margins(_contributions(value)))
        residual *= self.weight * self.sign
        pull = [(residual * stays).sum(dim=2) for stays in self.sets.unbind(1)]
        return _in_responses(torch.stack(pull, dim=2), slope)

    def _margins(self, parts: Float[Tensor, "R n P"]) -> Float[Tensor, "R n sets"]:
        """Margins against the examples' labels, patch by patch.

        Not by a product, which would be rounded otherwise for several runs than for one.
        """
        margins = parts.new_zeros(*parts.shape[:2], len(self.sets))
        for part, stays in zip(parts.unbind(2), self.sets.unbind(1), strict=True):
            margins.addcmul_(part[..., None], stays)
        return margins.mul_(self.sign)


def _contributions(value: Float[Tensor, "R n P filters"]) -> Float[Tensor, "R n P"]:
    """What each patch adds to the margin F_1 - F_0."""
    return (value * class_signs(value)).sum(dim=3)


def _in_responses(
    pull: Float[Tensor, "R n P"], slope: Float[Tensor, "R n P filters"]
) -> Float[Tensor, "R n P filters"]:
    """A gradient in the contributions as one in the responses."""
    return slope.mul_(class_signs(slope)).mul_(pull[..., None])

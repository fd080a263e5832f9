"""Losses of the examples and of all pairs, for runs whose objectives may differ."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mixupbook.theory.activations import SQUARE, Activation
from mixupbook.theory.any_objective import Objective
from mixupbook.theory.batches import Batch
from mixupbook.theory.cross_entropy import cross_entropy_sums, sigmoid_by_run
from mixupbook.theory.feature_noise import PatchData
from mixupbook.theory.gram_pairs import GramPairLoss
from mixupbook.theory.mixed_pairs import MixedPairLoss
from mixupbook.theory.objectives import Standard
from mixupbook.theory.pairs import pairs_of
from mixupbook.theory.patch_network import class_signs
from mixupbook.theory.patch_objectives import InputNoise, PairCutMix, PatchDropping
from mixupbook.theory.patch_sets import CutMixLoss, DroppingLoss


class StandardLoss:
    """Mean cross-entropy of the examples as they are.

    Args:
        objectives: one for each run.
        y: labels as numbers 0 and 1.
        activation: what filters make of their responses.
    """

    def __init__(
        self,
        objectives: Sequence[Standard | InputNoise],
        y: Float[Tensor, "R n"],
        activation: Activation,
    ) -> None:
        eps = [o.label_smoothing if isinstance(o, Standard) else 0.0 for o in objectives]
        smoothing = y.new_tensor(eps, dtype=torch.float64)
        self.against = (smoothing / 2).to(y)[:, None]
        self.sign = 1 - 2 * y
        self.activation = activation

    def value(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, " R"]:
        """The loss of each run."""
        margin = self._margins(self.activation.value(responses))
        share = torch.full_like(self.against, 1 / margin.shape[1])
        return cross_entropy_sums(margin, self.against, share)

    def gradient(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, "R n P filters"]:
        """The gradient in the responses."""
        value, slope = self.activation.value_and_slope(responses)
        residual = sigmoid_by_run(self._margins(value)).sub_(self.against)
        residual *= self.sign / residual.shape[1]
        return slope.mul_(class_signs(responses)).mul_(residual[:, :, None, None])

    def _margins(self, value: Float[Tensor, "R n P filters"]) -> Float[Tensor, "R n"]:
        """Margins against each example's label, from what the filters make of their responses."""
        return (value * class_signs(value)).flatten(2).sum(dim=2) * self.sign


class GroupedLoss:
    """The losses of runs with different objectives: those of one kind are computed together."""

    def __init__(
        self, objectives: Sequence[Objective], train: Batch, activation: Activation = SQUARE
    ) -> None:
        members: dict[tuple, list[int]] = {}
        for run, objective in enumerate(objectives):
            members.setdefault(_kind(objective), []).append(run)
        self.groups = []
        for runs in members.values():
            chosen = [objectives[run] for run in runs]
            datasets = [train.datasets[run] for run in runs]
            loss = _loss(chosen, train.y[runs], datasets, activation)
            self.groups.append((torch.tensor(runs, device=train.y.device), loss))

    def value(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, " R"]:
        """The loss of each run."""
        if len(self.groups) == 1:
            return self.groups[0][1].value(responses)
        value = responses.new_empty(len(responses))
        for runs, loss in self.groups:
            value[runs] = loss.value(responses[runs])
        return value

    def gradient(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, "R n P filters"]:
        """The gradient in the responses."""
        if len(self.groups) == 1:
            return self.groups[0][1].gradient(responses)
        gradient = torch.empty_like(responses)
        for runs, loss in self.groups:
            gradient[runs] = loss.gradient(responses[runs])
        return gradient


def _kind(objective: Objective) -> tuple:
    """What the objectives that are computed together have in common."""
    if isinstance(objective, Standard | InputNoise):
        return ("standard",)  # noise is on the inputs, and their loss is the same
    if isinstance(objective, PairCutMix):
        return ("cutmix", objective.keep)
    if isinstance(objective, PatchDropping):
        return ("dropping",)
    return ("pairs", len(objective.nodes()[0]))


def _loss(
    objectives: list[Any],
    y: Float[Tensor, "R n"],
    datasets: Sequence[PatchData],
    activation: Activation,
) -> Any:
    """The loss of runs whose objectives are of one kind."""
    first = objectives[0]
    if isinstance(first, Standard | InputNoise):
        return StandardLoss(objectives, y, activation)
    if isinstance(first, PairCutMix):
        return CutMixLoss(objectives, y, datasets, activation)
    if isinstance(first, PatchDropping):
        return DroppingLoss(objectives, y, datasets[0].x.shape[1], activation)
    masks = [one.mask(data) for one, data in zip(objectives, datasets, strict=True)]
    pairs = pairs_of(objectives, y, masks)
    return GramPairLoss(pairs) if activation is SQUARE else MixedPairLoss(pairs, activation)

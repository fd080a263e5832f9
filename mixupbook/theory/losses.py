"""Losses over all pairs and their gradients in the responses, at the cost of n examples.

Let A (n, P*filters) hold the responses of the examples, and A' the same with the sign of each
filter's class (+ for 1, - for 0). The margin F_1 - F_0 of the mixture l x_i + (1 - l) x_j is

    z_ij = l^2 M_ii + (1 - l)^2 M_jj + 2 l (1 - l) M_ij      with M = A' A^T,

so no pair is ever formed. With the residual D_ij = (sigmoid(z_ij) - t_ij) / n^2, t_ij the target's
share of class 1, its row sums r and its column sums c,

    dL/dA = 2 [ l^2 diag(r) + (1 - l)^2 diag(c) + l (1 - l) (D + D^T) ] A'.

With two classes the residual of class 0 is that of class 1 with the other sign, so one n x n matrix
serves both. Residuals are computed from the side of the first example's label, as sigmoid(-z) where
it is 1: on well-learned examples 1 - sigmoid(z) would lose its digits. All of this is for R runs at
once, along a leading axis.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from mixupbook.theory.batches import Batch
from mixupbook.theory.objectives import ExpectedMixup, Objective, PairMixup, Standard


class StandardLoss:
    """Mean cross-entropy of the examples as they are.

    Args:
        objectives: one for each run.
        y: labels as numbers 0 and 1.
    """

    def __init__(self, objectives: Sequence[Standard], y: Float[Tensor, "R n"]) -> None:
        smoothing = y.new_tensor([o.label_smoothing for o in objectives], dtype=torch.float64)
        self.against = (smoothing / 2).to(y)[:, None]
        self.sign = 1 - 2 * y

    def value(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, " R"]:
        """The loss of each run."""
        margin = self._margins(responses.flatten(2), _signed(responses))
        return _cross_entropy(margin, self.against).mean(dim=1)

    def gradient(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, "R n P filters"]:
        """The gradient in the responses."""
        signed = _signed(responses)
        residual = self._margins(responses.flatten(2), signed).sigmoid_().sub_(self.against)
        residual *= self.sign * (2 / residual.shape[1])
        return signed.mul_(residual[:, :, None]).view_as(responses)

    def _margins(
        self, responses: Float[Tensor, "R n columns"], signed: Float[Tensor, "R n columns"]
    ) -> Float[Tensor, "R n"]:
        """Margins against each example's label."""
        return (responses * signed).sum(dim=2) * self.sign


class Node(NamedTuple):
    """One coefficient of each run, with the sign of the first example's label where it has n."""

    own: Float[Tensor, "R n 2"]  # l^2 and (1 - l)^2
    cross: Float[Tensor, "R n 1"]  # 2 l (1 - l)
    against: Float[Tensor, "R 1 1"]  # 1 - l_y, the target's share of the second label
    weight: Float[Tensor, "R 1 1"]  # of the node, over the number of pairs
    push_first: Float[Tensor, "R n 1"]  # 2 weight l^2
    push_second: Float[Tensor, "R n 1"]  # 2 weight (1 - l)^2
    push_cross: Float[Tensor, "R n 1"]  # weight cross


class PairLoss:
    """Mean cross-entropy of the mixed pairs.

    Args:
        objectives: one for each run, all with equally many quadrature nodes.
        y: labels as numbers 0 and 1.
        masks: for each run the pairs kept, or None where all are.
    """

    def __init__(
        self,
        objectives: Sequence[PairMixup | ExpectedMixup],
        y: Float[Tensor, "R n"],
        masks: Sequence[Tensor | None],
    ) -> None:
        runs, n = y.shape
        coefficients = torch.stack([torch.stack(objective.nodes()) for objective in objectives])
        lams, label_lams, weights = coefficients.to(y.device).permute(1, 2, 0)[..., None, None]
        # The pair (j, i) with 1 - l and 1 - l_y is the pair (i, j) with l and l_y. So the label
        # that residuals are taken from is always the one with the larger share of the target.
        mirrored = label_lams < 0.5
        lams = torch.where(mirrored, 1 - lams, lams)
        label_lams = torch.where(mirrored, 1 - label_lams, label_lams)

        self.differ = (y[:, :, None] != y[:, None, :]).to(y)
        self.kept = None
        pairs = torch.full((runs, 1, 1), float(n**2), dtype=torch.float64, device=y.device)
        if any(mask is not None for mask in masks):
            every = torch.ones(n, n, dtype=torch.bool, device="cpu")
            self.kept = torch.stack([every if m is None else m.cpu() for m in masks]).to(y)
            # Objectives with a mask have one node.
            turned = mirrored[0].flatten()
            self.kept[turned] = self.kept[turned].mT
            pairs = self.kept.sum(dim=(1, 2), keepdim=True, dtype=torch.float64)

        sign = (1 - 2 * y.double())[:, :, None]
        self.nodes = []
        for lam, label_lam, weight in zip(lams, label_lams, weights, strict=True):
            first, second = sign * lam**2, sign * (1 - lam) ** 2
            cross = sign * 2 * lam * (1 - lam)
            own, weight = torch.cat([first, second], dim=2), weight / pairs
            pushes = (2 * weight * first, 2 * weight * second, weight * cross)
            node = (own, cross, 1 - label_lam, weight, *pushes)
            self.nodes.append(Node(*(value.to(y) for value in node)))
        # Kept between steps: memory of n^2 entries is slow to get anew each time. With one node, M
        # is not needed once its margins are known, and they take its place.
        self._gram, self._other = y.new_empty(2, runs, n, n)
        self._first = self._gram if len(self.nodes) == 1 else torch.empty_like(self._gram)
        # The diagonal of M between ones, for the terms of rank two in the margins.
        self._diagonal = y.new_ones(runs, n, 3)

    def value(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, " R"]:
        """The loss of each run."""
        self._set_gram(_signed(responses), responses)
        value = responses.new_zeros(len(responses))
        for node in self.nodes:
            margin = self._margins(node, out=self._first)
            loss = _cross_entropy(margin, node.against * self.differ)
            if self.kept is not None:
                loss *= self.kept
            value += node.weight.flatten() * loss.sum(dim=(1, 2))
        return value

    def gradient(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, "R n P filters"]:
        """The gradient in the responses."""
        signed = _signed(responses)
        self._set_gram(signed, responses)
        own = torch.zeros_like(signed[:, :, :1])
        cross = self._first
        for node in self.nodes:
            out = cross if node is self.nodes[0] else self._other
            residual = self._margins(node, out).sigmoid_()
            residual.addcmul_(self.differ, node.against, value=-1)
            if self.kept is not None:
                residual *= self.kept
            # The signs in the node turn residuals against the label into those of class 1.
            own.addcmul_(node.push_first, residual.sum(dim=2, keepdim=True))
            own += torch.bmm(node.push_second.mT, residual).mT
            residual *= node.push_cross
            if residual is not cross:
                cross += residual
        both_ways = torch.add(cross, cross.mT, out=self._other)
        return torch.bmm(both_ways, signed).addcmul_(signed, own).view_as(responses)

    def _set_gram(
        self, signed: Float[Tensor, "R n columns"], responses: Float[Tensor, "R n P filters"]
    ) -> None:
        """Computes M, which serves all nodes."""
        torch.bmm(signed, responses.flatten(2).mT, out=self._gram)
        self._diagonal[:, :, 1] = self._gram.diagonal(dim1=1, dim2=2)

    def _margins(self, node: Node, out: Float[Tensor, "R n n"]) -> Float[Tensor, "R n n"]:
        """Margins of all mixtures against the label of their first example."""
        torch.mul(self._gram, node.cross, out=out)
        # l^2 M_ii + (1 - l)^2 M_jj has rank two, and a product adds it in one pass.
        first, second = node.own * self._diagonal[:, :, 1:], self._diagonal[:, :, :2]
        return torch.baddbmm(out, first, second.mT, out=out)


class GroupedLoss:
    """The losses of runs with different objectives: those of one kind are computed together."""

    def __init__(self, objectives: Sequence[Objective], train: Batch) -> None:
        members: dict[int, list[int]] = {}
        for run, objective in enumerate(objectives):
            members.setdefault(_number_of_nodes(objective), []).append(run)
        self.groups = []
        for nodes, runs in members.items():
            chosen: list[Any] = [objectives[run] for run in runs]
            loss: StandardLoss | PairLoss
            if nodes == 0:
                loss = StandardLoss(chosen, train.y[runs])
            else:
                masks = [
                    one.mask(train.datasets[run]) for one, run in zip(chosen, runs, strict=True)
                ]
                loss = PairLoss(chosen, train.y[runs], masks)
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


def _number_of_nodes(objective: Objective) -> int:
    return 0 if isinstance(objective, Standard) else len(objective.nodes()[0])


def _signed(responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, "R n columns"]:
    """The responses with the sign of their filter's class, patches and filters in one axis."""
    patches, filters = responses.shape[2:]
    return responses.flatten(2) * _signs(patches, filters, responses.dtype, responses.device)


@functools.lru_cache(maxsize=8)
def _signs(
    patches: int, filters: int, dtype: torch.dtype, device: torch.device
) -> Float[Tensor, " columns"]:
    signs = torch.ones(patches, filters, dtype=dtype, device=device)
    signs[:, : filters // 2] = -1
    return signs.flatten()


def _cross_entropy(
    margin: Float[Tensor, "*shape"], against: Float[Tensor, "..."]
) -> Float[Tensor, "*shape"]:
    """Cross-entropy for a margin against the label, whose target has a share `against` it.

    That is log(1 + e^z) - t z, without cancellation at large |z|.
    """
    return softplus(-margin.abs()) + margin.relu() - against * margin

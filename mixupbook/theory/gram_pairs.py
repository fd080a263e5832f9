"""The loss of all pairs under the square, and its gradient, at the cost of n examples.

Let A (n, P*filters) hold the responses of the examples, and A' the same with the sign of each
filter's class (+ for 1, - for 0). The margin F_1 - F_0 of the mixture l x_i + (1 - l) x_j is

    z_ij = l^2 M_ii + (1 - l)^2 M_jj + 2 l (1 - l) M_ij      with M = A' A^T,

so no pair is ever formed. With the residual D_ij = (sigmoid(z_ij) - t_ij) / n^2, t_ij the target's
share of class 1, its row sums r and its column sums c,

    dL/dA = 2 [ l^2 diag(r) + (1 - l)^2 diag(c) + l (1 - l) (D + D^T) ] A'.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mixupbook.theory.cross_entropy import cross_entropy_sums, sigmoid_by_run
from mixupbook.theory.pairs import Pairs
from mixupbook.theory.patch_network import class_signs
from mixupbook.theory.run_memory import products, room_for_runs


class Node(NamedTuple):
    """One coefficient of each run, with the sign of the first example's label where it has n."""

    own: Float[Tensor, "R n 2"]  # l^2 and (1 - l)^2
    cross: Float[Tensor, "R n 1"]  # 2 l (1 - l)
    against: Float[Tensor, "R 1 1"]  # 1 - l_y, the target's share of the second label
    weight: Float[Tensor, "R 1 1"]  # of the node, over the number of pairs
    push_first: Float[Tensor, "R n 1"]  # 2 weight l^2
    push_second: Float[Tensor, "R n 1"]  # 2 weight (1 - l)^2
    push_cross: Float[Tensor, "R n 1"]  # weight cross


class GramPairLoss:
    """Mean cross-entropy of the mixed pairs under the square.

    Args:
        pairs: of the runs, in the precision in which residuals are computed.
    """

    def __init__(self, pairs: Pairs) -> None:
        self.differ, self.kept = pairs.differ, pairs.kept
        self.nodes = []
        for lam, label_lam, weight in zip(pairs.lams, pairs.label_lams, pairs.weights, strict=True):
            first, second = pairs.sign * lam**2, pairs.sign * (1 - lam) ** 2
            cross = pairs.sign * 2 * lam * (1 - lam)
            own = torch.cat([first, second], dim=2)
            pushes = (2 * weight * first, 2 * weight * second, weight * cross)
            node = (own, cross, 1 - label_lam, weight, *pushes)
            self.nodes.append(Node(*(value.to(pairs.differ) for value in node)))
        runs, n = pairs.differ.shape[:2]
        # Kept between steps: memory of n^2 entries is slow to get anew each time. With one node, M
        # is not needed once its margins are known, and they take its place.
        self._gram, self._other = room_for_runs(pairs.differ, n, n, leading=(2,))
        alone = len(self.nodes) == 1
        self._first = self._gram if alone else room_for_runs(pairs.differ, n, n)
        # The diagonal of M between ones, for the terms of rank two in the margins.
        self._diagonal = pairs.differ.new_ones(runs, n, 3)

    def value(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, " R"]:
        """The loss of each run."""
        self._set_gram(_signed(responses), responses)
        value = responses.new_zeros(len(responses))
        for node in self.nodes:
            margin = self._margins(node, out=self._first)
            kept = node.weight if self.kept is None else node.weight * self.kept
            value += cross_entropy_sums(margin, node.against * self.differ, kept)
        return value

    def gradient(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, "R n P filters"]:
        """The gradient in the responses."""
        signed = _signed(responses)
        self._set_gram(signed, responses)
        own = torch.zeros_like(signed[:, :, :1])
        cross = self._first
        for node in self.nodes:
            out = cross if node is self.nodes[0] else self._other
            residual = sigmoid_by_run(self._margins(node, out))
            residual.addcmul_(self.differ, node.against, value=-1)
            if self.kept is not None:
                residual *= self.kept
            # The signs in the node turn residuals against the label into those of class 1.
            own.addcmul_(node.push_first, residual.sum(dim=2, keepdim=True))
            own += products(node.push_second.mT, residual).mT
            residual *= node.push_cross
            if residual is not cross:
                cross += residual
        both_ways = torch.add(cross, cross.mT, out=self._other)
        change = products(both_ways, signed).addcmul_(signed, own)
        return change.unflatten(2, responses.shape[2:])

    def _set_gram(
        self, signed: Float[Tensor, "R n columns"], responses: Float[Tensor, "R n P filters"]
    ) -> None:
        """Computes M, which serves all nodes."""
        products(signed, responses.flatten(2).mT, out=self._gram)
        self._diagonal[:, :, 1] = self._gram.diagonal(dim1=1, dim2=2)

    def _margins(self, node: Node, out: Float[Tensor, "R n n"]) -> Float[Tensor, "R n n"]:
        """Margins of all mixtures against the label of their first example."""
        torch.mul(self._gram, node.cross, out=out)
        # l^2 M_ii + (1 - l)^2 M_jj has rank two, and a product adds it in one pass.
        first, second = node.own * self._diagonal[:, :, 1:], self._diagonal[:, :, :2]
        return torch.baddbmm(out, first, second.mT, out=out)


def _signed(responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, "R n columns"]:
    """The responses with the sign of their filter's class, patches and filters in one axis."""
    room = room_for_runs(responses, *responses.shape[1:])
    return torch.mul(responses, class_signs(responses), out=room).flatten(2)

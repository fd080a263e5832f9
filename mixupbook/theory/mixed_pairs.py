"""The loss of all pairs under any activation, and its gradient, without a pair of inputs.

The first layer is linear: the responses of the mixture l x_i + (1 - l) x_j are l A_i + (1 - l) A_j,
A (n, P*filters) holding those of the examples. With the signs s of the filters' classes and the
residual D_ij of `pairs`, margins and gradient are

    z_ij = <s, sigma(l A_i + (1 - l) A_j)>,      E_ij = D_ij s * sigma'(l A_i + (1 - l) A_j),
    dL/dA_i = l sum_j E_ij + (1 - l) sum_j E_ji:

elementwise work on n^2 P numbers for each filter, some first examples i at a time.
"""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from mixupbook.theory.activations import Activation
from mixupbook.theory.cross_entropy import cross_entropy_sums, sigmoid_by_run
from mixupbook.theory.pairs import Pairs
from mixupbook.theory.patch_network import class_signs
from mixupbook.theory.run_memory import WHOLE

# How many mixed responses are held at a time: on a processor, those that its cache takes.
MANY = {"cpu": 2**18, "cuda": 2**26}


class MixedPairLoss:
    """Mean cross-entropy of the mixed pairs.

    Args:
        pairs: of the runs, in the precision in which residuals are computed.
        activation: what filters make of their responses.
    """

    def __init__(self, pairs: Pairs, activation: Activation) -> None:
        self.pairs = pairs
        self.activation = activation
        self.sign = pairs.sign.to(pairs.differ)

    def value(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, " R"]:
        """The loss of each run."""
        total = responses.new_zeros(len(responses))
        for node, runs, part, mixed in self._mixtures(responses):
            margin = self._margins(self.activation.value(mixed), runs, part)
            weight = self.pairs.weights[node, runs].to(total)
            if self.pairs.kept is not None:
                weight = weight * self.pairs.kept[runs, part]
            total[runs] += cross_entropy_sums(margin, self._against(node, runs, part), weight)
        return total

    def gradient(self, responses: Float[Tensor, "R n P filters"]) -> Float[Tensor, "R n P filters"]:
        """The gradient in the responses."""
        gradient = torch.zeros_like(responses)
        for node, runs, part, mixed in self._mixtures(responses):
            value, slope = self.activation.value_and_slope(mixed)
            residual = sigmoid_by_run(self._margins(value, runs, part))
            residual -= self._against(node, runs, part)
            if self.pairs.kept is not None:
                residual *= self.pairs.kept[runs, part]
            residual *= self.sign[runs, part] * self.pairs.weights[node, runs].to(residual)
            slope *= residual[..., None, None]
            lam = self.pairs.lams[node, runs].to(residual)[..., None]
            gradient[runs, part].addcmul_(slope.sum(dim=2), lam)
            gradient[runs].addcmul_(slope.sum(dim=1), 1 - lam)
        return gradient.mul_(class_signs(responses))

    def _mixtures(
        self, responses: Float[Tensor, "R n P filters"]
    ) -> Iterator[tuple[int, slice, slice, Float[Tensor, "runs rows n P filters"]]]:
        """Node, some runs, some first examples, and their mixtures with all others, as responses.

        As many first examples as may be, and then runs: sums over few would be slow.
        """
        count, n = responses.shape[:2]
        held = MANY.get(responses.device.type, MANY["cpu"])
        of_one = responses[0].numel()
        rows = max(1, min(n, held // of_one))
        even = WHOLE // math.gcd(WHOLE, of_one)  # so many first examples fill whole registers
        rows = max(rows // even * even, min(rows, even))
        together = max(1, held // (rows * of_one))
        for node, lams in enumerate(self.pairs.lams):
            lam = lams.to(responses)[..., None]
            first, second = lam * responses, (1 - lam) * responses
            for run in range(0, count, together):
                runs = slice(run, run + together)
                for start in range(0, n, rows):
                    part = slice(start, start + rows)
                    yield node, runs, part, first[runs, part, None] + second[runs, None]

    def _margins(
        self, value: Float[Tensor, "runs rows n P filters"], runs: slice, part: slice
    ) -> Float[Tensor, "runs rows n"]:
        """Margins against the label of the first example, in place of the values.

        A product with the signs would be faster, but rounded otherwise for several runs than for
        one.
        """
        return value.mul_(class_signs(value)).flatten(3).sum(dim=3) * self.sign[runs, part]

    def _against(self, node: int, runs: slice, part: slice) -> Float[Tensor, "runs rows n"]:
        """The target's share against the label of the first example."""
        share = (1 - self.pairs.label_lams[node, runs]).to(self.sign)
        return share * self.pairs.differ[runs, part]

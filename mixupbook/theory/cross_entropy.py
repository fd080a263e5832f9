"""Cross-entropy of two classes, from the margin alone, of each run as if it were alone.

The last few numbers of a tensor, those that fill no register of the processor, are rounded
otherwise than the rest by `sigmoid` and `softplus`: see `run_memory`.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from mixupbook.theory.run_memory import each_alone

__all__ = ["cross_entropy_sums", "sigmoid_by_run"]


def cross_entropy_sums(
    margin: Float[Tensor, "R ..."],
    against: Float[Tensor, "R ..."],
    weight: Float[Tensor, "R ..."],
) -> Float[Tensor, " R"]:
    """Weighted sums, by run, of the cross-entropy for a margin against the label.

    `against` is the share of the target that speaks against the label. The cross-entropy is
    log(1 + e^z) - t z, without cancellation at large |z|.
    """
    sums = [
        ((softplus(-z.abs()) + z.relu() - share * z) * part).sum()
        for z, share, part in zip(margin, against, weight, strict=True)
    ]
    return torch.stack(sums)


def sigmoid_by_run(margin: Float[Tensor, "R ..."]) -> Float[Tensor, "R ..."]:
    """The sigmoid, in place where that is possible."""
    return each_alone(Tensor.sigmoid_, margin)

"""Cross-entropy of two classes, from the margin alone."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus


def cross_entropy(
    margin: Float[Tensor, "*shape"], against: Float[Tensor, "..."]
) -> Float[Tensor, "*shape"]:
    """Cross-entropy for a margin against the label, whose target has a share `against` it.

    That is log(1 + e^z) - t z, without cancellation at large |z|.
    """
    return softplus(-margin.abs()) + margin.relu() - against * margin

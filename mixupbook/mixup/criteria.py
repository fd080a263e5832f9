"""A criterion of the same output for two sets of labels, in one pass where the criterion is known."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax, nll_loss

__all__ = ["both_losses"]


def both_losses(
    criterion: Callable[[Any, Tensor], Tensor], output: Any, y: Tensor, others: Tensor
) -> tuple[Tensor, Tensor]:
    """criterion(output, y) and criterion(output, others).

    Cross entropy of integer labels takes the logarithm of the softmax, its dear part, once for
    both: less than the cross entropy of targets costs, where two calls would cost more.
    """
    options = _cross_entropy_options(criterion)
    integers = not (y.is_floating_point() or y.is_complex())
    if options is None or not integers or not isinstance(output, Tensor):
        return criterion(output, y), criterion(output, others)
    # As torch does inside: the logarithm, and then the losses of the labels.
    log_p = log_softmax(output, dim=1 if output.ndim > 1 else 0)
    return nll_loss(log_p, y, **options), nll_loss(log_p, others, **options)


def _cross_entropy_options(criterion: object) -> dict[str, Any] | None:
    """What `nll_loss` needs to end a cross entropy; None for another criterion, or smoothed."""
    if criterion is cross_entropy:
        return {}
    if type(criterion) is not torch.nn.CrossEntropyLoss or criterion.label_smoothing > 0:
        return None
    return {
        "weight": criterion.weight,
        "ignore_index": criterion.ignore_index,
        "reduction": criterion.reduction,
    }

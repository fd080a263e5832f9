"""Criteria: labels that they cannot take, and their losses for two sets of labels at once."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax, nll_loss

__all__ = ["Criterion", "as_criteria_take", "both_losses"]

Criterion = Callable[[Any, Tensor], Tensor]

AS_BY_DEFAULT = nn.CrossEntropyLoss()


def as_criteria_take(criterion: Criterion, output: Any, y: Tensor) -> Tensor:
    """Labels for a criterion: integers of any width as int64, others as they are.

    Torch's losses of classes refuse most other widths, and others again where they are compiled.

    Raises:
        TypeError: for cross entropy of this output, neither integers, one for each output, nor
            floating rows of probabilities. Other criteria say themselves what they take.
    """
    if _cross_entropy_of(criterion, output) is not None:
        of_classes = (output.shape[0], *output.shape[2:])
        fits = y.shape == (output.shape if y.is_floating_point() else of_classes)
        if not fits or y.is_complex() or y.dtype == torch.bool:
            raise TypeError(
                f"y must be integer, shape {of_classes}, or floating, shape "
                f"{tuple(output.shape)}, for the cross entropy of this output, got {y.dtype}, "
                f"shape {tuple(y.shape)}: give classes as y.long(), and rows of zeros and ones as "
                "y.float()"
            )
    is_integer = not (y.is_floating_point() or y.is_complex() or y.dtype == torch.bool)
    return y.to(torch.int64) if is_integer else y


def both_losses(
    criterion: Criterion, output: Any, y: Tensor, others: Tensor
) -> tuple[Tensor, Tensor]:
    """criterion(output, y) and criterion(output, others), for labels of one kind and shape.

    Cross entropy of integer labels takes the logarithm of the softmax, its dear part, once for
    both: less than the cross entropy of targets costs, where two calls would cost more.
    """
    module = _cross_entropy_of(criterion, output)
    if module is None or y.is_floating_point():
        return criterion(output, y), criterion(output, others)
    if module.label_smoothing > 0 and module.weight is not None:  # where torch divides otherwise
        return criterion(output, y), criterion(output, others)
    log_p = log_softmax(output, dim=1)
    # What smoothing gives to all classes alike.
    mean = log_p.mean(dim=1, keepdim=True) if module.label_smoothing > 0 else None
    return _ended(module, log_p, mean, y), _ended(module, log_p, mean, others)


def _ended(module: nn.CrossEntropyLoss, log_p: Tensor, mean: Tensor | None, y: Tensor) -> Tensor:
    """The cross entropy of labels whose logarithms are there, shape (B, K, ...)."""
    ignored, reduction, share = module.ignore_index, module.reduction, module.label_smoothing
    loss = nll_loss(log_p, y, module.weight, ignore_index=ignored, reduction=reduction)
    if mean is None:
        return loss
    only_class = torch.where(y == ignored, -100, 0)
    smooth = nll_loss(mean, only_class, ignore_index=-100, reduction=reduction)
    return (1 - share) * loss + share * smooth


def _cross_entropy_of(criterion: Criterion, output: Any) -> nn.CrossEntropyLoss | None:
    """`criterion` if it is torch's own cross entropy, of a batch of outputs (B, K, ...)."""
    if not isinstance(output, Tensor) or output.ndim < 2:
        return None
    if criterion is cross_entropy:
        return AS_BY_DEFAULT
    # Not isinstance: a class derived may do otherwise.
    return criterion if type(criterion) is nn.CrossEntropyLoss else None

"""A criterion of one output for two sets of labels, in one pass where it is known."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax, nll_loss

__all__ = ["both_losses"]

Criterion = Callable[[Any, Tensor], Tensor]


def both_losses(
    criterion: Criterion, output: Any, y: Tensor, others: Tensor
) -> tuple[Tensor, Tensor]:
    """criterion(output, y) and criterion(output, others), for labels of one kind and shape.

    Cross entropy of integer labels takes the logarithm of the softmax, its dear part, once for
    both: less than the cross entropy of targets costs, where two calls would cost more.

    Raises:
        TypeError: labels that cross entropy does not take for this output.
    """
    is_cross_entropy = criterion is cross_entropy or type(criterion) is torch.nn.CrossEntropyLoss
    if is_cross_entropy and isinstance(output, Tensor) and output.ndim > 1:
        _check_classes(output, y)
        smoothed = criterion is not cross_entropy and criterion.label_smoothing > 0
        if not (y.is_floating_point() or smoothed):
            return _both_cross_entropies(criterion, output, y, others)
    return criterion(output, y), criterion(output, others)


def _both_cross_entropies(
    criterion: Criterion, output: Tensor, y: Tensor, others: Tensor
) -> tuple[Tensor, Tensor]:
    """As torch's cross entropy does inside: the logarithm, and then the losses of the labels."""
    names = () if criterion is cross_entropy else ("weight", "ignore_index", "reduction")
    options = {name: getattr(criterion, name) for name in names}
    log_p = log_softmax(output, dim=1)
    return nll_loss(log_p, y, **options), nll_loss(log_p, others, **options)


def _check_classes(output: Tensor, y: Tensor) -> None:
    of_classes = (output.shape[0], *output.shape[2:])
    integer = not (y.is_floating_point() or y.is_complex() or y.dtype == torch.bool)
    if y.shape != (output.shape if y.is_floating_point() else of_classes) or not (
        integer or y.is_floating_point()
    ):
        raise TypeError(
            f"y must be integer, shape {of_classes}, or floating, shape {tuple(output.shape)}, for "
            f"the cross entropy of this output, got {y.dtype}, shape {tuple(y.shape)}: give "
            "classes as y.long(), and rows of zeros and ones as y.float()"
        )

"""Labels of every kind, as targets that can be mixed: one floating row, or array, per example.

Kinds and shapes are checked everywhere; values only where they can be read.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mixupbook.mixup.nested import values_can_be_read

__all__ = ["as_targets", "check_labels"]


def as_targets(y: Tensor, batch: int, num_classes: int | None, dtype: torch.dtype) -> Tensor:
    """Labels as floating targets, shape (B, ...).

    Args:
        y: shape (B, ...): floating (soft labels, several labels, numbers, masks), taken as it is,
            or integer of shape (B,) in 0..num_classes-1, which becomes rows of one 1 in `dtype`.
        batch: B.
        num_classes: K, which integer labels need.
        dtype: of the rows (B, K) of integer labels.

    Raises:
        TypeError: `y` is neither, or integer of another shape.
        ValueError: not B labels, integer labels without `num_classes`, or labels out of range.

    Where values cannot be read (see `values_can_be_read`), the row of a label out of range is NaN.
    """
    check_labels(y, batch)
    if y.is_floating_point():
        return y
    if y.dtype == torch.bool or y.is_complex():
        raise TypeError(
            f"y must be integer or floating, got {y.dtype}: give two classes as y.long(), and "
            "several labels for an example as y.float()"
        )
    if y.ndim == 2 and y.shape[1] == 1:
        raise TypeError(
            f"integer y must have shape ({batch},), got {tuple(y.shape)}: give y.squeeze(1), or "
            "y.float() where it holds numbers to be predicted"
        )
    if y.ndim > 1:
        raise TypeError(
            f"integer y must have shape ({batch},), got {tuple(y.shape)}: rows of zeros and ones "
            "are mixed as y.float(); labels of pixels or words go unmixed to "
            "draw.loss(criterion, output, y), or are mixed as one-hot floats"
        )
    if num_classes is None:
        raise ValueError(
            "num_classes must be given for integer y, as in Mixup(num_classes=10), got None; where "
            "y holds numbers to be predicted, give y.float()"
        )
    return _one_hot(y, num_classes, dtype)


def check_labels(y: Any, batch: int) -> None:
    """Refuses what is not a tensor with one label, of whatever kind, for each example."""
    if not isinstance(y, Tensor):
        raise TypeError(f"y must be a torch.Tensor, got {_described(y)}")
    if y.ndim == 0 or len(y) != batch:
        raise ValueError(
            f"y must have one label for each of the {batch} examples, shape ({batch},) or "
            f"({batch}, ...), got shape {tuple(y.shape)}"
        )


def _described(y: Any) -> str:
    """What is no tensor, and how it becomes one."""
    sequence = isinstance(y, list | tuple | np.ndarray) and len(y) > 0
    if sequence and any(isinstance(label, str) for label in y):
        return f"strings ({str(y[0])!r}, ...): number the classes from 0"
    return type(y).__name__ + (": give torch.as_tensor(y)" if sequence else "")


def _one_hot(y: Tensor, num_classes: int, dtype: torch.dtype) -> Tensor:
    y = y.to(torch.int64)  # torch finds no least of the larger unsigned types
    rows = torch.zeros(len(y), num_classes, dtype=dtype, device=y.device)
    if not values_can_be_read(y):
        outside = (y < 0) | (y >= num_classes)
        inside = y.clamp(0, num_classes - 1)
        return rows.scatter_(1, inside.unsqueeze(1), 1).masked_fill_(outside[:, None], torch.nan)
    low, high = (bound.item() for bound in y.aminmax())
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"y must lie in 0..{num_classes - 1} (num_classes = {num_classes}), got labels from "
            f"{low} to {high}; where some are to be ignored, use draw.loss"
        )
    return rows.scatter_(1, y.unsqueeze(1), 1)

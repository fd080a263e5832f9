"""Checks of a batch: its examples, its labels, its partners.

Shapes and dtypes are checked everywhere; values only where `values_can_be_read`.
"""

import torch
from torch import Tensor

# How far a row of probabilities may be from summing to one, where its precision allows it.
ROW_SUM_TOLERANCE = 2e-3


def values_can_be_read(tensor: Tensor) -> bool:
    """Whether a look at the values costs little: on a GPU it waits, and breaks a compiled graph."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def check_examples(x: Tensor) -> None:
    """Refuses what is not a floating tensor of at least one example."""
    if not isinstance(x, Tensor):
        raise TypeError(f"x must be a torch.Tensor, got {type(x).__name__}")
    if not x.is_floating_point():
        raise TypeError(f"x must be floating (convert images with x.float() / 255), got {x.dtype}")
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(f"x must hold at least one example, got shape {tuple(x.shape)}")


def check_soft_labels(y: Tensor, batch: int) -> None:
    """Refuses what is not `batch` rows of probabilities."""
    if not isinstance(y, Tensor) or not y.is_floating_point():
        got = y.dtype if isinstance(y, Tensor) else type(y).__name__
        raise TypeError(f"y must be floating rows of probabilities (B, K), got {got}")
    if y.ndim != 2 or len(y) != batch:
        raise ValueError(f"y must have shape ({batch}, K), got {tuple(y.shape)}")
    if not values_can_be_read(y):
        return
    # Half precision rounds each entry, and would round their sum once more.
    excess = y.sum(dim=1, dtype=torch.promote_types(y.dtype, torch.float32)) - 1
    tolerance = max(ROW_SUM_TOLERANCE, torch.finfo(y.dtype).eps)
    is_probability = (y >= 0).all(dim=1) & (excess.abs() <= tolerance)
    if not is_probability.all():
        row = int((~is_probability).nonzero()[0])
        raise ValueError(
            f"y must hold probabilities that sum to one in every row, got row {row}: "
            f"{y[row].tolist()}"
        )


def check_permutation(permutation: Tensor, batch: int) -> None:
    """Refuses what is not a permutation of 0..batch-1."""
    if not isinstance(permutation, Tensor) or permutation.dtype not in (torch.int64, torch.int32):
        got = getattr(permutation, "dtype", type(permutation).__name__)
        raise TypeError(f"permutation must be an integer tensor, got {got}")
    if permutation.shape != (batch,):
        raise ValueError(f"permutation must have shape ({batch},), got {tuple(permutation.shape)}")
    if values_can_be_read(permutation):
        expected = torch.arange(batch, dtype=permutation.dtype)
        if not torch.equal(permutation.sort().values, expected):
            raise ValueError(
                f"permutation must hold each of 0..{batch - 1} once, got {permutation.tolist()}"
            )


def soft_labels(y: Tensor, batch: int, num_classes: int, dtype: torch.dtype) -> Tensor:
    """Labels as rows of probabilities, shape (B, K): integers one-hot in `dtype`, rows as given."""
    if not isinstance(y, Tensor):
        raise TypeError(f"y must be a torch.Tensor, got {type(y).__name__}")
    if not y.is_floating_point():
        return one_hot_labels(y, batch, num_classes, dtype)
    if y.ndim != 2:
        raise TypeError(
            f"y must be integers (B,) or floating rows of probabilities (B, K), "
            f"got {y.dtype} of shape {tuple(y.shape)}"
        )
    check_soft_labels(y, batch)
    if y.shape[1] != num_classes:
        raise ValueError(f"y must have num_classes = {num_classes} columns, got {y.shape[1]}")
    return y


def one_hot_labels(y: Tensor, batch: int, num_classes: int, dtype: torch.dtype) -> Tensor:
    """Integer labels of shape (B,) as one-hot rows, shape (B, K)."""
    if y.dtype == torch.bool or y.is_complex():
        raise TypeError(f"y must be integers or rows of probabilities, got {y.dtype}")
    if y.shape != (batch,):
        raise ValueError(
            f"y must have one integer label for each of the {batch} examples, shape ({batch},), "
            f"got shape {tuple(y.shape)}"
        )
    y = y.to(torch.int64)  # torch finds no least of the larger unsigned types
    if values_can_be_read(y):
        low, high = (bound.item() for bound in y.aminmax())
        if low < 0 or high >= num_classes:
            raise ValueError(
                f"y must lie in 0..{num_classes - 1} (num_classes = {num_classes}), "
                f"got labels from {low} to {high}"
            )
    one_hot = torch.zeros(batch, num_classes, dtype=dtype, device=y.device)
    return one_hot.scatter_(1, y.unsqueeze(1), 1)

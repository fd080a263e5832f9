"""What a trained network says of examples: margins, residuals, and where it errs."""

import torch
from torch import Tensor

from mixupbook.theory import patch_network
from mixupbook.theory.feature_noise import PatchData

__all__ = ["margins", "mistakes", "residuals"]


def margins(weights: Tensor, x: Tensor) -> Tensor:
    """The margins F_1 - F_0 of one network on several examples.

    Args:
        weights: filters of both classes, shape (2, m, d).
        x: examples, shape (n, P, d).

    Returns:
        Shape (n,).

    Raises:
        ValueError: weights of another shape.

    Example:
        >>> weights = torch.zeros(2, 1, 5)
        >>> weights[1, 0, 0] = 3
        >>> margins(weights, torch.eye(5)[None, :2])
        tensor([9.])
    """
    if weights.ndim != 3:
        raise ValueError(f"weights must have shape (2, m, d), got {tuple(weights.shape)}")
    return patch_network.margins((x @ weights.flatten(0, 1).mT)[None])[0]


def mistakes(weights: Tensor, data: PatchData) -> Tensor:
    """1 for each example whose label the network gets wrong, else 0; shape (n,), float64."""
    margin = margins(weights, data.x)
    return patch_network.mistakes(margin[None], data.y[None].to(margin.dtype))[0]


def residuals(weights: Tensor, data: PatchData) -> Tensor:
    """The probability that the network withholds from each example's label, 1 - s_y(x), (n,)."""
    margin = margins(weights, data.x)
    return torch.sigmoid(torch.where(data.y == 1, -margin, margin))

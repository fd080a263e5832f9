"""Mixup over all pairs with more than two classes, by autograd: a control beside the exact engine.

The model has K classes: a common and a rare feature each, the axes e_0 to e_{2K-1}, in the first
patch; feature noise alpha v_s in one other patch, s uniform; and noise in the rest. The network is
the model's, with K outputs.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

__all__ = ["Examples", "draw", "train"]


class Examples(NamedTuple):
    """Examples of K classes."""

    x: Float[Tensor, "n P d"]
    y: Int[Tensor, " n"]
    is_rare: Bool[Tensor, " n"]


def draw(classes: int, of_class: int, rare: int, seed: int) -> Examples:
    """`of_class` examples of each class, `rare` of them rare: 4 patches of dimension 500.

    Example:
        >>> data = draw(3, 10, 2, seed=0)
        >>> data.x.shape, int(data.is_rare.sum())
        (torch.Size([30, 4, 500]), 6)
    """
    dimension, patches, noise_std, feature_noise = 500, 4, 0.15, 0.2
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(classes).repeat_interleave(of_class)
    is_rare = torch.arange(of_class).repeat(classes) < rare
    n, row = len(y), torch.arange(len(y))
    x = torch.randn(n, patches, dimension, generator=generator) * noise_std
    x[:, :, : 2 * classes] = 0
    x[:, :2] = 0
    x[row, 0, y + classes * is_rare] = 1
    x[row, 1, torch.randint(classes, (n,), generator=generator)] = feature_noise
    return Examples(x, y, is_rare)


def train(
    examples: Examples, classes: int, lam: float, *, steps: list[int], test: Examples, seed: int
) -> tuple[list[float], list[float]]:
    """Gradient descent on the mean over all ordered pairs; width 6, sigma_0 = 0.01, lr = 0.4.

    Args:
        examples: to train on.
        classes: K.
        lam: coefficient of features and labels; 1 is standard training.
        steps: at which errors are measured, ascending.
        test: examples to measure them on.
        seed: of the initial weights.

    Returns:
        Common and rare errors on `test`, at each of the steps.
    """
    generator = torch.Generator().manual_seed(seed)
    dimension = examples.x.shape[2]
    weights = torch.randn(classes, 6, dimension, generator=generator).mul_(0.01).requires_grad_()
    labels = one_hot(examples.y, classes).float()
    targets = lam * labels[:, None] + (1 - lam) * labels[None]
    common, rare = [], []
    for step in range(1, steps[-1] + 1):
        responses = torch.einsum("kmd,ipd->kimp", weights, examples.x).flatten(2)
        gram = torch.bmm(responses, responses.mT)
        own = gram.diagonal(dim1=1, dim2=2)
        logits = (
            lam**2 * own[:, :, None] + (1 - lam) ** 2 * own[:, None] + 2 * lam * (1 - lam) * gram
        )
        loss = -(targets * logits.permute(1, 2, 0).log_softmax(dim=2)).sum(dim=2).mean()
        (slope,) = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            weights -= 0.4 * slope
            if step in steps:
                outputs = torch.einsum("kmd,ipd->kimp", weights, test.x).square().sum(dim=(2, 3))
                wrong = outputs.argmax(dim=0) != test.y
                common.append(wrong[~test.is_rare].float().mean().item())
                rare.append(wrong[test.is_rare].float().mean().item())
    return common, rare

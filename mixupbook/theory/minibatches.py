"""Standard training on minibatches, for several networks at once.

`mixupbook.descend` takes full batches only, as the theory does. This is the one exception.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mixupbook.theory.feature_noise import PatchData

__all__ = ["descend_on_minibatches"]


def descend_on_minibatches(
    weights: Tensor, train: Sequence[PatchData], *, size: int, steps: int, lr: float, seed: int = 0
) -> Tensor:
    """Gradient descent on the mean cross-entropy of `size` examples, drawn anew for each step.

    Args:
        weights: where each run starts, shape (runs, 2, m, d).
        train: the training examples of each run, equally many.
        size: examples in a batch, drawn without replacement.
        steps: number of steps.
        lr: learning rate.
        seed: of the draws.

    Returns:
        The weights after the last step, (runs, 2, m, d).

    Raises:
        ValueError: more examples in a batch than there are.

    Example:
        >>> from mixupbook.theory.feature_noise import FeatureNoise
        >>> train = [FeatureNoise(11, 3, 0.4, 0.2, 1, 0.5).sample(9, seed=1)]
        >>> start = torch.full((1, 2, 4, 11), 0.01)
        >>> descend_on_minibatches(start, train, size=3, steps=2, lr=0.4).shape
        torch.Size([1, 2, 4, 11])
    """
    x = torch.stack([data.x for data in train])
    sign = torch.stack([2.0 * data.y - 1 for data in train])
    if not 1 <= size <= sign.shape[1]:
        raise ValueError(f"size must be from 1 to {sign.shape[1]}, got {size!r}")
    of_class = torch.tensor([-1.0, 1.0])[:, None, None]
    runs = torch.arange(len(x))[:, None]
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        chosen = torch.rand(sign.shape, generator=generator).argsort(dim=1)[:, :size]
        batch, label = x[runs, chosen], sign[runs, chosen]
        responses = torch.einsum("skrd,sipd->skrip", weights, batch)
        margin = (of_class * responses.square().sum(dim=-1)).sum(dim=(1, 2))
        pull = 2 / size * label * torch.sigmoid(-label * margin)
        step = torch.einsum("skrip,sipd->skrd", responses * pull[:, None, None, :, None], batch)
        weights = weights + lr * of_class * step
    return weights

"""The course of training in three margins: measured on networks, and by the reduced dynamics."""

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from mixupbook.theory.feature_noise import PatchData

__all__ = ["computed_course", "feature_margins", "measured_course", "noise_energies"]

CLASSES = (0, 1, 0, 1)  # of v_0, v_1, r_0, r_1


def feature_margins(weights: Tensor) -> np.ndarray:
    """The margin that each feature alone gives its class.

    Args:
        weights: filters, shape (run, 2, m, d), or of one network (2, m, d).

    Returns:
        Shape (run, 4) or (4,), in the order v_0, v_1, r_0, r_1.

    Example:
        >>> weights = torch.zeros(2, 1, 6)
        >>> weights[1, 0, 1] = 3
        >>> feature_margins(weights)[1].item()
        9.0
    """
    energy = weights[..., :4].double().square().sum(dim=-2)
    sign = torch.tensor([2 * k - 1 for k in CLASSES])
    return ((energy[..., 1, :] - energy[..., 0, :]) * sign).numpy()


def noise_energies(weights: Tensor, data: PatchData) -> np.ndarray:
    """Squared responses to each example's own noise, summed over filters and patches.

    Args:
        weights: filters of one network, shape (2, m, d).
        data: n training examples.

    Returns:
        In the filters of the example's class and in those of the other, shape (2, n).
    """
    noise = data.x.clone().to(weights.dtype)
    noise[..., :4] = 0
    responses = torch.einsum("ipd,krd->kirp", noise, weights)
    energy = responses.square().sum(dim=(2, 3)).numpy()
    own, example = data.y.numpy(), np.arange(len(data.y))
    return np.stack([energy[own, example], energy[1 - own, example]])


def measured_course(weights: Tensor, samples: Sequence[PatchData]) -> np.ndarray:
    """Margins by the common features, the rare ones, and the rare examples' own noise.

    Args:
        weights: filters of several networks, shape (run, 2, m, d).
        samples: the training examples of each.

    Returns:
        Each a mean over classes or examples, shape (3, run).
    """
    features = feature_margins(weights)
    noise = []
    for network, data in zip(weights, samples, strict=True):
        own, other = noise_energies(network, data)[:, data.is_rare.numpy()]
        noise.append((own - other).mean())
    return np.stack([features[:, :2].mean(axis=1), features[:, 2:].mean(axis=1), noise])


def computed_course(reduced: xr.Dataset, samples: Sequence[PatchData]) -> np.ndarray:
    """The same by the reduced dynamics, at every recorded step, shape (3, run, step).

    Args:
        reduced: what `mixupbook.reduced_dynamics` returned for these training examples.
        samples: the training examples of each run; they say how many of each class are rare.
    """
    feature, noise = reduced.feature_response.values, reduced.noise_response.values
    rare = np.array([torch.bincount(s.y[s.is_rare], minlength=2).numpy() for s in samples])
    share = (rare / rare.sum(axis=1, keepdims=True))[:, None]
    return np.stack(
        [
            feature[..., :2].mean(axis=-1),
            feature[..., 2:].mean(axis=-1),
            (noise[..., 2:] * share).sum(axis=-1),
        ]
    )

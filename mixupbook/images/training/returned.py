"""What an augmentation or a mixup of the user's returns: checked by kind and shape, not by value.

A look at values would wait for a GPU at every step.
"""

import torch
from torch import Tensor

__all__ = ["checked_images", "checked_pair"]


def checked_images(x: Tensor, returned: object, by: str) -> Tensor:
    """The images that the function called `by` returned for the images `x`."""
    if not isinstance(returned, Tensor):
        raise TypeError(f"{by} must return images, got {type(returned).__name__}")
    if returned.dtype != x.dtype or returned.device != x.device:
        raise TypeError(
            f"{by} must return images like those it was given, {x.dtype} on {x.device}, "
            f"got {returned.dtype} on {returned.device}"
        )
    if returned.ndim != x.ndim or len(returned) != len(x):
        raise ValueError(
            f"{by} must return as many images as it was given, shape ({len(x)}, C, H, W), "
            f"got {tuple(returned.shape)}"
        )
    return returned


def checked_pair(x: Tensor, mixed: object, classes: int) -> tuple[Tensor, Tensor]:
    """Images and targets that `mixup` returned for the images `x`."""
    if not isinstance(mixed, tuple) or len(mixed) != 2:
        raise TypeError(f"mixup must return a pair (x, targets), got {type(mixed).__name__}")
    mixed_x, targets = mixed
    if not isinstance(targets, Tensor):
        raise TypeError(f"mixup must return targets, got {type(targets).__name__}")
    rows = targets.is_floating_point() and targets.shape == (len(x), classes)
    labels = targets.dtype == torch.int64 and targets.shape == (len(x),)
    if not (rows or labels):
        raise ValueError(
            f"mixup must return targets as floating rows of shape {(len(x), classes)}, or as "
            f"int64 labels of shape {(len(x),)}, got {targets.dtype} of {tuple(targets.shape)}"
        )
    return checked_images(x, mixed_x, "mixup"), targets

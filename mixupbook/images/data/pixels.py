"""Pixels as bytes and as numbers in [0, 1]."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

__all__ = ["as_bytes", "as_float"]


def as_bytes(images: Float[Tensor, "n C H W"]) -> Shaped[Tensor, "n C H W"]:
    """The images as uint8 where `as_float` gives back the very same values, else unchanged.

    Bytes take a quarter of a GPU's memory and bandwidth.
    """
    as_integers = torch.empty_like(images, dtype=torch.uint8)
    # In parts: the products of a whole data set would take as much memory again.
    for part, target in zip(images.split(1024), as_integers.split(1024), strict=True):
        target.copy_(part.mul(255).round_())
        if not torch.equal(as_float(target), part):
            return images
    return as_integers


def as_float(images: Shaped[Tensor, "b C H W"]) -> Float[Tensor, "b C H W"]:
    """Bytes as float32 in [0, 1]; images that are floating already, unchanged."""
    if images.dtype == torch.uint8:
        return images.to(torch.float32).div_(255)
    return images

"""Augmentation of whole batches as tensor functions, on the device where the images lie.

Every function takes images of shape (B, C, H, W) and any dtype, draws from the generator given
(which must live on the images' device), and returns new images of the same shape and dtype.
"""

from collections.abc import Callable

import torch
from jaxtyping import Shaped
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["AUGMENTATIONS", "Augmentation", "crop_flip", "random_crop", "random_flip"]

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


def random_crop(
    images: Shaped[Tensor, "B C H W"], generator: torch.Generator, padding: int = 4
) -> Shaped[Tensor, "B C H W"]:
    """Each image shifted by -`padding`..`padding` pixels in both directions, black moving in.

    Raises:
        RuntimeError: `generator` lives on another device than `images`.

    Example:
        >>> images = torch.ones(2, 1, 3, 3)
        >>> random_crop(images, torch.Generator().manual_seed(0), padding=1)[0, 0]
        tensor([[1., 1., 0.],
                [1., 1., 0.],
                [0., 0., 0.]])
    """
    batch, _, height, width = images.shape
    device = images.device
    padded = pad(images, (padding, padding, padding, padding))
    corner = torch.randint(2 * padding + 1, (2, batch, 1), generator=generator, device=device)
    rows = corner[0] + torch.arange(height, device=device)
    columns = corner[1] + torch.arange(width, device=device)
    each = torch.arange(batch, device=device)[:, None, None]
    # One gather, channels last: the layout in which a GPU convolves fastest.
    return padded.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None, :]].permute(
        0, 3, 1, 2
    )


def random_flip(
    images: Shaped[Tensor, "B C H W"], generator: torch.Generator
) -> Shaped[Tensor, "B C H W"]:
    """Each image mirrored left to right with probability one half.

    Raises:
        RuntimeError: `generator` lives on another device than `images`.
    """
    draws = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device)
    return torch.where(draws < 0.5, images.flip(-1), images)


def crop_flip(
    images: Shaped[Tensor, "B C H W"], generator: torch.Generator
) -> Shaped[Tensor, "B C H W"]:
    """The usual augmentation of CIFAR: a random crop with padding 4, then a random flip.

    Source: He et al. (CVPR 2016), section 4.2.
    """
    return random_flip(random_crop(images, generator), generator)


AUGMENTATIONS: dict[str, Augmentation] = {"crop_flip": crop_flip}

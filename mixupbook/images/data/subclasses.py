"""Images whose classes have a common and a rare feature: subclasses of their own, or markers."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixupbook._arguments import in_interval, one_of, whole_number
from mixupbook.images.data.images import ImageData

__all__ = ["implant", "subclass_data"]

COMMON, RARE = 0, 1  # groups of images


def subclass_data(
    data: ImageData | Any,
    *,
    seed: int | Any,
    common: int | Any,
    rare: int | Any,
    superclasses: int | Any,
) -> ImageData:
    """Superclasses of two classes each, one of them common in training and the other rare.

    Which classes meet, and which is the rare one, is drawn by the seed, and so are the training
    images. Both are equally frequent in the test images as far as `data` has them.

    Args:
        data: images of at least twice as many classes as superclasses.
        seed: of the draw, a whole number not below 0.
        common: training images of each common class, at least 1.
        rare: training images of each rare class, at least 1.
        superclasses: how many, at least 2; each takes two classes of `data`.

    Returns:
        `ImageData` with so many training images of each class that was drawn, all its test images,
        the superclass as label, and groups: 0 for common classes, 1 for rare ones. Names are those
        of the common and of the rare class.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: too few classes, or a class with too few training images or no test image.

    The construction is ours, after the common and rare features of Zou, Cao, Li and Gu (ICML 2023).

    Example:
        >>> from mixupbook import load_digits
        >>> digits = load_digits(train=1200, test=500)
        >>> subclass_data(digits, seed=0, common=40, rare=4, superclasses=5).classes
        ('4 or 6', '2 or 7', '3 or 5', '9 or 0', '8 or 1')
    """
    check_data(data)
    seed = whole_number("seed", seed)
    wanted = (whole_number("common", common, 1), whole_number("rare", rare, 1))
    superclasses = whole_number("superclasses", superclasses, at_least=2)
    if 2 * superclasses > len(data.classes):
        raise ValueError(
            f"superclasses must be at most {len(data.classes) // 2}, two of the "
            f"{len(data.classes)} classes in each, got {superclasses}"
        )
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(len(data.classes))[: 2 * superclasses].reshape(superclasses, 2)
    train, test = [], []
    for pair in drawn.tolist():
        for name, count, of_class in zip(("common", "rare"), wanted, pair, strict=True):
            there = (data.y_train == of_class).nonzero().flatten().numpy()
            if count > len(there):
                raise ValueError(
                    f"{name} must be at most {len(there)}, the training images of class "
                    f"{data.classes[of_class]!r}, got {count}"
                )
            train.append(torch.from_numpy(rng.choice(there, count, replace=False)))
            test.append((data.y_test == of_class).nonzero().flatten())
            if len(test[-1]) == 0:
                raise ValueError(
                    f"data must have test images of class {data.classes[of_class]!r}, got none"
                )
    names = [f"{data.classes[first]} or {data.classes[second]}" for first, second in drawn.tolist()]
    parts = {}
    for split, chosen in (("train", train), ("test", test)):
        # Which of the drawn classes, two of each superclass, each image is of.
        place = torch.repeat_interleave(
            torch.arange(2 * superclasses), torch.tensor([len(each) for each in chosen])
        )
        parts[f"x_{split}"] = getattr(data, f"x_{split}")[torch.cat(chosen)]
        parts[f"y_{split}"] = place // 2
        parts[f"group_{split}"] = place % 2
    return ImageData(**parts, classes=names)


def implant(
    data: ImageData | Any,
    *,
    seed: int | Any,
    rare: int | Any,
    strength: float | Any = 1.5,
    size: int | Any = 3,
    layout: str | Any = "same",
) -> ImageData:
    """Two classes told apart by a small marker alone; the images themselves are the noise.

    Each image gets one of four markers, of a common and a rare feature for each of two classes.
    They are drawn by the seed: `size` x `size` pixels, orthonormal, and added to the image times
    `strength`. Labels are drawn too, equally many of both (one more of class 0 where their number
    is odd), so that nothing else in an image tells its class. At last all pixels are brought back
    to [0, 1] by one linear map.

    Args:
        data: images to put markers on; their labels play no part.
        seed: of the draw, a whole number not below 0.
        rare: training images with a rare marker, at least 2: half of them of each class, as above.
            Of the test images, half have one.
        strength: length of a marker as a vector of pixels, positive.
        size: pixels of a side, at least 2.
        layout: where the rare markers are: ``"same"`` place as the common ones, the corner at the
            top left, or ``"distinct"``, the corner at the bottom right.

    Returns:
        `ImageData` with classes "0" and "1", and groups: 0 for images with a common marker, 1 for
        those with a rare one.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: markers that do not fit, fewer images than `rare`, or another value that is not
            allowed.

    The construction is ours, after the feature-noise model of Zou, Cao, Li and Gu (ICML 2023).

    Example:
        >>> from mixupbook import load_digits
        >>> data = implant(load_digits(train=200, test=1000), seed=0, rare=10)
        >>> data.y_train.bincount().tolist(), data.group_train.bincount().tolist()
        ([100, 100], [190, 10])
    """
    check_data(data)
    seed = whole_number("seed", seed)
    rare = whole_number("rare", rare, at_least=2)
    strength = in_interval("strength", strength, 0, open_low=True)
    size = whole_number("size", size, at_least=2)
    layout = one_of("layout", layout, ("same", "distinct"))
    height, width = data.image_shape[1:]
    room = min(height, width) if layout == "same" else max(height, width) // 2
    if size > min(room, height, width):
        raise ValueError(
            f"size must let {'a marker' if layout == 'same' else 'two markers'} fit into "
            f"{height} x {width} pixels, got {size}"
        )
    if rare > len(data.x_train):
        raise ValueError(
            f"rare must be at most {len(data.x_train)}, the number of training images, got {rare}"
        )
    rng = np.random.default_rng(seed)
    markers = strength * orthonormal_markers(rng, size)
    parts: dict[str, Tensor] = {}
    for split, count in (("train", rare), ("test", len(data.x_test) // 2)):
        images = getattr(data, f"x_{split}").clone()
        order = torch.from_numpy(rng.permutation(len(images)))
        # The first are rare, and every other one of either is of class 1.
        rank = torch.arange(len(images))
        labels, groups = torch.empty_like(rank), torch.empty_like(rank)
        labels[order] = torch.where(rank < count, rank, rank - count) % 2
        groups[order] = torch.where(rank < count, RARE, COMMON)
        put_on(images, markers[groups, labels], groups, layout)
        parts |= {f"x_{split}": images, f"y_{split}": labels, f"group_{split}": groups}
    reach = float(markers.abs().max())
    for split in ("train", "test"):
        parts[f"x_{split}"] = ((parts[f"x_{split}"] + reach) / (1 + 2 * reach)).clamp(0, 1)
    return replace(data, **parts, classes=("0", "1"))


def orthonormal_markers(rng: np.random.Generator, size: int) -> Float[Tensor, "2 2 size size"]:
    """Four orthonormal images, of common and rare features for classes 0 and 1."""
    columns, _ = np.linalg.qr(rng.standard_normal((size**2, 4)))
    return torch.from_numpy(columns.T.reshape(2, 2, size, size)).float()


def put_on(
    images: Float[Tensor, "n c h w"],
    markers: Float[Tensor, "n s s"],
    groups: Int[Tensor, " n"],
    layout: str,
) -> None:
    """Adds a marker to each image, in every channel."""
    size = markers.shape[-1]
    height, width = images.shape[2:]
    at_end = (groups == RARE) & (layout == "distinct")
    images[~at_end, :, :size, :size] += markers[~at_end, None]
    images[at_end, :, height - size :, width - size :] += markers[at_end, None]


def check_data(data: Any) -> None:
    """Raises a TypeError unless it is `ImageData`."""
    if not isinstance(data, ImageData):
        raise TypeError(f"data must be ImageData, got {type(data).__name__}")

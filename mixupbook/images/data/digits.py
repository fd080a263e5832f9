"""scikit-learn's handwritten digits."""

import numpy as np
import torch

from mixupbook._arguments import whole_number
from mixupbook.images.data.images import ImageData

__all__ = ["load_digits"]


def load_digits(train: int = 100, test: int = 1000, seed: int = 0) -> ImageData:
    """Handwritten digits, 8 x 8 pixels in 17 grey levels: 1797 of them, packed with scikit-learn.

    Args:
        train: number of training images, at least 1.
        test: number of test images, at least 1; they are disjoint from the training images.
        seed: which random split; the same seed gives the same images.

    Returns:
        `ImageData` with images of shape (1, 8, 8) and the classes "0" to "9".

    Raises:
        TypeError: an argument is not an integer.
        ValueError: an argument is too small, or `train` + `test` is more than there are.

    Source: the test part of the UCI "Optical Recognition of Handwritten Digits" data, Alpaydin and
    Kaynak (1998), as scikit-learn hands it on.

    Example:
        >>> load_digits(train=100, test=500)
        ImageData(100 training and 500 test images of 1x8x8, 10 classes)
    """
    # scikit-learn takes a second to import, and only this function needs it.
    from sklearn import datasets

    train = whole_number("train", train, at_least=1)
    test = whole_number("test", test, at_least=1)
    seed = whole_number("seed", seed)
    digits = datasets.load_digits()
    images = torch.from_numpy(digits.images).to(torch.float32).div_(16).unsqueeze(1)
    labels = torch.from_numpy(digits.target).to(torch.int64)
    if train + test > len(images):
        raise ValueError(
            f"train + test must be at most {len(images)}, the number of digits, "
            f"got {train} + {test} = {train + test}"
        )
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(images)))
    chosen, held_out = order[:train], order[train : train + test]
    return ImageData(
        images[chosen],
        labels[chosen],
        images[held_out],
        labels[held_out],
        classes=tuple(str(digit) for digit in range(10)),
    )

"""Image data as checked tensors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mixupbook._arguments import whole_number

__all__ = ["ImageData"]


@dataclass(frozen=True, eq=False)
class ImageData:
    """Training and test images with their labels, checked once and for all.

    Images may be given as uint8 (0 to 255) or floating in [0, 1], and labels as any integers; they
    are kept as float32 and int64, in tensors of its own: a later change of those given is not seen.

    Attributes:
        x_train: training images, shape (N, C, H, W), float32 in [0, 1].
        y_train: their labels, shape (N,), int64 in 0..K-1.
        x_test: test images, same shape apart from N.
        y_test: their labels.
        classes: names of the K classes, at least two.
        group_train: a group for each training image, any integers, shape (N,), kept as int64: such
            as 0 for common and 1 for rare subclasses; None where there are no groups.
        group_test: the same of the test images: `fit` measures the error of each group.

    Raises:
        TypeError: no tensors, images neither uint8 nor floating, labels or groups not integer, or
            class names that are not strings.
        ValueError: no images, dimensions or lengths that do not fit, pixels outside [0, 1], or
            labels outside 0..K-1.

    Example:
        >>> images, labels = torch.rand(6, 3, 4, 4), torch.tensor([0, 1, 0, 1, 0, 1])
        >>> ImageData(images[:4], labels[:4], images[4:], labels[4:], classes=("cat", "dog"))
        ImageData(4 training and 2 test images of 3x4x4, 2 classes)
    """

    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    classes: Sequence[str]
    group_train: Tensor | None = None
    group_test: Tensor | None = None

    def __post_init__(self) -> None:
        is_list = isinstance(self.classes, Iterable) and not isinstance(self.classes, str)
        if not is_list or not all(isinstance(name, str) for name in self.classes):
            raise TypeError(f"classes must be a sequence of names, got {self.classes!r}")
        classes = tuple(self.classes)
        if len(classes) < 2:
            raise ValueError(f"classes must name at least two classes, got {classes!r}")
        object.__setattr__(self, "classes", classes)
        for split in ("train", "test"):
            images = _images(f"x_{split}", getattr(self, f"x_{split}"))
            labels = _labels(f"y_{split}", getattr(self, f"y_{split}"), len(images), len(classes))
            object.__setattr__(self, f"x_{split}", images)
            object.__setattr__(self, f"y_{split}", labels)
            groups = getattr(self, f"group_{split}")
            if groups is not None:
                groups = _integers(f"group_{split}", groups, len(images), "group")
                object.__setattr__(self, f"group_{split}", groups)
        if self.x_train.shape[1:] != self.x_test.shape[1:]:
            raise ValueError(
                "x_test must have the image shape of x_train, "
                f"{tuple(self.x_train.shape[1:])}, got {tuple(self.x_test.shape[1:])}"
            )

    def __repr__(self) -> str:
        shape = "x".join(str(size) for size in self.image_shape)
        return (
            f"ImageData({len(self.x_train)} training and {len(self.x_test)} test images "
            f"of {shape}, {len(self.classes)} classes)"
        )

    def first(self, train: int | None = None, test: int | None = None) -> "ImageData":
        """The first so many images of each part, all of it for None.

        Raises:
            TypeError, ValueError: no number of images, or there are fewer.

        Example:
            >>> images, labels = torch.rand(6, 3, 4, 4), torch.tensor([0, 1, 0, 1, 0, 1])
            >>> ImageData(images, labels, images, labels, classes=("cat", "dog")).first(4, 2)
            ImageData(4 training and 2 test images of 3x4x4, 2 classes)
        """
        for name, wanted, images in (("train", train, self.x_train), ("test", test, self.x_test)):
            if wanted is not None and whole_number(name, wanted, at_least=1) > len(images):
                raise ValueError(f"{name} must be at most {len(images)} images, got {wanted}")
        return replace(
            self,
            x_train=self.x_train[:train],
            y_train=self.y_train[:train],
            x_test=self.x_test[:test],
            y_test=self.y_test[:test],
            group_train=None if self.group_train is None else self.group_train[:train],
            group_test=None if self.group_test is None else self.group_test[:test],
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        channels, height, width = self.x_train.shape[1:]
        return channels, height, width


def _images(name: str, images: Tensor) -> Tensor:
    """Checked images as float32 in [0, 1]."""
    _require_tensor(name, images)
    if images.ndim != 4:
        raise ValueError(f"{name} must have shape (N, C, H, W), got {tuple(images.shape)}")
    if images.numel() == 0:
        raise ValueError(f"{name} must hold at least one image, got shape {tuple(images.shape)}")
    if images.dtype == torch.uint8:
        return images.to(torch.float32).div_(255)
    if not images.is_floating_point():
        raise TypeError(f"{name} must be uint8 or floating, got {images.dtype}")
    low, high = (bound.item() for bound in images.aminmax())
    # Written so that NaN, which compares as false, is refused too.
    if not (low >= 0 and high <= 1):
        raise ValueError(f"{name} must lie in [0, 1], got values from {low:g} to {high:g}")
    return images.to(torch.float32, copy=True)


def _labels(name: str, labels: Tensor, count: int, num_classes: int) -> Tensor:
    """Checked labels as int64."""
    labels = _integers(name, labels, count, "label")
    low, high = (bound.item() for bound in labels.aminmax())
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"{name} must lie in 0..{num_classes - 1}, the index of a class, "
            f"got labels from {low} to {high}"
        )
    return labels


def _integers(name: str, values: Tensor, count: int, what: str) -> Tensor:
    """One integer for each image, as int64."""
    _require_tensor(name, values)
    if values.is_floating_point() or values.is_complex() or values.dtype == torch.bool:
        raise TypeError(f"{name} must hold integers, got {values.dtype}")
    if values.shape != (count,):
        raise ValueError(
            f"{name} must have shape ({count},), one {what} for each image, "
            f"got {tuple(values.shape)}"
        )
    return values.to(torch.int64, copy=True)


def _require_tensor(name: str, value: Tensor) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}")

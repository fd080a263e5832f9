"""The examples of a rung: patches of the model, pictures with a marker, images with subclasses.

A task is made of a seed and of plain settings, so that a record can hold them. All of its examples
are patches (n, P, d); an image that a network sees whole is one patch.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixupbook._arguments import one_of
from mixupbook.images.data.digits import load_digits
from mixupbook.images.data.fashion_mnist import load_fashion_mnist
from mixupbook.images.data.images import ImageData
from mixupbook.images.data.subclasses import implant, orthonormal_markers, subclass_data
from mixupbook.theory.feature_noise import FeatureNoise, PatchData

__all__ = ["TASKS", "Examples", "Task", "image_data"]

TEST_EXAMPLES = 600  # of the model and of pictures; half of them are rare
NOISE = 11.16  # |xi|^2 of a noise patch, the squared length of a feature being 1
TEST_SEEDS = 10_000  # test examples are drawn by seeds from here on
MARKER_SIZE = 6
WHITEN_FROM = 10_000  # pictures
WHITEN_FLOOR = 1e-3  # of the largest eigenvalue, added to all


@dataclass(frozen=True, eq=False)
class Examples:
    """Patches (n, P, d), labels 0..K-1, and whether each example's feature or subclass is rare."""

    x: Float[Tensor, "n P d"]
    y: Int[Tensor, " n"]
    rare: Bool[Tensor, " n"]


@dataclass(frozen=True, eq=False)
class Task:
    """What a seed trains on, and is tested on."""

    train: Examples
    test: Examples
    classes: int


def model(
    seed: int,
    *,
    dimension: int = 500,
    noise: float = NOISE,
    examples: int = 100,
    rare: int = 10,
    feature_noise: float = 0.2,
    layout: str = "same",
    pictures: str | None = None,
    arrangement: str = "patches",
) -> Task:
    """The feature-noise model with two noise patches, and what leads away from it.

    Args:
        seed: of the draw.
        dimension: d; with `pictures` it follows from theirs.
        noise: |xi|^2 of a noise patch on average, and exactly with `pictures`.
        examples: n.
        rare: how many of them are rare, half of them in each class.
        feature_noise: alpha.
        layout: as in `FeatureNoise`.
        pictures: ``"digits"`` or ``"fashion"``, in place of Gaussian noise.
        arrangement: ``"patches"``; ``"overlay"``, all noise added to the patch of the feature; or
            ``"dense"``, all patches in one vector.
    """
    parts = []
    if pictures is not None:
        dimension = 4 + image_data(pictures).x_train[0].numel()
    std = (noise / (dimension - 4)) ** 0.5
    drawn = FeatureNoise(dimension, 4, 0.1, feature_noise, 1, std, layout=layout)
    for count, of_each, own_seed, split in (
        (examples, rare // 2, seed, "train"),
        (TEST_EXAMPLES, TEST_EXAMPLES // 4, TEST_SEEDS + seed, "test"),
    ):
        data = drawn.sample(count, seed=own_seed, rare=(of_each, of_each))
        if pictures is not None:
            data = _with_pictures(data, pictures, split, own_seed, noise)
        x = _ARRANGED[one_of("arrangement", arrangement, _ARRANGED)](data.x)
        parts.append(Examples(x, data.y, data.is_rare))
    train, test = parts
    return Task(train, test, classes=2)


def tiles(
    seed: int,
    *,
    pictures: str = "fashion",
    noise: float = NOISE,
    place: str = "beside",
    whitened: bool = False,
    examples: int = 100,
    rare: int = 10,
) -> Task:
    """A marker tells the class; a picture stands in the tile beside it, or under it.

    Args:
        seed: of the draw: markers, labels and pictures.
        pictures: ``"digits"`` or ``"fashion"``.
        noise: |picture|^2, the squared length of a marker being 1.
        place: ``"beside"``: two tiles; ``"on"``: one, in which they are added.
        whitened: whether the pictures' pixels are made uncorrelated, with equal variances.
        examples: n.
        rare: how many of them have a rare marker, half of them in each class.
    """
    one_of("place", place, ("beside", "on"))
    shape = image_data(pictures).image_shape
    rng = np.random.default_rng(seed)
    size = min(MARKER_SIZE, shape[1] // 2)
    markers = torch.zeros(2, 2, *shape)
    markers[:, :, 0, :size, :size] = orthonormal_markers(rng, size)
    parts = []
    for count, of_each, split in (
        (examples, rare // 2, "train"),
        (TEST_EXAMPLES, TEST_EXAMPLES // 4, "test"),
    ):
        labels = torch.from_numpy(rng.permutation(count) % 2)
        is_rare = torch.zeros(count, dtype=torch.bool)
        for label in (0, 1):
            is_rare[(labels == label).nonzero().flatten()[:of_each]] = True
        marker = markers[is_rare.long(), labels].flatten(1)
        picture = _pictures(pictures, split, count, rng, noise, whitened=whitened)
        x = torch.stack([marker, picture], dim=1)
        parts.append(Examples(x if place == "beside" else x.sum(1, keepdim=True), labels, is_rare))
    train, test = parts
    return Task(train, test, classes=2)


def markers(seed: int, *, images: str = "digits", examples: int = 200, rare: int = 10) -> Task:
    """Markers on pictures by `implant`, which a network sees whole."""
    data = _part(images, seed, examples, 1000)
    return _as_task(implant(data, seed=seed, rare=rare))


def subclasses(seed: int, *, images: str = "digits", common: int = 40, rare: int = 4) -> Task:
    """Five superclasses of two classes of images by `subclass_data`, which a network sees whole."""
    data = image_data(images)
    return _as_task(subclass_data(data, seed=seed, common=common, rare=rare, superclasses=5))


TASKS: dict[str, Callable[..., Task]] = {
    "model": model,
    "tiles": tiles,
    "markers": markers,
    "subclasses": subclasses,
}


@functools.lru_cache(maxsize=4)
def image_data(name: str) -> ImageData:
    """The images of a name: digits with 1200 training and 597 test images, or Fashion-MNIST."""
    one_of("images", name, ("digits", "fashion"))
    if name == "digits":
        return load_digits(train=1200, test=597)
    return load_fashion_mnist(progress=False)


def _part(name: str, seed: int, train: int, test: int) -> ImageData:
    """Some of the images, drawn by the seed."""
    if name == "digits":
        return load_digits(train=train, test=test, seed=seed)
    data, rng = image_data(name), np.random.default_rng(seed)
    parts = {}
    for split, count in (("train", train), ("test", test)):
        there = getattr(data, f"x_{split}")
        chosen = torch.from_numpy(rng.choice(len(there), count, replace=False))
        parts[f"x_{split}"] = there[chosen]
        parts[f"y_{split}"] = getattr(data, f"y_{split}")[chosen]
    return replace(data, **parts)


def _as_task(data: ImageData) -> Task:
    parts = []
    for split in ("train", "test"):
        x = getattr(data, f"x_{split}").flatten(1)[:, None]
        rare = getattr(data, f"group_{split}") == 1
        parts.append(Examples(x, getattr(data, f"y_{split}"), rare))
    train, test = parts
    return Task(train, test, classes=len(data.classes))


def _with_pictures(data: PatchData, name: str, split: str, seed: int, noise: float) -> PatchData:
    """Pictures in place of Gaussian noise, in the coordinates that hold no feature."""
    x = data.x.clone()
    is_noise = x[:, :, 4:].any(dim=2)
    rng = np.random.default_rng(seed)
    x[:, :, 4:][is_noise] = _pictures(name, split, int(is_noise.sum()), rng, noise)
    return PatchData(x, data.y, data.is_rare)


def _pictures(
    name: str,
    split: str,
    count: int,
    rng: np.random.Generator,
    noise: float,
    *,
    whitened: bool = False,
) -> Float[Tensor, "count pixels"]:
    """Pictures of squared length `noise`; those of training and of test are never the same."""
    there = getattr(image_data(name), f"x_{split}").flatten(1)
    # There are few digits: some of them are taken twice.
    drawn = rng.choice(len(there), count, replace=count > len(there))
    chosen = there[torch.from_numpy(drawn)]
    if whitened:
        mean, whitener = _whitener(name)
        chosen = (chosen - mean) @ whitener
    return chosen * (noise**0.5 / chosen.norm(dim=1, keepdim=True))


@functools.lru_cache(maxsize=2)
def _whitener(name: str) -> tuple[Tensor, Tensor]:
    """Mean of the training pictures, and the symmetric root of their inverse covariance."""
    pictures = image_data(name).x_train[:WHITEN_FROM].flatten(1).double()
    mean = pictures.mean(dim=0)
    values, vectors = torch.linalg.eigh(torch.cov((pictures - mean).T))
    scaled = vectors * (values + WHITEN_FLOOR * values[-1]).rsqrt()
    return mean.float(), (scaled @ vectors.T).float()


def _overlay(x: Float[Tensor, "n P d"]) -> Float[Tensor, "n P d"]:
    """All noise added to the first patch."""
    x = x.clone()
    x[:, 0, 4:] = x[:, :, 4:].sum(dim=1)
    x[:, 1:, 4:] = 0
    return x


_ARRANGED: dict[str, Callable[[Tensor], Tensor]] = {
    "patches": lambda x: x,
    "overlay": _overlay,
    "dense": lambda x: x.flatten(1)[:, None],
}

"""Networks trained by `fit` on images with rare subclasses: Mixup by pairs, and what else helps.

Of each pairing of classes half of the test images, drawn by the seed, are for validation: where an
arm has a setting to choose, such as the level of noise, it is chosen there.
"""

import functools
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from joblib import Parallel, delayed
from torch import Tensor
from torch.nn.functional import one_hot

from mixupbook.images.data.digits import load_digits
from mixupbook.images.data.fashion_mnist import load_fashion_mnist
from mixupbook.images.data.images import ImageData
from mixupbook.images.data.npz import load_npz
from mixupbook.images.data.subclasses import subclass_data
from mixupbook.images.training.fit import fit
from mixupbook.mixup.cutmix import CutMix
from mixupbook.mixup.transform import Mixup
from mixupbook.studies.ladder.arms import PAIRS, floor_of_pairs, partner_masks, smoothing_at
from mixupbook.studies.ladder.rung_records import RungRecord

__all__ = [
    "IMAGE_ARMS",
    "ImageRung",
    "image_setting",
    "mixup_of",
    "oversampled",
    "run_image_rung",
]

RARE, VALIDATION = 1, 2  # what a test image's group is a sum of
# Of the images that there are: enough for a rung, and the test images that are used.
FIRST = {"fashion": (20_000, 2_000), "cifar10": (10_000, 2_000)}

NOISE = (0.13, 0.26, 0.5)  # standard deviations, pixels being in [0, 1]
LABEL_MAPS: dict[str, dict[str, Any]] = {
    "cubic": {"label_map": "cubic"},
    "constant-0.75": {"label_map": 0.75},
    "hard": {"label_map": "hard"},
}
# Trained as the arms they name, on images of which the rare ones are repeated.
OVERSAMPLED = {
    "oversampled": "standard",
    "oversampled-mixup": "all",
    "oversampled-smoothing": "smoothing",
}
# In this order they are trained: the most telling first.
IMAGE_ARMS = (
    "standard",
    *PAIRS,
    "smoothing",
    *(f"noise-{level}" for level in NOISE),
    "cutmix",
    *OVERSAMPLED,
    *LABEL_MAPS,
    "stopped",
    "started",
)


@dataclass(frozen=True)
class ImageRung:
    """One kind of images with five superclasses of a common and a rare subclass each.

    Attributes:
        name: in the record.
        words: what it is, for a table.
        images: ``"digits"``, ``"fashion"``, or ``"cifar10"``.
        common: training images of each common subclass.
        rare: training images of each rare subclass.
        network: a name for `build_network`.
        recipe: what else `fit` takes: epochs, batch_size, lr, schedule.
        arms: of `IMAGE_ARMS`.
        seeds: each draws a pairing of classes, images and weights.
    """

    name: str
    words: str
    images: str
    common: int
    rare: int
    network: str
    recipe: dict[str, Any]
    arms: tuple[str, ...]
    seeds: tuple[int, ...]


def image_setting(rung: ImageRung) -> dict[str, Any]:
    """All that decides a rung's numbers beside the source, as plain values."""
    return {
        key: value for key, value in asdict(rung).items() if key not in ("words", "arms", "seeds")
    }


def run_image_rung(rung: ImageRung, file: Path | None, workers: int) -> RungRecord:
    """Trains all arms under all seeds, each run on one thread.

    Args:
        rung: what is trained.
        file: CIFAR-10 as `load_npz` reads it; others need none.
        workers: runs trained at once.

    Raises:
        ValueError: there is no file for CIFAR-10.
        ConnectionError: the images could not be downloaded.
    """
    start = time.perf_counter()
    chosen = [(arm, seed) for seed in rung.seeds for arm in rung.arms]
    runs = Parallel(n_jobs=workers)(delayed(_run)(rung, file, *each) for each in chosen)
    errors = dict(zip(chosen, runs, strict=True))

    def of(group: int) -> dict[str, tuple[float, ...]]:
        return {arm: tuple(errors[arm, seed][group] for seed in rung.seeds) for arm in rung.arms}

    return RungRecord(
        setting=image_setting(rung),
        seeds=rung.seeds,
        common=of(0),
        rare=of(RARE),
        validation=of(RARE + VALIDATION),
        seconds=round(time.perf_counter() - start, 1),
    )


def mixup_of(arm: str, data: ImageData, epochs: int) -> Callable | None:
    """What `fit` is given as `mixup` in an arm."""
    classes = len(data.classes)
    arm = OVERSAMPLED.get(arm, arm)
    if arm == "standard":
        return None
    if arm == "cutmix":
        return CutMix(num_classes=classes)
    if arm == "smoothing":
        eps = smoothing_at(floor_of_pairs(data.y_train, None), classes)
        return functools.partial(_smoothed, eps=eps, classes=classes)
    if arm.startswith("noise-"):
        return functools.partial(_with_noise, level=float(arm.removeprefix("noise-")))
    if arm in PAIRS:
        assert data.group_train is not None
        masks = partner_masks(data.y_train, data.group_train == RARE)
        return Mixup(num_classes=classes, partners=_Allowed(masks[arm]))
    if arm in LABEL_MAPS:
        return Mixup(num_classes=classes, **LABEL_MAPS[arm])
    if arm == "stopped":
        return Mixup(num_classes=classes, stop_epoch=epochs // 2)
    return Mixup(num_classes=classes, start_epoch=epochs // 2)


def oversampled(data: ImageData) -> ImageData:
    """The same images, the rare ones repeated until both subclasses are about equally frequent."""
    assert data.group_train is not None
    rare = data.group_train == RARE
    times = round(int((~rare).sum()) / int(rare.sum()))
    chosen = torch.arange(len(rare)).repeat_interleave(torch.where(rare, times, 1))
    return replace(
        data,
        x_train=data.x_train[chosen],
        y_train=data.y_train[chosen],
        group_train=data.group_train[chosen],
    )


def _steps(data: ImageData, batch_size: int) -> int:
    """Of an epoch."""
    return math.ceil(len(data.y_train) / batch_size)


class _Allowed:
    """A rule for partners that knows the training set already."""

    def __init__(self, mask: Tensor) -> None:
        self._mask = mask

    def __call__(self, labels: Tensor) -> Tensor:
        return self._mask


def _smoothed(x: Tensor, y: Tensor, *, eps: float, classes: int) -> tuple[Tensor, Tensor]:
    return x, (1 - eps) * one_hot(y, classes).float() + eps / classes


def _with_noise(x: Tensor, y: Tensor, *, level: float) -> tuple[Tensor, Tensor]:
    return x + level * torch.randn_like(x), y


def _run(rung: ImageRung, file: Path | None, arm: str, seed: int) -> dict[int, float]:
    """The errors of a run by group of test images."""
    torch.set_num_threads(1)
    data = _paired(rung, file, seed)
    recipe = rung.recipe
    if arm in OVERSAMPLED:
        steps = recipe["epochs"] * _steps(data, recipe["batch_size"])
        data = oversampled(data)
        epochs = round(steps / _steps(data, recipe["batch_size"]))
        recipe = recipe | {"epochs": epochs}
    mixup = mixup_of(arm, data, recipe["epochs"])
    run = fit(
        data,
        rung.network,
        mixup=mixup,
        seed=seed,
        partner_pool="train" if isinstance(mixup, Mixup) else "batch",
        test_every=recipe["epochs"],
        device="cpu",
        progress=False,
        **recipe,
    )
    return {group: round(error, 4) for group, error in run.group_errors.items()}


def _paired(rung: ImageRung, file: Path | None, seed: int) -> ImageData:
    """A pairing of classes, half of its test images marked for validation."""
    data = subclass_data(
        _images(rung.images, file), seed=seed, common=rung.common, rare=rung.rare, superclasses=5
    )
    assert data.group_test is not None
    generator = torch.Generator().manual_seed(seed)
    half = torch.randperm(len(data.y_test), generator=generator) % 2
    return replace(data, group_test=data.group_test + VALIDATION * half)


@functools.lru_cache(maxsize=1)
def _images(name: str, file: Path | None) -> ImageData:
    if name == "digits":
        return load_digits(train=1200, test=597)
    if name == "fashion":
        return load_fashion_mnist(progress=False).first(*FIRST[name])
    if file is None:
        raise ValueError("data must be the file of CIFAR-10, as load_npz reads it, got None")
    return load_npz(file).first(*FIRST[name])

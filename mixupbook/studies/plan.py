"""How a study is recorded: its images, its plan, its finished runs, and what runs will cost.

Under one seed all arms start from the same weights and see the images in the same order, so their
errors can be compared seed by seed.
"""

import dataclasses
import hashlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import torch

import mixupbook
from mixupbook.images.data.images import ImageData
from mixupbook.images.training.fit import fit
from mixupbook.images.training.settings import Settings
from mixupbook.mixup.transform import Mixup
from mixupbook.studies.catalogue import Study
from mixupbook.studies.provenance import environment, source_digests
from mixupbook.studies.store import Record, SeedRun

__all__ = [
    "EDITIONS",
    "SOURCES",
    "data_digest",
    "described",
    "differences",
    "first_images",
    "plan",
    "seconds_per_epoch",
    "with_run",
]

# What decides the numbers. Checks, checkpoints and file formats do not: a resumed run is the same
# run, and the images themselves have a digest in the record. `tests/test_recording.py` holds this
# to what a run imports.
SOURCES = (
    "mixup.targets",
    "mixup.draw",
    "mixup.label_maps",
    "mixup.transform",
    "images.training.augment",
    "images.training.sgd",
    "images.training.evaluation",
    "images.training.loop",
    "studies.run",
    "images.networks",
    "images.data.pixels",
    "images.training.randomness",
    "images.training.settings",
    "images.training.fit",
)

EDITIONS = {
    "official": "CIFAR-10, the official archive.",
    "jpeg": "CIFAR-10, JPEG edition: lossy; not comparable with published accuracies.",
    "other": "Images from a file, no known edition of CIFAR-10: their digest says which.",
}

# Digests of the JPEG edition: the first 2000 images of both parts, and all.
JPEG = {"e4f02036828c402e", "4ec72e5a0a5ab86f"}

# Numbers of images in the whole of CIFAR-10.
CIFAR10_TRAIN, CIFAR10_TEST = 50_000, 10_000


def first_images(data: ImageData, train: int | None, test: int | None) -> ImageData:
    """The first images of each part, all where the number is None.

    Raises:
        ValueError: there are fewer.
    """
    for split, wanted in (("train", train), ("test", test)):
        have = len(getattr(data, f"x_{split}"))
        if wanted is not None and wanted > have:
            raise ValueError(f"data must have at least {wanted} {split} images, got {have}")
    return dataclasses.replace(
        data,
        x_train=data.x_train[:train],
        y_train=data.y_train[:train],
        x_test=data.x_test[:test],
        y_test=data.y_test[:test],
    )


def described(data: ImageData, *, official: bool = False) -> dict[str, Any]:
    """What a record says of its images: edition, numbers and digest.

    Args:
        data: the images that every run uses, cut by `first_images`.
        official: whether they come from the official archive, verified. Other images are what
            their digest says, and where it is not known, ``"other"``.
    """
    digest = data_digest(data)
    known = "jpeg" if digest in JPEG else "other"
    return {
        "edition": "official" if official else known,
        "train": len(data.x_train),
        "test": len(data.x_test),
        "digest": digest,
    }


def plan(study: Study, images: Mapping[str, Any], *, device: str = "auto") -> Record:
    """The study's record before its first run: every setting, and arms without runs.

    Args:
        study: what to compare.
        images: what `described` says of them.
        device: where the runs will be, as `fit` takes it.

    Raises:
        ValueError: a device that is not here.
    """
    settings = _settings(study, device)
    common = settings.config()
    del common["seed"], common["device"]
    title = study.title
    if images["edition"] == "other":
        title = f"Other images, by the recipe of: {title}"
    return Record(
        name=study.name,
        title=title,
        note=EDITIONS[images["edition"]],
        data=images,
        settings={"network": study.network, **common, "seeds": list(study.seeds)},
        arms=study.arms,
        sources=source_digests(SOURCES),
        package_version=mixupbook.__version__,
        environment=environment() | _gpu_versions(settings.device),
        device=_device_name(settings.device),
        date=datetime.now(UTC).date().isoformat(),
    )


def with_run(record: Record, arm: str, run: SeedRun) -> Record:
    """The record with one more run in one of its arms."""
    grown = dataclasses.replace(
        record.arm(arm),
        runs=tuple(sorted((*record.arm(arm).runs, run), key=attrgetter("seed"))),
    )
    arms = tuple(grown if each.name == arm else each for each in record.arms)
    return dataclasses.replace(record, arms=arms)


def differences(planned: Record, begun: Record) -> list[str]:
    """In what a begun record differs from a plan: empty where its runs are those planned.

    A plan may have more seeds: then the runs there are stay, and more are missing. It may not lack
    the seed of a run.

    Returns:
        Names such as ``"sources.images.training"`` or ``"device"``.
    """
    found = [
        field
        for field in ("name", "device", "package_version")
        if getattr(planned, field) != getattr(begun, field)
    ]
    for field in ("data", "settings", "sources", "environment"):
        new, old = getattr(planned, field), getattr(begun, field)
        found += [
            f"{field}.{key}"
            for key in sorted({*new, *old} - {"seeds"})
            if new.get(key) != old.get(key)
        ]
    if [(arm.name, arm.settings) for arm in planned.arms] != [
        (arm.name, arm.settings) for arm in begun.arms
    ]:
        found.append("arms")
    if {run.seed for arm in begun.arms for run in arm.runs} - set(planned.settings["seeds"]):
        found.append("settings.seeds")
    return found


def seconds_per_epoch(study: Study, *, device: str = "auto", enough: float = 2.0) -> float:
    """How long an epoch with Mixup takes here, extrapolated from a few steps on random images.

    Two steps are timed, or as many more as it takes to fill a time that says something. Setting up
    the run counts too, so that the result is never 0 and rather too long than too short.

    Args:
        study: the one whose recipe is timed.
        device: where to run, as `fit` takes it.
        enough: seconds of training after which no more steps are taken.
    """
    train = study.train or CIFAR10_TRAIN
    test = study.test or CIFAR10_TEST
    _seconds(study, device, 2, 1)  # pays for what torch sets up once
    images, seconds = 0, 0.0
    while images < train and seconds < enough:
        images = min(2 * max(images, study.batch_size), train)
        seconds = _seconds(study, device, images, max(1, round(test * images / train)))
    return seconds * train / images


def _seconds(study: Study, device: str, train: int, test: int) -> float:
    """The time of one epoch on so many random images."""
    generator = torch.Generator().manual_seed(0)
    size = (train + test, 3, 32, 32)
    images = torch.randint(256, size, generator=generator, dtype=torch.uint8)
    labels = torch.arange(train + test) % 10
    data = ImageData(
        images[:train], labels[:train], images[train:], labels[train:], classes=list("0123456789")
    )
    settings = _settings(study, device)
    config = settings.config() | {"epochs": 1, "device": device}
    start = time.perf_counter()
    fit(data, study.network, mixup=Mixup(num_classes=10), progress=False, **config)
    return time.perf_counter() - start


def data_digest(data: ImageData) -> str:
    """A digest of all images and labels, in order."""
    digest = hashlib.sha256()
    for part in (data.x_train, data.y_train, data.x_test, data.y_test):
        digest.update(str(tuple(part.shape)).encode())
        digest.update(part.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _settings(study: Study, device: str) -> Settings:
    return Settings(
        epochs=study.epochs,
        batch_size=study.batch_size,
        lr=study.lr,
        momentum=0.9,
        weight_decay=study.weight_decay,
        schedule=study.schedule,
        augment=study.augment,
        seed=0,
        device=device,
        precision="auto",
        compile=False,
        test_every=1,
    )


def _gpu_versions(device: torch.device) -> dict[str, str]:
    """Versions that count on a GPU and nowhere else."""
    if device.type != "cuda":
        return {}
    return {"cuda": str(torch.version.cuda), "cudnn": str(torch.backends.cudnn.version())}


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    capability = torch.backends.cpu.get_cpu_capability()
    return f"processor with {capability}, {threads} thread" + ("s" if threads > 1 else "")

"""How a study is recorded: its plan, the run of one seed, and what the runs will cost.

Under one seed all arms start from the same weights and see the images in the same order, so their
errors can be compared seed by seed.
"""

import dataclasses
import hashlib
import time
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path

import torch
from torch.nn.modules.batchnorm import _BatchNorm

import mixupbook
from mixupbook.arguments import one_of
from mixupbook.images.checkpoint import Checkpoint
from mixupbook.images.data import ImageData
from mixupbook.images.evaluation import recalibrate, test_error
from mixupbook.images.settings import Settings
from mixupbook.images.study import Study
from mixupbook.images.training import fit
from mixupbook.mixing import Mixup
from mixupbook.provenance import environment, source_digests
from mixupbook.records import Record, SeedRun

__all__ = [
    "EDITIONS",
    "data_digest",
    "differences",
    "first_images",
    "plan",
    "run_seed",
    "seconds_per_epoch",
    "with_run",
]

# What decides the numbers. Checks, checkpoints and file formats do not: a resumed run is the same
# run, and the images themselves have a digest in the record.
SOURCES = (
    "label_maps",
    "mixing",
    "images.augment",
    "images.evaluation",
    "images.loop",
    "images.networks",
    "images.pixels",
    "images.randomness",
    "images.settings",
    "images.training",
)

EDITIONS = {
    "official": "CIFAR-10, the official archive.",
    "jpeg": "CIFAR-10, JPEG edition: lossy; not comparable with published accuracies.",
}

# Numbers of images in the whole of CIFAR-10.
CIFAR10_TRAIN, CIFAR10_TEST = 50_000, 10_000

# Significant digits kept of a history: far below the spread over seeds.
DIGITS = 5


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


def plan(study: Study, data: ImageData, *, edition: str, device: str = "auto") -> Record:
    """The study's record before its first run: every setting, and arms without runs.

    Args:
        study: what to compare.
        data: the images that every run uses, cut by `first_images`.
        edition: ``"official"`` or ``"jpeg"``: where the images come from.
        device: where the runs will be, as `fit` takes it.

    Raises:
        ValueError: an unknown edition, or a device that is not here.
    """
    settings = Settings(
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
    common = settings.config()
    del common["seed"], common["device"]
    return Record(
        name=study.name,
        title=study.title,
        note=EDITIONS[one_of("edition", edition, EDITIONS)],
        data={
            "edition": edition,
            "train": len(data.x_train),
            "test": len(data.x_test),
            "digest": data_digest(data),
        },
        settings={"network": study.network, **common, "seeds": list(study.seeds)},
        arms=study.arms,
        sources=source_digests(SOURCES),
        package_version=mixupbook.__version__,
        environment=environment(),
        device=_device_name(settings.device),
        date=datetime.now(UTC).date().isoformat(),
    )


def run_seed(
    record: Record,
    arm: str,
    seed: int,
    data: ImageData,
    *,
    device: str = "auto",
    checkpoint: Checkpoint | None = None,
    progress: bool = False,
) -> SeedRun:
    """One run of a planned record, by its settings.

    Both errors are measured in float32, so that they differ by batch norm's statistics alone.

    Args:
        record: the plan.
        arm: name of the arm.
        seed: seed of the run.
        data: the images that were planned for.
        device: where to run, as planned.
        checkpoint: where the state is kept, and an interrupted run taken up again from.
        progress: whether `fit` shows a bar.
    """
    settings = {key: value for key, value in record.settings.items() if key != "seeds"}
    mixing = record.arm(arm).settings["mixup"]
    mixup = None if mixing is None else Mixup(num_classes=len(data.classes), **mixing)
    resumed = checkpoint is not None and Path(checkpoint.path).exists()
    start = time.perf_counter()
    run = fit(
        data,
        mixup=mixup,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        progress=progress,
        **settings,
    )
    seconds = time.perf_counter() - start
    recalibrated = None
    if any(isinstance(module, _BatchNorm) for module in run.network.modules()):
        network = recalibrate(run.network, data.x_train)
        recalibrated = test_error(network, data.x_test, data.y_test)
    return SeedRun(
        seed=seed,
        history={
            column: [float(f"{epoch[column]:.{DIGITS}g}") for epoch in run.history]
            for column in ("train_loss", "test_error")
        },
        test_error=test_error(run.network, data.x_test, data.y_test),
        recalibrated_error=recalibrated,
        seconds=None if resumed else round(seconds, 2),
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

    A plan may have more seeds: then the runs there are stay, and more are missing.

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
    return found


def seconds_per_epoch(study: Study, *, device: str = "auto", steps: int = 8) -> float:
    """How long an epoch with Mixup takes here, extrapolated from a few steps on random images.

    The time is the difference of a run of three epochs and one of one, so that building the
    network and moving the images do not count.
    """
    train = study.train or CIFAR10_TRAIN
    test = study.test or CIFAR10_TEST
    images = min(steps * study.batch_size, train)
    tested = max(1, round(test * images / train))
    data = ImageData(
        torch.rand(images, 3, 32, 32),
        torch.arange(images) % 10,
        torch.rand(tested, 3, 32, 32),
        torch.arange(tested) % 10,
        classes=tuple(str(label) for label in range(10)),
    )
    mixup = Mixup(num_classes=10)

    def seconds(epochs: int) -> float:
        start = time.perf_counter()
        fit(
            data,
            study.network,
            mixup=mixup,
            epochs=epochs,
            batch_size=study.batch_size,
            lr=study.lr,
            augment=study.augment,
            device=device,
            progress=False,
        )
        return time.perf_counter() - start

    seconds(1)  # the first run also pays for what torch sets up once
    return max(0.0, seconds(3) - seconds(1)) / 2 * train / images


def data_digest(data: ImageData) -> str:
    """A digest of all images and labels, in order."""
    digest = hashlib.sha256()
    for part in (data.x_train, data.y_train, data.x_test, data.y_test):
        digest.update(str(tuple(part.shape)).encode())
        digest.update(part.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    capability = torch.backends.cpu.get_cpu_capability()
    return f"processor with {capability}, {threads} thread" + ("s" if threads > 1 else "")

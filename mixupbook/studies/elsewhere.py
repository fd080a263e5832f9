"""Runs of a record made by other processes, each of which reads the images itself."""

import functools
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import torch

from mixupbook._devices import device_name, resolve_device
from mixupbook._executors import finished
from mixupbook.images.data.images import ImageData
from mixupbook.studies.plan import study_images
from mixupbook.studies.provenance import SOURCES, environment, source_digests
from mixupbook.studies.record import Images, Record, SeedRun
from mixupbook.studies.run import run_seed

__all__ = ["Order", "made", "make", "orders"]


@dataclass(frozen=True)
class Order:
    """One run, and all that a worker needs for it.

    Attributes:
        plan: the record, without its runs.
        arm: of the record.
        seed: of the run.
        file: the images, at a path that the workers have too; None: the official CIFAR-10.
        device: as `fit` takes it.
        threads: of torch, by which results may differ in their last digits.
    """

    plan: Record
    arm: str
    seed: int
    file: Path | None
    device: str
    threads: int


def orders(record: Record, file: Path | None, device: str) -> list[Order]:
    """The runs that a record lacks."""
    plan = record.model_copy(update={"runs": ()})
    where = None if file is None else file.absolute()
    threads = torch.get_num_threads()
    return [Order(plan, arm, seed, where, device, threads) for arm, seed in record.missing()]


def made(ordered: list[Order], executor: Executor) -> Iterator[SeedRun]:
    """The runs, each as soon as it is there.

    Raises:
        ExecutorError: the executor lost a worker, or takes no task.
        OSError: a worker has no such file.
        ValueError: a worker would not make a run as the record's others are made.
    """
    for _, run in finished(make, ((order, order) for order in ordered), executor):
        yield run


def make(order: Order) -> SeedRun:
    """Makes the run here, if it would be the same as where the order was given."""
    plan = order.plan
    torch.set_num_threads(order.threads)
    data, images = _images(order.file, plan.data.train, plan.data.test)
    device = resolve_device(order.device)
    here = {
        "sources": source_digests(SOURCES),
        "environment": environment(device),
        "device": device_name(device),
        "data": images,
    }
    if different := [name for name, value in here.items() if value != getattr(plan, name)]:
        raise ValueError(
            f"workers must make runs as they are made here, and one differs in "
            f"{', '.join(different)}: it has {here[different[0]]}"
        )
    return run_seed(plan, order.arm, order.seed, data, device=order.device)


@functools.lru_cache(maxsize=1)
def _images(file: Path | None, train: int, test: int) -> tuple[ImageData, Images]:
    return study_images(file, train, test)

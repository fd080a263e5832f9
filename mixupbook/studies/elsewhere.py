"""Runs of a record made by other processes, each of which reads the images itself."""

import functools
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import mixupbook
from mixupbook._devices import device_name, resolve_device
from mixupbook._executors import ExecutorError, finished
from mixupbook.images.data.images import ImageData
from mixupbook.studies.plan import study_images
from mixupbook.studies.provenance import SOURCES, environment, source_digests
from mixupbook.studies.record import Images, Record, SeedRun
from mixupbook.studies.run import run_seed

__all__ = ["Order", "made", "make", "orders"]

# Of the code that this process runs, whatever becomes of its files later.
LOADED = source_digests(SOURCES)
# Runs draw from torch's default generators: beside each other in one process, as the threads of a
# Dask worker are, they would take each other's numbers.
_TURN = threading.Lock()


@dataclass(frozen=True)
class Order:
    """One run, and all that a worker needs for it.

    Attributes:
        plan: the record, without its runs.
        arm: of the record.
        seed: of the run.
        file: the images, at a path that the workers have too; None: the official CIFAR-10.
        device: such as ``"cpu"``.
        threads: of torch, by which results may differ in their last digits.
        conditions: under which it is to be made, by name.
    """

    plan: Record
    arm: str
    seed: int
    file: Path | None
    device: str
    threads: int
    conditions: dict[str, str]


def orders(
    record: Record, runs: Sequence[tuple[str, int]], file: Path | None, device: str
) -> list[Order]:
    """The orders of some runs, (arm, seed) each, to be made as they would be here."""
    found = resolve_device(device)
    order = functools.partial(
        Order,
        plan=record.model_copy(update={"runs": ()}),
        file=None if file is None else file.absolute(),
        device=str(found),
        threads=torch.get_num_threads(),
        conditions=_conditions(found),
    )
    return [order(arm=arm, seed=seed) for arm, seed in runs]


def made(ordered: Sequence[Order], executor: Executor) -> Iterator[SeedRun]:
    """The runs, each as soon as it is there. Where one fails, those under way are given up.

    Raises:
        ExecutorError: the executor lost a worker, or takes no task.
        OSError: a worker cannot read the images.
        ValueError: a worker would not make a run as it would be made here.
    """
    try:
        for _, run in finished(make, ((order, order) for order in ordered), executor):
            yield run
    except ExecutorError as error:
        raise ExecutorError(
            f"{error}; its log says why: each worker needs this package, in the same version"
        ) from error


def make(order: Order) -> SeedRun:
    """Makes the run here, if it would be the same as where the order was given."""
    with _TURN:
        threads = torch.get_num_threads()
        torch.set_num_threads(order.threads)
        try:
            return _made(order)
        finally:
            torch.set_num_threads(threads)


def _made(order: Order) -> SeedRun:
    worker, wanted = f"the worker on {socket.gethostname()}", order.plan.data
    try:
        data, images = _images(order.file, wanted.train, wanted.test, wanted.digest)
    except OSError as error:
        raise OSError(f"{worker} cannot read the images: {error}") from error
    here = {**_conditions(resolve_device(order.device)), "images": images.digest}
    for name, value in {**order.conditions, "images": wanted.digest}.items():
        if here.get(name) != value:
            raise ValueError(
                f"{worker} would not make this run as it would be made here: its {name} must be "
                f"{value!r}, got {here.get(name)!r}"
            )
    return run_seed(order.plan, order.arm, order.seed, data, device=order.device)


def _conditions(device: torch.device) -> dict[str, Any]:
    """What a run here may depend on, beside its settings and images."""
    versions = {f"version of {name}": value for name, value in environment(device).items()}
    sources = {f"source of {name}": value for name, value in LOADED.items()}
    package = {"version of mixupbook": mixupbook.__version__}
    return {**package, **versions, **sources, "device": device_name(device)}


@functools.lru_cache(maxsize=1)
def _images(file: Path | None, train: int, test: int, digest: str) -> tuple[ImageData, Images]:
    """The images, read anew when others are asked for; `digest` may be another than theirs."""
    return study_images(file, train, test)

"""Random streams: every draw of a run follows from one seed, and nothing outside it changes."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "default_states",
    "deterministic_convolutions",
    "isolated_defaults",
    "seed_defaults",
    "set_default_states",
    "streams",
]

# Order matters: a stream's seed follows from its place. The batch order has a stream of its own,
# so runs that differ in Mixup or augmentation alone see the same batches.
STREAMS = ("weights", "order", "augment", "mixup", "network")


def streams(seed: int) -> dict[str, int]:
    """Independent seeds for the parts of a run, all derived from one."""
    state = np.random.SeedSequence(seed).generate_state(len(STREAMS), np.uint64)
    # torch's generators take 63 bits without complaint.
    return {name: int(word >> 1) for name, word in zip(STREAMS, state, strict=True)}


@contextmanager
def isolated_defaults(device: torch.device) -> Iterator[None]:
    """Restores, on leaving, torch's default generators of the CPU and of `device`."""
    with torch.random.fork_rng(devices=[device.index] if device.type == "cuda" else []):
        yield


def seed_defaults(seed: int, device: torch.device) -> None:
    """Seeds the same default generators, and no others as `torch.manual_seed` would."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


def default_states(device: torch.device) -> dict[str, Tensor]:
    """States of the same default generators."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_default_states(states: dict[str, Tensor], device: torch.device) -> None:
    """Sets them back to what `default_states` returned."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)


@contextmanager
def deterministic_convolutions() -> Iterator[None]:
    """On a GPU, takes the same convolution algorithm every time; restores the choice on leaving."""
    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before

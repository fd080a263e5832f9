"""The runs of one call of `descend`: every argument checked, and the data stacked, once."""

from dataclasses import dataclass
from typing import Any

import torch

from mixupbook._arguments import in_interval, whole_number
from mixupbook._devices import resolve_device
from mixupbook.theory.activations import Activation, checked_activation
from mixupbook.theory.any_objective import Objective, check_objectives
from mixupbook.theory.batches import Batch, check_data, check_test_data, stack
from mixupbook.theory.feature_noise import FEATURES, check_seed
from mixupbook.theory.per_run import spread

__all__ = ["Runs", "checked_device", "checked_precision", "checked_runs"]


@dataclass(frozen=True, eq=False)
class Runs:
    """R runs that are computed together: all that is known of them before the first step."""

    train: Batch
    test: Batch | None
    objectives: list[Objective]
    rates: list[float]
    seeds: list[int]
    width: int
    init_std: float
    activation: Activation
    steps: int
    record_every: int

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def device(self) -> torch.device:
        """Where they are computed."""
        return self.train.x.device

    @property
    def dtype(self) -> torch.dtype:
        """In which precision."""
        return self.train.x.dtype


def checked_runs(
    train: Any,
    objective: Any,
    *,
    test: Any,
    lr: Any,
    seed: Any,
    device: Any,
    dtype: Any,
    width: Any,
    init_std: Any,
    activation: Any = "square",
    steps: Any,
    record_every: Any,
) -> Runs:
    """The runs that `descend` is asked for.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed, sizes that do not fit, or data beyond the range
            of `dtype`.
    """
    runs = spread({"train": train, "objective": objective, "test": test, "lr": lr, "seed": seed})
    seeds = [check_seed("seed", value) for value in runs["seed"]]
    rates = [in_interval("lr", value, 0, open_low=True) for value in runs["lr"]]
    check_data("train", runs["train"])
    patches, dimension = runs["train"][0].x.shape[1:]
    check_objectives(runs["objective"], patches)
    if dimension < len(FEATURES):
        raise ValueError(f"train must have at least {len(FEATURES)} dimensions, got {dimension}")
    if test is not None:
        check_test_data(runs["test"], runs["train"])
    width = whole_number("width", width, at_least=1)
    init_std = in_interval("init_std", init_std, 0)
    activation = checked_activation(activation)
    steps = whole_number("steps", steps, at_least=1)
    record_every = whole_number("record_every", record_every, at_least=1)
    dtype, device = checked_precision(dtype), checked_device(device)
    return Runs(
        stack(runs["train"], dtype, device, "train"),
        None if test is None else stack(runs["test"], dtype, device, "test"),
        runs["objective"],
        rates,
        seeds,
        width,
        init_std,
        activation,
        steps,
        record_every,
    )


def checked_device(device: Any) -> torch.device:
    """The device asked for, where it has the float64 that descent keeps its sums in."""
    found = resolve_device(device)
    if found.type != "mps":
        return found
    if isinstance(device, str) and device == "auto":
        return torch.device("cpu")
    raise ValueError(f"device must have float64, which Apple's GPU has not, got {str(device)!r}")


def checked_precision(dtype: Any) -> torch.dtype:
    """The precision asked for, where it is one of the two there are."""
    if not isinstance(dtype, torch.dtype):
        raise TypeError(f"dtype must be torch.float32 or torch.float64, got {dtype!r}")
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype!r}")
    return dtype

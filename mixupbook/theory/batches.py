"""Many runs as one: arguments given once or once per run, and data stacked along a run axis."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixupbook.theory.feature_noise import PatchData
from mixupbook.theory.objectives import Objective

SEQUENCES = (list, tuple, range, np.ndarray)


class Batch(NamedTuple):
    """The examples of R runs. Runs that share one `PatchData` share its memory."""

    x: Float[Tensor, "R n P d"]
    y: Float[Tensor, "R n"]
    is_rare: Bool[Tensor, "R n"]


def spread(arguments: dict[str, Any]) -> dict[str, list[Any]]:
    """Each argument as a list with one entry per run.

    A list, tuple, range or array gives one value per run; anything else is shared by all runs.

    Raises:
        ValueError: sequences of different lengths, or an empty one.
    """
    lengths = {name: len(v) for name, v in arguments.items() if isinstance(v, SEQUENCES)}
    if 0 in lengths.values():
        empty = min(lengths, key=lengths.get)
        raise ValueError(f"{empty} must hold at least one run, got an empty sequence")
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{length} in {name}" for name, length in lengths.items())
        raise ValueError(
            f"sequences must have one entry for each run, got {listed} (each combination of two "
            "lists is a run of its own: itertools.product lists them)"
        )
    runs = max(lengths.values(), default=1)
    return {
        name: list(value) if name in lengths else [value] * runs
        for name, value in arguments.items()
    }


def check_objectives(objectives: Sequence[object]) -> None:
    """Raises a TypeError unless each is an objective."""
    for objective in objectives:
        if not isinstance(objective, Objective):
            raise TypeError(
                f"objective must be Standard, PairMixup or ExpectedMixup, or a sequence of them, "
                f"got {objective!r:.60}"
            )


def check_data(name: str, datasets: Sequence[object]) -> None:
    """Raises an error unless all are `PatchData` of one size."""
    for data in datasets:
        if not isinstance(data, PatchData):
            raise TypeError(
                f"{name} must be PatchData, or a sequence of them, got {type(data).__name__}"
            )
    first = tuple(datasets[0].x.shape)
    for run, data in enumerate(datasets):
        if tuple(data.x.shape) != first:
            raise ValueError(
                f"{name} must have the same shape in all runs: run 0 has {first}, "
                f"run {run} has {tuple(data.x.shape)}"
            )


def check_test_data(tests: Sequence[object], trains: Sequence[PatchData]) -> None:
    """Raises an error unless test sets suit the training sets, and hold the same kinds of examples.

    An error on rare examples means nothing in a run without any, so they are in all runs or none.
    """
    check_data("test", tests)
    wanted, found = tuple(trains[0].x.shape[1:]), tuple(tests[0].x.shape[1:])
    if found != wanted:
        raise ValueError(f"test must have patches and dimension as in train, {wanted}, got {found}")
    marked = {"rare": [t.is_rare for t in tests], "common": [~t.is_rare for t in tests]}
    for kind, marks in marked.items():
        present = [bool(mark.any()) for mark in marks]
        if any(present) and not all(present):
            raise ValueError(
                f"test must hold {kind} examples in all runs or in none, "
                f"got none in run {present.index(False)}"
            )


def stack(
    datasets: Sequence[PatchData], dtype: torch.dtype, device: torch.device, name: str = "data"
) -> Batch:
    """The data of all runs along a leading axis, in one precision, on one device.

    Raises:
        ValueError: values beyond the range of that precision; the message calls the data `name`.
    """
    shared = all(data is datasets[0] for data in datasets)
    distinct = datasets[:1] if shared else datasets

    def stacked(field: str, kind: torch.dtype) -> Tensor:
        parts = [getattr(data, field).detach().to(device, kind) for data in distinct]
        together = parts[0][None] if len(parts) == 1 else torch.stack(parts)
        return together.expand(len(datasets), *together.shape[1:])

    batch = Batch(stacked("x", dtype), stacked("y", dtype), stacked("is_rare", torch.bool))
    # The extremes tell without a mask as large as the data.
    if not torch.stack(batch.x[: len(distinct)].aminmax()).isfinite().all():
        largest = max(float(data.x.abs().max()) for data in distinct)
        limit = torch.finfo(dtype).max
        raise ValueError(
            f"{name} must hold numbers in the range of {dtype}, at most {limit:.1e}, "
            f"got {largest:.1e}"
        )
    return batch

"""The examples of many runs, checked to be alike and stacked along a run axis."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixupbook.theory.feature_noise import FeatureNoise, PatchData

__all__ = ["Batch", "check_data", "check_test_data", "stack"]


class Batch(NamedTuple):
    """The examples of R runs. Runs that share one `PatchData` share its memory."""

    x: Float[Tensor, "R n P d"]
    y: Float[Tensor, "R n"]
    is_rare: Bool[Tensor, "R n"]
    datasets: Sequence[PatchData]


def check_data(name: str, datasets: Sequence[Any]) -> None:
    """Raises an error unless all are `PatchData` of one size."""
    for data in datasets:
        if not isinstance(data, PatchData):
            hint = " (its method sample draws them)" if isinstance(data, FeatureNoise) else ""
            raise TypeError(
                f"{name} must be PatchData, or a sequence of them, got {type(data).__name__}{hint}"
            )
    first = tuple(datasets[0].x.shape)
    for run, data in enumerate(datasets):
        if tuple(data.x.shape) != first:
            raise ValueError(
                f"{name} must have the same shape in all runs: run 0 has {first}, "
                f"run {run} has {tuple(data.x.shape)}"
            )


def check_test_data(tests: Sequence[Any], trains: Sequence[PatchData]) -> None:
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

    x, y, is_rare = stacked("x", dtype), stacked("y", dtype), stacked("is_rare", torch.bool)
    # The extremes tell without a mask as large as the data.
    if not torch.stack(x[: len(distinct)].aminmax()).isfinite().all():
        largest = max(float(data.x.abs().max()) for data in distinct)
        limit = torch.finfo(dtype).max
        raise ValueError(
            f"{name} must hold numbers in the range of {dtype}, at most {limit:.1e}, "
            f"got {largest:.1e}"
        )
    return Batch(x, y, is_rare, datasets)

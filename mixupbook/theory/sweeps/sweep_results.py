"""What a sweep has found as one labelled dataset, and what it was asked as plain values."""

import dataclasses
import functools
from typing import Any

import numpy as np
import xarray as xr

from mixupbook._sources import source_digests
from mixupbook.identity.parts import Unidentified, digest_of
from mixupbook.theory.any_objective import Objective
from mixupbook.theory.attributes import described
from mixupbook.theory.divergence import named_runs, warn_at_caller
from mixupbook.theory.feature_noise import FEATURES
from mixupbook.theory.sweeps.sweep_blocks import VARIABLES
from mixupbook.theory.sweeps.sweep_grid import Grid
from mixupbook.theory.sweeps.sweep_store import Store

__all__ = ["dataset_of", "fingerprint", "functions", "report_divergence"]

# What decides a sweep's numbers besides its settings.
SOURCES = ("theory", "theory.sweeps.sweep_blocks", "mixup.label_maps")


def dataset_of(
    grid: Grid,
    groups: list[list[int]],
    kept: Store,
    steps: list[int],
    names: list[str],
    *,
    partial: bool,
) -> xr.Dataset:
    """What is kept, along the dimensions of the grid; with `done` where it may be a part."""
    most = max(point.training["examples"] for point in grid.points)
    counts = {"step": len(steps), "feature": len(FEATURES), "example": most}
    dims = (*grid.over, "seed")
    whom = [kept.of_whom(group) for group in range(len(groups))]  # once: others may be at work
    variables: dict[str, Any] = {}
    for name in names:
        more = VARIABLES[name]
        fill = -1 if name == "diverged_at" else np.nan
        whole = np.full((len(grid), *(counts[dim] for dim in more)), fill)
        for group, runs in enumerate(groups):
            values = kept.read(group, name, whom[group])
            # Runs of fewer examples than others leave the end of that axis empty.
            places = np.ix_(runs, *(range(length) for length in values.shape[1:]))
            whole[places] = values
        if name == "diverged_at":
            whole = whole.astype(np.int64)
        variables[name] = ((*dims, *more), whole.reshape(*grid.shape, *whole.shape[1:]))
    if partial:
        done = np.zeros(len(grid), bool)
        for group, runs in enumerate(groups):
            done[runs] = whom[group] >= 0
        variables["done"] = (dims, done.reshape(grid.shape))
    coordinates = {name: (name, _coordinate(values)) for name, values in grid.over.items()}
    coordinates |= {"seed": ("seed", grid.seeds), "step": ("step", steps)}
    if "feature_alignment" in names:
        coordinates["feature"] = ("feature", list(FEATURES))
    return xr.Dataset(variables, coordinates)


def fingerprint(grid: Grid, common: dict[str, Any], kind: str, memory: int) -> dict[str, Any]:
    """All that decides the numbers of a sweep and how they are kept, as JSON takes it.

    Functions are there by name alone: see `functions`.
    """
    start = grid.start
    return {
        "model": repr(start.model),
        "objective": text(start.objective),
        # With their order, in which the runs are kept.
        "over": [[name, *map(text, listed)] for name, listed in grid.over.items()],
        "seeds": grid.seeds,
        **{name: text(value) for name, value in start.training.items()},
        **{name: common[name] for name in ("steps", "record_every")},
        "dtype": str(common["dtype"]).removeprefix("torch."),
        "device": kind,
        "memory": memory,
        "source": _source(),
    }


def functions(grid: Grid) -> dict[str, str]:
    """What functions do that a sweep is given, with what they hold: their names say too little.

    Raises:
        ValueError: one that cannot be told from others.
    """
    given: dict[str, Any] = {"objective": grid.start.objective}
    for name, listed in grid.over.items():
        given |= {f"over[{name!r}][{number}]": value for number, value in enumerate(listed)}
    for place, value in [*given.items()]:
        if isinstance(value, Objective):
            fields = dataclasses.fields(value)
            given |= {f"{place}.{one.name}": getattr(value, one.name) for one in fields}
    try:
        return {place: digest_of(value, place) for place, value in given.items() if callable(value)}
    except Unidentified as error:
        raise ValueError(f"store must tell functions apart, and {error}") from None


def report_divergence(grid: Grid, dataset: xr.Dataset) -> None:
    """Warns of runs that left the range of numbers, and of others whose test errors did."""
    lost = dataset.diverged_at.values.ravel() >= 0
    if lost.any():
        warn_at_caller(f"diverged: {_named(grid, lost)}; a smaller lr or init_std may help")
    there = dataset.done.values.ravel() if "done" in dataset else np.ones(len(lost), bool)
    gaps = [
        dataset[name].isnull().any("step").values.ravel()
        for name in ("common_error", "rare_error")
        if name in dataset
    ]
    unknown = np.any([*gaps, np.zeros(len(lost), bool)], axis=0) & there & ~lost
    if unknown.any():
        warn_at_caller(
            f"not finite: test errors of {_named(grid, unknown)}; dtype=torch.float64 may help"
        )


def _named(grid: Grid, marked: np.ndarray) -> str:
    return named_runs([grid.named(int(number)) for number in np.flatnonzero(marked)])


def text(value: Any) -> Any:
    """Numbers and texts as they are, everything else as text."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, Objective):
        return described([value])[0]
    if callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    return repr(value)


@functools.cache
def _source() -> dict[str, str]:
    """Digests of the modules that decide the numbers, read once."""
    return source_digests(SOURCES)


def _coordinate(values: list) -> list:
    """Numbers where all are, else texts, numbered where several have one: for every format."""
    found = [text(value) for value in values]
    if not any(isinstance(one, str) for one in found):
        return found
    names = [str(one) for one in found]
    before = [names[:number].count(name) for number, name in enumerate(names)]
    return [f"{name}#{k + 1}" if k else name for name, k in zip(names, before, strict=True)]

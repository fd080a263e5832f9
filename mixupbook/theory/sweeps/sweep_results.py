"""What a sweep has found as one labelled dataset, and what it was asked as plain values."""

import functools
import marshal
from typing import Any

import numpy as np
import xarray as xr

from mixupbook._files import digest
from mixupbook._sources import source_digests
from mixupbook.theory.any_objective import Objective
from mixupbook.theory.attributes import described
from mixupbook.theory.divergence import named_runs, warn_at_caller
from mixupbook.theory.feature_noise import FEATURES
from mixupbook.theory.sweeps.sweep_blocks import VARIABLES
from mixupbook.theory.sweeps.sweep_grid import Grid, Point
from mixupbook.theory.sweeps.sweep_store import Store

__all__ = ["dataset_of", "fingerprint", "report_divergence"]

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
    variables: dict[str, Any] = {}
    for name in names:
        more = VARIABLES[name]
        fill = -1 if name == "diverged_at" else np.nan
        whole = np.full((len(grid), *(counts[dim] for dim in more)), fill)
        for group, runs in enumerate(groups):
            values = kept.read(group, name)
            # Runs of fewer examples than others leave the end of that axis empty.
            places = np.ix_(runs, *(range(length) for length in values.shape[1:]))
            whole[places] = values
        if name == "diverged_at":
            whole = whole.astype(np.int64)
        variables[name] = ((*dims, *more), whole.reshape(*grid.shape, *whole.shape[1:]))
    if partial:
        done = np.zeros(len(grid), bool)
        for group, runs in enumerate(groups):
            done[runs] = kept.done(group)
        variables["done"] = (dims, done.reshape(grid.shape))
    coordinates = {name: (name, _coordinate(values)) for name, values in grid.over.items()}
    coordinates |= {"seed": ("seed", grid.seeds), "step": ("step", steps)}
    if "feature_alignment" in names:
        coordinates["feature"] = ("feature", list(FEATURES))
    return xr.Dataset(variables, coordinates)


def fingerprint(
    grid: Grid, start: Point, common: dict[str, Any], kind: str, memory: int
) -> dict[str, Any]:
    """All that decides the numbers of a sweep and how they are kept, as JSON takes it."""
    values = [start.objective, *(value for listed in grid.over.values() for value in listed)]
    functions = [code for value in values for code in _functions(value)]
    return {
        "model": repr(start.model),
        "objective": text(start.objective),
        "over": {name: [text(value) for value in listed] for name, listed in grid.over.items()},
        "seeds": grid.seeds,
        **{name: text(value) for name, value in start.training.items()},
        **{name: common[name] for name in ("steps", "record_every")},
        "dtype": str(common["dtype"]).removeprefix("torch."),
        "device": kind,
        "memory": memory,
        "functions": functions,
        "source": _source(),
    }


def report_divergence(grid: Grid, dataset: xr.Dataset) -> None:
    """Warns of runs that left the range of numbers."""
    lost = np.flatnonzero(dataset.diverged_at.values.ravel() >= 0)
    if len(lost):
        names = named_runs([grid.named(int(number)) for number in lost])
        warn_at_caller(f"diverged: {names}; a smaller lr or init_std may help")


def text(value: Any) -> Any:
    """Numbers and texts as they are, everything else as text."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, Objective):
        return described([value])[0]
    return getattr(value, "__qualname__", None) or repr(value)


@functools.cache
def _source() -> dict[str, str]:
    """Digests of the modules that decide the numbers, read once."""
    return source_digests(SOURCES)


def _coordinate(values: list) -> list:
    """Numbers where all are, else texts: what every file format takes."""
    found = [text(value) for value in values]
    return [str(one) for one in found] if any(isinstance(one, str) for one in found) else found


def _functions(value: Any) -> list[str]:
    """Digests of the functions in a value: their names say too little."""
    inner = vars(value).values() if isinstance(value, Objective) else [value]
    codes = [one.__code__.replace(co_filename="") for one in inner if hasattr(one, "__code__")]
    return [digest(marshal.dumps(code, 2)) for code in codes]

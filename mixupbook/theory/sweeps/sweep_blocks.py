"""Blocks of a sweep: runs of one shape in one call of `descend`, wherever that happens.

A task holds settings and seeds alone, from which its data are drawn where it runs; what comes back
are NumPy arrays. So it can be sent to any process, and done twice with the same result.
"""

import contextlib
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from mixupbook._executors import one_thread
from mixupbook.theory.descent import descended
from mixupbook.theory.feature_noise import FEATURES, PatchData
from mixupbook.theory.patch_objectives import PatchDropping
from mixupbook.theory.runs import checked_device, checked_runs
from mixupbook.theory.samples import test_sample, train_sample
from mixupbook.theory.sweeps.sweep_grid import Grid, Point

__all__ = ["MEMORY", "VARIABLES", "Task", "block_runs", "device_found", "run_task", "task_of"]

# What `descend` records, with its dimensions after the run.
VARIABLES = {
    "loss": ("step",),
    "train_error": ("step",),
    "common_error": ("step",),
    "rare_error": ("step",),
    "feature_alignment": ("step", "feature"),
    "noise_memorisation": ("step", "example"),
    "diverged_at": (),
}

# Bytes that a block fills at most, about, where nothing is said.
MEMORY = {"cpu": 2**28, "cuda": 2**33}
MOST_RUNS = 4096


class Task(NamedTuple):
    """One block: the points of its runs, each once, and for each run its point and its seed."""

    points: list[Point]
    runs: list[tuple[int, int]]
    common: dict[str, Any]  # what `descend` takes for all: steps, record_every, device, dtype
    threads_of_torch: bool  # all that torch has, or one


def task_of(
    grid: Grid, numbers: list[int], common: dict[str, Any], *, threads_of_torch: bool
) -> Task:
    """The task of the runs with these numbers."""
    seeds = len(grid.seeds)
    places = {
        point: place for place, point in enumerate(dict.fromkeys(n // seeds for n in numbers))
    }
    runs = [(places[n // seeds], grid.seeds[n % seeds]) for n in numbers]
    return Task([grid.points[point] for point in places], runs, common, threads_of_torch)


def run_task(task: Task) -> dict[str, np.ndarray]:
    """Trains the networks of a block.

    Returns:
        The variables of `descend`, the runs as the first axis.
    """
    with contextlib.nullcontext() if task.threads_of_torch else one_thread():
        found = _trained(task)
    every, last = task.common["record_every"], task.common["steps"]
    steps = [*range(0, last, every), last]
    found = found.reindex(step=steps)  # NaN after the end, where all runs were lost
    return {str(name): variable.values for name, variable in found.data_vars.items()}


def _trained(task: Task) -> xr.Dataset:
    samples: dict[tuple, tuple[PatchData, PatchData]] = {}
    data = []
    for place, seed in task.runs:
        point = task.points[place]
        settings = point.training
        key = (point.model, settings["examples"], str(settings["rare"]), seed)
        if key not in samples:
            train = train_sample(point.model, settings["examples"], seed, settings["rare"])
            samples[key] = (train, test_sample(point.model, settings["test_examples"], seed))
        data.append(samples[key])
    of_all = task.points[0].training
    # Runs that left the range of numbers are told of once, for the whole sweep.
    return descended(
        checked_runs(
            [train for train, _ in data],
            [task.points[place].objective for place, _ in task.runs],
            test=[test for _, test in data],
            width=of_all["width"],
            init_std=of_all["init_std"],
            activation=of_all["activation"],
            lr=[task.points[place].training["lr"] for place, _ in task.runs],
            seed=[seed for _, seed in task.runs],
            **task.common,
        )
    )


def device_found(device: Any) -> str:
    """The device asked for, as it is called where this is done."""
    return str(checked_device(device))


def block_runs(point: Point, memory: int, itemsize: int) -> int:
    """How many runs like a point's fill a block, at least one."""
    n, tests = point.training["examples"], point.training["test_examples"]
    patches, dimension = point.model.patches, point.model.dimension
    filters = 2 * point.training["width"]
    drawn = 4 + itemsize  # in float32, and in the precision of the computation
    of_data = (n + tests) * patches * dimension * drawn
    noisy = n * patches
    of_descent = noisy * (dimension - len(FEATURES)) + min(noisy, dimension) * noisy
    of_steps = 6 * noisy * filters + 2 * tests * patches * filters + 4 * n * n
    if isinstance(point.objective, PatchDropping):
        of_steps += 6 * n * 2**patches
    of_run = of_data + itemsize * (of_descent + of_steps + 3 * filters * dimension)
    return int(min(MOST_RUNS, max(1, memory // of_run)))

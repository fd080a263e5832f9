"""How large a sweep is, and about how long it takes: from some steps of some blocks."""

import dataclasses
import time
from concurrent.futures import Executor
from typing import Any, NamedTuple

from mixupbook._executors import finished
from mixupbook.theory.any_objective import Objective
from mixupbook.theory.objectives import Standard
from mixupbook.theory.sweeps.sweep_blocks import VARIABLES, Task, run_task, task_of
from mixupbook.theory.sweeps.sweep_grid import Grid

__all__ = ["estimate"]

# Steps that are timed: so many, and so many more; of so many blocks of a shape, in so many phases.
FEW, MORE = 10, 40
BLOCKS, PHASES = 3, 4


class Timing(NamedTuple):
    """Short blocks to be timed: one for each phase of a block's schedules, and its length."""

    phases: list[tuple[Task, int]]
    records: int


def estimate(
    grid: Grid,
    groups: list[list[int]],
    blocks: list[tuple[int, slice]],
    recorded: list[int],
    common: dict[str, Any],
    names: list[str],
    executor: Executor | None,
) -> dict[str, int | float]:
    """Networks, blocks, bytes and seconds of the blocks that are to be done, on one worker."""
    timings = []
    for group, runs in enumerate(groups):
        missing = [block for other, block in blocks if other == group]
        chosen = _spread(missing, BLOCKS)
        for block in chosen:
            timing = _timing(grid, runs[block], recorded, common, executor is None)
            timings.append((len(missing) / len(chosen), timing))
    took = finished(_seconds, timings, executor)
    return {
        "networks": len(grid),
        "missing_networks": sum(block.stop - block.start for _, block in blocks),
        "missing_blocks": len(blocks),
        "store_bytes": sum(_bytes(grid, runs, len(recorded), names) for runs in groups),
        "seconds": float(sum(times * seconds for times, seconds in took)),
    }


def _timing(
    grid: Grid, runs: list[int], recorded: list[int], common: dict[str, Any], threads: bool
) -> Timing:
    task = task_of(grid, runs, common, threads_of_torch=threads)
    changes = {step for point in task.points for step in point.objective.changes()}
    starts = [0, *sorted(step for step in changes if 0 < step < recorded[-1])]
    starts = [0, *_spread(starts[1:], PHASES - 1)]
    ends = [*starts[1:], recorded[-1]]
    phases = []
    for start, end in zip(starts, ends, strict=True):
        points = [
            dataclasses.replace(point, objective=_always(point.objective.at(start)))
            for point in task.points
        ]
        phases.append((task._replace(points=points), end - start))
    return Timing(phases, len(recorded))


def _always(objective: Objective) -> Objective:
    """An objective without its schedule."""
    if isinstance(objective, Standard):
        return objective
    return dataclasses.replace(objective, start_step=None, stop_step=None)


def _seconds(timing: Timing) -> float:
    """Of a whole block."""

    def timed(task: Task, steps: int, every: int) -> float:
        start = time.perf_counter()
        run_task(task._replace(common=task.common | {"steps": steps, "record_every": every}))
        return time.perf_counter() - start

    first = timing.phases[0][0]
    timed(first, 1, 1)  # what is slow but once
    total = 0.0
    for task, steps in timing.phases:
        few, more = timed(task, FEW, FEW), timed(task, MORE, MORE)
        step = max(more - few, 0) / (MORE - FEW)
        total += steps * step
        if task is first:
            record = max(timed(task, FEW, 1) - few, 0) / (FEW - 1)
            total += timing.records * record + max(few - FEW * step - 2 * record, 0)
    return total


def _spread(values: list, most: int) -> list:
    """So many of the values at most, evenly apart."""
    if len(values) <= most:
        return values
    return [values[number * (len(values) - 1) // max(most - 1, 1)] for number in range(most)]


def _bytes(grid: Grid, numbers: list[int], records: int, names: list[str]) -> int:
    """Of a group's results, eight for each number, before zarr makes them smaller."""
    point, _ = grid.run(numbers[0])
    counts = {"step": records, "feature": 4, "example": point.training["examples"]}
    total = 0
    for name in names:
        size = 8
        for dim in VARIABLES[name]:
            size *= counts[dim]
        total += size
    return len(numbers) * total

"""How large a sweep is, and about how long it takes: from some steps of one block of each shape."""

import time
from collections import Counter
from typing import Any

from mixupbook.theory.sweeps.sweep_blocks import VARIABLES, run_task, task_of
from mixupbook.theory.sweeps.sweep_grid import Grid

__all__ = ["estimate"]

# Steps that are timed: so many, and so many more.
FEW, MORE = 20, 60


def estimate(
    grid: Grid,
    groups: list[list[int]],
    blocks: list[tuple[int, slice]],
    recorded: list[int],
    common: dict[str, Any],
    names: list[str],
) -> dict[str, int | float]:
    """Networks, blocks, bytes and seconds of the blocks that are to be done, on one worker."""
    seconds = 0.0
    for group, number in Counter(group for group, _ in blocks).items():
        block = next(block for other, block in blocks if other == group)
        seconds += number * _seconds(grid, groups[group][block], recorded, common)
    return {
        "networks": len(grid),
        "missing_networks": sum(block.stop - block.start for _, block in blocks),
        "missing_blocks": len(blocks),
        "store_bytes": sum(_bytes(grid, runs, len(recorded), names) for runs in groups),
        "seconds": seconds,
    }


def _seconds(grid: Grid, numbers: list[int], recorded: list[int], common: dict[str, Any]) -> float:
    """Of one block, from two short ones."""

    def timed(steps: int, every: int) -> float:
        settings = common | {"steps": steps, "record_every": every}
        start = time.perf_counter()
        run_task(task_of(grid, numbers, settings, None))
        return time.perf_counter() - start

    timed(1, 1)  # what is slow but once
    few, more, often = timed(FEW, FEW), timed(MORE, MORE), timed(FEW, 1)
    step = max(more - few, 0) / (MORE - FEW)
    record = max(often - few, 0) / (FEW - 1)
    start = max(few - FEW * step - 2 * record, 0)
    return start + recorded[-1] * step + len(recorded) * record


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

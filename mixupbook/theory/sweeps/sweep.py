"""The front of sweeps: thousands of networks, whatever they run on, in one labelled dataset."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import torch
import xarray as xr
from tqdm.auto import tqdm

from mixupbook._arguments import one_of, true_or_false, whole_number
from mixupbook._executors import check_can_be_sent, check_executor, finished
from mixupbook._files import as_path, digest
from mixupbook.theory.any_objective import Objective
from mixupbook.theory.feature_noise import FeatureNoise
from mixupbook.theory.runs import checked_precision
from mixupbook.theory.sweeps.sweep_blocks import (
    MEMORY,
    VARIABLES,
    Task,
    block_runs,
    device_found,
    run_task,
    task_of,
)
from mixupbook.theory.sweeps.sweep_estimate import estimate
from mixupbook.theory.sweeps.sweep_grid import Grid, checked_grid
from mixupbook.theory.sweeps.sweep_results import (
    dataset_of,
    fingerprint,
    functions,
    report_divergence,
)
from mixupbook.theory.sweeps.sweep_store import Store, opened

__all__ = ["sweep"]


# `| Any`: what else is given is refused by hand, with messages for people.
def sweep(
    model: FeatureNoise | Any,
    objective: Objective | Any,
    *,
    over: Mapping[str, Sequence] | Any,
    examples: int | Any = 100,
    test_examples: int | Any = 1000,
    rare: int | tuple[int, int] | str | Any | None = None,
    seeds: Sequence[int] | Any = range(4),
    steps: int | Any = 1000,
    record_every: int | Any = 50,
    width: int | Any = 10,
    init_std: float | Any = 0.01,
    activation: str | float | Any = "square",
    lr: float | Any = 0.2,
    device: str | torch.device | Any = "auto",
    dtype: torch.dtype | Any = torch.float32,
    store: str | os.PathLike | Any | None = None,
    executor: Executor | Any | None = None,
    part: tuple[int, int] | Any | None = None,
    memory: int | Any | None = None,
    variables: Sequence[str] | Any | None = None,
    explain: bool | Any = False,
    progress: bool | Any = True,
) -> xr.Dataset:
    """Trains a network for each point of a grid and each seed, as `descend` would each alone.

    Runs of one shape are computed together, in blocks. A seed stands for the same draw at all
    points: training examples ``model.sample(examples, seed=seed, rare=...)``, initial weights, and
    test examples ``model.sample(test_examples, seed=1000 + seed, rare=test_examples // 2)``.

    Args:
        model: the data model, whose fields may vary.
        objective: whose fields may vary.
        over: for each name its values: the name of a field of the model or the objective, one of
            `examples`, `test_examples`, `rare`, `width`, `init_std`, `activation` and `lr`, or
            ``"model"`` or ``"objective"`` itself; its values all different. Every combination is a
            point.
        examples: number of training examples, at least 1.
        test_examples: number of test examples, at least 2, one half of them rare.
        rare: how many training examples are rare: where it is None, the share rho of them,
            rounded; ``"balanced"``: half of that share in each class, rounded; or as in
            `FeatureNoise.sample`.
        seeds: whole numbers in [0, 2^63 - 1000), all different.
        steps, record_every, width, init_std, activation, lr, device, dtype: as in `descend`.
        store: a folder in which finished blocks are kept (in zarr; ``pip install
            'mixupbook[sweeps]'``). The same call does then what is missing, after a kill too, and
            what was removed; with everything done it reads the result.
        executor: that blocks are sent to: a ``concurrent.futures.Executor``, such as a process pool
            or Dask's ``client.get_executor(pure=False)``. Each block then has one thread, and
            `device` is one of the workers: ``"auto"`` the best that the first of them has. Where it
            is None they are done here, one after another, with torch's threads.
        part: (i, n): only every n-th block is done, from the i-th on, 0 <= i < n, for n processes
            that know nothing of each other and share a `store`. The call without it joins them.
        memory: bytes that the numbers of a block fill at most, about; by default 256 MiB on a
            processor and 8 GiB on a GPU. A block holds one run at least and 4096 at most. A store
            is of one `memory` and one kind of device, as its blocks are.
        variables: names of those to keep, where that is not all: `noise_memorisation`, a number for
            each training example, takes most of the room.
        explain: whether to say only what would run, how large it is and about how long it takes,
            from a few steps of each shape.
        progress: whether to show a progress bar.

    Returns:
        A dataset with the dimensions of `over`, in its order, then seed and step, and with the
        variables of `descend`; where numbers of examples vary, `noise_memorisation` is NaN beyond
        them. Values that are no numbers are coordinates as text, functions by their names. With
        `part` or `explain` a variable ``done`` (without step) says which runs there are: the others
        are NaN. With `explain` nothing is trained or written, and attrs hold networks,
        missing_networks, missing_blocks, store_bytes and seconds, those on one worker.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed; a point that is invalid, named before anything
            runs; a store that holds another sweep, or one of other source, with what differs, that
            is damaged or in use, or that could not tell a function from others; an argument that a
            process pool cannot send.
        RuntimeError: a worker died, or the executor was shut down.
        OSError: the store cannot be written.
        ImportError: zarr, which `store` needs, is not installed.
        Exception: what a block raises. Whatever it is, and so for Ctrl-C, finished blocks are kept
            in the store, and the error's note says how many.

    Warns:
        RuntimeWarning: some runs diverged, named: their values are NaN from then on. Or, of others,
            the outputs on test data left the range of `dtype`.

    In float64 a run ends bit for bit where `descend` alone ends, on as many threads.

    Example:
        >>> from mixupbook import FeatureNoise, PairMixup
        >>> model = FeatureNoise(50, 4, 0.1, 0.2, 1, 0.15, layout="same")
        >>> over = {"noise_std": [0.1, 0.15, 0.2], "lam": [0.6, 1.0]}
        >>> found = sweep(
        ...     model, PairMixup(), over=over, examples=20, seeds=[0, 1], steps=20, progress=False
        ... )
        >>> dict(found.rare_error.sizes)
        {'noise_std': 3, 'lam': 2, 'seed': 2, 'step': 2}
    """
    training = {"examples": examples, "test_examples": test_examples, "rare": rare}
    training |= {"width": width, "init_std": init_std, "activation": activation, "lr": lr}
    grid = checked_grid(model, objective, over, seeds, training)
    common: dict[str, Any] = {
        "steps": whole_number("steps", steps, at_least=1),
        "record_every": whole_number("record_every", record_every, at_least=1),
        "device": device,
        "dtype": checked_precision(dtype),
    }
    part = _checked_part(part, store)
    check_executor(executor)
    given = {"model": model, "objective": objective}
    check_can_be_sent(executor, given | {f"over[{name!r}]": v for name, v in grid.over.items()})
    # Of the workers, which may have what is not here; one and the same for all of them.
    ((_, common["device"]),) = finished(device_found, [("device", device)], executor)
    kind = torch.device(common["device"]).type
    if memory is None:
        memory = MEMORY.get(kind, MEMORY["cpu"])
    memory = whole_number("memory", memory, at_least=1)
    names = _checked_names(variables)
    true_or_false("explain", explain)
    true_or_false("progress", progress)

    groups = grid.groups()
    itemsize = common["dtype"].itemsize
    sizes = [
        min(block_runs(point, memory, itemsize) for point in grid.points_of(runs))
        for runs in groups
    ]
    recorded = list(range(0, steps + 1, record_every))
    recorded += [] if recorded[-1] == steps else [steps]
    asked = fingerprint(grid, common, kind, memory)
    decided = {**asked, "variables": names}
    folder = None if store is None else _checked_folder(store)
    if folder is not None:
        decided["functions"] = functions(grid)
    layout = {"grid": grid, "groups": groups, "sizes": sizes, "steps": recorded, "names": names}
    with opened(folder, part, decided, read_only=bool(explain), **layout) as kept:
        blocks = _blocks(kept, groups, part)
        facts = {}
        if explain:
            facts = estimate(grid, groups, blocks, recorded, common, names, executor)
        else:
            _run(grid, groups, kept, blocks, common, executor, progress)
        partial = explain or part is not None
        dataset = dataset_of(grid, groups, kept, recorded, names, partial=partial)
    over = {"over": ", ".join(grid.over)}
    fixed = {name: value for name, value in asked.items() if name not in grid.over}
    source = {"source": digest(json.dumps(asked["source"]).encode())}
    dataset.attrs = {**fixed, **over, **source, **facts}
    report_divergence(grid, dataset)
    return dataset


def _blocks(
    kept: Store, groups: list[list[int]], part: tuple[int, int] | None
) -> list[tuple[int, slice]]:
    """The blocks that are to be done: group and place in it."""
    every = [(group, block) for group in range(len(groups)) for block in kept.blocks(group)]
    mine = every if part is None else every[part[0] :: part[1]]
    done = [kept.done(group) for group in range(len(groups))]
    return [(group, block) for group, block in mine if not done[group][block].all()]


def _run(
    grid: Grid,
    groups: list[list[int]],
    kept: Store,
    blocks: list[tuple[int, slice]],
    common: dict[str, Any],
    executor: Executor | None,
    progress: bool,
) -> None:
    """Does the blocks, and keeps each as soon as it is there."""

    def tasks() -> Iterator[tuple[tuple[int, slice], Task]]:
        for group, block in blocks:
            runs = groups[group][block]
            yield (group, block), task_of(grid, runs, common, threads_of_torch=executor is None)

    total = sum(len(groups[group][block]) for group, block in blocks)
    try:
        with tqdm(total=total, disable=not progress, desc="sweep", unit="run") as bar:
            for (group, block), found in finished(run_task, tasks(), executor):
                kept.put(group, block, found)
                bar.update(len(groups[group][block]))
    except BaseException as error:
        where = "the store has them" if kept.lasting else "without a store they are lost"
        done = sum(bool(kept.done(group)[block].all()) for group, block in blocks)
        error.add_note(f"{done} of {len(blocks)} blocks were done: {where}")
        raise


def _checked_names(variables: Any) -> list[str]:
    """The variables to keep, in their usual order; `diverged_at` is always among them."""
    if variables is None:
        return list(VARIABLES)
    if isinstance(variables, str) or not isinstance(variables, Sequence):
        raise TypeError(f"variables must be a list of names, got {variables!r:.60}")
    chosen = {one_of("variables", name, VARIABLES) for name in variables} | {"diverged_at"}
    return [name for name in VARIABLES if name in chosen]


def _checked_folder(store: Any) -> Path:
    folder = as_path("store", store)
    if not os.fspath(store):
        raise ValueError(f"store must be a folder, got {store!r}")
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"store must be a folder, got the file {str(folder)!r}")
    return folder


def _checked_part(part: Any, store: Any) -> tuple[int, int] | None:
    if part is None:
        return None
    if not isinstance(part, tuple | list) or len(part) != 2:
        raise TypeError(f"part must be a pair (i, n) with 0 <= i < n, got {part!r}")
    i, n = whole_number("part", part[0]), whole_number("part", part[1], at_least=1)
    if i >= n:
        raise ValueError(f"part must be a pair (i, n) with 0 <= i < n, got {part!r}")
    if store is None:
        raise ValueError("part needs a store, in which the parts meet, got store=None")
    return i, n

"""Several seeds of one configuration with one call."""

import os
import pickle
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from typing import Any

from joblib import Parallel, delayed
from torch import nn
from tqdm import tqdm

from mixupbook._arguments import true_or_false, whole_number
from mixupbook._executors import (
    check_can_be_sent,
    check_executor,
    finished,
    one_thread,
)
from mixupbook.images.data.images import ImageData
from mixupbook.images.training.checkpoint import Checkpoint, as_checkpoint
from mixupbook.images.training.fit import Run, TrainingInterrupted, fit
from mixupbook.images.training.loop import MixFunction
from mixupbook.images.training.settings import Settings, takes_settings

__all__ = ["fit_seeds"]

# Runs draw from torch's default generators: beside each other in one process, as the threads of a
# pool or of a Dask worker would be, they would take each other's numbers.
_TURN = threading.Lock()


@takes_settings  # `| Any`: what else is given is refused by hand, with messages for people
def fit_seeds(
    data: ImageData | Sequence[ImageData] | Any,
    network: str | nn.Module | Any,
    *,
    seeds: Iterable[int] | Any,
    workers: int | Any = 1,
    executor: Executor | Any | None = None,
    mixup: MixFunction | Any | None = None,
    checkpoint: str | os.PathLike | Checkpoint | Any | None = None,
    progress: bool | Any = True,
    **settings: Any,
) -> list[Run]:
    """Runs `fit` once for each seed.

    Args:
        data: as for `fit`: one for every seed to train on, or a sequence with one for each.
        network: as for `fit`. A named network is initialised anew by each seed; a module given
            starts every run from its own weights.
        seeds: the seeds, all different.
        workers: how many seeds are trained at once, each in a process of its own with its share
            of the processor's threads. More than one pays for small networks on a processor; a
            GPU is filled by one. Sums are rounded differently with another number of threads.
        executor: that seeds are sent to, in place of `workers`: a ``concurrent.futures.Executor``,
            such as a process pool or Dask's ``client.get_executor(pure=False)``. The data are sent
            with each seed, which has one thread, and in one process they are trained one after
            another. ``device="auto"`` is the best of the machine where a seed is trained; networks
            come back on the CPU.
        mixup: as for `fit`.
        checkpoint: as for `fit`; the seed is put into the file's name, ``NAME-seed3.pt``, and seeds
            that are finished are not trained again. With an executor the file is in a folder that
            all its machines share.
        progress: show progress bars; with several workers or an executor, one over the seeds.
        {settings}

    Returns:
        The runs, in the order of the seeds.

    Raises:
        TypeError: seeds that are not integers, a `workers` or an `executor` that is none.
        ValueError: no seeds, or equal ones; another number of data sets; `workers` below 1, or
            above it beside an executor; an argument that a process pool cannot send.
        RuntimeError: a worker of the executor died, or it was shut down.
        TrainingInterrupted: Ctrl-C; it carries the finished runs.
        Exception: whatever else `fit` raises. With an executor a note says how many seeds were
            done.

    Example:
        >>> from mixupbook.images.data.digits import load_digits
        >>> settings = dict(epochs=1, batch_size=50, lr=0.05, progress=False)
        >>> runs = fit_seeds(load_digits(test=200), "small_convnet", seeds=range(3), **settings)
        >>> [run.config["seed"] for run in runs]
        [0, 1, 2]
    """
    if "seed" in settings:
        raise TypeError(f"seeds must be given in place of seed, got seed={settings['seed']!r}")
    if not isinstance(seeds, Iterable):
        raise TypeError(f"seeds must be several integers, such as range(10), got {seeds!r}")
    seeds = [whole_number("seeds", seed) for seed in seeds]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be at least one, and all different, got {seeds!r}")
    workers = whole_number("workers", workers, at_least=1)
    check_executor(executor)
    if executor is not None and workers > 1:
        raise ValueError(
            "workers must be 1 where there is an executor, whose own workers train, "
            f"got workers={workers} and executor={executor!r:.60}"
        )
    workers = min(workers, len(seeds))
    datasets = [data] * len(seeds) if isinstance(data, ImageData) else data
    if not isinstance(datasets, Sequence):
        raise TypeError(
            f"data must be ImageData, or a sequence with one for each seed, got {data!r:.60}"
        )
    if len(datasets) != len(seeds):
        raise ValueError(
            f"data must be one ImageData, or one for each of {len(seeds)} seeds, "
            f"got {len(datasets)}"
        )
    progress = true_or_false("progress", progress)
    # Wrong ones are found before any worker starts. An executor's may have other devices than here.
    here = {} if executor is None or "device" not in settings else {"device": "cpu"}
    Settings.from_keywords(fit_seeds, settings | here)
    checkpoint = as_checkpoint(checkpoint)
    if executor is not None and checkpoint is not None:  # workers may have other working folders
        checkpoint = replace(checkpoint, path=checkpoint.path.absolute())
    parts = {"network": network, "mixup": mixup, **settings}
    check_can_be_sent(executor, parts)
    each_seed = [
        {
            "data": each,
            **parts,
            "checkpoint": None if checkpoint is None else checkpoint.for_seed(seed),
            "progress": progress and workers == 1 and executor is None,
            "seed": seed,
        }
        for seed, each in zip(seeds, datasets, strict=True)
    ]
    one_bar = progress and (workers > 1 or executor is not None)
    found: Iterable[tuple[int, Run]]
    if executor is None:
        pool = Parallel(n_jobs=workers, return_as="generator")
        found = enumerate(pool(delayed(fit)(**arguments) for arguments in each_seed))
    else:
        found = _sent(each_seed, executor)
    runs: dict[int, Run] = {}
    try:
        for number, run in tqdm(
            found, total=len(seeds), desc="seeds", unit="run", disable=not one_bar
        ):
            runs[number] = run
    except KeyboardInterrupt as interrupt:
        raise TrainingInterrupted(
            f"interrupted after {len(runs)} of {len(seeds)} seeds"
            + (f"; {interrupt}" if str(interrupt) else ""),
            getattr(interrupt, "run", None),
            [runs[number] for number in sorted(runs)],
        ) from None
    except Exception as error:
        if executor is not None:
            lost = "without a checkpoint they are lost"
            where = lost if checkpoint is None else "their checkpoints have them"
            error.add_note(f"{len(runs)} of {len(seeds)} seeds were done: {where}")
        raise
    return [runs[number] for number in range(len(seeds))]


def _sent(each_seed: list[dict[str, Any]], executor: Executor) -> Iterator[tuple[int, Run]]:
    """The runs by their place among the seeds, in the order in which they are finished.

    To a process pool, and back, runs go as bytes: it would hand each tensor over by an open file
    and as shared memory, of which a system gives a process few.
    """
    if not isinstance(executor, ProcessPoolExecutor):
        yield from finished(_run_of, enumerate(each_seed), executor)
        return
    datasets = {id(each["data"]): each["data"] for each in each_seed}
    packed = {key: pickle.dumps(data) for key, data in datasets.items()}
    tasks = [(packed[id(each["data"])], pickle.dumps({**each, "data": None})) for each in each_seed]
    for number, run in finished(_packed_run_of, enumerate(tasks), executor):
        yield number, pickle.loads(run)


def _run_of(arguments: dict[str, Any]) -> Run:
    """A run of `fit` wherever it is sent: on one thread, its network on the CPU when it is done."""
    with _TURN, one_thread():
        run = fit(**arguments)
    return replace(run, network=run.network.cpu())


def _packed_run_of(task: tuple[bytes, bytes]) -> bytes:
    data, arguments = map(pickle.loads, task)
    return pickle.dumps(_run_of({**arguments, "data": data}))

"""Several seeds of one configuration with one call."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from joblib import Parallel, delayed
from torch import nn
from tqdm import tqdm

from mixupbook._arguments import true_or_false, whole_number
from mixupbook.images.data.images import ImageData
from mixupbook.images.training.checkpoint import Checkpoint, as_checkpoint
from mixupbook.images.training.fit import Run, TrainingInterrupted, fit
from mixupbook.images.training.loop import MixFunction
from mixupbook.images.training.settings import Settings, takes_settings

__all__ = ["fit_seeds"]


@takes_settings  # `| Any`: what else is given is refused by hand, with messages for people
def fit_seeds(
    data: ImageData | Sequence[ImageData] | Any,
    network: str | nn.Module | Any,
    *,
    seeds: Iterable[int] | Any,
    workers: int | Any = 1,
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
        mixup: as for `fit`.
        checkpoint: as for `fit`; the seed is put into the file's name, ``NAME-seed3.pt``, and seeds
            that are finished are not trained again.
        progress: show progress bars; with several workers, one over the seeds.
        {settings}

    Returns:
        The runs, in the order of the seeds.

    Raises:
        TypeError: seeds that are not integers, or a `workers` that is none.
        ValueError: no seeds, or equal ones; another number of data sets; `workers` below 1.
        TrainingInterrupted: Ctrl-C; it carries the finished runs.
        Exception: whatever else `fit` raises.

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
    workers = min(whole_number("workers", workers, at_least=1), len(seeds))
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
    Settings.from_keywords(fit_seeds, settings)  # wrong ones are found before any worker starts
    checkpoint = as_checkpoint(checkpoint)
    each_seed = [
        delayed(fit)(
            each,
            network,
            mixup=mixup,
            checkpoint=None if checkpoint is None else checkpoint.for_seed(seed),
            progress=progress and workers == 1,
            seed=seed,
            **settings,
        )
        for seed, each in zip(seeds, datasets, strict=True)
    ]
    results = Parallel(n_jobs=workers, return_as="generator")(each_seed)
    one_bar = progress and workers > 1
    runs = []
    try:
        for run in tqdm(results, total=len(seeds), desc="seeds", unit="run", disable=not one_bar):
            runs.append(run)
    except KeyboardInterrupt as interrupt:
        raise TrainingInterrupted(
            f"interrupted after {len(runs)} of {len(seeds)} seeds"
            + (f"; {interrupt}" if str(interrupt) else ""),
            getattr(interrupt, "run", None),
            runs,
        ) from None
    return runs

"""Several seeds of one configuration with one call."""

import numbers
from collections.abc import Iterable
from typing import Any

from torch import nn

from mixupbook.arguments import whole_number
from mixupbook.images.checkpoint import Checkpoint
from mixupbook.images.data import ImageData
from mixupbook.images.training import Run, fit

__all__ = ["fit_seeds"]


def fit_seeds(
    data: ImageData,
    network: str | nn.Module,
    *,
    seeds: Iterable[int],
    **settings: Any,
) -> list[Run]:
    """Runs `fit` once for each seed, one after another.

    Args:
        data: as for `fit`; every seed trains on the same images.
        network: as for `fit`. A named network is initialised anew by each seed; a module given
            starts every run from its own weights.
        seeds: the seeds, all different.
        settings: everything else `fit` takes. With a `checkpoint`, the seed is put into the file's
            name, ``NAME-seed3.pt``, and seeds that are finished are not trained again.

    Returns:
        The runs, in the order of the seeds.

    Raises:
        TypeError: seeds that are not integers.
        ValueError: no seeds, or equal ones.
        Exception: whatever `fit` raises.

    Example:
        >>> from mixupbook.images.data import load_digits
        >>> settings = dict(epochs=1, batch_size=50, lr=0.05, progress=False)
        >>> runs = fit_seeds(load_digits(test=200), "small_convnet", seeds=range(3), **settings)
        >>> [run.config["seed"] for run in runs]
        [0, 1, 2]
    """
    if isinstance(seeds, numbers.Number):
        raise TypeError(f"seeds must be several integers, such as range(10), got {seeds!r}")
    seeds = [whole_number("seeds", seed) for seed in seeds]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be at least one, and all different, got {seeds!r}")
    checkpoint = settings.pop("checkpoint", None)
    if checkpoint is None:
        return [fit(data, network, seed=seed, **settings) for seed in seeds]
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = Checkpoint(checkpoint)
    return [
        fit(data, network, seed=seed, checkpoint=checkpoint.for_seed(seed), **settings)
        for seed in seeds
    ]

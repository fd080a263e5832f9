"""The theory chapters' experiments: several settings, each with several seeds, in one call."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
import xarray as xr
from torch import Tensor

from mixupbook.theory.any_objective import Objective
from mixupbook.theory.descent import descend
from mixupbook.theory.feature_noise import FeatureNoise, PatchData
from mixupbook.theory.samples import test_sample, train_sample

__all__ = ["final_weights", "over_seeds", "test_sample", "train_sample"]


def final_weights(
    train: PatchData | Sequence[PatchData],
    objective: Objective | Sequence[Objective],
    **training: Any,
) -> Tensor:
    """The weights (run, 2, m, d) after the last step of `mixupbook.descend`, as a tensor."""
    result = descend(train, objective, return_weights=True, **training)
    return torch.from_numpy(result.weights.values)


def over_seeds(
    settings: Mapping[Hashable, tuple[FeatureNoise, Objective]],
    *,
    seeds: Sequence[int],
    n: int = 100,
    test: int = 600,
    **training: Any,
) -> xr.Dataset:
    """Trains one network for each setting and seed, all of them in one call of `descend`.

    A seed stands for a training sample, a test sample and initial weights; it is the same in all
    settings, which can therefore be compared seed by seed.

    Args:
        settings: for each name a data model and an objective; models differ at most in what leaves
            the shape of the data as it is.
        seeds: the seeds of each setting.
        n: number of training examples, the share rho of them rare.
        test: number of test examples, one half of them rare.
        training: what `mixupbook.descend` takes besides.

    Returns:
        The dataset of `mixupbook.descend` with dimensions setting and seed in place of run.
    """
    runs = [(model, seed) for model, _ in settings.values() for seed in seeds]
    # Settings of one model share their samples.
    samples = {
        (model, seed): (train_sample(model, n, seed), test_sample(model, test, seed))
        for model, seed in dict.fromkeys(runs)
    }
    result = descend(
        [samples[run][0] for run in runs],
        [objective for _, objective in settings.values() for _ in seeds],
        test=[samples[run][1] for run in runs],
        seed=[seed for _, seed in runs],
        **training,
    )
    return _arranged(result, settings, seeds)


def _arranged(
    dataset: xr.Dataset, settings: Mapping[Hashable, Any], seeds: Sequence[int]
) -> xr.Dataset:
    variables = {}
    for name, variable in dataset.data_vars.items():
        others = variable.dims[1:]
        shape = (len(settings), len(seeds), *variable.shape[1:])
        variables[name] = (("setting", "seed", *others), variable.values.reshape(shape))
    kept = {name: dataset[name] for name in ("step", "feature")}
    coordinates = {"setting": list(settings), "seed": list(seeds), **kept}
    return xr.Dataset(variables, coordinates, dataset.attrs)

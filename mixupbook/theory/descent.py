"""Full-batch gradient descent for one run or many at once, recorded as it goes."""

from collections.abc import Iterator, Sequence
from typing import Any, no_type_check

import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from mixupbook._arguments import in_interval, true_or_false, whole_number
from mixupbook.theory.attributes import described, shared
from mixupbook.theory.batches import (
    Batch,
    check_data,
    check_objectives,
    check_test_data,
    spread,
    stack,
)
from mixupbook.theory.divergence import report
from mixupbook.theory.feature_noise import FEATURES, PatchData, check_seed
from mixupbook.theory.history import Records
from mixupbook.theory.losses import GroupedLoss
from mixupbook.theory.measures import measure
from mixupbook.theory.objectives import Objective
from mixupbook.theory.patch_network import as_columns, as_weights, initial_weights
from mixupbook.theory.stepping import SplitDescent

__all__ = ["descend", "descend_weights"]


@no_type_check
def descend(
    train: PatchData | Sequence[PatchData],
    objective: Objective | Sequence[Objective],
    *,
    test: PatchData | Sequence[PatchData] | None = None,
    width: int = 10,
    init_std: float = 0.01,
    lr: float | Sequence[float] = 0.2,
    steps: int = 1000,
    seed: int | Sequence[int] = 0,
    record_every: int = 50,
    device: str | torch.device = "auto",
    dtype: torch.dtype = torch.float32,
    progress: bool = False,
    return_weights: bool = False,
) -> xr.Dataset | tuple[xr.Dataset, Tensor]:
    """Trains the two-layer patch network by exact full-batch gradient descent.

    Wherever a sequence is allowed it gives one value for each run, and all sequences have one
    length; a single value is shared by all runs. All runs are computed together, and each ends
    where it would alone. A Mixup step over all n^2 pairs costs two products of n x n with the
    responses; the rest of a step costs nP min(d, nP) m, up to a constant.

    Args:
        train: training examples; the same shape (n, P, d) in all runs.
        objective: `Standard`, `PairMixup` or `ExpectedMixup`.
        test: clean test examples, the same shape in all runs, patches and dimension as in `train`.
        width: m, filters per class, at least 1.
        init_std: sigma_0, the standard deviation of the initial weights, not negative.
        lr: learning rate, positive.
        steps: number of gradient steps, at least 1.
        seed: seed of the initial weights, a whole number in [0, 2^63).
        record_every: a record is taken at every multiple of it, at step 0 and after the last step.
        device: ``"auto"`` (a GPU where there is one), or what torch takes for a device.
        dtype: ``torch.float32`` or ``torch.float64``.
        progress: whether to show a progress bar.
        return_weights: whether to return the weights after the last step too.

    Returns:
        A dataset with dimensions run (coordinates: its index, and its seed) and step, and

        - loss (run, step): the loss that is minimised from this step on, so that of `Standard`
          where the objective has stopped or not yet started;
        - train_error (run, step): fraction of clean training examples with a wrong label;
        - common_error, rare_error (run, step): the same on the common and the rare examples of
          `test`; absent without `test`, and where the test sets hold no such examples;
        - feature_alignment (run, step, feature): `max_r |<w_{k,r}, v>|` for the feature v of
          class k;
        - noise_memorisation (run, step, example): `max_{p,r} |<w_{y,r}, xi^(p)>|` over the
          filters of the example's own class, xi^(p) being patch p of the training example without
          its part in the span of the four features;
        - diverged_at (run): the step at which a run was first found to have left the range of
          finite numbers, -1 if never. From that step on its values are NaN, and so are its weights.

        Errors are fractions in [0, 1]; attrs hold the parameters, with one value where runs share
        it and else a list (of objectives, as JSON text). `to_netcdf` takes the dataset as it is,
        except that the netCDF-3 format, SciPy's, refuses seeds from 2^31 on. With `return_weights`,
        a pair of the dataset and the weights (run, 2, m, d), a tensor on the device.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed, sizes that do not fit, or data beyond the range
            of `dtype`.
        FloatingPointError: every run diverged. The message names runs and steps, and the error's
            attribute `dataset` is what would have been returned.

    Warns:
        RuntimeWarning: some runs diverged, named with their steps; the others are unharmed. Or, in
            runs that did not, the outputs on test data left the range of `dtype`: errors are NaN
            there. Every call warns.

    The model and its constants are our reconstruction of Zou, Cao, Li and Gu (ICML 2023). The
    book derives that all pairs cost about as much as the examples (1 + n/d times the products);
    `mixupbook.theory.stepping` explains the descent in Gram space.

    Example:
        >>> from mixupbook import FeatureNoise, PairMixup, Standard, descend
        >>> train = FeatureNoise(50, 4, 0.1, 0.2, 1, 0.15).sample(20, seed=0, rare=2)
        >>> result = descend(train, [Standard(), PairMixup(0.7)], steps=100, seed=1)
        >>> dict(result.loss.sizes)
        {'run': 2, 'step': 3}
    """
    runs = spread({"train": train, "objective": objective, "test": test, "lr": lr, "seed": seed})
    seeds = [check_seed("seed", value) for value in runs["seed"]]
    rates = [in_interval("lr", value, 0, open_low=True) for value in runs["lr"]]
    check_objectives(runs["objective"])
    check_data("train", runs["train"])
    dimension = runs["train"][0].x.shape[2]
    if dimension < len(FEATURES):
        raise ValueError(f"train must have at least {len(FEATURES)} dimensions, got {dimension}")
    if test is not None:
        check_test_data(runs["test"], runs["train"])
    settings = {
        "width": whole_number("width", width, at_least=1),
        "init_std": in_interval("init_std", init_std, 0),
        "steps": whole_number("steps", steps, at_least=1),
        "record_every": whole_number("record_every", record_every, at_least=1),
    }
    device, dtype = _device(device), _precision(dtype)
    for name, value in (("progress", progress), ("return_weights", return_weights)):
        true_or_false(name, value)

    data = stack(runs["train"], dtype, device, "train")
    tests = None if test is None else stack(runs["test"], dtype, device, "test")
    weights = initial_weights(seeds, width, dimension, init_std).to(device, dtype)
    records = Records(seeds, device)
    with (
        torch.autocast(device.type, enabled=False),  # the caller's would round
        tqdm(total=steps, disable=not progress, desc="descend", unit="step") as bar,
    ):
        descent = SplitDescent(data.x.flatten(1, 2), as_columns(weights), steps)
        path = _path(descent, data, runs["train"], runs["objective"], rates, steps)
        for step, loss, responses in path:
            records.watch(responses)
            if step % record_every == 0 or step == steps:
                found = measure(data, tests, responses, descent.columns())
                records.take(step, {"loss": loss.value(responses)} | found)
                if records.all_diverged():
                    break
            bar.update(step - bar.n)
        weights = as_weights(descent.columns())

    attrs = {
        "objective": shared(described(runs["objective"])),
        "lr": shared(rates),
        "seed": shared(seeds),
        **dict(zip(("examples", "patches", "dimension"), data.x.shape[1:], strict=True)),
        "test_examples": 0 if tests is None else tests.x.shape[1],
        **settings,
        "device": str(device),
        "dtype": str(dtype).removeprefix("torch."),
        "descent": type(descent.far).__name__,
    }
    dataset = records.dataset(attrs)
    report(dataset)
    if not return_weights:
        return dataset
    weights[records.diverged_at >= 0] = torch.nan
    return dataset, weights


@no_type_check
def descend_weights(
    train: PatchData | Sequence[PatchData],
    objective: Objective | Sequence[Objective],
    **settings: Any,
) -> Tensor:
    """The weights (run, 2, m, d) after the last step of `descend`, for the same arguments.

    Errors and warnings are those of `descend`; the weights of a run that diverged are NaN.

    Example:
        >>> from mixupbook import FeatureNoise, PairMixup, descend_weights
        >>> train = FeatureNoise(50, 4, 0.1, 0.2, 1, 0.15).sample(20, seed=0, rare=2)
        >>> descend_weights(train, PairMixup(0.7), width=6, steps=10, seed=[0, 1, 2]).shape
        torch.Size([3, 2, 6, 50])
    """
    return descend(train, objective, return_weights=True, **settings)[1]


def _path(
    descent: SplitDescent,
    data: Batch,
    datasets: Sequence[PatchData],
    objectives: Sequence[Objective],
    rates: Sequence[float],
    steps: int,
) -> Iterator[tuple[int, GroupedLoss, Float[Tensor, "R n P filters"]]]:
    """The steps from 0 to `steps`: the loss in force from each on, and the responses there."""
    rate = torch.tensor(rates, dtype=data.x.dtype, device=data.x.device)[:, None, None]
    changes = {0}.union(*(objective.changes() for objective in objectives))
    for step in range(steps + 1):
        if step in changes:
            loss = GroupedLoss([o.at(step) for o in objectives], data.y, datasets)
        responses = descent.responses().unflatten(1, data.x.shape[1:3])
        yield step, loss, responses
        if step < steps:
            descent.move(loss.gradient(responses).flatten(1, 2).mul_(rate))


def _device(device: object) -> torch.device:
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not isinstance(device, str | torch.device):
        raise TypeError(f"device must be 'auto', a torch.device or its name, got {device!r}")
    try:
        found = torch.zeros(1, device=device)
        found.cpu()  # fails where a device holds no values ("meta")
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device must be 'auto' or one that torch has here, got {device!r}"
        ) from error
    return found.device


def _precision(dtype: object) -> torch.dtype:
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype!r}")
    return dtype

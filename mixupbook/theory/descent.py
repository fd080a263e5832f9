"""Full-batch gradient descent for one run or many at once, recorded as it goes."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
import xarray as xr
from torch import Tensor
from tqdm.auto import tqdm

from mixupbook._arguments import true_or_false
from mixupbook.theory.any_objective import Objective
from mixupbook.theory.arithmetic import plain_arithmetic
from mixupbook.theory.divergence import report
from mixupbook.theory.feature_noise import PatchData
from mixupbook.theory.history import History
from mixupbook.theory.runs import Runs, checked_runs
from mixupbook.theory.walk import walk

__all__ = ["descend", "descend_weights", "descended"]


# `| Any`: what else is given is refused by hand, with messages for people; the type checker of the
# tests is not to speak first.
def descend(
    train: PatchData | Sequence[PatchData] | Any,
    objective: Objective | Sequence[Objective] | Any,
    *,
    test: PatchData | Sequence[PatchData] | Any | None = None,
    width: int | Any = 10,
    init_std: float | Any = 0.01,
    activation: str | float | Any = "square",
    lr: float | Sequence[float] | Any = 0.2,
    steps: int | Any = 1000,
    seed: int | Sequence[int] | Any = 0,
    record_every: int | Any = 50,
    device: str | torch.device | Any = "auto",
    dtype: torch.dtype | Any = torch.float32,
    progress: bool | Any = False,
    return_weights: bool | Any = False,
) -> xr.Dataset:
    """Trains the two-layer patch network by exact full-batch gradient descent.

    Wherever a sequence is allowed (a list, a tuple, a one-dimensional array, tensor or series) it
    gives one value for each run, and all sequences have one length; a single value is shared by
    all runs. All runs are computed together, and each ends where it would alone. Under the square,
    a Mixup step over all n^2 pairs costs two products of n x n with the responses, and under other
    activations elementwise work on n^2 P m numbers, never a pair of inputs; the rest of a step
    costs nP min(d, nP) m, up to a constant.

    Args:
        train: training examples; the same shape (n, P, d) in all runs.
        objective: `Standard`, `PairMixup`, `ExpectedMixup`, `PairCutMix`, `PatchDropping` or
            `InputNoise`.
        test: clean test examples, the same shape in all runs, patches and dimension as in `train`.
        width: m, filters per class, at least 1.
        init_std: sigma_0, the standard deviation of the initial weights, not negative.
        activation: what filters make of a response z: ``"square"``, as in the model, ``"linear"``,
            ``"relu"``, or a number q of at least 1 for max(z, 0)^q.
        lr: learning rate, positive.
        steps: number of gradient steps, at least 1.
        seed: seed of the initial weights, a whole number in [0, 2^63).
        record_every: a record is taken at every multiple of it, at step 0 and after the last step.
        device: ``"auto"`` (a CUDA GPU where there is one), or what torch takes for a device with
            float64.
        dtype: ``torch.float32`` or ``torch.float64``.
        progress: whether to show a progress bar.
        return_weights: whether the dataset holds the weights after the last step too.

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
          finite numbers, -1 if never. From that step on its values are NaN, and so are its weights;
        - weights (run, class, filter, dimension), with `return_weights`: those after the last step,
          in the precision of `dtype`.

        Errors are fractions in [0, 1]; attrs hold the parameters, with one value where runs share
        it and else a list (of objectives, as JSON text). `to_netcdf` takes the dataset as it is,
        except that the netCDF-3 format, SciPy's, refuses seeds from 2^31 on.

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

    The model and its constants are our reconstruction of Zou, Cao, Li and Gu (ICML 2023), whose
    network we take to have the square; the other activations are ours. The book derives that all
    pairs cost about as much as the examples (1 + n/d times the products, under the square);
    `mixupbook.theory.stepping` explains the descent in Gram space.

    Example:
        >>> from mixupbook import FeatureNoise, PairMixup, Standard, descend
        >>> train = FeatureNoise(50, 4, 0.1, 0.2, 1, 0.15).sample(20, seed=0, rare=2)
        >>> result = descend(train, [Standard(), PairMixup(0.7)], steps=100, seed=1)
        >>> dict(result.loss.sizes)
        {'run': 2, 'step': 3}
        >>> descend(train, Standard(), width=6, steps=10, return_weights=True).weights.shape
        (1, 2, 6, 50)
    """
    true_or_false("progress", progress)
    true_or_false("return_weights", return_weights)
    runs = checked_runs(
        train,
        objective,
        test=test,
        width=width,
        init_std=init_std,
        activation=activation,
        lr=lr,
        steps=steps,
        seed=seed,
        record_every=record_every,
        device=device,
        dtype=dtype,
    )
    dataset = descended(runs, progress=progress, return_weights=return_weights)
    report(dataset)
    return dataset


def descended(runs: Runs, *, progress: bool = False, return_weights: bool = False) -> xr.Dataset:
    """What `descend` returns for runs that were checked, without a word on those that diverged.

    Where all have, it ends with the last of them.
    """
    with (
        plain_arithmetic(runs.device),
        tqdm(total=runs.steps, disable=not progress, desc="descend", unit="step") as bar,
    ):
        history = History(runs)
        for state in walk(runs):
            history.follow(state)
            if history.all_diverged:
                break
            bar.update(state.step - bar.n)
        return history.dataset(state, weights=return_weights)


def descend_weights(train: Any, objective: Any, **settings: Any) -> Tensor:
    """The weights of ``descend(..., return_weights=True)`` as a tensor: how version 0.1 had them.

    Warns:
        DeprecationWarning: always.
    """
    warnings.warn(
        "descend_weights(...) is descend(..., return_weights=True).weights now",
        DeprecationWarning,
        stacklevel=2,
    )
    dataset = descend(train, objective, return_weights=True, **settings)
    return torch.as_tensor(dataset.weights.values, device=dataset.attrs["device"])

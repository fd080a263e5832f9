"""The settled end of standard training: millions of steps on an accelerated clock.

Once all examples are fitted, residuals fall like 1/t, and so does what a step moves: gradient
descent creeps for ever. The path of the gradient flow does not depend on the clock. So steps are
taken with the rate lr max(1, .1 / R), R the largest residual 1 - p(y | x) of the training examples,
and each counts as rate / lr *equivalent* steps: a billion of them cost a few hundred products.

All is in float64, and the descent is that of `mixupbook.theory.stepping`.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from mixupbook._arguments import in_interval, true_or_false, whole_number
from mixupbook.theory.batches import Batch, check_data, check_test_data, stack
from mixupbook.theory.feature_noise import FEATURES, PatchData
from mixupbook.theory.given_weights import check_weights
from mixupbook.theory.measures import error
from mixupbook.theory.patch_network import as_columns, as_weights, margins, mistakes
from mixupbook.theory.per_run import spread
from mixupbook.theory.stepping import SplitDescent

__all__ = ["settle"]

LARGE_RESIDUAL = 0.1


# `| Any`: what else is given is refused by hand, with messages for people.
def settle(
    train: PatchData | Sequence[PatchData] | Any,
    weights: Tensor | np.ndarray | xr.DataArray | Any,
    *,
    steps: float | Sequence[float] | Any = 1e6,
    lr: float | Sequence[float] | Any = 0.2,
    test: PatchData | Sequence[PatchData] | Any | None = None,
    max_iterations: int | Any = 20_000,
    return_weights: bool | Any = False,
) -> xr.Dataset:
    """Goes on with standard training from given weights, for so many equivalent steps.

    Where `descend` would take the steps one by one, this follows the same gradient flow on a clock
    that runs the faster the smaller the residuals are. Wherever a sequence is allowed it gives one
    value for each run.

    Args:
        train: training examples; the same shape (n, P, d) in all runs.
        weights: where to start, (R, 2, m, d) for R runs, or (2, m, d) shared by all runs, floating
            and finite: those that `descend` ends with, say, or its variable `weights`.
        steps: how many equivalent steps, at least 1: steps of gradient descent with the rate `lr`.
        lr: learning rate, positive.
        test: clean test examples, the same shape in all runs, patches and dimension as in `train`.
        max_iterations: after so many steps of any size runs are given up.
        return_weights: whether to return the weights too.

    Returns:
        A dataset with dimension run, and

        - train_error (run), and with `test` common_error, rare_error (run), as of `descend`;
        - feature_response (run, feature): the margin that a feature alone gives its class;
        - noise_response (run, example): the margin that a training example's own noise, its patches
          off the four features, gives its class;
        - equivalent_steps (run): how many were made: `steps`, or less where a run was given up;
        - largest_residual (run): what the worst training example lacks in the probability of its
          label, 1 - p(y | x);
        - iterations (run): the number of steps of any size;
        - with `return_weights`, weights (run, class, filter, dimension).

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed, or sizes that do not fit.

    Warns:
        RuntimeWarning: runs that did not reach `steps`, as their residuals did not get small
            (contradictory labels, say) or left the range of finite numbers; named, with the
            residual left.

    Example:
        >>> from mixupbook import FeatureNoise, Standard, descend, settle
        >>> train = FeatureNoise(50, 4, 0.1, 0.2, 1, 0.15).sample(20, seed=0, rare=2)
        >>> trained = descend(train, Standard(), steps=100, seed=1, return_weights=True)
        >>> result = settle(train, trained.weights, steps=1e6)
        >>> float(result.equivalent_steps[0]), bool(result.largest_residual[0] < 1e-4)
        (1000000.0, True)
    """
    weights = check_weights(weights)
    if weights.ndim > 4:
        raise ValueError(
            f"weights must have shape (R, 2, m, d) or (2, m, d), got {tuple(weights.shape)}"
        )
    own = list(weights) if weights.ndim == 4 else weights
    arguments = {"weights": own, "train": train, "test": test}
    runs = spread(arguments | {"steps": steps, "lr": lr})
    check_data("train", runs["train"])
    if runs["train"][0].x.shape[2] != weights.shape[-1]:
        raise ValueError(
            f"weights must have the dimension of train, {runs['train'][0].x.shape[2]}, "
            f"got {weights.shape[-1]}"
        )
    if weights.shape[-1] < len(FEATURES):
        raise ValueError(f"train must have at least {len(FEATURES)} dimensions")
    if test is not None:
        check_test_data(runs["test"], runs["train"])
    wanted = [in_interval("steps", value, 1) for value in runs["steps"]]
    rates = [in_interval("lr", value, 0, open_low=True) for value in runs["lr"]]
    max_iterations = whole_number("max_iterations", max_iterations, at_least=1)
    true_or_false("return_weights", return_weights)

    device = weights.device
    data = stack(runs["train"], torch.float64, device, "train")
    columns = as_columns(torch.stack(runs["weights"]))
    descent = SplitDescent(data.x.flatten(1, 2), columns, max_iterations)
    goals, speeds = (torch.tensor(v, dtype=torch.float64, device=device) for v in (wanted, rates))
    with torch.autocast(device.type, enabled=False):  # the caller's would round
        made, iterations = _follow(descent, data, speeds, goals, max_iterations)
        responses = descent.responses().unflatten(1, data.x.shape[1:3])
        variables = measured(data, responses, descent.columns())
        if test is not None:
            tests = stack(runs["test"], torch.float64, device, "test")
            variables |= _errors(tests, descent.columns())
    found = {
        "equivalent_steps": (("run",), made),
        "iterations": (("run",), iterations),
        **variables,
    }
    if return_weights:
        found["weights"] = (("run", "class", "filter", "dimension"), as_weights(descent.columns()))
    dataset = xr.Dataset(
        {name: (dims, value.cpu().numpy()) for name, (dims, value) in found.items()},
        {"run": np.arange(len(data.x)), "feature": list(FEATURES)},
    )
    _report(dataset, np.array(wanted))
    return dataset


def _follow(
    descent: SplitDescent,
    data: Batch,
    rates: Float[Tensor, " R"],
    wanted: Float[Tensor, " R"],
    max_iterations: int,
) -> tuple[Tensor, Tensor]:
    """Moves until all runs have made the steps wanted; steps made and iterations of each run."""
    made, iterations = torch.zeros_like(wanted), torch.zeros_like(wanted, dtype=torch.int64)
    sign = 2 * data.y - 1
    class_sign = torch.tensor([-1.0, 1.0], dtype=torch.float64, device=wanted.device)
    for _ in range(max_iterations):
        responses = descent.responses().unflatten(1, data.x.shape[1:3])
        residual = torch.sigmoid(-sign * margins(responses))
        faster = (LARGE_RESIDUAL / residual.amax(dim=1)).clamp(min=1)
        taken = torch.minimum(faster, wanted - made)
        # The gradient of the mean cross-entropy in the responses.
        pull = (-2 / data.y.shape[1] * rates * taken)[:, None] * sign * residual
        by_class = responses.unflatten(-1, (2, -1)) * class_sign[:, None]
        descent.move((pull[:, :, None, None] * by_class.flatten(-2)).flatten(1, 2))
        made, iterations = made + taken, iterations + (taken > 0)
        if not (made < wanted).any():
            break
    return made, iterations


def measured(
    data: Batch,
    responses: Float[Tensor, "R n P filters"],
    columns: Float[Tensor, "R d filters"],
) -> dict[str, tuple[tuple[str, ...], Tensor]]:
    """What is told of the training examples, with the names of its dimensions."""
    margin, sign = margins(responses), 2 * data.y - 1
    near = len(FEATURES)
    on_features = torch.einsum("inpf,ifc->inpc", data.x[..., :near], columns[:, :near])
    own_class = torch.tensor([-1.0, 1.0, -1.0, 1.0], dtype=columns.dtype, device=columns.device)
    return {
        "train_error": (("run",), error(mistakes(margin, data.y))),
        "feature_response": (("run", "feature"), own_class * margins(columns[:, :near, None])),
        "noise_response": (("run", "example"), sign * margins(responses - on_features)),
        "largest_residual": (("run",), torch.sigmoid(-sign * margin).amax(dim=1)),
    }


def _errors(
    tests: Batch, columns: Float[Tensor, "R d filters"]
) -> dict[str, tuple[tuple[str, ...], Tensor]]:
    """The errors on test examples, of the kinds that there are."""
    responses = torch.bmm(tests.x.flatten(1, 2), columns).unflatten(1, tests.x.shape[1:3])
    wrong = mistakes(margins(responses), tests.y)
    among = {"common_error": ~tests.is_rare, "rare_error": tests.is_rare}
    return {name: (("run",), error(wrong, kind)) for name, kind in among.items() if kind.any()}


def _report(dataset: xr.Dataset, wanted: np.ndarray) -> None:
    """Warns of the runs that did not make the steps wanted."""
    short = np.flatnonzero(~(dataset.equivalent_steps.values >= wanted))
    if len(short):
        left = [
            f"run {run} after {dataset.equivalent_steps.values[run]:.3g} equivalent steps "
            f"with the residual {dataset.largest_residual.values[run]:.2g}"
            for run in short[:8]
        ]
        more = [f"and {len(short) - 8} more"] if len(short) > 8 else []
        warnings.warn(
            f"not settled: {'; '.join(left + more)}; more max_iterations or a smaller lr may help",
            RuntimeWarning,
            stacklevel=3,
        )

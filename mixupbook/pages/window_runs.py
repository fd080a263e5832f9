"""Windows of Mixup, trained: exact descent through the window, then a settled standard training."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mixupbook.pages.theory_runs import test_sample, train_sample
from mixupbook.theory.feature_noise import FeatureNoise, PatchData
from mixupbook.theory.objectives import PairMixup
from mixupbook.theory.patch_network import as_weights
from mixupbook.theory.runs import checked_runs
from mixupbook.theory.settle import settle
from mixupbook.theory.walk import walk
from mixupbook.theory.windows import WINDOWS

__all__ = ["learned_at_horizon", "trained_window", "weights_at"]

# What `descend` takes where nothing else is said.
DEFAULTS = {"width": 10, "init_std": 0.01, "device": "cpu", "dtype": torch.float32}


def weights_at(
    train: PatchData | Sequence[PatchData],
    objective: Any,
    *,
    at: Sequence[int],
    seed: Sequence[int],
    lr: float,
    **training: Any,
) -> Tensor:
    """The weights of `descend` at several steps of its runs, (steps, run, 2, m, d).

    Args:
        train: training examples, for each run or for all.
        objective: what is minimised, for each run or for all.
        at: the steps, rising.
        seed: the seed of each run.
        lr: learning rate.
        training: `width`, `init_std`, `device` and `dtype` as for `descend`.
    """
    settings = {"steps": at[-1], "record_every": at[-1], **DEFAULTS, **training}
    runs = checked_runs(train, objective, test=None, seed=seed, lr=lr, **settings)
    wanted = set(at)
    found = [as_weights(s.descent.columns()).clone() for s in walk(runs) if s.step in wanted]
    return torch.stack(found)


def learned_at_horizon(
    train: Sequence[PatchData],
    test: Sequence[PatchData],
    lam: float,
    *,
    start: int,
    windows: Sequence[int],
    seeds: Sequence[int],
    horizon: float = 1e6,
    below: float = 0.05,
    lr: float,
    **training: Any,
) -> dict[int, np.ndarray]:
    """Which runs know the rare feature at the horizon, after windows of Mixup from a step on.

    Args:
        train: training examples of each run.
        test: test examples of each run.
        lam: Mixup's coefficient, of features and labels.
        start: the step at which Mixup begins.
        windows: lengths of the window, rising; a window of 0 steps is standard training.
        seeds: the seed of each run's weights.
        horizon: the step at which the rare error is judged.
        below: the bound under which the feature counts as known.
        lr: learning rate.
        training: as for `weights_at`.

    Returns:
        For each window one boolean per run.
    """
    ends = [start + window for window in windows]
    objective = PairMixup(lam, start_step=start)
    weights = weights_at(train, objective, at=ends, seed=seeds, lr=lr, **training)
    learned = {}
    for window, end, reached in zip(windows, ends, weights, strict=True):
        result = settle(train, reached, steps=horizon - end, lr=lr, test=test)
        learned[window] = result.rare_error.values < below
    return learned


def trained_window(
    model: FeatureNoise,
    lam: float,
    *,
    start: int,
    seeds: Sequence[int],
    windows: Sequence[int] = WINDOWS,
    horizon: float = 1e6,
    below: float = 0.05,
    n: int = 100,
    test: int = 600,
    lr: float,
    **training: Any,
) -> np.ndarray:
    """How many steps of Mixup from a step on teach the rare feature for good: w*(s), by training.

    What `mixupbook.needed_window` predicts. The window is found by bisection over a grid, which
    supposes that a window longer than one that suffices suffices too.

    Args:
        model: the data model; a seed stands for samples and initial weights, as in `over_seeds`.
        lam: Mixup's coefficient, of features and labels.
        start: the step at which Mixup begins.
        seeds: one run for each.
        windows: a grid of lengths of the window, rising.
        horizon: the step at which the rare error is judged.
        below: the bound under which it counts as learned.
        n: number of training examples.
        test: number of test examples, one half of them rare.
        lr: learning rate.
        training: as for `weights_at`.

    Returns:
        For each seed the geometric middle of the longest window that does not suffice and the next
        one; NaN where even the last does not, the first window where all do.
    """
    trains = [train_sample(model, n, seed) for seed in seeds]
    tests = [test_sample(model, test, seed) for seed in seeds]
    grid = np.asarray(windows)
    weights = weights_at(
        trains,
        PairMixup(lam, start_step=start),
        at=(start + grid).tolist(),
        seed=list(seeds),
        lr=lr,
        **training,
    )
    run = torch.arange(len(trains))

    def suffices(index: np.ndarray) -> np.ndarray:
        """Whether a seed's window of this index does."""
        steps = (horizon - start - grid[index]).tolist()
        result = settle(trains, weights[index, run], steps=steps, lr=lr, test=tests)
        return result.rare_error.values < below

    return _bisected(suffices, grid, len(trains))


def _bisected(
    suffices: Callable[[np.ndarray], np.ndarray], windows: np.ndarray, runs: int
) -> np.ndarray:
    """Where on the grid each run passes from windows that do not suffice to such that do."""
    last = len(windows) - 1
    too_short, enough = np.full(runs, -1), np.full(runs, last)
    possible = suffices(enough)
    while (enough - too_short > 1).any():
        middle = (too_short + enough).clip(0) // 2
        good = suffices(middle)
        enough = np.where(good, np.minimum(enough, middle), enough)
        too_short = np.where(good, too_short, np.maximum(too_short, middle))
    found = np.sqrt(windows[enough] * windows[too_short.clip(0)].astype(float))
    return np.where(possible, found, np.nan)

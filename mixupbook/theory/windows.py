"""When the rare feature is learned, and for how long Mixup has to be on for it."""

import itertools
import warnings
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import xarray as xr

from mixupbook._arguments import finite_number, in_interval, whole_number
from mixupbook.theory import reduced_equations as equations
from mixupbook.theory.feature_noise import FeatureNoise, PatchData
from mixupbook.theory.objectives import PairMixup
from mixupbook.theory.reduced import measured
from mixupbook.theory.reduced_settings import in_force, prepared

__all__ = ["WINDOWS", "learned_from", "needed_window", "time_to_learn"]

# From 10 to 1803 steps, each 16 % longer than the one before.
WINDOWS = tuple(round(10 * 1.16**i) for i in range(36))

# A settling takes about 200 iterations; a residual that never gets small is given up.
MOST_ITERATIONS = 50_000
# The residual at which the clock of settling starts to run faster.
LARGE_RESIDUAL = 0.1


# `| Any`: what else is given is refused by hand, with messages for people.
def time_to_learn(result: xr.Dataset | Any, *, below: float | Any = 0.05) -> xr.DataArray:
    """The first recorded step from which on the rare error stays below a bound, for each run.

    Args:
        result: of `descend` or `reduced_dynamics`, with the variable rare_error (run, step).
        below: the bound, in (0, 1].

    Returns:
        Steps (run) as floats; NaN where the error is not below the bound at the end.

    Raises:
        TypeError: `result` is no dataset.
        ValueError: it has no rare_error along steps, or the bound lies outside (0, 1].

    Example:
        >>> error = xr.DataArray([[0.5, 0.04, 0.2, 0.01, 0.0]], dims=("run", "step"))
        >>> result = xr.Dataset({"rare_error": error}, {"step": [0, 10, 20, 30, 40]})
        >>> time_to_learn(result).values
        array([30.])
    """
    if not isinstance(result, xr.Dataset):
        raise TypeError(f"result must be an xarray.Dataset, got {type(result).__name__}")
    if "rare_error" not in result or "step" not in result.rare_error.dims:
        raise ValueError(f"result must hold rare_error along step, got {list(result.data_vars)}")
    below = in_interval("below", below, 0, 1, open_low=True)
    error = result.rare_error.transpose(..., "step")
    found = learned_from((error < below).values, result.step.values)
    return xr.DataArray(found, error.isel(step=0, drop=True).coords, error.dims[:-1])


# `| Any`: what else is given is refused by hand, with messages for people.
def needed_window(
    model: FeatureNoise | Sequence[FeatureNoise] | Any,
    objective: PairMixup | Sequence[PairMixup] | Any,
    *,
    train: PatchData | int | Sequence[PatchData | int] | Any,
    start: int | Any = 0,
    windows: Sequence[int] | Any = WINDOWS,
    horizon: float | Any = 1e6,
    below: float | Any = 0.05,
    width: int | Sequence[int] | Any = 10,
    init_std: float | Sequence[float] | Any = 0.01,
    lr: float | Sequence[float] | Any = 0.2,
    seed: int | Sequence[int] | Any | None = None,
    gaussian: bool | Any = True,
) -> xr.Dataset:
    """How many steps of Mixup from a given step on teach the rare feature for good: w*(s).

    By the reduced dynamics: standard training until the step `start`, Mixup for each of so many
    steps as in `windows`, then standard training up to the step `horizon`, of which the last part
    is on an accelerated clock, as in `settle`.

    Args:
        start: s, the step at which Mixup begins, at least 0; the same for all runs.
        windows: a grid of lengths of the window, at least 1, rising.
        horizon: T, the step at which the rare error is judged; not before the last window ends.
        below: the bound under which a rare error counts as learned, in (0, 1].
        model, objective, train, width, init_std, lr, seed, gaussian: as for `reduced_dynamics`;
            the objective has no schedule of its own.

    Returns:
        A dataset with dimensions run and window, and

        - rare_error (run, window): at the horizon;
        - needed (run): the geometric middle of the last window that does not suffice and the next
          one, where all longer ones do; the first window where all do, NaN where the last does not.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed; a horizon before the end of a window.

    Warns:
        RuntimeWarning: runs that did not settle, named; their errors are NaN.

    Example:
        >>> from mixupbook import FeatureNoise, PairMixup, needed_window
        >>> model = FeatureNoise(500, 4, 0.1, 0.2, 1, 0.15, layout="same")
        >>> found = needed_window(model, PairMixup(0.7), train=100, width=6, lr=0.4)
        >>> 100 < float(found.needed[0]) < 400
        True
    """
    start, windows, horizon = _check_times(start, windows, horizon)
    below = in_interval("below", below, 0, 1, open_low=True)
    runs, setting, state = prepared(model, objective, train, width, init_std, lr, seed, gaussian)
    for one in runs["objective"]:
        if not isinstance(one, PairMixup) or one.changes():
            raise ValueError(
                "objective must be PairMixup without start_step and stop_step (`start` and "
                f"`windows` say when), got {one!r}"
            )
    rate = np.array(runs["lr"])
    with np.errstate(all="ignore"):  # runs that leave the range of numbers are told of below
        ends = _after_windows(runs, setting, state, start, windows)
        # Every window of every run settles as a run of its own, windows outermost.
        every = np.tile(np.arange(len(rate)), len(windows))
        setting = setting.take(every)
        steps = horizon - start - np.repeat(np.array(windows, dtype=float), len(rate))
        state, left = settled(setting, ends, rate[every], steps)
        error = np.where(left > 0, np.nan, measured(setting, state)["rare_error"])
        residual = equations.largest_residual(setting, state)[np.isnan(error)]
    error = error.reshape(len(windows), -1).T
    if len(residual):
        lost = np.flatnonzero(np.isnan(error).any(axis=1)).tolist()
        warnings.warn(
            f"not settled at the horizon: runs {lost}, with residuals up to {residual.max():.1e}; "
            "a smaller lr or horizon may help",
            RuntimeWarning,
            stacklevel=2,
        )
    variables = {
        "rare_error": (("run", "window"), error),
        "needed": ("run", _needed(error < below, np.array(windows, dtype=float))),
    }
    attrs = {"start": start, "horizon": horizon, "below": below}
    return xr.Dataset(variables, {"run": np.arange(len(rate)), "window": list(windows)}, attrs)


def _after_windows(
    runs: dict[str, list],
    setting: equations.Setting,
    state: equations.State,
    start: int,
    windows: tuple[int, ...],
) -> equations.State:
    """The states at the ends of all windows, one window after the other along the runs."""
    rate = np.array(runs["lr"])
    mixing = equations.standard(len(rate))
    ends = []
    for step in range(start + windows[-1] + 1):
        if step == start:
            fields = zip(*(in_force(one, step) for one in runs["objective"]), strict=True)
            mixing = equations.Mixing(*map(np.array, fields))
        if step - start in windows:
            ends.append(state)
        state = equations.step(setting, state, mixing, rate)
    return equations.State(*(np.concatenate(f, axis=-1) for f in zip(*ends, strict=True)))


def settled(
    setting: equations.Setting,
    state: equations.State,
    rate: np.ndarray,
    steps: np.ndarray,
) -> tuple[equations.State, np.ndarray]:
    """Standard training for so many steps, the faster the smaller the residuals are.

    Returns:
        The state, and how many steps are left to do where residuals did not get small in time.
    """
    standard = equations.standard(len(rate))
    left = np.array(steps, dtype=float)
    for _ in range(MOST_ITERATIONS):
        if not (left > 0).any():
            break
        residual = equations.largest_residual(setting, state)
        taken = np.minimum(np.maximum(1, LARGE_RESIDUAL / residual), left)
        state = equations.step(setting, state, standard, rate * taken)
        left = left - taken
    return state, left


def learned_from(learned: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The first of the steps (last axis) from which on all are learned; NaN where the last is not.

    Example:
        >>> learned_from(np.array([[True, False, True], [True, True, False]]), np.array([1, 2, 3]))
        array([ 3., nan])
    """
    from_here = np.logical_and.accumulate(learned[..., ::-1], axis=-1)[..., ::-1]
    first = np.asarray(steps, dtype=float)[from_here.argmax(axis=-1)]
    return np.where(learned[..., -1], first, np.nan)


def _needed(learned: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """The middles, on the scale of logarithms, of the windows between which learning sets in."""
    middles = np.sqrt(windows * np.concatenate([windows[:1], windows[:-1]]))
    return learned_from(learned, middles)


def _check_times(
    start: object, windows: object, horizon: object
) -> tuple[int, tuple[int, ...], float]:
    """The start, the rising windows and the horizon, checked."""
    start = whole_number("start", start)
    if isinstance(windows, str) or not isinstance(windows, Collection):
        raise TypeError(f"windows must be a sequence of whole numbers, got {windows!r}")
    windows = tuple(whole_number("windows", window, at_least=1) for window in windows)
    if not windows or any(a >= b for a, b in itertools.pairwise(windows)):
        raise ValueError(f"windows must be rising, at least one, got {windows!r:.60}")
    horizon = finite_number("horizon", horizon)
    if horizon < start + windows[-1]:
        raise ValueError(
            f"horizon must not come before the last window's end, {start + windows[-1]}, "
            f"got {horizon:g}"
        )
    return start, windows, horizon

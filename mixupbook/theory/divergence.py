"""Runs that left the range of finite numbers, made heard at every call: an error or a warning."""

import sys
import warnings

import numpy as np
import xarray as xr

__all__ = ["named_runs", "report", "warn_at_caller"]

# A message names so many runs at most.
NAMED = 8


def report(dataset: xr.Dataset) -> None:
    """Says which runs diverged, and in which others something recorded is not finite.

    Raises:
        FloatingPointError: every run diverged; the error's attribute `dataset` holds the records.

    Warns:
        RuntimeWarning: some runs diverged, or values of others are not finite.
    """
    diverged = dataset.diverged_at.values >= 0
    if diverged.any():
        message = (
            f"diverged: {_in_words(dataset, dataset.diverged_at.values)}; "
            "a smaller lr or init_std, or smaller values in train, may help"
        )
        if diverged.all():
            error = FloatingPointError(f"every run {message}; this error's `dataset` has the rest")
            error.dataset = dataset  # type: ignore[attr-defined]
            raise error
        warn_at_caller(message)
    if gaps := _gaps(dataset):
        anywhere = np.any([gap.values for gap in gaps.values()], axis=0)
        first = dataset.step.values[anywhere.argmax(axis=1)]
        warn_at_caller(
            f"not finite: {', '.join(gaps)} of "
            f"{_in_words(dataset, np.where(anywhere.any(axis=1), first, -1))}; "
            "smaller values in test, or dtype=torch.float64, may help"
        )


def named_runs(names: list[str]) -> str:
    """The names in one line; where there are many, the first of them and how many more."""
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return "; ".join(names[:NAMED] + more)


def _in_words(dataset: xr.Dataset, steps: np.ndarray) -> str:
    """The runs whose step is not negative."""
    seeds, runs = dataset.seed.values, np.flatnonzero(steps >= 0)
    return named_runs([f"run {run} (seed {seeds[run]}) at step {steps[run]}" for run in runs])


def _gaps(dataset: xr.Dataset) -> dict[str, xr.DataArray]:
    """Where (run, step) a variable is not finite although the run had not diverged."""
    alive = (dataset.diverged_at < 0) | (dataset.step < dataset.diverged_at)
    gaps = {
        str(name): alive & ~xr.apply_ufunc(np.isfinite, variable).all([*variable.dims[2:]])
        for name, variable in dataset.data_vars.items()
        if "step" in variable.dims
    }
    return {name: gap for name, gap in gaps.items() if gap.any()}


def warn_at_caller(message: str) -> None:
    """A RuntimeWarning at the line that called the package, at every call.

    `warnings.warn` would show it once for each line: of a loop over learning rates one would hear
    of the first divergence only. Without a registry nothing is remembered, while the filters that
    a user has set still hold.
    """
    caller = frame = sys._getframe()
    while frame.f_back:
        if frame.f_globals.get("__name__", "").startswith("mixupbook."):
            caller = frame.f_back
        frame = frame.f_back
    warnings.warn_explicit(
        message,
        RuntimeWarning,
        filename=caller.f_code.co_filename,
        lineno=caller.f_lineno,
        module=caller.f_globals.get("__name__"),
    )

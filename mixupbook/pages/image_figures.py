"""What the chapters on early stopping and on recorded runs draw and tabulate."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupbook.images.training.fit import Run
from mixupbook.intervals import mean_interval
from mixupbook.pages.figures import band, colour
from mixupbook.pages.tables import Table
from mixupbook.studies.record import Record

__all__ = [
    "arm_label",
    "dose_curve",
    "errors_by_method",
    "learning_curves",
    "live_histories",
    "recorded_histories",
    "results_table",
    "status_table",
]

LABELS = {
    "standard": "standard",
    "mixup": "Mixup",
    "hard": "hard label",
    "other-label": "Mixup (other labels)",
}
KINDS = {"stopped": "early-stopped", "started": "late-started", "constant": "constant"}


def arm_label(arm: str) -> str:
    """The name that figures give an arm of a study, in the words of the palette.

    Example:
        >>> [arm_label(arm) for arm in ("mixup", "stopped-15", "constant-0.75", "cubic")]
        ['Mixup', 'early-stopped 15', 'constant 0.75', 'cubic']
    """
    if arm in LABELS:
        return LABELS[arm]
    kind, _, value = arm.partition("-")
    return f"{KINDS[kind]} {value}" if value else arm


def dose_curve(
    axes: Axes,
    errors: Mapping[Any, Sequence[float] | np.ndarray],
    *,
    label: str,
    color: str,
    linestyle: str = "-",
) -> None:
    """Draws mean and 95 % interval over seeds against how much was mixed.

    Args:
        axes: where to draw.
        errors: for each amount of Mixup one value per seed.
        label: name in the legend.
        color: colour of the line and the intervals.
        linestyle: Matplotlib's line style.
    """
    shares = sorted(errors)
    found = [mean_interval(errors[share]) for share in shares]
    means = np.array([interval.mean for interval in found])
    reach = np.array([interval.high for interval in found]) - means
    axes.errorbar(
        shares,
        means,
        yerr=reach,
        label=label,
        color=color,
        linestyle=linestyle,
        marker="o",
        markersize=5,
        elinewidth=1.2,
        capsize=3,
    )


def errors_by_method(
    record: Record, arms: Sequence[str], *, recalibrated: bool = False
) -> dict[str, np.ndarray]:
    """Test errors of a record's arms in per cent, under the names that figures use."""
    return {arm_label(arm): 100 * record.errors(arm, recalibrated=recalibrated) for arm in arms}


def learning_curves(histories: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Training loss and test error over the epochs, a band from least to greatest seed.

    Args:
        histories: for each method the columns ``"train_loss"`` and ``"test_error"`` (a fraction),
            arrays (seeds, epochs).
    """
    figure, (loss, error) = plt.subplots(1, 2, figsize=(7.4, 3.4))
    for method, columns in histories.items():
        curves = {loss: columns["train_loss"], error: 100 * columns["test_error"]}
        for axes, runs in curves.items():
            epochs = np.arange(1, runs.shape[1] + 1)
            band(axes, epochs, runs, label=method, color=colour(method))
    loss.set(xlabel="epoch", ylabel="training loss (nats)", ylim=(0, None))
    error.set(xlabel="epoch", ylabel="test error (%)")
    loss.legend(loc="lower left", fontsize=9)
    return figure


def recorded_histories(record: Record, arms: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """The histories of a record's arms, as `learning_curves` takes them."""
    columns = ("train_loss", "test_error")
    return {arm_label(arm): {name: record.curves(arm, name) for name in columns} for arm in arms}


def live_histories(runs: Mapping[str, Sequence[Run]]) -> dict[str, dict[str, np.ndarray]]:
    """The same of runs from `fit` that were tested after every epoch."""
    columns = ("train_loss", "test_error")
    return {
        method: {
            name: np.array([[epoch[name] for epoch in run.history] for run in found])
            for name in columns
        }
        for method, found in runs.items()
    }


def results_table(record: Record) -> Table:
    """One row per arm with runs: seeds, errors with 95 % intervals, and minutes per run."""
    return Table([_result(record, arm) for arm in record.arms if record.of(arm)])


def status_table(rows: Sequence[Mapping[str, str]]) -> Table:
    """The rows of `mixupbook.studies.catalogue.status`, a dash for what is empty."""
    columns = ("name", "title", "state", "runs")
    return Table([{column: row[column] or "–" for column in columns} for row in rows])


def _result(record: Record, arm: str) -> dict[str, str | int]:
    runs = record.of(arm)
    row: dict[str, str | int] = {
        "method": arm_label(arm),
        "seeds": len(runs),
        "test error (%)": _spread(100 * record.errors(arm)),
    }
    if all(run.recalibrated_error is not None for run in runs):
        row["recalibrated (%)"] = _spread(100 * record.errors(arm, recalibrated=True))
    seconds = [run.seconds for run in runs if run.seconds is not None]
    row["minutes per run"] = f"{np.median(seconds) / 60:.1f}" if seconds else "–"
    return row


def _spread(values: np.ndarray) -> str:
    if len(values) < 2:
        return f"{values[0]:.1f}"
    interval = mean_interval(values)
    return f"{interval.mean:.1f} ± {interval.high - interval.mean:.1f}"

"""What a record must hold to be kept in a file.

A `Record` never contradicts itself, but it may leave things out. A file may not: it holds all that
is needed to judge its numbers, and whole histories.
"""

import math

from mixupbook._arguments import whole_number
from mixupbook.studies.record import Record, RecordError, SeedRun

__all__ = ["check_whole"]

# Histories are kept to five digits.
ROUNDING = 1e-4
# Under mixed precision the last error of a history is another measurement than the final error,
# which is always made in float32: how far the two may be apart.
MIXED_PRECISION = 0.05


def check_whole(record: Record) -> None:
    """Refuses a record that lacks something, or that has a history of another length or end.

    Raises:
        RecordError: with the first fault.
    """
    try:
        _check_description(record)
        for arm in record.arms:
            for run in arm.runs:
                _check_run(record, arm.name, run)
    except (TypeError, ValueError) as error:
        raise RecordError(str(error)) from error


def _check_description(record: Record) -> None:
    data, settings = record.data, record.settings
    for split in ("train", "test"):
        whole_number(f"data[{split!r}]", data.get(split), at_least=1)
    whole_number("settings['epochs']", settings.get("epochs"), at_least=1)
    for name, value in {
        "title": record.title,
        "data['edition']": data.get("edition"),
        "data['digest']": data.get("digest"),
        "settings['network']": settings.get("network"),
        "settings['precision']": settings.get("precision"),
    }.items():
        if not isinstance(value, str) or not value.strip():
            raise RecordError(f"{name} must be text and not blank, got {value!r}")
    if not record.sources:
        raise RecordError("sources must name at least one module, got none")


def _check_run(record: Record, arm: str, run: SeedRun) -> None:
    epochs, errors = record.settings["epochs"], run.history["test_error"]
    if len(errors) != epochs:
        raise RecordError(
            f"the history of {arm!r} under seed {run.seed} must have settings['epochs'] = "
            f"{epochs} entries, got {len(errors)}"
        )
    margin = 0.0 if record.settings["precision"] == "float32" else MIXED_PRECISION
    if not math.isclose(errors[-1], run.test_error, rel_tol=ROUNDING, abs_tol=margin):
        raise RecordError(
            f"the history of {arm!r} under seed {run.seed} must end with its test error "
            f"{run.test_error!r}, got {errors[-1]!r}"
        )

"""Recorded results as data: what was run, what came of it, and whether it still fits the source.

A `Record` is one validated object and one JSON file in the package. Runs that take hours are made
once, by ``python -m mixupbook.studies NAME``, and chapters plot from what was written:

    record = records.load("cifar10-small-cpu")       # NotMade where nobody has made it
    record.curves("mixup", "test_error")             # (seeds, epochs)
    record.errors("mixup", recalibrated=True)        # one fraction per seed
    records.table(record)                            # rows of plain values, one per arm

Errors are fractions of the test images in [0, 1].
"""

import dataclasses
import json
import math
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from mixupbook.intervals import Interval, mean_interval
from mixupbook.studies.checks import check_whole
from mixupbook.studies.provenance import content_digest, source_digests
from mixupbook.studies.record import Arm, Record, RecordError, SeedRun, check_record_name

__all__ = [
    "Arm",
    "NotMade",
    "Record",
    "RecordError",
    "SeedRun",
    "acknowledge",
    "changed_sources",
    "load",
    "names",
    "read",
    "state",
    "table",
    "write",
]

FORMAT = 2
FOLDER = Path(__file__).parent / "recorded"


class NotMade(LookupError):  # noqa: N818 - reads as the state it reports
    """A record that nobody has made: there is no number to show."""


def names(folder: Path = FOLDER) -> list[str]:
    """The names of the records that have been made."""
    return sorted(path.stem for path in folder.glob("*.json"))


def load(name: str, folder: Path = FOLDER) -> Record:
    """The record of that name.

    Raises:
        NotMade: nobody has made it.
        RecordError: its file is damaged.
        ValueError: `name` is not a record's name at all.
    """
    path = folder / f"{check_record_name(name)}.json"
    if not path.is_file():
        raise NotMade(
            f"record {name!r} has not been made: `python -m mixupbook.studies {name}` makes it"
        )
    return read(path)


def read(path: Path) -> Record:
    """The record in a file.

    Raises:
        RecordError: the file is not JSON, of another format, edited since it was written, or lacks
            or contradicts something.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RecordError(f"{path.name} is not JSON: {error}") from error
    found = fields.pop("format", None) if isinstance(fields, dict) else None
    if found != FORMAT:
        raise RecordError(
            f"{path.name} must be a record of format {FORMAT}, got {found!r}: delete it, and make "
            "it again"
        )
    if fields.pop("content", None) != content_digest(fields):
        raise RecordError(
            f"{path.name} was edited or damaged, its 'content' is not the digest of what it holds: "
            "restore the file, or delete it and make it again"
        )
    try:
        fields["arms"] = tuple(_built(Arm, arm | {"runs": _runs(arm)}) for arm in fields["arms"])
        record = _built(Record, fields)
        check_whole(record)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{path.name} is not a whole record: {error}") from error
    if record.name != path.stem:
        raise RecordError(f"{path.name} holds the record {record.name!r}")
    return record


def write(record: Record, folder: Path = FOLDER) -> Path:
    """Writes a record to ``folder/NAME.json``: whole, or not at all.

    Returns:
        The path of the file.

    Raises:
        RecordError: it lacks something that a file must hold, or contradicts itself.
    """
    check_whole(record)
    content = dataclasses.asdict(record)
    fields = {"format": FORMAT, "content": content_digest(content)} | content
    lines = [
        f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in fields.items()
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record.name}.json"
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{record.name}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("{\n" + ",\n".join(lines) + "\n}\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def changed_sources(record: Record) -> list[str]:
    """The modules that have changed in what they do since the record was made."""
    now = source_digests(record.sources)
    return [module for module, digest in record.sources.items() if now[module] != digest]


def acknowledge(record: Record, reason: str, modules: Iterable[str] = ()) -> Record:
    """The record, marked as standing in spite of the changes so far, for a reason.

    The mark holds for the source as it is now: one more change makes the record stale again.

    Args:
        record: the one that stands.
        reason: why it does.
        modules: what determines the results today, beside the modules that did when it was made.

    Raises:
        ValueError: `reason` is blank, or nothing has changed.
    """
    if not isinstance(reason, str) or not reason.strip():
        raise ValueError(f"reason must say why the results still stand, got {reason!r}")
    if not changed_sources(record):
        raise ValueError(f"record {record.name!r} fits the source: nothing to acknowledge")
    mark = {"sources": source_digests([*record.sources, *modules]), "reason": reason}
    return dataclasses.replace(record, acknowledged=mark)


def state(name: str, folder: Path = FOLDER) -> str:
    """``"not made"``, ``"made"``, ``"stale"``, or ``"acknowledged"`` (stale but for a reason).

    Raises:
        RecordError: its file is damaged.
        ValueError: `name` is not a record's name at all.

    Example:
        >>> state("nobody-ran-this")
        'not made'
    """
    try:
        record = load(name, folder)
    except NotMade:
        return "not made"
    if not changed_sources(record):
        return "made"
    mark = record.acknowledged
    if mark is not None and mark["sources"] == source_digests(mark["sources"]):
        return "acknowledged"
    return "stale"


def table(record: Record) -> list[dict[str, Any]]:
    """One row per arm that has runs, for display.

    Returns:
        Rows with ``arm``, ``seeds`` (how many), ``error`` and ``recalibrated`` (each an `Interval`
        over the seeds; ``recalibrated`` None without batch norm), and ``seconds`` (mean wall time
        of a run; None where unknown). One seed has no interval: its bounds are NaN.
    """
    return [_row(record, arm) for arm in record.arms if arm.runs]


def _row(record: Record, arm: Arm) -> dict[str, Any]:
    recalibrated = None
    if all(run.recalibrated_error is not None for run in arm.runs):
        recalibrated = _interval(record.errors(arm.name, recalibrated=True))
    timed = [run.seconds for run in arm.runs if run.seconds is not None]
    return {
        "arm": arm.name,
        "seeds": len(arm.runs),
        "error": _interval(record.errors(arm.name)),
        "recalibrated": recalibrated,
        "seconds": float(np.mean(timed)) if timed else None,
    }


def _interval(values: Float[np.ndarray, " seeds"]) -> Interval:
    if len(values) == 1:
        return Interval(float(values[0]), math.nan, math.nan, 1)
    return mean_interval(values)


def _runs(arm: Mapping[str, Any]) -> tuple[SeedRun, ...]:
    return tuple(_built(SeedRun, run) for run in arm["runs"])


def _built(kind: type, fields: Mapping[str, Any]) -> Any:
    expected = {field.name for field in dataclasses.fields(kind)}
    missing, unknown = expected - set(fields), set(fields) - expected
    if missing or unknown:
        raise RecordError(
            f"{kind.__name__} must have the keys {sorted(expected)}; "
            f"missing {sorted(missing)}, unknown {sorted(unknown)}"
        )
    return kind(**fields)

"""Recorded results as files: loaded, written, and stale where the source has changed since."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from mixupbook._files import digest, write_atomically
from mixupbook.studies.provenance import SOURCES, source_digests
from mixupbook.studies.record import Acknowledgement, Provenance, Record

__all__ = [
    "NotMade",
    "RecordError",
    "acknowledge",
    "changed_sources",
    "load",
    "load_as",
    "state",
    "write",
]

R = TypeVar("R", bound=Provenance)

FORMAT = 3
FOLDER = Path(__file__).parent / "recorded"


class NotMade(LookupError):  # noqa: N818 - reads as the state it reports
    """A record that nobody has made: there is no number to show."""


class RecordError(ValueError):
    """A file that is no whole record, or a record that is not to be replaced."""


def names(folder: Path = FOLDER) -> list[str]:
    """The names of the records that have been made."""
    return sorted(path.stem for path in folder.glob("*.json"))


def load(name: str, folder: Path = FOLDER) -> Record:
    """The record of that name, `NotMade`, or a `RecordError`: its file is edited or no record.

    Example:
        >>> record = load("cifar10-small-cpu")
        >>> record.errors("standard").tolist(), record.curves("mixup", "test_error").shape
        ([0.4145, 0.4255, 0.429], (3, 30))
    """
    return load_as(Record, name, folder)


def load_as(kind: type[R], name: str, folder: Path) -> R:
    """As `load`, for a record of another kind: each kind has a folder of its own."""
    if name not in names(folder):
        raise NotMade(f"{name!r} has not been made: `python -m mixupbook.studies {name}` makes it")
    file = f"{name}.json"
    try:
        fields = json.loads((folder / file).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{file} is not JSON: {error}") from error
    found = fields.pop("format", None) if isinstance(fields, dict) else None
    if found != FORMAT:
        raise RecordError(f"{file} must have format {FORMAT}, got {found!r}: make it again")
    if fields.pop("content", None) != _content_digest(fields):
        raise RecordError(f"{file} was edited or damaged: restore it, or make it again")
    try:
        record = kind.model_validate_json(json.dumps(fields))
    except ValueError as error:
        raise RecordError(f"{file} is no whole record: {error}") from error
    if record.name != name:
        raise RecordError(f"{file} holds the record {record.name!r}")
    return record


def write(record: Provenance, folder: Path = FOLDER) -> Path:
    """Writes a record to ``folder/NAME.json``, whole or not at all, and returns the path."""
    text = record.model_dump_json()
    type(record).model_validate_json(text)  # what is written can be read again
    content = json.loads(text)
    fields = {"format": FORMAT, "content": _content_digest(content)} | content
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in fields.items()]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record.name}.json"
    write_atomically(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())
    return path


def changed_sources(record: Provenance) -> list[str]:
    """The modules that have changed in what they do since the record was made."""
    now = source_digests(record.sources)
    return [module for module, made in record.sources.items() if now[module] != made]


def acknowledge(record: R, reason: str, watched: Sequence[str] = SOURCES) -> R:
    """The record, marked as standing in spite of the changes so far, for a reason.

    The mark holds for the source as it is now: one more change makes the record stale again. A
    blank reason, or a record that fits the source, is a ValueError.
    """
    if not reason.strip():
        raise ValueError(f"reason must say why the results still stand, got {reason!r}")
    if not changed_sources(record):
        raise ValueError(f"record {record.name!r} fits the source: nothing to acknowledge")
    mark = Acknowledgement(sources=source_digests([*record.sources, *watched]), reason=reason)
    return record.model_copy(update={"acknowledged": mark})


def state(record: Provenance) -> str:
    """``"made"``, ``"stale"``, or ``"acknowledged"``: changed since, but standing for a reason."""
    if not changed_sources(record):
        return "made"
    mark = record.acknowledged
    return "acknowledged" if mark and mark.sources == source_digests(mark.sources) else "stale"


def _content_digest(content: object) -> str:
    """Blind to layout and to the order of keys."""
    return digest(json.dumps(content, sort_keys=True).encode())

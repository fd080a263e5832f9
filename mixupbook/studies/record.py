"""What a recorded result consists of: the run of one seed, an arm of a study, the whole record."""

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from mixupbook._arguments import in_interval, one_of, whole_number

__all__ = ["Arm", "Record", "RecordError", "SeedRun", "check_record_name"]

_NAME = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")

# The columns of every history, and the largest value in each; none is below 0.
_COLUMNS = {"train_loss": math.inf, "test_error": 1.0}


class RecordError(ValueError):
    """A file that is not a record, or a record that contradicts itself."""


@dataclass(frozen=True)
class SeedRun:
    """One finished run: one arm under one seed.

    Attributes:
        seed: what `fit` was seeded with.
        history: the columns ``"train_loss"`` and ``"test_error"``, one number per epoch.
        test_error: fraction of the test images at the end of training.
        recalibrated_error: the same after re-estimating batch norm's statistics on clean training
            images; None for a network without batch norm.
        seconds: wall time of the run; None where it was interrupted and taken up again.
    """

    seed: int
    history: Mapping[str, list[float]]
    test_error: float
    recalibrated_error: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        whole_number("seed", self.seed)
        in_interval("test_error", self.test_error, 0, 1)
        if self.recalibrated_error is not None:
            in_interval("recalibrated_error", self.recalibrated_error, 0, 1)
        if self.seconds is not None:
            in_interval("seconds", self.seconds, 0)
        _check_history(self.history)


@dataclass(frozen=True)
class Arm:
    """One of the compared ways to train: its settings and its finished runs, in order of seed."""

    name: str
    settings: Mapping[str, Any]
    runs: tuple[SeedRun, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise RecordError(f"the name of an arm must be text, got {self.name!r}")
        _check_mapping(f"settings of arm {self.name!r}", self.settings)
        seeds = [run.seed for run in self.runs]
        if seeds != sorted(set(seeds)):
            raise RecordError(f"arm {self.name!r} must have its runs in order of seed, each once")


@dataclass(frozen=True)
class Record:
    """Recorded results and all that is needed to judge them.

    Attributes:
        name: what it is loaded by: lower-case words, digits, hyphens and dots.
        title: one line that says what was compared.
        note: what a reader must know, such as the edition of the data.
        data: edition, numbers of images, and a digest of what was trained and tested on.
        settings: everything the arms have in common, the planned ``"seeds"`` among it.
        arms: the compared ways to train.
        sources: digest of each module that determines the results, by its dotted name.
        package_version: of this package.
        environment: versions and platform.
        device: the processor's name.
        date: UTC day, as ``YYYY-MM-DD``.
        acknowledged: where a module has changed since but the results are known to stand: the
            modules' digests at that time (``"sources"``) and the ``"reason"``.

    Raises:
        RecordError: the parts contradict each other.
        ValueError: `name` cannot name a record.

    Example:
        >>> runs = tuple(
        ...     SeedRun(seed, {"train_loss": [2.1, 1.4], "test_error": [0.8, error]}, error)
        ...     for seed, error in [(0, 0.5), (1, 0.25)]
        ... )
        >>> record = Record(
        ...     name="two-epochs", title="An example", note="", data={"edition": "made up"},
        ...     settings={"seeds": [0, 1, 2]}, arms=(Arm("standard", {}, runs),), sources={},
        ...     package_version="0.1.0", environment={}, device="none", date="2024-02-29",
        ... )
        >>> record.curves("standard", "test_error").tolist()
        [[0.8, 0.5], [0.8, 0.25]]
        >>> record.missing()
        [('standard', 2)]
    """

    name: str
    title: str
    note: str
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    arms: tuple[Arm, ...]
    sources: Mapping[str, str]
    package_version: str
    environment: Mapping[str, str]
    device: str
    date: str
    acknowledged: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_record_name(self.name)
        for field in ("title", "note", "package_version", "device", "date"):
            if not isinstance(getattr(self, field), str):
                raise RecordError(f"{field} must be text, got {getattr(self, field)!r}")
        for field in ("data", "settings"):
            _check_mapping(field, getattr(self, field))
        for field in ("sources", "environment"):
            _check_texts(field, getattr(self, field))
        arm_names = [arm.name for arm in self.arms]
        if not arm_names or len(set(arm_names)) != len(arm_names):
            raise RecordError(f"arms must be at least one, of different names, got {arm_names}")
        _check_seeds(self.settings.get("seeds"), self.arms)
        _check_date(self.date)
        if self.acknowledged is not None:
            _check_mark(self.acknowledged, self.sources)

    def arm(self, name: str) -> Arm:
        """The arm of that name, or a ValueError that suggests the nearest."""
        by_name = {arm.name: arm for arm in self.arms}
        return by_name[one_of("arm", name, by_name)]

    def errors(self, arm: str, *, recalibrated: bool = False) -> Float[np.ndarray, " seeds"]:
        """Test errors of an arm at the end of training, in order of seed, as fractions.

        Raises:
            ValueError: no such arm, or `recalibrated` for a network without batch norm.
        """
        if not recalibrated:
            return np.array([run.test_error for run in self.arm(arm).runs])
        values = [run.recalibrated_error for run in self.arm(arm).runs]
        if None in values:
            raise ValueError(f"record {self.name!r} holds no recalibrated error of {arm!r}")
        return np.array(values)

    def curves(self, arm: str, column: str) -> Float[np.ndarray, "seeds epochs"]:
        """A column of an arm's histories, one row per seed.

        Raises:
            ValueError: no such arm or column, or an arm without runs.
        """
        runs = self.arm(arm).runs
        if not runs:
            raise ValueError(f"record {self.name!r} holds no run of {arm!r} yet")
        one_of("column", column, runs[0].history)
        return np.array([run.history[column] for run in runs])

    def missing(self) -> list[tuple[str, int]]:
        """The planned runs that are not here, as (arm, seed): seed by seed, arms in order."""
        done = {(arm.name, run.seed) for arm in self.arms for run in arm.runs}
        planned = [(arm.name, seed) for seed in self.settings["seeds"] for arm in self.arms]
        return [pair for pair in planned if pair not in done]


def check_record_name(name: object) -> str:
    """`name` where it can name a record (and so a file), else a ValueError."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"name must be lower-case letters, digits, hyphens and dots, got {name!r}")
    return name


def _check_history(history: object) -> None:
    if not isinstance(history, Mapping) or set(history) != set(_COLUMNS):
        got = list(history) if isinstance(history, Mapping) else history
        raise RecordError(f"history must hold the columns {list(_COLUMNS)}, got {got!r}")
    for name, column in history.items():
        if not isinstance(column, list):
            raise RecordError(f"history column {name!r} must be a list, got {column!r}")
        for value in column:
            in_interval(f"history column {name!r}", value, 0, _COLUMNS[name])
    lengths = {name: len(column) for name, column in history.items()}
    if len(set(lengths.values())) != 1:
        raise RecordError(f"history must hold columns of one length, got {lengths}")


def _check_mapping(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise RecordError(f"{name} must be a mapping, got {value!r}")


def _check_texts(name: str, value: object) -> None:
    _check_mapping(name, value)
    if not all(isinstance(part, str) for pair in value.items() for part in pair):
        raise RecordError(f"{name} must map text to text, got {value!r}")


def _check_seeds(planned: object, arms: Sequence[Arm]) -> None:
    if not isinstance(planned, list) or not planned:
        raise RecordError(f"settings['seeds'] must list the planned seeds, got {planned!r}")
    for seed in planned:
        whole_number("a seed of settings['seeds']", seed)
    if len(set(planned)) != len(planned):
        raise RecordError(f"settings['seeds'] must list each seed once, got {planned!r}")
    for arm in arms:
        unplanned = [run.seed for run in arm.runs if run.seed not in planned]
        if unplanned:
            raise RecordError(
                f"arm {arm.name!r} must have runs of the planned seeds {planned}, got {unplanned}"
            )


def _check_date(text: str) -> None:
    try:
        is_day = datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        is_day = False
    if not is_day:
        raise RecordError(f"date must be a day of the calendar, YYYY-MM-DD, got {text!r}")


def _check_mark(mark: object, sources: Mapping[str, str]) -> None:
    if not isinstance(mark, Mapping) or set(mark) != {"sources", "reason"}:
        raise RecordError(f"acknowledged must hold 'sources' and 'reason', got {mark!r}")
    _check_texts("acknowledged['sources']", mark["sources"])
    if not set(sources) <= set(mark["sources"]):
        raise RecordError(
            f"acknowledged['sources'] must have every module of sources, {list(sources)}, "
            f"got {list(mark['sources'])}"
        )
    if not isinstance(mark["reason"], str) or not mark["reason"].strip():
        raise RecordError(f"acknowledged['reason'] must say why, got {mark['reason']!r}")

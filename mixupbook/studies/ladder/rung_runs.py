"""One rung, trained under all of its seeds, as the record has it."""

import dataclasses
import time
from typing import Any

import torch

from mixupbook.studies.ladder.arms import ARMS
from mixupbook.studies.ladder.examples import TASKS
from mixupbook.studies.ladder.rung_records import RungRecord
from mixupbook.studies.ladder.rungs import Rung
from mixupbook.studies.ladder.training import train

__all__ = ["run_rung", "setting"]

DIGITS = 4  # decimals of errors and shares, far below their spread over seeds


def setting(rung: Rung) -> dict[str, Any]:
    """All that decides a rung's numbers beside the source, as plain values.

    Example:
        >>> from mixupbook.studies.ladder.rungs import RUNGS
        >>> setting(RUNGS["low-dimension"])["options"]
        {'dimension': 64}
    """
    network, recipe = dataclasses.asdict(rung.network), dataclasses.asdict(rung.recipe)
    return {"task": rung.task, "options": rung.options, "network": network, "recipe": recipe}


def run_rung(rung: Rung) -> RungRecord:
    """Trains all arms under all seeds, on one thread: sums are then rounded alike everywhere.

    Raises:
        FloatingPointError: a run left the range of finite numbers.
        ConnectionError: the pictures could not be downloaded.
    """
    threads = torch.get_num_threads()
    start = time.perf_counter()
    try:
        torch.set_num_threads(1)
        seeds = list(rung.seeds)
        tasks = [TASKS[rung.task](seed, **rung.options) for seed in seeds]
        measured = train(tasks, rung.network, rung.recipe, seeds)
    finally:
        torch.set_num_threads(threads)
    return RungRecord(
        setting=setting(rung),
        seeds=rung.seeds,
        common=_by_arm(measured.common),
        rare=_by_arm(measured.rare),
        train=_by_arm(measured.train),
        share=_rounded(measured.share),
        seconds=round(time.perf_counter() - start, 1),
    )


def _by_arm(errors: torch.Tensor) -> dict[str, tuple[float, ...]]:
    return {arm: _rounded(column) for arm, column in zip(ARMS, errors.T, strict=True)}


def _rounded(values: torch.Tensor) -> tuple[float, ...]:
    return tuple(round(value, DIGITS) for value in values.tolist())

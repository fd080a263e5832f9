"""Timing on machines that are never quite idle."""

import time
from collections.abc import Callable

import torch


def best_times(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """The shortest time of each call in seconds, taken in turns.

    Turns keep a busy moment from falling on one of the calls alone, and the shortest time is the
    one least disturbed: ratios of these hold still where single timings do not.
    """
    for call in calls.values():
        call()
    times = dict.fromkeys(calls, float("inf"))
    for _ in range(repeats):
        for name, call in calls.items():
            times[name] = min(times[name], once(call))
    return times


def once(call: Callable[[], object]) -> float:
    """The time of one call in seconds, until a GPU has finished too."""
    _wait()
    start = time.perf_counter()
    call()
    _wait()
    return time.perf_counter() - start


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def report(what: str, measured: str, target: str, holds: bool) -> None:
    print(f"{'ok  ' if holds else 'MISS'}  {what:<58}{measured:>16}   target {target}", flush=True)

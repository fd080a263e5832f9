"""Tasks of a sweep, done here or by an executor, each result as soon as it is there."""

import pickle
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from typing import Any, TypeVar

import numpy as np

from mixupbook.theory.sweeps.sweep_blocks import Task, run_task

__all__ = ["check_can_be_sent", "finished"]

Key = TypeVar("Key")


def finished(
    tasks: Iterator[tuple[Key, Task]], executor: Executor | None
) -> Iterator[tuple[Key, dict[str, np.ndarray]]]:
    """The results, with what their tasks are called, in the order in which they come.

    Whatever ends it, tasks that have not begun are called off.

    Raises:
        RuntimeError: the executor was shut down, or one of its workers died.
        Exception: what a task raises.
    """
    if executor is None:
        for key, task in tasks:
            yield key, run_task(task)
        return
    futures: dict[Any, Key] = {}
    try:
        for key, task in tasks:
            futures[executor.submit(run_task, task)] = key
        for future in as_completed(list(futures)):
            yield futures.pop(future), future.result()  # and so lets go of it
    except BrokenExecutor as error:
        raise RuntimeError("a worker of the executor died") from error
    finally:
        for future in futures:
            future.cancel()


def check_can_be_sent(executor: Executor | None, given: dict[str, Any]) -> None:
    """Raises a ValueError that names the argument which a process pool could not send.

    Other executors have ways of their own to send functions: Dask and loky send lambdas too.
    """
    if not isinstance(executor, ProcessPoolExecutor):
        return
    for name, value in given.items():
        try:
            pickle.dumps(value)
        except Exception as error:
            raise ValueError(
                f"{name} cannot be sent to another process ({error}): functions must be defined "
                "with def, in a module"
            ) from error

"""Tasks done here or by an executor of `concurrent.futures`, each result as soon as it is there."""

import contextlib
import pickle
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
)
from typing import Any, TypeVar

__all__ = [
    "ExecutorError",
    "check_can_be_sent",
    "check_executor",
    "finished",
    "one_thread",
]

Key = TypeVar("Key")
Task = TypeVar("Task")
Result = TypeVar("Result")


class ExecutorError(RuntimeError):
    """An executor that lost a worker, was shut down, or called off a task."""


def finished(
    run: Callable[[Task], Result], tasks: Iterable[tuple[Key, Task]], executor: Executor | None
) -> Iterator[tuple[Key, Result]]:
    """What `run` makes of the tasks, with what they are called, in the order in which it comes.

    Whatever ends it, tasks that have not begun are called off. Where one fails, those that are done
    by then are handed out before its error is raised.

    Args:
        run: a function of a module, so that it can be sent.
        tasks: pairs of what a task is called, any value, and what `run` is given.
        executor: where they are done; None: here, one after another.

    Raises:
        ExecutorError: the executor was shut down, or one of its workers died.
        Exception: what a task raises.
    """
    if executor is None:
        for key, task in tasks:
            yield key, run(task)
        return
    pending: dict[Future, Key] = {}
    ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
    try:
        for key, task in tasks:
            future = _submitted(executor, run, task)
            pending[future] = key
            future.add_done_callback(ended.put)
            while not ended.empty():
                yield _taken(ended.get(), pending)
        while pending:
            yield _taken(ended.get(), pending)
    except Exception:
        _call_off(pending)
        while not ended.empty():
            future = ended.get()
            if not future.cancelled() and future.exception() is None:
                yield _taken(future, pending)
        raise
    finally:
        _call_off(pending)


def _submitted(executor: Executor, run: Callable[[Task], Result], task: Task) -> Future:
    try:
        return executor.submit(run, task)
    except BrokenExecutor as error:
        raise ExecutorError("a worker of the executor died") from error
    except Exception as error:  # such as "cannot schedule new futures after shutdown"
        if isinstance(error, RuntimeError) or _of_dask(error):
            raise ExecutorError(f"the executor takes no task: {error}") from error
        raise


def _taken(future: Future, pending: dict[Future, Key]) -> tuple[Key, Any]:
    """A task's result, which may be large, and which the caller alone has from here on."""
    return pending.pop(future), _result(future)


def _result(future: Future) -> Any:
    try:
        return future.result()
    except CancelledError as error:
        raise ExecutorError(
            "the executor called off a task: it was shut down, or its scheduler is gone"
        ) from error
    except Exception as error:
        # Dask gives up a task, and says so by an error of its own, when several workers died of it.
        if isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker":
            raise ExecutorError("a worker of the executor died") from error
        raise


def _call_off(pending: dict[Future, Any]) -> None:
    for future in [*pending]:
        future.cancel()


def check_executor(executor: Any) -> None:
    """Raises a TypeError for what is no executor and not None."""
    if executor is None or isinstance(executor, Executor):
        return
    hint = ""
    if hasattr(executor, "get_executor") or _of_dask(executor):
        hint = "; of Dask, client.get_executor(pure=False)"
    raise TypeError(
        f"executor must be a concurrent.futures.Executor, or None, got {executor!r:.60}{hint}"
    )


def _of_dask(value: object) -> bool:
    return type(value).__module__.partition(".")[0] in ("distributed", "dask")


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


class _Threads:
    """Torch's number of threads while tasks run: the first one to come sets it, the last resets."""

    def __init__(self) -> None:
        self.lock, self.inside, self.before = threading.Lock(), 0, 0


_THREADS = _Threads()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch inside, and as many as before when the last such task has ended."""
    import torch

    with _THREADS.lock:
        if _THREADS.inside == 0:
            _THREADS.before = torch.get_num_threads()
        _THREADS.inside += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _THREADS.lock:
            _THREADS.inside -= 1
            if _THREADS.inside == 0:
                torch.set_num_threads(_THREADS.before)

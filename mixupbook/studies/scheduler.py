"""Where the jobs of a study are done: in processes of this machine, or by a Dask scheduler."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any

from joblib import parallel_config

__all__ = ["jobs", "workers"]

SECONDS = 10  # for a scheduler to answer


@contextlib.contextmanager
def jobs(at_once: int, scheduler: str | None) -> Iterator[int]:
    """Gives `n_jobs` for joblib's ``Parallel``, which uses the scheduler within, if there is one.

    Args:
        at_once: processes of this machine, where there is no scheduler.
        scheduler: address of a Dask scheduler, such as ``"tcp://host:8786"``.

    Raises:
        ImportError, OSError, ValueError: as `workers` does.
    """
    if scheduler is None:
        yield at_once
        return
    with _client(scheduler), parallel_config(backend="dask"):
        yield -1


@contextlib.contextmanager
def workers(scheduler: str) -> Iterator[Executor]:
    """An executor whose tasks the workers of a Dask scheduler do.

    Raises:
        ImportError: Dask is not installed.
        OSError: the scheduler does not answer, or has no workers.
        ValueError: what is no address.
    """
    with _client(scheduler) as client:
        yield client.get_executor(pure=False)


@contextlib.contextmanager
def _client(scheduler: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError("--scheduler needs Dask: pip install 'mixupbook[sweeps]'") from error
    with Client(scheduler, timeout=SECONDS) as client:
        client.wait_for_workers(1, timeout=SECONDS)
        yield client

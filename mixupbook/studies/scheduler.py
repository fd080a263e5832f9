"""Where joblib's jobs of a study are done: in processes of this machine, or by a Dask scheduler."""

import contextlib
from collections.abc import Iterator

from joblib import parallel_config

__all__ = ["jobs"]

SECONDS = 10  # for a scheduler to answer


@contextlib.contextmanager
def jobs(workers: int, scheduler: str | None) -> Iterator[int]:
    """Gives `n_jobs` for joblib's ``Parallel``, which uses the scheduler within, if there is one.

    Args:
        workers: processes of this machine, where there is no scheduler.
        scheduler: address of a Dask scheduler, such as ``"tcp://host:8786"``.

    Raises:
        ImportError: Dask is not installed.
        OSError: the scheduler does not answer.
        ValueError: what is no address.
    """
    if scheduler is None:
        yield workers
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError("--scheduler needs Dask: pip install 'mixupbook[sweeps]'") from error
    with Client(scheduler, timeout=SECONDS) as client, parallel_config(backend="dask"):
        client.wait_for_workers(1, timeout=SECONDS)
        yield -1

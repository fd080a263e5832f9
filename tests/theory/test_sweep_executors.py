"""Sweeps over executors: threads, processes, Dask; workers that die, and what cannot be sent."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from theory.sweep_cases import ONE_RUN, dies, raises, same, small

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(scope="module")
def expected():
    return small()


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
        yield pool


def test_threads_find_the_same(expected):
    with ThreadPoolExecutor(2) as pool:
        assert same(small(executor=pool, memory=ONE_RUN), expected)
        lambdas = {"over": {"partners": [lambda data: data.y[:, None] == data.y]}}
        assert small(executor=pool, **lambdas).partners.size == 1


def test_processes_find_the_same(expected, processes, tmp_path):
    assert same(small(executor=processes, memory=ONE_RUN), expected)
    assert same(small(executor=processes, memory=ONE_RUN, store=tmp_path), expected)


def test_a_lambda_cannot_be_sent_to_a_process(processes):
    partners = {"partners": [lambda data: data.y[:, None] == data.y]}
    with pytest.raises(ValueError, match=r"over\['partners'\] cannot be sent to another process"):
        small(executor=processes, over=partners)


def test_what_a_block_raises_is_heard(processes, tmp_path):
    over = {"partners": ["all", raises]}
    with pytest.raises(ArithmeticError, match="no partners today") as caught:
        small(executor=processes, over=over, memory=ONE_RUN, store=tmp_path)
    assert "blocks were done: the store has them" in caught.value.__notes__[-1]


def test_a_worker_that_dies_is_named_and_nothing_is_lost(tmp_path):
    kept = {"memory": ONE_RUN, "store": tmp_path}
    over = {"partners": ["all", dies]}
    with (
        ProcessPoolExecutor(1, mp_context=SPAWN) as pool,
        pytest.raises(RuntimeError, match="a worker of the executor died") as caught,
    ):
        small(executor=pool, over=over, **kept)
    assert caught.value.__notes__ == ["2 of 4 blocks were done: the store has them"]
    assert sum(1 for _ in tmp_path.glob("all.zarr/shape-0/status/c/*")) == 2


def test_an_executor_that_was_shut_down():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match=r"takes no task: .* after shutdown"):
        small(executor=pool)


class Twice(Executor):
    """Runs each task twice, as a scheduler may that has lost a worker."""

    def submit(self, call, /, *args):
        future = Future()
        first, second = call(*args), call(*args)
        if isinstance(first, dict):
            assert all(np.array_equal(first[name], second[name], equal_nan=True) for name in first)
        future.set_result(second)
        return future


def test_tasks_may_be_done_twice(expected, tmp_path):
    assert same(small(executor=Twice(), memory=ONE_RUN, store=tmp_path), expected)


def test_dask_loses_a_worker_and_no_block(tmp_path):
    distributed = pytest.importorskip("distributed")
    over = {"noise_std": list(np.linspace(0.1, 0.2, 10)), "lam": [0.6, 0.8]}
    settings = {"over": over, "memory": ONE_RUN, "steps": 100}
    with (
        distributed.LocalCluster(3, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = list(client.run(os.getpid).values())

        def kill():
            while not done():
                time.sleep(0.05)
            os.kill(pids[0], signal.SIGKILL)

        def done():
            return sum(1 for _ in tmp_path.glob("all.zarr/shape-0/status/c/*")) >= 5

        killer = threading.Thread(target=kill)
        killer.start()
        pool = client.get_executor(pure=False)
        found = small(executor=pool, store=tmp_path, **settings)
        killer.join()
        assert pids[0] not in client.run(os.getpid).values()
    assert same(found, small(**settings))
    assert int(small(store=tmp_path, explain=True, **settings).done.sum()) == 40

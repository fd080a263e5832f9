"""Seeds over executors: threads, processes, Dask; workers that die, and what cannot be sent."""

import multiprocessing
import os
import signal
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest
import torch
from torch import nn

from mixupbook.images.data.digits import load_digits
from mixupbook.images.training import seeds as module
from mixupbook.images.training.fit import TrainingInterrupted, fit
from mixupbook.images.training.randomness import streams
from mixupbook.images.training.seeds import fit_seeds
from mixupbook.mixup.transform import Mixup

DATA = load_digits(train=33, test=50)
SETTINGS = {"epochs": 2, "batch_size": 7, "lr": 0.05, "progress": False, "device": "cpu"}
MIXUP = Mixup(num_classes=10)
SPAWN = multiprocessing.get_context("spawn")
NEEDS_DROPOUT = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10))


def seeds_of(network="small_convnet", *, seeds=(3, 0, 5), data=DATA, **changes):
    return fit_seeds(data, network, seeds=seeds, **{**SETTINGS, **changes})


def check_same(found, expected):
    for run, other in zip(found, expected, strict=True):
        assert run.history == other.history
        assert run.config == other.config
        states = run.network.state_dict(), other.network.state_dict()
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[1])
        assert not run.network.training


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(3) as pool:
        yield pool


@pytest.fixture(autouse=True)
def one_thread():
    """Sums are rounded by the number of threads, and an executor's tasks have one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class dies_with_seed:  # noqa: N801 - reads as the function that it is
    """A Mixup in a worker that is killed under one seed, as by a system without memory."""

    def __init__(self, seed):
        self.network_stream = streams(seed)["network"]

    def __call__(self, x, y):
        if torch.initial_seed() == self.network_stream:
            os.kill(os.getpid(), signal.SIGKILL)
        return x, y


class Backwards(Executor):
    """Does nothing until all tasks are there, then the last first; with as many threads as it has.

    The number of threads before and after each task is kept.
    """

    def __init__(self, tasks, threads=1):
        self.tasks, self.threads, self.waiting, self.seen = tasks, threads, [], []

    def submit(self, call, /, *args):
        self.waiting.append((future := Future(), call, args))
        if len(self.waiting) == self.tasks:
            torch.set_num_threads(self.threads)
            for waiting, do, given in reversed(self.waiting):
                waiting.set_result(do(*given))
                self.seen.append(torch.get_num_threads())
        return future


def test_threads_give_the_same_runs_in_the_order_of_the_seeds(threads):
    check_same(seeds_of(executor=threads, mixup=MIXUP), seeds_of(mixup=MIXUP))


def test_draws_of_a_network_are_not_mixed_up_among_threads(threads):
    seeds = range(6)
    found = seeds_of(NEEDS_DROPOUT, seeds=seeds, executor=threads)
    check_same(found, seeds_of(NEEDS_DROPOUT, seeds=seeds))


def test_one_thread_in_a_task_and_as_many_as_before_afterwards():
    pool = Backwards(3, threads=2)
    in_tasks = []

    def watched(x, y):
        in_tasks.append(torch.get_num_threads())
        return x, y

    found = seeds_of(executor=pool, mixup=watched)
    assert set(in_tasks) == {1}
    assert pool.seen == [2, 2, 2]
    torch.set_num_threads(1)
    check_same([found[1]], seeds_of(seeds=[0], mixup=watched))


def test_each_seed_may_have_its_own_data(threads):
    splits = [load_digits(train=33, test=50, seed=seed) for seed in (3, 0, 5)]
    check_same(seeds_of(data=splits, executor=threads), seeds_of(data=splits))


def test_networks_come_back_on_the_cpu(threads, monkeypatch):
    moved = []
    cpu = nn.Module.cpu
    monkeypatch.setattr(nn.Module, "cpu", lambda self: moved.append(self) or cpu(self))
    found = seeds_of(executor=threads)
    assert {id(run.network) for run in found} <= {id(each) for each in moved}


def test_a_device_is_that_of_the_workers(threads, monkeypatch):
    """What this machine has not, a worker's may have: only there it is asked for."""
    asked = []
    monkeypatch.setattr(
        module, "fit", lambda **given: asked.append(given["device"]) or fit(**given)
    )
    with pytest.raises(ValueError, match="device must be 'auto' or one that torch has here"):
        seeds_of(seeds=[1], executor=threads, device="xpu:7")
    assert asked == ["xpu:7"]


def test_processes_give_the_same_and_one_that_dies_is_named(tmp_path):
    expected = seeds_of(mixup=MIXUP)
    kept = {"checkpoint": tmp_path / "digits.pt"}
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool:
        check_same(seeds_of(executor=pool, mixup=MIXUP), expected)
        with pytest.raises(ValueError, match="mixup cannot be sent to another process"):
            seeds_of(executor=pool, mixup=lambda x, y: (x, y))
        with pytest.raises(ValueError, match="augment cannot be sent to another process"):
            seeds_of(executor=pool, augment=lambda x, generator: x)
        with pytest.raises(RuntimeError, match="a worker of the executor died") as caught:
            seeds_of(seeds=(3, 0, 5), executor=pool, mixup=dies_with_seed(0), **kept)
        assert caught.value.__notes__ == ["1 of 3 seeds were done: their checkpoints have them"]
        with pytest.raises(RuntimeError, match="a worker of the executor died") as caught:
            seeds_of(executor=pool)
        assert caught.value.__notes__ == [
            "0 of 3 seeds were done: without a checkpoint they are lost"
        ]
    # Not gone on with here: the code that pytest instruments has another identity.
    assert (tmp_path / "digits-seed3.pt").exists()


def test_dask_gives_the_same_runs():
    distributed = pytest.importorskip("distributed")
    factor = 0.5  # no import brings this function to a worker: Dask sends it as a whole

    def fainter(x, y):
        return factor * x, y

    with (
        distributed.LocalCluster(1, threads_per_worker=2, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = seeds_of(executor=client.get_executor(pure=False), mixup=fainter)
    check_same(found, seeds_of(mixup=fainter))


def test_an_executor_that_was_shut_down():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(
        RuntimeError, match=r"the executor takes no task: .* after shutdown"
    ) as caught:
        seeds_of(executor=pool)
    assert caught.value.__notes__ == ["0 of 3 seeds were done: without a checkpoint they are lost"]


def test_an_executor_that_calls_a_task_off():
    class Off(Executor):
        def submit(self, call, /, *args):
            future = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    with pytest.raises(RuntimeError, match="called off a task"):
        seeds_of(executor=Off())


def test_dask_gives_a_task_up_by_an_error_of_its_own():
    class KilledWorker(Exception):  # noqa: N818 - Dask calls it so
        pass

    class Kills(Executor):
        def submit(self, call, /, *args):
            future = Future()
            future.set_exception(KilledWorker("tried it on 4 different workers"))
            return future

    with pytest.raises(RuntimeError, match="a worker of the executor died") as caught:
        seeds_of(executor=Kills())
    assert "4 different workers" in str(caught.value.__cause__)


def test_ctrl_c_keeps_the_finished_runs():
    def press_ctrl_c(x, y):
        if torch.initial_seed() == second:
            raise KeyboardInterrupt
        return x, y

    second = streams(5)["network"]
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(TrainingInterrupted, match="after 1 of 3 seeds; interrupted") as caught,
    ):
        seeds_of(seeds=(3, 5, 0), executor=pool, mixup=press_ctrl_c)
    (finished,) = caught.value.finished
    check_same([finished], seeds_of(seeds=[3], mixup=press_ctrl_c))
    assert caught.value.run.history == []


def test_checkpoints_are_where_the_call_says(threads, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = seeds_of(executor=threads, checkpoint="digits.pt")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "digits-seed0.pt",
        "digits-seed3.pt",
        "digits-seed5.pt",
    ]
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    asked = []
    monkeypatch.setattr(module, "fit", lambda **given: asked.append(given) or fit(**given))
    check_same(seeds_of(executor=threads, checkpoint=tmp_path / "digits.pt"), found)
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert all(given["checkpoint"].path.parent == tmp_path for given in asked)
    # A process of a pool, or a machine of Dask, may have another working folder.
    seeds_of(seeds=[3], executor=threads, checkpoint="digits.pt")
    assert asked[-1]["checkpoint"].path == tmp_path / "digits-seed3.pt"


def test_one_bar_over_the_seeds(threads, capfd):
    seeds_of(executor=threads, progress=True)
    shown = capfd.readouterr().err
    assert "seeds: 100%" in shown
    assert "seed 3" not in shown


def test_refuses_workers_beside_an_executor(threads):
    with pytest.raises(
        ValueError, match=r"workers must be 1 where there is an executor.*workers=2"
    ):
        seeds_of(executor=threads, workers=2)


@pytest.mark.parametrize("executor", [3, "processes"])
def test_refuses_what_is_no_executor(executor):
    with pytest.raises(TypeError, match=r"executor must be a concurrent\.futures\.Executor"):
        seeds_of(executor=executor)

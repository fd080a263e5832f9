"""Jobs and runs of a study, and seeds of `fit_seeds`, on a Dask scheduler, or on none."""

from concurrent.futures import BrokenExecutor, Executor

import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster
from studies.made_up import TINY, a_record, options, untimed

import mixupbook as mb
from mixupbook._executors import ExecutorError
from mixupbook.studies import __main__ as images_command
from mixupbook.studies import elsewhere, scheduler, store
from mixupbook.studies.atlas import __main__ as command
from mixupbook.studies.atlas.atlas_maps import MAPS
from mixupbook.studies.atlas.atlas_parts import Measured
from mixupbook.studies.atlas.atlas_record import AtlasRecord


@pytest.fixture(scope="module")
def cluster():
    """In this process, with two threads: what matters here is that jobs go there, and come back."""
    with LocalCluster(
        1, processes=False, threads_per_worker=2, dashboard_address=":0", protocol="tcp"
    ) as local:
        yield local


def test_without_a_scheduler_there_are_workers():
    with scheduler.jobs(3, None) as at_once:
        assert at_once == 3


def test_jobs_go_to_the_scheduler(cluster):
    with scheduler.jobs(1, cluster.scheduler_address) as at_once:
        pool = joblib.Parallel(n_jobs=at_once)
        assert type(pool._backend).__name__ == "DaskDistributedBackend"
        assert pool(joblib.delayed(abs)(-i) for i in range(5)) == [0, 1, 2, 3, 4]


def test_a_map_is_made_there(cluster, monkeypatch, tmp_path):
    def measure(seed):
        return Measured(np.full((2, 1), 0.1), np.full((2, 1), seed / 10), np.array([seed, -1]))

    fields = {"dims": {"lam": (1.0, 0.7)}, "seeds": (0, 1, 2), "steps": (5,), "measure": measure}
    one = MAPS["overlap"].__class__(name="overlap", title="made up", setting={}, **fields)
    monkeypatch.setitem(MAPS, "overlap", one)
    asked = ["overlap", "--scheduler", cluster.scheduler_address, "--out", str(tmp_path)]
    assert command.main(asked) == 0
    found = store.load_as(AtlasRecord, "atlas", tmp_path).maps["overlap"]
    assert found.rare == (0.0, 0.1, 0.2, 0.0, 0.1, 0.2)


def test_a_scheduler_that_does_not_answer_is_an_error(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(scheduler, "SECONDS", 0.5)
    asked = ["overlap", "--scheduler", "tcp://127.0.0.1:9", "--out", str(tmp_path)]
    assert command.main(asked) == 1
    assert "127.0.0.1:9" in capsys.readouterr().err


@pytest.fixture
def there(cluster, monkeypatch, tmp_path, capsys):
    """Runs the command of image networks with the scheduler; returns its status, and its words."""
    monkeypatch.setitem(images_command.STUDIES, "tiny", TINY)
    elsewhere._images.cache_clear()
    given = ["tiny", *options(tmp_path), "--device", "cpu"]

    def called(*arguments, at=cluster.scheduler_address):
        status = images_command.main([*given, *(["--scheduler", at] if at else []), *arguments])
        shown = capsys.readouterr()
        return status, shown.out + shown.err

    return called


def test_runs_of_image_networks_are_made_there(there, tmp_path):
    assert there()[0] == 0
    made_there = store.load("tiny", tmp_path / "out")
    assert made_there.missing() == []
    assert there("--work", str(tmp_path / "w"), "--out", str(tmp_path / "o"), at=None)[0] == 0
    assert untimed(made_there) == untimed(store.load("tiny", tmp_path / "o"))
    # All is there: no scheduler is asked.
    assert there(at="tcp://127.0.0.1:9")[0] == 0


def test_other_images_under_the_same_path_are_read_anew(there, tmp_path):
    assert there()[0] == 0
    path = tmp_path / "images.npz"
    arrays = dict(np.load(path))
    np.savez(path, **{**arrays, "x_train": 255 - arrays["x_train"]})
    places = ["--work", str(tmp_path / "w"), "--out", str(tmp_path / "o")]
    assert there(*places)[0] == 0
    digests = [store.load("tiny", tmp_path / out).data.digest for out in ("out", "o")]
    assert digests[0] != digests[1]


def test_images_that_a_worker_cannot_read_are_named_with_the_worker(there, monkeypatch):
    def gone(file, train, test):
        raise FileNotFoundError(f"no file {file}")

    monkeypatch.setattr(elsewhere, "study_images", gone)
    status, shown = there()
    assert status == 1
    assert "error: the worker on" in shown
    assert "cannot read the images: no file" in shown


def test_a_worker_that_died_is_told_with_a_hint():
    class Dies(Executor):
        def submit(self, run, task):
            raise BrokenExecutor

    record = a_record()
    with pytest.raises(ExecutorError, match="died; its log says why: each worker needs this"):
        list(elsewhere.made(elsewhere.orders(record, record.missing(), None, "cpu"), Dies()))


def test_rechecks_are_made_here(there):
    status, shown = there("--recheck", "mixup")
    assert status == 1
    assert "scheduler must be left out here" in shown


def test_a_worker_that_would_make_runs_otherwise_is_refused_and_what_is_done_kept(
    there, monkeypatch, tmp_path
):
    environment, calls = elsewhere.environment, []

    def changing(device):
        calls.append(device)
        found = environment(device)
        return found if len(calls) <= 4 else found | {"torch": "1.0"}

    monkeypatch.setattr(elsewhere, "environment", changing)
    status, shown = there()
    assert status == 1
    assert "would not make this run as it would be made here: its version of torch must be" in shown
    assert shown.endswith("got '1.0'\n")
    assert not (tmp_path / "out" / "tiny.json").exists()
    begun = len(store.load("tiny", tmp_path / "work").runs)
    assert begun >= 1
    monkeypatch.undo()
    monkeypatch.setitem(images_command.STUDIES, "tiny", TINY)
    status, shown = there()
    assert status == 0
    assert f"[1/{2 * len(TINY.arms) - begun}]" in shown


def test_minutes_and_a_scheduler_are_refused(there):
    status, shown = there("--minutes", "5")
    assert status == 1
    assert "minutes must be left out with a scheduler" in shown


def test_seeds_of_fit_go_there_too(cluster):
    data = mb.load_digits(test=200)
    settings = {"epochs": 1, "batch_size": 50, "lr": 0.05, "progress": False}
    with Client(cluster), joblib.parallel_config(backend="dask"):
        runs = mb.fit_seeds(data, "small_convnet", seeds=range(2), workers=2, **settings)
    alone = [mb.fit(data, "small_convnet", seed=seed, **settings) for seed in range(2)]
    assert [run.test_error for run in runs] == [run.test_error for run in alone]

"""Sweeps over stores that were damaged, functions that hold something, and what is refused."""

import functools
import re
import warnings
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest
import torch
from theory.sweep_cases import GRID, MODEL, ONE_RUN, same, small

import mixupbook as mb
from mixupbook._executors import ExecutorError, finished


def chunks(store, name="loss"):
    return sorted((store / "all.zarr" / "shape-0" / name / "c").rglob("*/0"))


def test_a_chunk_that_is_gone_is_made_again(tmp_path):
    expected = small(store=tmp_path, memory=ONE_RUN)
    chunks(tmp_path)[3].unlink()
    next((tmp_path / "all.zarr" / "shape-0" / "diverged_at" / "c").glob("7")).unlink()
    plan = small(store=tmp_path, memory=ONE_RUN, explain=True)
    assert plan.attrs["missing_blocks"] == 2
    assert same(small(store=tmp_path, memory=ONE_RUN), expected)
    assert small(store=tmp_path, memory=ONE_RUN, explain=True).attrs["missing_blocks"] == 0


@pytest.mark.parametrize("keep", [0, 20, -4])
def test_a_damaged_chunk_is_named_and_can_be_made_again(tmp_path, keep):
    expected = small(store=tmp_path, memory=ONE_RUN)
    (chunk,) = [one for one in chunks(tmp_path) if one.parent.name == "5"]
    content = chunk.read_bytes()
    chunk.write_bytes(content[:keep] + bytes(len(content[keep:])))
    with pytest.raises(ValueError, match=r"store has a damaged file, '.*loss/c/5/0'.*remove it"):
        small(store=tmp_path, memory=ONE_RUN)
    chunk.unlink()
    assert same(small(store=tmp_path, memory=ONE_RUN), expected)


def test_a_creation_that_was_interrupted_is_ended(tmp_path, monkeypatch):
    import zarr

    monkeypatch.setattr(zarr.Group, "require_group", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        small(store=tmp_path, part=(0, 2))
    monkeypatch.undo()
    with pytest.raises(ValueError, match="holds another sweep: its steps is 30"):
        small(store=tmp_path, steps=31)
    assert same(small(store=tmp_path), small())


def test_what_is_no_store_of_a_sweep(tmp_path):
    import zarr

    (tmp_path / "file").touch()
    for explain in (True, False):
        with pytest.raises(NotADirectoryError, match="store must be a folder, got the file"):
            small(store=tmp_path / "file", explain=explain)
    zarr.create_group(tmp_path / "other" / "all.zarr")
    with pytest.raises(ValueError, match=r"holds 'all\.zarr', which no sweep wrote"):
        small(store=tmp_path / "other")
    small(store=tmp_path / "kept")
    (tmp_path / "kept" / "all.zarr" / "zarr.json").write_text("{")
    with pytest.raises(ValueError, match=r"damaged file, '.*all\.zarr/zarr\.json'.*remove it"):
        small(store=tmp_path / "kept")


@pytest.mark.parametrize("place", ["shape-0", "shape-0/loss", "shape-0/diverged_at"])
def test_a_damaged_description_is_named_and_can_be_made_again(tmp_path, place):
    expected = small(store=tmp_path)
    file = tmp_path / "all.zarr" / place / "zarr.json"
    file.write_text("")
    with pytest.raises(ValueError, match=f"store has a damaged file, '.*{place}/zarr.json'"):
        small(store=tmp_path)
    file.unlink()
    assert same(small(store=tmp_path), expected)


def test_the_order_of_names_belongs_to_a_store(tmp_path):
    small(store=tmp_path)
    with pytest.raises(ValueError, match="holds another sweep: its over is"):
        small(store=tmp_path, over=dict(reversed(GRID.items())))


def near(data, share):
    return torch.rand(len(data), len(data), generator=torch.Generator().manual_seed(3)) < share


class Share:
    def __init__(self, share):
        self.share = share

    def __call__(self, data):
        return near(data, self.share)


PARTNERS = {
    "a closure": lambda share: lambda data: near(data, share),
    "a default": lambda share: lambda data, share=share: near(data, share),
    "a partial": lambda share: functools.partial(near, share=share),
    "an object": Share,
}


@pytest.mark.parametrize("kind", PARTNERS)
def test_functions_are_known_by_what_they_hold(tmp_path, kind):
    build = PARTNERS[kind]
    found = small(store=tmp_path, over={"partners": [build(0.5)]})
    assert same(small(store=tmp_path, over={"partners": [build(0.5)]}), found)
    with pytest.raises(ValueError, match="holds another sweep: a function of the same name does"):
        small(store=tmp_path, over={"partners": [build(0.6)]})


def test_a_function_that_cannot_be_told_apart_has_no_store(tmp_path):
    import threading

    lock = threading.Lock()

    def locked(data):
        with lock:
            return near(data, 0.5)

    with pytest.raises(ValueError, match=r"store must tell functions apart, and .*lock is a lock"):
        small(store=tmp_path, over={"partners": [locked]})
    assert small(over={"partners": [locked]}).partners.size == 1


def test_namesakes_have_coordinates_of_their_own():
    build = PARTNERS["a closure"]
    found = small(over={"partners": [build(0.4), build(0.6)]})
    first, second = found.partners.values
    assert second == f"{first}#2"


def test_numbers_of_numpy_are_those_of_python(tmp_path):
    expected = small(store=tmp_path, examples=20, lr=0.5, rare=(1, 1))
    given = {"examples": np.int64(20), "lr": np.float32(0.5), "rare": (np.int64(1), np.int8(1))}
    assert same(small(store=tmp_path, **given), expected)


def test_netcdf_and_back(tmp_path):
    import xarray as xr

    found = small(seeds=[0, 3])
    found.to_netcdf(tmp_path / "found.nc", engine="scipy")
    with xr.open_dataset(tmp_path / "found.nc", engine="scipy") as there:
        assert np.array_equal(there.loss.values, found.loss.values)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"over": {"lam": [0.6, 0.6]}}, ValueError, "over['lam'] must be all different, got 0.6"),
        ({"rare": (1, 2, 3)}, ValueError, "rare must be a number, or a pair of one for each class"),
        (
            {"rare": (19, 0)},
            ValueError,
            "noise_std = 0.1, lam = 0.6, seed 0: rare must be",
        ),
        (
            {"over": {"rare": [2, (19, 0)]}},
            ValueError,
            "invalid point, rare = (19, 0), seed 0: rare",
        ),
        ({"store": ""}, ValueError, "store must be a folder, got ''"),
        (
            {"over": {"partners": ["all", "common_rare"]}, "rare": 0},
            ValueError,
            "over has an invalid point, partners = 'common_rare', seed 0: partners must keep",
        ),
        ({"seeds": 3}, TypeError, "seeds must be several values, such as [0, 1], got 3"),
        ({"seeds": [2**63 - 5]}, ValueError, "seeds must be below 2^63 - 1000, got 9223372036"),
    ],
)
def test_refused_before_anything_runs(changes, error, message, tmp_path):
    with pytest.raises(error, match=re.escape(message)):
        small(**{"store": tmp_path / "kept", **changes})
    assert not (tmp_path / "kept").exists()


def test_test_errors_beyond_the_range_are_warned_of():
    loud = mb.FeatureNoise(40, 4, 0.1, 0.2, 1, 1e18, layout="same")
    over = {"model": [MODEL, loud]}
    settings = {"init_std": 1e-18, "steps": 1, "lr": 1e-30, "dtype": torch.float32}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = small(over=over, **settings)
    gaps = found.rare_error.isnull().any("step").values | found.common_error.isnull().any("step")
    alive = found.diverged_at.values < 0
    said = any("not finite: test errors of" in str(one.message) for one in caught)
    assert said == bool((gaps.values & alive).any())


class Client:
    def submit(self, *_):
        raise AssertionError("never asked")

    def get_executor(self):
        """As Dask's."""


def test_a_client_is_told_what_to_give():
    with pytest.raises(TypeError, match=r"Executor, or None, .*client\.get_executor\(pure=False"):
        small(executor=Client())


def test_an_executor_that_is_shut_down_on_the_way():
    pool = ThreadPoolExecutor(1)

    def shut_down(data):
        pool.shutdown(wait=False, cancel_futures=True)
        return near(data, 0.5)

    with pytest.raises(RuntimeError, match=r"called off a task|takes no task"):
        small(executor=pool, over={"partners": [shut_down], "lam": [0.6, 0.7]}, memory=ONE_RUN)


class Late(Executor):
    """Ends all tasks when the last is there, the failed one first."""

    def __init__(self, tasks):
        self.waiting, self.tasks = [], tasks

    def submit(self, call, /, *args):
        future = Future()
        self.waiting.append((future, call, args))
        if len(self.waiting) == self.tasks:
            for each, do, given in reversed(self.waiting):
                try:
                    each.set_result(do(*given))
                except ArithmeticError as error:
                    each.set_exception(error)
        return future


def test_what_succeeded_is_handed_out_before_an_error_is_raised():
    got = {}
    with pytest.raises(ZeroDivisionError):
        got.update(finished(lambda x: 1 / x, [(x, x) for x in (1, 2, 4, 0)], Late(4)))
    assert got == {1: 1.0, 2: 0.5, 4: 0.25}


def test_a_submission_that_fails_loses_nothing_that_is_done():
    class Full(Executor):
        count = 0

        def submit(self, call, /, *args):
            self.count += 1
            if self.count == 3:
                raise RuntimeError("no room")
            future = Future()
            future.set_result(call(*args))
            return future

    got = {}
    with pytest.raises(ExecutorError, match="takes no task: no room"):
        got.update(finished(abs, [(x, x) for x in range(5)], Full()))
    assert got == {0: 0, 1: 1}


def test_threads_leave_warnings_and_the_number_of_threads_alone():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    filters = list(warnings.filters)
    with ThreadPoolExecutor(3) as pool:
        small(executor=pool, memory=ONE_RUN)
    assert warnings.filters == filters
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def test_explained_seconds_know_schedules():
    """A sweep whose Mixup stops at once takes about as long as standard training."""
    settings = {"over": {}, "examples": 60, "steps": 4000, "explain": True, "record_every": 4000}
    seconds = small(**settings).attrs["seconds"]
    stopped = mb.sweep(
        MODEL, mb.PairMixup(stop_step=1), seeds=[0, 3], progress=False, width=3, **settings
    ).attrs["seconds"]
    assert stopped > 0
    assert seconds > 0


def test_odd_sizes_end_bit_for_bit_where_they_end_alone():
    objectives = [mb.Standard(), mb.PairMixup(0.7), mb.PatchDropping(0.3), mb.PairCutMix(2)]
    objectives += [mb.InputNoise(0.1), mb.ExpectedMixup(), mb.PairMixup(0.8, stop_step=3)]
    for patches, dimension, examples, width in [(3, 40, 20, 5), (5, 50, 31, 7)]:
        model = mb.FeatureNoise(dimension, patches, 0.2, 0.2, 1, 0.15)
        over = {"objective": objectives, "activation": ["square", 1.5, "linear"]}
        settings = {"steps": 6, "record_every": 3, "width": width, "dtype": torch.float64}
        sizes = {"examples": examples, "test_examples": 33}
        found = mb.sweep(
            model, mb.Standard(), over=over, seeds=[0, 1], progress=False, **settings, **sizes
        )
        for number, objective in enumerate(objectives):
            for other, activation in enumerate(over["activation"]):
                alone = mb.descend(
                    model.sample(examples, seed=1, rare=round(0.2 * examples)),
                    objective,
                    test=model.sample(33, seed=1001, rare=16),
                    seed=1,
                    activation=activation,
                    **settings,
                )
                point = found.isel(objective=number, activation=other, seed=1)
                for name, variable in alone.data_vars.items():
                    assert np.array_equal(point[name].values, variable.values[0]), name

"""Sweeps: each run as `descend` alone has it, kept in a store, resumed, divided, and refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from theory.sweep_cases import GRID, MODEL, ONE_RUN, SMALL, same, small
from theory.theory_reference import exactly

import mixupbook as mb
from mixupbook.theory.sweeps import sweep as front
from mixupbook.theory.sweeps.sweep_blocks import block_runs, run_task
from mixupbook.theory.sweeps.sweep_grid import checked_grid

SEPARATE = sys.executable, str(Path(__file__).parent / "sweep_cases.py")


def alone(model, objective, seed, rare, examples=20, test_examples=60, **changes):
    """What `descend` makes of one point and seed, the samples as the docstring says."""
    settings = {name: SMALL[name] for name in ("steps", "record_every", "width", "lr", "dtype")}
    return mb.descend(
        model.sample(examples, seed=seed, rare=rare),
        objective,
        test=model.sample(test_examples, seed=1000 + seed, rare=test_examples // 2),
        seed=seed,
        **settings | changes,
    )


def check_alike(point, single):
    for name, variable in single.data_vars.items():
        values = point[name].values
        if name == "noise_memorisation":
            values, beyond = np.split(values, [single.sizes["example"]], axis=-1)
            assert np.isnan(beyond).all()
        assert np.array_equal(values, variable.values[0]), name


def test_points_are_single_runs_bit_for_bit():
    over = {
        "noise_std": [0.1, 0.2],
        "dimension": [40, 57],
        "lam": [0.6, 1.0],
        "examples": [20, 31],
        "lr": [0.1, 0.4],
        "width": [3, 4],
    }
    found = small(over=over)
    assert found.loss.dims == (*over, "seed", "step")
    assert found.attrs["over"] == ", ".join(over)
    random = np.random.default_rng(1)
    for _ in range(12):
        point = {name: random.choice(values).item() for name, values in over.items()}
        seed = random.choice(SMALL["seeds"]).item()
        model = mb.FeatureNoise(
            point["dimension"], 4, 0.1, 0.2, 1, point["noise_std"], layout="same"
        )
        changes = {name: point[name] for name in ("examples", "lr", "width")}
        rare = round(0.1 * point["examples"])
        single = alone(model, mb.PairMixup(point["lam"]), seed, rare, **changes)
        check_alike(found.sel({**point, "seed": seed}), single)


def test_objectives_layouts_and_activations_vary_too():
    objectives = [mb.Standard(), mb.PairMixup(0.7), mb.PairCutMix(3), mb.PatchDropping(0.5)]
    over = {"objective": objectives, "layout": ["same", "distinct"], "activation": ["square", 2]}
    found = small(over=over, rare="balanced")
    assert list(found.layout.values) == ["same", "distinct"]
    assert list(found.activation.values) == ["square", "2"]
    assert "PairCutMix(keep=3" in str(found.objective.values[2])
    for number, objective in enumerate(objectives):
        model = mb.FeatureNoise(40, 4, 0.1, 0.2, 1, 0.15, layout="distinct")
        single = alone(model, objective, 3, (1, 1), activation=2)
        point = found.isel(objective=number).sel(layout="distinct", activation="2", seed=3)
        check_alike(point, single)


def test_rare_examples_and_models_may_vary():
    models = [MODEL, mb.FeatureNoise(40, 5, 0.3, 0.2, 1, 0.15)]
    found = small(over={"model": models, "rare": [None, 2, (1, 2)], "label_lam": [None, 0.9]})
    assert list(found.rare.values) == ["None", "2", "(1, 2)"]
    point = found.isel(model=1).sel(rare="None", label_lam="0.9", seed=0)
    check_alike(point, alone(models[1], mb.PairMixup(label_lam=0.9), 0, 6))
    point = found.isel(model=0).sel(rare="(1, 2)", label_lam="None", seed=3)
    check_alike(point, alone(models[0], mb.PairMixup(), 3, (1, 2)))


def test_blocks_of_any_size_and_precision_find_the_same():
    expected = small()
    for memory in (ONE_RUN, 500_000, 2**31):
        assert same(small(memory=memory), expected)
    rounded = small(dtype=torch.float32)
    assert np.allclose(rounded.loss, expected.loss, rtol=1e-4)


def test_no_names_vary_nothing_but_seeds():
    found = small(over={})
    assert found.loss.dims == ("seed", "step")
    check_alike(found.sel(seed=3), alone(MODEL, mb.PairMixup(), 3, 2))


def test_larger_runs_make_smaller_blocks():
    points = checked_grid(
        MODEL,
        mb.Standard(),
        {"dimension": [50, 500], "examples": [50, 500]},
        [0],
        {name: SMALL[name] for name in ("width", "lr", "test_examples")}
        | {"examples": 20, "rare": None, "init_std": 0.1, "activation": "square"},
    ).points
    runs = [block_runs(point, 2**28, 4) for point in points]
    assert runs[0] > runs[1] > runs[3] >= 1
    assert runs[0] > runs[2] > runs[3]
    assert block_runs(points[0], ONE_RUN, 8) == 1


class Counted(list):
    """The tasks that have been run; one of them may be told to fail."""

    at, error = None, None

    def stop(self, at, error):
        self.at, self.error = at, error

    def run(self, task):
        self.append(task)
        if len(self) == self.at:
            raise self.error
        return run_task(task)


@pytest.fixture
def counted(monkeypatch):
    tasks = Counted()
    monkeypatch.setattr(front, "run_task", tasks.run)
    return tasks


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(28, "No space left on device"), RuntimeError("lost")]
)
def test_whatever_ends_it_finished_blocks_are_kept(tmp_path, counted, error):
    counted.stop(4, error)
    with pytest.raises(type(error)) as caught:
        small(store=tmp_path / "kept", memory=ONE_RUN)
    assert caught.value.__notes__ == ["3 of 12 blocks were done: the store has them"]
    found = small(store=tmp_path / "kept", memory=ONE_RUN)
    assert len(counted) == 4 + 9
    assert same(found, small())
    counted.clear()
    assert same(small(store=tmp_path / "kept", memory=ONE_RUN), found)
    assert counted == []


def test_without_a_store_what_was_done_is_lost(counted):
    counted.stop(2, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt) as caught:
        small(memory=ONE_RUN)
    assert caught.value.__notes__ == ["1 of 12 blocks were done: without a store they are lost"]


def test_killed_ten_times_and_resumed(tmp_path):
    ended = subprocess.run(
        [*SEPARATE, str(tmp_path / "kept"), "10"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    done, agrees = ended.stdout.rsplit(" ", 1)
    counts = [int(count) for count in done.strip("[]").split(",")]
    assert counts == sorted(counts)
    assert counts[-1] > 0
    assert agrees == "True\n"


def test_parts_meet_in_the_store(tmp_path, counted):
    store = tmp_path / "kept"
    for i in range(3):
        part = small(store=store, memory=ONE_RUN, part=(i, 3))
        assert int(part.done.sum()) == 4 * (i + 1)
        assert np.isnan(part.loss.where(~part.done, drop=True)).all()
        assert not np.isnan(part.loss.where(part.done)).all()
    assert len(counted) == 12
    whole = small(store=store, memory=ONE_RUN)
    assert len(counted) == 12
    assert "done" not in whole
    assert same(whole, small())


def test_a_part_that_died_is_made_good_by_the_call_that_joins(tmp_path):
    small(store=tmp_path, memory=ONE_RUN, part=(1, 2))
    assert same(small(store=tmp_path, memory=ONE_RUN), small())


def test_explained_nothing_runs_for_real_or_is_written(tmp_path):
    store = tmp_path / "kept"
    plan = small(store=store, memory=ONE_RUN, explain=True)
    assert not store.exists()
    assert not plan.done.any()
    assert plan.attrs["networks"] == plan.attrs["missing_networks"] == 12
    assert plan.attrs["missing_blocks"] == 12
    assert plan.attrs["seconds"] > 0
    assert plan.attrs["store_bytes"] == 12 * 8 * (3 * (4 + 4 + 20) + 1)
    small(store=store, memory=ONE_RUN, part=(0, 4))
    plan = small(store=store, memory=ONE_RUN, explain=True)
    assert (plan.attrs["missing_networks"], int(plan.done.sum())) == (9, 3)
    small(store=store, memory=ONE_RUN)
    assert small(store=store, memory=ONE_RUN, explain=True).attrs["seconds"] == 0


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"over": GRID | {"lam": [0.6, 0.8]}}, "over"),
        ({"seeds": [0, 4]}, "seeds"),
        ({"steps": 31}, "steps"),
        ({"lr": 0.3}, "lr"),
        ({"memory": 2}, "memory"),
        ({"dtype": torch.float32}, "dtype"),
    ],
)
def test_a_store_of_another_sweep_is_refused_with_what_differs(tmp_path, changes, name):
    small(store=tmp_path, part=(0, 2), memory=ONE_RUN)
    with pytest.raises(ValueError, match=f"holds another sweep: its {name} is .*, and here it is"):
        small(**{"store": tmp_path, "memory": ONE_RUN, **changes})


def test_a_store_of_other_source_is_refused(tmp_path, monkeypatch):
    from mixupbook.theory.sweeps import sweep_results

    small(store=tmp_path)
    monkeypatch.setattr(sweep_results, "_source", lambda: {"theory.walk": "changed"})
    with pytest.raises(ValueError, match="holds another sweep: its source is "):
        small(store=tmp_path)


def some(data):
    return torch.ones(len(data), len(data), dtype=torch.bool)


def test_functions_are_told_apart_by_what_they_do(tmp_path):
    every = {"over": {"partners": [some]}, "store": tmp_path}
    found = small(**every)
    assert list(found.partners.values) == ["some"]
    other = lambda data: torch.eye(len(data), dtype=torch.bool)  # noqa: E731
    other.__qualname__ = "some"
    with pytest.raises(ValueError, match="holds another sweep: a function of the same name does"):
        small(**every | {"over": {"partners": [other]}})


def test_a_store_has_one_writer(tmp_path, counted):
    from mixupbook._files import locked

    with locked(tmp_path / "all.zarr", "store"), pytest.raises(ValueError, match="is in use by"):
        small(store=tmp_path)


def test_a_store_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="file"):
        small(store=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_store_is_read_by_xarray_alone(tmp_path):
    import xarray as xr

    found = small(store=tmp_path)
    kept = xr.open_zarr(tmp_path / "all.zarr" / "shape-0", consolidated=False)
    assert kept.status.values.tolist() == [1] * 12
    assert np.array_equal(kept.loss.values.reshape(2, 3, 2, 3), found.loss.values)


def test_runs_that_diverge_are_named_and_the_others_unharmed():
    with pytest.warns(RuntimeWarning) as caught:
        found = small(over={"lr": [0.4, 1e9, 1e8]}, memory=ONE_RUN)
    assert [str(one.message) for one in caught] == [
        "diverged: lr = 1000000000.0, seed 0; lr = 1000000000.0, seed 3; lr = 100000000.0, seed 0; "
        "lr = 100000000.0, seed 3; a smaller lr or init_std may help"
    ]
    assert np.isnan(found.loss.sel(lr=1e9, step=30)).all()
    check_alike(found.sel(lr=0.4, seed=3), alone(MODEL, mb.PairMixup(), 3, 2))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"over": {"lam": [0.6, 1.2]}},
            ValueError,
            "over has an invalid point, lam = 1.2: lam must lie in [0, 1], got 1.2",
        ),
        (
            {"over": {"patches": [4, 1], "lam": [0.6]}},
            ValueError,
            "over has an invalid point, patches = 1, lam = 0.6: patches must be at least 1 + "
            "noise_patches = 2, got 1",
        ),
        (
            {"over": {"width": [4, 2.5]}},
            TypeError,
            "over has an invalid point, width = 2.5: width must be an integer, got 2.5",
        ),
        (
            {"over": {"steps": [10, 20]}},
            ValueError,
            "over has an invalid point, steps = 10: steps is the same in all runs: every step on "
            "the way is recorded",
        ),
        (
            {"over": {"objective": [mb.PairMixup(), mb.PairCutMix(5)]}},
            ValueError,
            "over has an invalid point, objective = PairCutMix(keep=5, label_lam=None, "
            "start_step=None, stop_step=None, partners='all'): keep must be at most the number of "
            "patches, 4, got 5",
        ),
        (
            {"over": {"rare": [2, 21]}},
            ValueError,
            "over has an invalid point, rare = 21: rare must be at most examples = 20, got 21",
        ),
        (
            {"over": {"rare": ["all"]}},
            ValueError,
            "over has an invalid point, rare = 'all': rare must be a number, a pair of them or "
            "'balanced', got 'all'",
        ),
        ({"over": {"lam": []}}, ValueError, "over['lam'] must hold at least one value, got none"),
        (
            {"over": {"lam": 0.7}},
            TypeError,
            "over['lam'] must be several values, such as [0.6, 0.7], got 0.7",
        ),
        (
            {"over": ["lam"]},
            TypeError,
            "over must be a dict of names and their values, got ['lam']",
        ),
        ({"seeds": []}, ValueError, "seeds must hold at least one value, got none"),
        ({"seeds": [1, 1]}, ValueError, "seeds must be all different, got 1 twice"),
        ({"seeds": [-1]}, ValueError, "seeds must be at least 0, got -1"),
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"lr": 0}, ValueError, "lr must lie in (0, inf), got 0"),
        ({"test_examples": 1}, ValueError, "test_examples must be at least 2, got 1"),
        ({"memory": 0}, ValueError, "memory must be at least 1, got 0"),
        ({"explain": 1}, TypeError, "explain must be True or False, got 1"),
        (
            {"part": (2, 2), "store": "x"},
            ValueError,
            "part must be a pair (i, n) with 0 <= i < n, got (2, 2)",
        ),
        (
            {"part": 3, "store": "x"},
            TypeError,
            "part must be a pair (i, n) with 0 <= i < n, got 3",
        ),
        (
            {"part": (0, 2)},
            ValueError,
            "part needs a store, in which the parts meet, got store=None",
        ),
        (
            {"executor": 4},
            TypeError,
            "executor must be a concurrent.futures.Executor, or None, got 4",
        ),
    ],
)
def test_wrong_arguments(changes, error, message, counted):
    with pytest.raises(error, match=exactly(message)):
        small(**changes)
    assert counted == []


def test_names_that_cannot_vary_are_listed():
    with pytest.raises(ValueError, match=r"no 'lamb' among what can vary with PairMixup: .* 'lam'"):
        small(over={"lamb": [0.6]})
    with pytest.raises(ValueError, match="no 'lam' among what can vary with Standard"):
        mb.sweep(MODEL, mb.Standard(), over=GRID)
    with pytest.raises(TypeError, match="model must be a FeatureNoise, got PatchData"):
        mb.sweep(MODEL.sample(4, seed=0), mb.Standard(), over={})


def test_some_variables_are_kept_alone(tmp_path):
    some = {"variables": ["rare_error", "loss"], "store": tmp_path}
    found = small(**some)
    assert list(found) == ["loss", "rare_error", "diverged_at"]
    assert found.rare_error.equals(small().rare_error)
    assert same(small(**some), found)
    with pytest.raises(ValueError, match="holds another sweep: its variables is"):
        small(store=tmp_path)
    with pytest.raises(ValueError, match=r"variables must be one of 'loss', .* mean 'loss'"):
        small(variables=["los"])
    with pytest.raises(TypeError, match=exactly("variables must be a list of names, got 'loss'")):
        small(variables="loss")

"""Arguments of `descend`: given once or for each run, in kinds of all sorts, or refused."""

import itertools
from collections import deque

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from theory.theory_reference import MODEL, SETTINGS, TEST, TRAIN, exactly, random_data

import mixupbook as mb
from mixupbook.theory import runs


def without(settings, name):
    return {key: value for key, value in settings.items() if key != name}


def test_shared_arguments_are_the_same_for_all_runs():
    by_run = mb.descend([TRAIN] * 3, [mb.Standard()] * 3, test=[TEST] * 3, seed=[0, 1, 0])
    shared = mb.descend(TRAIN, mb.Standard(), test=TEST, seed=(0, 1, 0))
    xr.testing.assert_identical(by_run, shared)
    assert np.array_equal(shared.train_error[0], shared.train_error[2])
    assert not np.array_equal(shared.loss[0], shared.loss[1])
    from_array = mb.descend(TRAIN, mb.Standard(), test=TEST, seed=np.array([0, 1, 0]))
    xr.testing.assert_identical(from_array, shared)


ONE_RATE = {
    "NumPy, no dimensions": np.array(0.25),
    "NumPy scalar": np.float32(0.25),
    "torch": torch.tensor(0.25),
    "torch with gradient": torch.tensor(0.25, requires_grad=True),
    "xarray": xr.DataArray(0.25),
    "Python": 0.25,
}


@pytest.mark.parametrize("lr", ONE_RATE.values(), ids=ONE_RATE)
def test_a_number_is_a_number_in_whatever_kind(lr):
    settings = without(SETTINGS, "lr")
    result = mb.descend(TRAIN, mb.Standard(), lr=lr, seed=[4, 5], **settings)
    assert result.attrs["lr"] == 0.25
    xr.testing.assert_identical(
        result, mb.descend(TRAIN, mb.Standard(), lr=[0.25] * 2, seed=[4, 5], **settings)
    )


TWO_SEEDS = {
    "list": [4, 5],
    "tuple": (4, 5),
    "range": range(4, 6),
    "NumPy": np.array([4, 5], dtype=np.uint8),
    "NumPy objects": np.array([4, 5], dtype=object),
    "torch": torch.tensor([4, 5]),
    "pandas": pd.Series([4, 5], index=[7, 3]),
    "pandas index": pd.Index([4, 5]),
    "xarray": xr.DataArray([4, 5], dims="run"),
    "deque": deque([4, 5]),
    "values of a dictionary": {"a": 4, "b": 5}.values(),
    "a list of numbers in arrays": [np.array(4), torch.tensor(5)],
}


@pytest.mark.parametrize("seed", TWO_SEEDS.values(), ids=TWO_SEEDS)
def test_sequences_of_all_kinds_give_a_value_for_each_run(seed):
    result = mb.descend(TRAIN, mb.Standard(), seed=seed, **SETTINGS)
    assert result.attrs["seed"] == [4, 5]
    assert [type(value) for value in result.attrs["seed"]] == [int, int]


@pytest.mark.parametrize("kind", [list, tuple, pd.Series, lambda x: np.array(x, dtype=object)])
def test_data_and_objectives_come_in_sequences_too(kind):
    objectives, trains = [mb.Standard(), mb.PairMixup()], [TRAIN, MODEL.sample(11, seed=3)]
    found = mb.descend(kind(trains), kind(objectives), test=kind([TEST, TEST]), **SETTINGS)
    expected = mb.descend(trains, objectives, test=TEST, **SETTINGS)
    xr.testing.assert_identical(found, expected)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ((seed for seed in range(2)), "generator"),
        (itertools.count(), "count"),
        (map(int, "01"), "map"),
        ({0, 1}, "set"),
        ({0: 1}, "dict"),
        (xr.Dataset({"seed": ("run", [0, 1])}), "Dataset"),
    ],
)
@pytest.mark.parametrize("name", ["train", "objective", "test", "lr", "seed"])
def test_what_has_no_order_or_no_length_is_refused(name, value, kind):
    arguments = {"train": TRAIN, "objective": mb.Standard(), name: value}
    message = (
        f"{name} must be one value, or a sequence with one for each run, got {kind} "
        r"\(list\(\.\.\.\) makes a sequence\)"
    )
    with pytest.raises(TypeError, match=message):
        mb.descend(**arguments)


def test_apples_gpu_is_left_for_its_lack_of_float64(monkeypatch):
    monkeypatch.setattr(runs, "resolve_device", lambda device: torch.device("mps"))
    result = mb.descend(TRAIN, mb.Standard(), **SETTINGS)
    assert result.attrs["device"] == "cpu"
    with pytest.raises(ValueError, match=r"device must have float64, .* Apple's GPU .*got 'mps'"):
        mb.descend(TRAIN, mb.Standard(), device="mps", **SETTINGS)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"steps": 0}, ValueError, exactly("steps must be at least 1, got 0")),
        ({"steps": 2.5}, TypeError, exactly("steps must be an integer, got 2.5")),
        ({"width": 0}, ValueError, exactly("width must be at least 1, got 0")),
        ({"lr": 0}, ValueError, exactly("lr must lie in (0, inf), got 0")),
        ({"lr": -0.1}, ValueError, exactly("lr must lie in (0, inf), got -0.1")),
        ({"lr": float("nan")}, ValueError, exactly("lr must be finite, got nan")),
        ({"lr": "fast"}, TypeError, exactly("lr must be a real number, got 'fast'")),
        ({"init_std": -0.1}, ValueError, exactly("init_std must lie in [0, inf), got -0.1")),
        ({"record_every": 0}, ValueError, exactly("record_every must be at least 1, got 0")),
        ({"seed": -1}, ValueError, exactly("seed must be at least 0, got -1")),
        ({"seed": 0.5}, TypeError, exactly("seed must be an integer, got 0.5")),
        (
            {"seed": []},
            ValueError,
            exactly("seed must hold at least one run, got an empty sequence"),
        ),
        (
            {"seed": np.array([])},
            ValueError,
            exactly("seed must hold at least one run, got an empty sequence"),
        ),
        ({"seed": True}, TypeError, exactly("seed must be an integer, got True")),
        ({"seed": [1.0, 2.0]}, TypeError, exactly("seed must be an integer, got 1.0")),
        ({"seed": 2**63}, ValueError, exactly("seed must be below 2^63, got 9223372036854775808")),
        ({"lr": [[0.1, 0.2]]}, TypeError, exactly("lr must be a real number, got [0.1, 0.2]")),
        (
            {"lr": np.array([[0.1]])},
            TypeError,
            exactly("lr must be a real number, got array([[0.1]])"),
        ),
        (
            {"lr": torch.tensor(1.0, device="meta")},
            ValueError,
            exactly("lr must hold values, got a tensor on the device 'meta'"),
        ),
        ({"lr": pd.DataFrame({"lr": [0.1]})}, TypeError, "lr must be a real number, got"),
        ({"lr": None}, TypeError, exactly("lr must be a real number, got None")),
        ({"lr": b"12"}, TypeError, exactly("lr must be a real number, got b'12'")),
        ({"width": np.array(3)}, TypeError, exactly("width must be an integer, got array(3)")),
        (
            {"dtype": torch.float16},
            ValueError,
            exactly("dtype must be torch.float32 or torch.float64, got torch.float16"),
        ),
        (
            {"dtype": "float32"},
            TypeError,
            exactly("dtype must be torch.float32 or torch.float64, got 'float32'"),
        ),
        (
            {"dtype": [torch.float32]},
            TypeError,
            exactly("dtype must be torch.float32 or torch.float64, got [torch.float32]"),
        ),
        (
            {"dtype": np.array([1, 2])},
            TypeError,
            exactly("dtype must be torch.float32 or torch.float64, got array([1, 2])"),
        ),
        ({"return_weights": 1}, TypeError, exactly("return_weights must be True or False, got 1")),
        (
            {"train": MODEL},
            TypeError,
            exactly(
                "train must be PatchData, or a sequence of them, got FeatureNoise (its "
                "method sample draws them)"
            ),
        ),
        ({"device": "abacus"}, ValueError, "device must be .*got 'abacus'"),
        ({"device": "cuda:99"}, ValueError, "device must be .*got 'cuda:99'"),
        ({"device": "meta"}, ValueError, "device must be .*got 'meta'"),
        ({"device": 3.5}, TypeError, "device must be .*got 3.5"),
        ({"progress": "yes"}, TypeError, exactly("progress must be True or False, got 'yes'")),
        (
            {"train": TRAIN.x},
            TypeError,
            exactly("train must be PatchData, or a sequence of them, got Tensor"),
        ),
        (
            {"train": [TRAIN, None]},
            TypeError,
            exactly("train must be PatchData, or a sequence of them, got NoneType"),
        ),
        (
            {"train": [TRAIN, MODEL.sample(7, seed=0)]},
            ValueError,
            exactly(
                "train must have the same shape in all runs: run 0 has (11, 4, 23), run 1 "
                "has (7, 4, 23)"
            ),
        ),
        (
            {"train": random_data(5, 2, 3)},
            ValueError,
            exactly("train must have at least 4 dimensions, got 3"),
        ),
        (
            {"test": "yes"},
            TypeError,
            exactly("test must be PatchData, or a sequence of them, got str"),
        ),
        (
            {"test": random_data(7, 4, 22)},
            ValueError,
            exactly("test must have patches and dimension as in train, (4, 23), got (4, 22)"),
        ),
        (
            {"test": [TEST, MODEL.sample(31, seed=0, rare=0)]},
            ValueError,
            exactly("test must hold rare examples in all runs or in none, got none in run 1"),
        ),
        (
            {"test": [MODEL.sample(31, seed=0, rare=31), TEST]},
            ValueError,
            exactly("test must hold common examples in all runs or in none, got none in run 0"),
        ),
        (
            {"test": random_data(7, 3, 23)},
            ValueError,
            exactly("test must have patches and dimension as in train, (4, 23), got (3, 23)"),
        ),
        (
            {"objective": "mixup"},
            TypeError,
            exactly(
                "objective must be Standard, PairMixup, ExpectedMixup, PairCutMix, PatchDropping "
                "or InputNoise, or a sequence of them, got 'mixup'"
            ),
        ),
        (
            {"objective": mb.Standard},
            TypeError,
            exactly(
                "objective must be Standard, PairMixup, ExpectedMixup, PairCutMix, PatchDropping "
                "or InputNoise, or a sequence of them, got the class Standard: call it, "
                "Standard(...)"
            ),
        ),
        (
            {"objective": [mb.Standard(), mb.PairMixup]},
            TypeError,
            exactly(
                "objective must be Standard, PairMixup, ExpectedMixup, PairCutMix, PatchDropping "
                "or InputNoise, or a sequence of them, got the class PairMixup: call it, "
                "PairMixup(...)"
            ),
        ),
        (
            {"objective": int},
            TypeError,
            exactly(
                "objective must be Standard, PairMixup, ExpectedMixup, PairCutMix, PatchDropping "
                "or InputNoise, or a sequence of them, got <class 'int'>"
            ),
        ),
        (
            {"seed": [0, 1], "lr": [0.1, 0.2, 0.3]},
            ValueError,
            exactly(
                "sequences must have one entry for each run, got 3 in lr, 2 in seed (each "
                "combination of two lists is a run of its own: itertools.product lists "
                "them)"
            ),
        ),
    ],
)
def test_wrong_arguments(changes, error, message):
    arguments = {"train": TRAIN, "objective": mb.Standard(), **SETTINGS, **changes}
    with pytest.raises(error, match=message):
        mb.descend(**arguments)

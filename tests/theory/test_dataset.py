"""The dataset that `descend` returns: attributes, plain kinds, and files of it."""

import json

import numpy as np
import pytest
import xarray as xr
from theory.theory_reference import SETTINGS, TEST, TRAIN

import mixupbook as mb


def test_attributes_hold_the_parameters_and_the_dataset_is_plain():
    objectives = [mb.PairMixup(0.7), mb.PairMixup(0.6, partners=same_label)]
    result = mb.descend(TRAIN, objectives, seed=[3, 4], **SETTINGS)
    attrs = json.loads(json.dumps(result.attrs))
    expected = {
        "lr": 0.1,
        "seed": [3, 4],
        "examples": 11,
        "patches": 4,
        "dimension": 23,
        "width": 3,
        "init_std": 0.3,
        "steps": 7,
        "record_every": 3,
        "dtype": "float32",
        "test_examples": 0,
    }
    assert {name: attrs[name] for name in expected} == expected
    standard, same_label_only = json.loads(attrs["objective"])
    assert standard == repr(mb.PairMixup(0.7))
    assert "partners=same_label" in same_label_only
    assert list(attrs)[-1] == "descent"
    assert attrs["descent"] in ("GramDescent", "DirectDescent")
    assert xr.Dataset.from_dict(json.loads(json.dumps(result.to_dict()))).identical(result)
    assert result.seed.values.tolist() == [3, 4]


def same_label(data):
    return data.y[:, None] == data.y[None, :]


def test_numbers_of_numpy_are_shown_as_numbers():
    objectives = [mb.PairMixup(lam) for lam in np.linspace(0.5, 1, 2)]
    attrs = mb.descend(TRAIN, objectives, **{**SETTINGS, "lr": np.float32(0.5)}).attrs
    assert json.loads(attrs["objective"]) == [repr(mb.PairMixup(lam)) for lam in (0.5, 1.0)]
    assert type(attrs["lr"]) is float


class Unhashable:
    """A callable object that compares by value, and so has no hash."""

    __hash__ = None

    def __init__(self, keep):
        self.keep = keep

    def __eq__(self, other):
        return isinstance(other, Unhashable) and self.keep == other.keep

    def __call__(self, data):
        return same_label(data) if self.keep else ~same_label(data)


def test_partners_need_no_hash():
    masks = [Unhashable(True), Unhashable(False), Unhashable(True)]
    result = mb.descend(TRAIN, [mb.PairMixup(partners=mask) for mask in masks], **SETTINGS)
    named = [mb.PairMixup(partners=name) for name in ("same_label", "other_label", "same_label")]
    xr.testing.assert_equal(result, mb.descend(TRAIN, named, **SETTINGS))
    shown = json.loads(result.attrs["objective"])
    assert [text.split("partners=")[1] for text in shown] == [
        "Unhashable)",
        "Unhashable#2)",
        "Unhashable)",
    ]


def test_functions_without_a_name_of_their_own_are_told_apart():
    one, two = (lambda data, k=k: data.y[:, None] >= data.y - k for k in (0, 1))
    objectives = [mb.PairMixup(partners=partners) for partners in (one, two, one, same_label)]
    found = json.loads(mb.descend(TRAIN, objectives, **SETTINGS).attrs["objective"])
    assert found[0] == found[2]
    assert found[1] == found[0].replace("<lambda>", "<lambda>#2")
    assert found[3].endswith("partners=same_label)")


@pytest.mark.parametrize(
    ("objective", "seed"),
    [(mb.Standard(), 2**31 - 1), ([mb.Standard(), mb.PairMixup(partners=same_label)], [3, 4])],
)
def test_netcdf_gives_back_what_it_was_given(objective, seed, tmp_path):
    result = mb.descend(TRAIN, objective, test=TEST, seed=seed, return_weights=True, **SETTINGS)
    result.to_netcdf(tmp_path / "result.nc", engine="scipy")
    back = xr.load_dataset(tmp_path / "result.nc", engine="scipy")
    xr.testing.assert_equal(back, result)
    assert list(back.attrs) == list(result.attrs)
    for name, value in result.attrs.items():
        assert np.array_equal(back.attrs[name], value), name
    assert back.attrs["test_examples"] == 31


def test_netcdf_3_refuses_seeds_it_has_no_integers_for(tmp_path):
    result = mb.descend(TRAIN, mb.Standard(), seed=2**63 - 1, **SETTINGS)
    assert result.seed.values.tolist() == [result.attrs["seed"]] == [2**63 - 1]
    with pytest.raises(ValueError, match="could not safely cast"):
        result.to_netcdf(tmp_path / "result.nc", engine="scipy")

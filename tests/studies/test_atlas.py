"""The atlas: its maps measure what they say, its record is whole, its command goes on."""

import dataclasses

import numpy as np
import pytest
import torch

import mixupbook as mb
from mixupbook.studies import store
from mixupbook.studies.atlas import __main__ as command
from mixupbook.studies.atlas import atlas_methods, many_classes, special_maps
from mixupbook.studies.atlas.atlas_criteria import FASTER, METHODS_FAIL, METHODS_LEARN
from mixupbook.studies.atlas.atlas_maps import MAPS, grid_map
from mixupbook.studies.atlas.atlas_parts import REFERENCE, Measured, noise_std
from mixupbook.studies.atlas.atlas_record import AtlasRecord, MapRecord

FOLDER = store.FOLDER / "atlas"


def test_a_ratio_is_that_of_noise_to_examples():
    assert noise_std(0.16, 100, 400) ** 2 * 400 / 100 == pytest.approx(0.16)


def test_a_grid_map_is_what_descend_finds():
    small = dataclasses.replace(REFERENCE, dimension=40)
    one = grid_map(
        "small",
        "small",
        {"noise_std": (0.1, 0.2), "lam": (1.0, 0.7)},
        model=small,
        examples=20,
        steps=(50, 120),
    )
    found = one.measure(3)
    model = dataclasses.replace(small, noise_std=0.2)
    train = model.sample(20, seed=3, rare=(1, 1))
    test = model.sample(1000, seed=1003, rare=500)
    alone = mb.descend(
        train, mb.PairMixup(0.7), test=test, width=6, lr=0.4, steps=120, seed=3, record_every=10
    )
    kept = alone.sel(step=[50, 120])
    assert np.allclose(found.rare[3], kept.rare_error.values[0], atol=2e-3)
    assert np.allclose(found.common[3], kept.common_error.values[0], atol=2e-3)
    assert one.dims == {"noise_std": (0.1, 0.2), "lam": (1.0, 0.7)}


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_rare_features_meet_the_common_ones_in_part(share):
    models = [dataclasses.replace(REFERENCE, layout=layout) for layout in ("same", "distinct")]
    same, apart = (model.sample(60, seed=1, rare=(5, 5)) for model in models)
    mixed = special_maps.meeting(same, apart, share)
    at_first = mixed.x[mixed.is_rare][:, 0, 2:4].sum(dim=1)
    assert at_first.sum() == 10 * share
    assert torch.equal(mixed.x[~mixed.is_rare], same.x[~mixed.is_rare])
    assert torch.equal(mixed.x[mixed.is_rare][:, :, 2:4].sum(dim=(1, 2)), torch.ones(10))


def test_drawn_settings_are_the_same_and_cover_the_range():
    settings = special_maps.drawn_settings()
    assert settings == special_maps.drawn_settings()
    assert len(settings) == 60
    standard = sum(isinstance(one.objective, mb.Standard) for one in settings)
    assert 5 <= standard <= 25
    for one in settings:
        assert round(one.model.rare_fraction * one.examples / 2) >= 1


def test_methods_are_measured_at_the_steps_that_they_reach():
    cheap = dataclasses.replace(atlas_methods.ALL["minibatches"], steps=200)
    found = cheap.measure(cheap, 0)
    assert found.rare.shape == (1, 2)
    assert found.learned.tolist() == [-1]
    assert set((*METHODS_LEARN, *METHODS_FAIL, *FASTER)) <= set(atlas_methods.ALL)


def test_repeated_examples_weigh_more(monkeypatch):
    seen = []
    monkeypatch.setattr(
        atlas_methods, "descended", lambda method, train, test, seed: seen.append(train)
    )
    method = atlas_methods.ALL["repeated"]
    train, _ = atlas_methods.samples(method, 0)
    method.measure(method, 0)
    assert len(seen[0]) == 90 + 9 * 10
    assert seen[0].is_rare.sum() == 90
    assert torch.equal(seen[0].x[~seen[0].is_rare], train.x[~train.is_rare])


def test_two_classes_by_autograd_are_the_exact_engine():
    """The first steps of one and the same start."""
    data = many_classes.draw(2, 12, 2, seed=4)
    patches = mb.PatchData(data.x, data.y, data.is_rare)
    for lam in (1.0, 0.7):
        common, rare = many_classes.train(data, 2, lam, steps=[60, 120], test=data, seed=7)
        exact = mb.descend(
            patches,
            mb.PairMixup(lam),
            test=patches,
            width=6,
            lr=0.4,
            steps=120,
            record_every=60,
            seed=7,
        )
        assert common == pytest.approx(exact.common_error.values[0, 1:].tolist(), abs=0.06)
        assert rare == pytest.approx(exact.rare_error.values[0, 1:].tolist(), abs=0.3)


def test_more_classes_are_drawn_alike():
    data = many_classes.draw(4, 10, 3, seed=1)
    assert data.y.bincount().tolist() == [10] * 4
    assert data.is_rare.sum() == 12
    feature = data.x[:, 0, :8].argmax(dim=1)
    assert torch.equal(feature, data.y + 4 * data.is_rare)
    assert (data.x[:, 2:, :8] == 0).all()


def a_map(**changes):
    fields = {
        "title": "made up",
        "setting": {},
        "dims": {"lam": (1.0, 0.7)},
        "seeds": (0, 1),
        "steps": (100, 200),
        "common": (0.0,) * 8,
        "rare": (0.5, 0.5, 0.5, None, 0.5, 0.1, 0.5, 0.04),
        "learned": (-1, -1, -1, 150),
        "seconds": 1.0,
    }
    return MapRecord(**fields | changes)


def test_a_map_is_read_along_its_dimensions():
    found = a_map()
    rare = found.errors("rare")
    assert rare.shape == (2, 2, 2)
    assert rare[1, 1].tolist() == [0.5, 0.04]
    assert np.isnan(rare[0, 1, 1])
    assert found.time_to_learn().tolist() == [[np.inf, np.inf], [np.inf, 150]]
    with pytest.raises(ValueError, match="group must be one of 'common', 'rare'"):
        found.errors("all")


@pytest.mark.parametrize("changes", [{"rare": (0.5,) * 7}, {"learned": (1,)}, {"seeds": (0,)}])
def test_a_map_that_is_not_whole_is_refused(changes):
    with pytest.raises(ValueError, match=r"must have|at least 2"):
        a_map(**changes)


@pytest.fixture
def made(monkeypatch):
    names = []

    def make(one, _):
        names.append(one.name)
        points = int(np.prod([len(values) for values in one.dims.values()]))
        runs = points * len(one.seeds)
        return a_map(
            title=one.title,
            setting=one.setting,
            dims=one.dims,
            seeds=one.seeds,
            steps=one.steps,
            common=(0.0,) * runs * len(one.steps),
            rare=(0.5,) * runs * len(one.steps),
            learned=(-1,) * runs,
        )

    monkeypatch.setattr(command, "made", make)
    return names


def test_the_command_keeps_maps_in_order_and_makes_each_once(made, tmp_path, capsys):
    assert command.main(["overlap", "plane", "--out", str(tmp_path)]) == 0
    assert command.main(["plane", "drawn", "--out", str(tmp_path)]) == 0
    assert made == ["overlap", "plane", "drawn"]
    record = store.load_as(AtlasRecord, "atlas", tmp_path)
    assert list(record.maps) == ["plane", "overlap", "drawn"]
    assert store.state(record) == "made"
    assert capsys.readouterr().out.startswith("overlap ")


def test_a_map_that_is_not_there_is_named(tmp_path, capsys):
    assert command.main(["plains", "--out", str(tmp_path)]) == 1
    assert "map must be one of 'plane'" in capsys.readouterr().err


def test_seeds_are_put_side_by_side(monkeypatch):
    def measure(seed):
        errors = np.array([[0.1, 0.2], [0.3, np.nan]]) + seed / 100
        return Measured(errors / 10, errors, np.array([seed, -1]))

    one = dataclasses.replace(
        MAPS["overlap"], dims={"lam": (1.0, 0.7)}, seeds=(0, 1), steps=(1, 2), measure=measure
    )
    monkeypatch.setitem(MAPS, one.name, one)
    found = command.made(one, 1)
    assert found.rare == (0.1, 0.2, 0.11, 0.21, 0.3, None, 0.31, None)
    assert found.learned == (0, 1, -1, -1)

"""The feature-noise model: what is drawn, from what, and what is refused."""

import dataclasses

import pytest
import torch
from theory.theory_reference import exactly

import mixupbook as mb

PARAMETERS = {
    "dimension": 37,
    "patches": 5,
    "rare_fraction": 0.3,
    "feature_noise": 0.2,
    "noise_patches": 2,
    "noise_std": 0.15,
}


def model(**changes):
    return mb.FeatureNoise(**{**PARAMETERS, **changes})


def patch_kinds(data):
    """For each patch "feature", "foreign" or "noise", read off the examples alone."""
    kinds = []
    for example in data.x:
        row = []
        for patch in example:
            if (patch[:4] == 1).any():
                row.append("feature")
            else:
                row.append("foreign" if (patch[:4] != 0).any() else "noise")
        kinds.append(row)
    return kinds


@pytest.mark.parametrize("layout", ["random", "same", "distinct"])
def test_every_example_has_its_patches(layout):
    data = model(layout=layout).sample(101, seed=3)
    assert data.x.shape == (101, 5, 37)
    assert (data.x.dtype, data.y.dtype, data.is_rare.dtype) == (
        torch.float32,
        torch.int64,
        torch.bool,
    )
    for kinds, x, y, rare in zip(patch_kinds(data), data.x, data.y, data.is_rare, strict=True):
        assert sorted(kinds) == ["feature", "foreign", "foreign", "noise", "noise"]
        for kind, patch in zip(kinds, x, strict=True):
            near = patch[:4].tolist()
            if kind == "feature":
                assert near == [float(k == y + 2 * rare) for k in range(4)]
            elif kind == "foreign":
                assert near in ([pytest.approx(0.2), 0, 0, 0], [0, pytest.approx(0.2), 0, 0])
            assert (patch[4:] == 0).all() == (kind != "noise")


def test_layouts_place_the_feature():
    def places(layout):
        data = model(layout=layout).sample(300, seed=1)
        return torch.tensor([row.index("feature") for row in patch_kinds(data)]), data.is_rare

    at, _ = places("same")
    assert (at == 0).all()
    at, rare = places("distinct")
    assert torch.equal(at, rare.long())
    at, rare = places("random")
    for chosen in (at[rare], at[~rare]):
        counts = torch.bincount(chosen, minlength=5)
        # Uniform on five places: a fifth each, within four standard deviations.
        assert ((counts - len(chosen) / 5).abs() < 4 * (len(chosen) * 0.16) ** 0.5).all()


def test_laws_of_labels_rarity_and_noise():
    data = model(noise_std=0.5).sample(4000, seed=0)
    assert abs(data.y.double().mean() - 0.5) < 4 * 0.5 / 4000**0.5
    assert abs(data.is_rare.double().mean() - 0.3) < 4 * (0.21 / 4000) ** 0.5
    noise = data.x[:, :, 4:]
    noise = noise[(noise != 0).any(dim=2)].double()
    assert noise.shape == (8000, 33)
    assert noise.std().item() == pytest.approx(0.5, rel=0.01)
    assert abs(noise.mean()) < 4 * 0.5 / noise.numel() ** 0.5
    foreign = (data.x[:, :, :2] == torch.tensor(0.2)).sum(dim=1)
    assert foreign.sum() == 8000
    # The sign of the feature noise is a fair coin whatever the label.
    for label in (0, 1):
        of_class_one = foreign[data.y == label, 1].double()
        assert abs(of_class_one.mean() - 1) < 4 * (0.5 / len(of_class_one)) ** 0.5


def test_the_number_of_rare_examples_can_be_fixed():
    for rare in (0, 1, 7, 11):
        assert model().sample(11, seed=5, rare=rare).is_rare.sum() == rare
    drawn = torch.stack([model().sample(11, seed=s, rare=1).is_rare for s in range(200)])
    assert drawn.any(dim=0).all()
    assert model(rare_fraction=0).sample(50, seed=0).is_rare.sum() == 0
    assert model(rare_fraction=1).sample(50, seed=0).is_rare.all()


def test_samples_depend_on_the_seed_alone():
    state = torch.get_rng_state()
    one = model().sample(11, seed=4)
    with torch.random.fork_rng():
        torch.manual_seed(99)
        two = model().sample(11, seed=4)
    other = model().sample(11, seed=5)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one.x, two.x)
    assert torch.equal(one.y, two.y)
    assert torch.equal(one.is_rare, two.is_rare)
    assert not torch.equal(one.x, other.x)


def test_one_seed_compares_models():
    quiet, loud = (model(noise_std=s).sample(11, seed=4) for s in (0.25, 0.5))
    assert torch.equal(quiet.y, loud.y)
    assert torch.equal(2 * quiet.x[..., 4:], loud.x[..., 4:])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dimension": 4}, exactly("dimension must be at least 5, got 4")),
        ({"patches": 2}, exactly("patches must be at least 1 + noise_patches = 3, got 2")),
        ({"patches": 0, "noise_patches": 0}, exactly("patches must be at least 1, got 0")),
        ({"noise_patches": -1}, exactly("noise_patches must be at least 0, got -1")),
        ({"rare_fraction": 1.5}, exactly("rare_fraction must lie in [0, 1], got 1.5")),
        ({"rare_fraction": -0.1}, exactly("rare_fraction must lie in [0, 1], got -0.1")),
        ({"rare_fraction": float("nan")}, exactly("rare_fraction must be finite, got nan")),
        ({"feature_noise": 1.01}, exactly("feature_noise must lie in [0, 1], got 1.01")),
        ({"noise_std": -0.1}, exactly("noise_std must lie in [0, inf), got -0.1")),
        ({"noise_std": float("inf")}, exactly("noise_std must be finite, got inf")),
        (
            {"layout": "sane"},
            exactly(
                "layout must be one of 'random', 'same', 'distinct', got 'sane' (did you "
                "mean 'same'?)"
            ),
        ),
        (
            {"layout": "distinct", "patches": 1, "noise_patches": 0},
            exactly("patches must be at least 2 with layout 'distinct', got 1"),
        ),
    ],
)
def test_values_out_of_range(changes, message):
    with pytest.raises(ValueError, match=message):
        model(**changes)


@pytest.mark.parametrize("name", PARAMETERS)
def test_wrong_kinds(name):
    with pytest.raises(TypeError, match=f"{name} must be .*got 'many'"):
        model(**{name: "many"})


def test_samples_that_cannot_be():
    with pytest.raises(ValueError, match="rare must be at most n = 5, got 6"):
        model().sample(5, seed=0, rare=6)
    with pytest.raises(ValueError, match="rare must be at least 0, got -1"):
        model().sample(5, seed=0, rare=-1)
    with pytest.raises(TypeError, match=r"rare must be an integer, got 0\.5"):
        model().sample(5, seed=0, rare=0.5)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        model().sample(0, seed=0)
    with pytest.raises(TypeError, match="seed must be an integer, got None"):
        model().sample(5, seed=None)
    with pytest.raises(ValueError, match="seed must be at least 0"):
        model().sample(5, seed=-1)
    with pytest.raises(ValueError, match=r"seed must be below 2\^63"):
        model().sample(5, seed=2**63)


def test_edge_cases_are_fine():
    alone = model(patches=1, noise_patches=0).sample(3, seed=0)
    assert patch_kinds(alone) == [["feature"]] * 3
    silent = model(noise_std=0).sample(3, seed=0)
    assert (silent.x[..., 4:] == 0).all()
    assert model(dimension=5).sample(1, seed=0).x.shape == (1, 5, 5)


def test_models_are_values():
    assert model() == model()
    with pytest.raises(dataclasses.FrozenInstanceError):
        model().dimension = 7


GOOD = {
    "x": torch.ones(3, 2, 5),
    "y": torch.tensor([0, 1, 1]),
    "is_rare": torch.tensor([True, False, False]),
}


def test_anyone_may_build_data():
    data = mb.PatchData(GOOD["x"].double(), GOOD["y"].int(), GOOD["is_rare"])
    assert len(data) == 3


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"x": [[1.0]]}, TypeError, exactly("x must be a tensor, got list")),
        (
            {"x": torch.ones(3, 2, 5, dtype=torch.int64)},
            TypeError,
            exactly("x must be floating, got torch.int64"),
        ),
        (
            {"x": torch.ones(3, 5)},
            ValueError,
            exactly("x must have shape (n, P, d) with no empty axis, got (3, 5)"),
        ),
        (
            {"x": torch.ones(0, 2, 5)},
            ValueError,
            exactly("x must have shape (n, P, d) with no empty axis, got (0, 2, 5)"),
        ),
        (
            {"x": torch.full((3, 2, 5), float("nan"))},
            ValueError,
            exactly("x must be finite, got NaN or infinite values"),
        ),
        (
            {"x": torch.ones(3, 2, 5, device="meta")},
            ValueError,
            exactly("x must hold values, got a tensor on the device 'meta'"),
        ),
        ({"y": [0, 1, 1]}, TypeError, exactly("y must be a tensor, got list")),
        (
            {"y": torch.tensor([0.0, 1.0, 1.0])},
            TypeError,
            exactly("y must be of an integer type, got torch.float32"),
        ),
        (
            {"y": torch.tensor([False, True, True])},
            TypeError,
            exactly("y must be of an integer type, got torch.bool"),
        ),
        (
            {"y": torch.tensor([0, 1])},
            ValueError,
            exactly("y must have shape (3,), one entry for each example in x, got (2,)"),
        ),
        (
            {"y": torch.tensor([0, 1, 2])},
            ValueError,
            exactly("y must hold labels 0 and 1, got [0, 1, 2]"),
        ),
        (
            {"is_rare": torch.tensor([0, 1, 1])},
            TypeError,
            exactly("is_rare must be bool, got torch.int64"),
        ),
        (
            {"is_rare": torch.zeros(3, 1, dtype=torch.bool)},
            ValueError,
            exactly("is_rare must have shape (3,), one entry for each example in x, got (3, 1)"),
        ),
    ],
)
def test_data_that_cannot_be(changes, error, message):
    with pytest.raises(error, match=message):
        mb.PatchData(**{**GOOD, **changes})


@pytest.mark.parametrize("layout", ["random", "same", "distinct"])
def test_rare_examples_by_class(layout):
    for seed in range(20):
        data = model(layout=layout).sample(31, seed=seed, rare=(5, 3))
        assert data.y[data.is_rare].bincount().tolist() == [5, 3]
        plain = model(layout=layout).sample(31, seed=seed, rare=8)
        assert torch.equal(data.y, plain.y)
    drawn = torch.stack([model().sample(31, seed=s, rare=(1, 1)).is_rare for s in range(200)])
    assert (drawn.sum(dim=0) > 0).all()
    assert not model().sample(31, seed=0, rare=(0, 0)).is_rare.any()


def test_rare_examples_by_class_are_the_rarest_of_each():
    """As for the seed's total: fewer are a part of more."""
    few, more = (model().sample(31, seed=4, rare=rare).is_rare for rare in ((2, 3), (4, 3)))
    assert (few <= more).all()


def test_rare_by_class_is_checked():
    with pytest.raises(ValueError, match="rare must be one number, or a pair"):
        model().sample(5, seed=0, rare=(1, 1, 1))
    with pytest.raises(TypeError, match=r"rare must be an integer, got 0\.5"):
        model().sample(5, seed=0, rare=(0.5, 1))
    with pytest.raises(ValueError, match="rare must be at least 0"):
        model().sample(5, seed=0, rare=(1, -1))
    with pytest.raises(ValueError, match=r"rare must be at most .* of class 1, got \(0, 6\)"):
        model().sample(6, seed=0, rare=(0, 6))

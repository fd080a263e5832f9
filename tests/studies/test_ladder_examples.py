"""The examples of rungs: lengths, rare counts, arrangements, and whose pictures they are."""

import dataclasses

import pytest
import torch

from mixupbook.images.data.digits import load_digits
from mixupbook.images.data.images import ImageData
from mixupbook.images.data.subclasses import implant, subclass_data
from mixupbook.studies.ladder import examples
from mixupbook.studies.ladder.examples import TASKS, image_data
from mixupbook.theory.feature_noise import FeatureNoise

model, tiles, markers, subclasses = TASKS.values()
SMALL = {"dimension": 20, "examples": 40, "rare": 8}
DIGITS = {"pictures": "digits", "examples": 40, "rare": 8}
MAKERS = {
    "patches": lambda seed: model(seed, **SMALL),
    "pictures as noise": lambda seed: model(seed, **DIGITS),
    "beside": lambda seed: tiles(seed, **DIGITS),
    "on, whitened": lambda seed: tiles(seed, place="on", whitened=True, **DIGITS),
    "markers": lambda seed: markers(seed, examples=40, rare=8),
    "subclasses": lambda seed: subclasses(seed, common=6, rare=2),
}


def parts(task):
    return {"train": task.train, "test": task.test}


def are_equal(one, other):
    return all(
        torch.equal(getattr(part, name), getattr(again, name))
        for part, again in zip(parts(one).values(), parts(other).values(), strict=True)
        for name in ("x", "y", "rare")
        if getattr(part, name).shape == getattr(again, name).shape
    )


@pytest.mark.parametrize("maker", MAKERS.values(), ids=list(MAKERS))
def test_a_task_is_decided_by_its_seed(maker):
    task = maker(3)
    assert are_equal(task, maker(3))
    assert not are_equal(task, maker(4))
    for part in parts(task).values():
        assert (part.x.dtype, part.y.dtype) == (torch.float32, torch.int64)
        assert part.rare.dtype == torch.bool
        assert part.x.ndim == 3
        assert part.x.isfinite().all()
        assert part.y.unique().tolist() == list(range(task.classes))
        assert len(part.x) == len(part.y) == len(part.rare)


@pytest.mark.parametrize("maker", list(MAKERS.values())[:4], ids=list(MAKERS)[:4])
def test_as_many_are_rare_in_each_class_and_half_of_the_test_examples(maker):
    task = maker(7)
    assert (len(task.train.y), len(task.test.y)) == (40, 600)
    assert task.train.y[task.train.rare].bincount().tolist() == [4, 4]
    assert task.test.y[task.test.rare].bincount().tolist() == [150, 150]


def test_examples_of_tiles_are_balanced():
    task = tiles(5, **DIGITS)
    assert task.train.y.bincount().tolist() == [20, 20]
    assert task.test.y.bincount().tolist() == [300, 300]


@pytest.mark.parametrize("layout", ["same", "distinct"])
def test_patches_hold_a_feature_feature_noise_and_noise(layout):
    task = model(1, **SMALL, noise=5.0, feature_noise=0.3, layout=layout)
    for part in parts(task).values():
        lengths = part.x.square().sum(dim=2)
        is_noise = part.x[:, :, 4:].any(dim=2)
        place = part.rare.long() if layout == "distinct" else torch.zeros_like(part.y)
        row = torch.arange(len(part.y))
        axis = part.y + 2 * part.rare
        assert (part.x[row, place, axis] == 1).all()
        assert (lengths[row, place] == 1).all()
        assert (is_noise.sum(dim=1) == 2).all()
        assert not part.x[is_noise][:, :4].any()
        is_noise[row, place] = True
        assert lengths[~is_noise] == pytest.approx(0.09, rel=1e-5)
    noise = task.test.x[:, :, 4:].square().sum(dim=(1, 2)) / 2
    assert float(noise.mean()) == pytest.approx(5.0, rel=0.05)


def test_training_and_test_examples_are_the_models_by_seeds_of_their_own():
    task = model(3, **SMALL)
    drawn = FeatureNoise(20, 4, 0.1, 0.2, 1, (11.16 / 16) ** 0.5, layout="same")
    train = drawn.sample(40, seed=3, rare=(4, 4))
    test = drawn.sample(600, seed=10_003, rare=(150, 150))
    for part, expected in ((task.train, train), (task.test, test)):
        assert torch.equal(part.x, expected.x)
        assert torch.equal(part.y, expected.y)
        assert torch.equal(part.rare, expected.is_rare)


@pytest.mark.parametrize("options", [SMALL, DIGITS], ids=["Gaussian", "digits"])
def test_arrangements_move_the_same_numbers(options):
    patches, overlay, dense = (
        model(2, **options, arrangement=name) for name in ("patches", "overlay", "dense")
    )
    for one, laid, whole in zip(
        *(parts(t).values() for t in (patches, overlay, dense)), strict=True
    ):
        assert torch.equal(whole.x[:, 0], one.x.flatten(1))
        assert whole.x.shape[1] == 1
        torch.testing.assert_close(laid.x.sum(dim=1), one.x.sum(dim=1))
        assert torch.equal(laid.x[:, :, :4], one.x[:, :, :4])
        assert not laid.x[:, 1:, 4:].any()
        for other in (laid, whole):
            assert torch.equal(other.y, one.y)
            assert torch.equal(other.rare, one.rare)


def unit(pictures):
    pictures = pictures.flatten(1)
    return pictures / pictures.norm(dim=1, keepdim=True)


def sources(pictures):
    """Which of the digits these are: the split of each and its number there; both are unique."""
    data = image_data("digits")
    likeness = unit(pictures) @ unit(torch.cat([data.x_train, data.x_test])).T
    found = likeness.max(dim=1)
    assert (found.values > 1 - 1e-6).all()
    return found.indices


def pictures_of_model(options, split):
    noise = parts(model(6, **options))[split].x[:, :, 4:]
    return noise[noise.any(dim=2)]


def pictures_of_tiles(options, split):
    return parts(tiles(6, **options))[split].x[:, 1]


@pytest.mark.parametrize("pictures", [pictures_of_model, pictures_of_tiles])
def test_pictures_of_training_and_of_test_are_never_the_same(pictures):
    options = DIGITS | {"noise": 3.0}
    train, test = (pictures(options, split) for split in ("train", "test"))
    for part in (train, test):
        torch.testing.assert_close(part.square().sum(dim=1), torch.full((len(part),), 3.0))
    assert (sources(train) < 1200).all()
    assert (sources(test) >= 1200).all()
    assert len(sources(train).unique()) == len(train)
    assert len(train) == 80 if pictures is pictures_of_model else 40


def test_pictures_replace_the_noise_and_nothing_else():
    with_pictures, without = model(4, **DIGITS), model(4, dimension=68, examples=40, rare=8)
    for part, plain in zip(parts(with_pictures).values(), parts(without).values(), strict=True):
        assert torch.equal(part.x[:, :, :4], plain.x[:, :, :4])
        assert torch.equal(part.x.any(dim=2), plain.x.any(dim=2))
        assert torch.equal(part.y, plain.y)
        assert torch.equal(part.rare, plain.rare)


def test_markers_are_orthonormal_and_tell_class_and_rarity():
    task = tiles(8, **DIGITS)
    by_group = []
    for rare in (False, True):
        for label in (0, 1):
            of_group = [p.x[(p.y == label) & (p.rare == rare), 0] for p in parts(task).values()]
            shown = torch.cat(of_group).unique(dim=0)
            assert len(shown) == 1
            by_group.append(shown[0])
    markers = torch.stack(by_group)
    torch.testing.assert_close(markers @ markers.T, torch.eye(4), atol=1e-6, rtol=0)
    # A quarter of the digits' 8 x 8 pixels; of larger pictures six by six.
    assert not markers.view(4, 8, 8)[:, 4:].any()
    assert not markers.view(4, 8, 8)[:, :, 4:].any()


def test_on_is_the_sum_of_what_is_beside():
    beside, on = tiles(9, **DIGITS), tiles(9, **DIGITS, place="on")
    for part, summed in zip(parts(beside).values(), parts(on).values(), strict=True):
        assert torch.equal(summed.x, part.x.sum(dim=1, keepdim=True))
        assert torch.equal(summed.y, part.y)
        assert torch.equal(summed.rare, part.rare)


def test_whitened_pictures_have_pixels_that_are_uncorrelated_and_vary_alike():
    mean, whitener = examples._whitener("digits")
    pictures = image_data("digits").x_train.flatten(1)
    before = torch.cov(pictures.T.double())
    after = torch.cov(((pictures - mean) @ whitener).T.double())
    values, vectors = torch.linalg.eigh(before)
    within = vectors.T @ after @ vectors
    expected = torch.diag(values / (values + 1e-3 * values[-1]))
    torch.testing.assert_close(within, expected, atol=1e-4, rtol=0)
    assert ((pictures - mean) @ whitener).mean(dim=0).abs().max() < 1e-4
    # Directions are kept, and most of them have the same share.
    torch.testing.assert_close(whitener, whitener.T, atol=1e-4, rtol=1e-4)
    assert (within.diag() > 0.9).sum() > 40
    assert (values[-40:] < 0.1 * values[-1]).sum() > 20


def test_whitened_pictures_are_the_same_ones_at_the_same_length():
    plain, whitened = tiles(2, **DIGITS), tiles(2, **DIGITS, whitened=True)
    mean, whitener = examples._whitener("digits")
    for part, white in zip(parts(plain).values(), parts(whitened).values(), strict=True):
        assert torch.equal(part.x[:, 0], white.x[:, 0])
        lengths = white.x[:, 1].square().sum(dim=1)
        torch.testing.assert_close(lengths, torch.full_like(lengths, examples.NOISE))
        digits = image_data("digits")
        chosen = torch.cat([digits.x_train, digits.x_test]).flatten(1)[sources(part.x[:, 1])]
        torch.testing.assert_close(unit(white.x[:, 1]), unit((chosen - mean) @ whitener))


def test_markers_on_digits_are_implanted():
    task = markers(3, examples=30, rare=6)
    data = implant(load_digits(train=30, test=1000, seed=3), seed=3, rare=6)
    for split, part in parts(task).items():
        assert torch.equal(part.x, getattr(data, f"x_{split}").flatten(1)[:, None])
        assert torch.equal(part.y, getattr(data, f"y_{split}"))
        assert torch.equal(part.rare, getattr(data, f"group_{split}") == 1)
    assert task.train.y[task.train.rare].bincount().tolist() == [3, 3]
    assert task.classes == 2


def test_subclasses_are_those_of_all_digits():
    task = subclasses(3, common=7, rare=2)
    digits = image_data("digits")
    data = subclass_data(digits, seed=3, common=7, rare=2, superclasses=5)
    for split, part in parts(task).items():
        assert torch.equal(part.x, getattr(data, f"x_{split}").flatten(1)[:, None])
        assert torch.equal(part.y, getattr(data, f"y_{split}"))
        assert torch.equal(part.rare, getattr(data, f"group_{split}") == 1)
    assert task.train.y[task.train.rare].bincount().tolist() == [2] * 5
    assert task.train.y.bincount().tolist() == [9] * 5
    assert task.classes == 5


def numbered(train, test):
    """Pictures of one grey each, all different, in place of those that would be downloaded."""
    greys = torch.linspace(0.1, 1, train + test)[:, None, None, None].expand(-1, 1, 28, 28)
    labels = torch.arange(train + test) % 10
    names = [str(label) for label in range(10)]
    return ImageData(greys[:train], labels[:train], greys[train:], labels[train:], classes=names)


def test_some_of_many_pictures_are_drawn_by_the_seed(monkeypatch):
    data = numbered(50, 90)
    monkeypatch.setattr(examples, "image_data", {"fashion": data}.__getitem__)
    found = examples._part("fashion", 3, 20, 60)
    for split, count in (("train", 20), ("test", 60)):
        there, drawn = (getattr(each, f"x_{split}")[:, 0, 0, 0] for each in (data, found))
        place = (drawn[:, None] == there).nonzero()[:, 1]
        assert len(place) == len(place.unique()) == count
        assert torch.equal(getattr(found, f"y_{split}"), getattr(data, f"y_{split}")[place])
    again, other = (examples._part("fashion", seed, 20, 60) for seed in (3, 4))
    assert torch.equal(found.x_train, again.x_train)
    assert not torch.equal(found.x_train, other.x_train)


def test_larger_pictures_have_markers_of_six_by_six(monkeypatch):
    monkeypatch.setattr(examples, "image_data", {"fashion": numbered(50, 600)}.__getitem__)
    shown = tiles(0, examples=20, rare=4).train.x[:, 0].view(20, 28, 28)
    assert shown[:, :6, :6].all(dim=0).all()
    assert torch.equal(shown.count_nonzero(dim=(1, 2)), torch.full((20,), 36))
    assert model(0, pictures="fashion", examples=20, rare=4).train.x.shape == (20, 4, 788)


def test_images_are_digits_or_fashion_mnist(monkeypatch):
    digits = image_data("digits")
    assert (len(digits.x_train), len(digits.x_test)) == (1200, 597)
    assert image_data("digits") is digits
    monkeypatch.setattr(examples, "load_fashion_mnist", lambda **options: options)
    assert image_data.__wrapped__("fashion") == {"progress": False}


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("model", {"arrangement": "overlaid"}, r"arrangement must be.*did you mean 'overlay'\?"),
        ("model", {"pictures": "digit"}, r"images must be.*did you mean 'digits'\?"),
        ("model", {"layout": "some"}, r"layout must be.*did you mean 'same'\?"),
        ("tiles", {"pictures": "cifar"}, "images must be one of 'digits', 'fashion', got 'cifar'"),
        ("tiles", {"place": "under"}, "place must be one of 'beside', 'on', got 'under'"),
        ("markers", {"images": "cifar"}, "images must be one of 'digits', 'fashion', got 'cifar'"),
        ("subclasses", {"images": "x"}, "images must be one of 'digits', 'fashion', got 'x'"),
    ],
)
def test_names_that_are_not_known_are_refused(task, options, message):
    with pytest.raises(ValueError, match=message):
        TASKS[task](0, **options)


def test_examples_cannot_be_exchanged():
    task = model(0, **SMALL)
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.train.x = task.test.x

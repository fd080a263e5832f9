"""Common and rare features on images: what is drawn, and what is left as it was."""

import numpy as np
import pytest
import torch

import mixupbook as mb


def numbered(train=60, test=33, classes=6, shape=(2, 5, 7)):
    """Images that are told apart by their first pixel."""
    x_train, x_test = torch.rand(train, *shape), torch.rand(test, *shape)
    return mb.ImageData(
        x_train,
        torch.arange(train) % classes,
        x_test,
        torch.arange(test) % classes,
        classes=[f"class {number}" for number in range(classes)],
    )


DATA = numbered()


def places(images, among):
    """Where each image stands among others."""
    same = (images[:, None] == among[None]).flatten(2).all(dim=2)
    assert same.sum(dim=1).eq(1).all()
    return same.int().argmax(dim=1)


@pytest.mark.parametrize(("superclasses", "common", "rare"), [(2, 5, 1), (3, 10, 10), (2, 1, 7)])
def test_superclasses_are_of_a_common_and_a_rare_class(superclasses, common, rare):
    drawn = mb.subclass_data(DATA, seed=3, common=common, rare=rare, superclasses=superclasses)
    assert len(drawn.classes) == superclasses
    for split in ("train", "test"):
        index = places(getattr(drawn, f"x_{split}"), getattr(DATA, f"x_{split}"))
        assert len(index.unique()) == len(index)
        labels, groups = getattr(drawn, f"y_{split}"), getattr(drawn, f"group_{split}")
        for label, name in enumerate(drawn.classes):
            for group, old_name in enumerate(name.split(" or ")):
                old = DATA.classes.index(old_name)
                found = index[(labels == label) & (groups == group)]
                assert (getattr(DATA, f"y_{split}")[found] == old).all()
                in_all = int((DATA.y_test == old).sum())
                assert len(found) == ((common, rare)[group] if split == "train" else in_all)


def test_a_seed_draws_classes_and_images():
    draws = [
        mb.subclass_data(DATA, seed=seed, common=4, rare=2, superclasses=2) for seed in (0, 0, 1)
    ]
    assert torch.equal(draws[0].x_train, draws[1].x_train)
    assert draws[0].classes == draws[1].classes != draws[2].classes


@pytest.mark.parametrize("layout", ["same", "distinct"])
@pytest.mark.parametrize(("rare", "size"), [(2, 2), (7, 3), (60, 3)])
def test_a_marker_alone_tells_the_class(layout, rare, size):
    settings = {"seed": 1, "rare": rare, "strength": 0.8, "size": size, "layout": layout}
    made = mb.implant(DATA, **settings)
    assert made.group_train.bincount(minlength=2).tolist() == [60 - rare, rare]
    assert made.group_test.bincount().tolist() == [17, 16]
    kinds = 2 * made.group_train + made.y_train
    counts = kinds.bincount(minlength=4)
    assert counts[2] - counts[3] in (0, 1)
    assert counts[0] - counts[1] in (0, 1)

    # Undo the map to [0, 1]: least squares on the pixels that no marker reaches.
    untouched = torch.ones(5, 7, dtype=torch.bool)
    untouched[:size, :size] = False
    untouched[5 - size :, 7 - size :] = False
    old, new = DATA.x_train[..., untouched].flatten(), made.x_train[..., untouched].flatten()
    scale, shift = np.polyfit(old.double(), new.double(), 1)
    assert (
        made.x_train[..., untouched] - (scale * DATA.x_train + shift)[..., untouched]
    ).abs().max() < 1e-5
    markers = (made.x_train - shift) / scale - DATA.x_train
    at_end = (made.group_train == 1) & (layout == "distinct")
    first = markers[:, :, :size, :size]
    last = markers[:, :, 5 - size :, 7 - size :]
    seen = torch.where(at_end[:, None, None, None], last, first)
    assert (seen[:, 0] - seen[:, 1]).abs().max() < 1e-5  # alike in every channel
    seen = seen[:, 0].flatten(1)
    kinds_there = kinds.unique()
    each = torch.stack([seen[kinds == kind].mean(dim=0) for kind in kinds_there])
    assert (seen - each[torch.searchsorted(kinds_there, kinds)]).abs().max() < 1e-5
    torch.testing.assert_close(each @ each.T, 0.64 * torch.eye(len(each)), atol=1e-4, rtol=0)


def test_the_same_markers_on_test_images_and_by_the_same_seed():
    made, again, other = (mb.implant(DATA, seed=seed, rare=8) for seed in (2, 2, 3))
    assert torch.equal(made.x_test, again.x_test)
    assert not torch.equal(made.x_test, other.x_test)
    same_images = mb.ImageData(
        DATA.x_test, DATA.y_test, DATA.x_test, DATA.y_test, classes=DATA.classes
    )
    made = mb.implant(same_images, seed=0, rare=16)
    kinds = [2 * made.group_train + made.y_train, 2 * made.group_test + made.y_test]
    alike = kinds[0] == kinds[1]
    assert torch.equal(made.x_train[alike], made.x_test[alike])


SUBCLASSES = {"seed": 0, "common": 4, "rare": 2, "superclasses": 2}
MARKERS = {"seed": 0, "rare": 4}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"data": 3}, TypeError, "data must be ImageData, got int"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"seed": 0.5}, TypeError, "seed must be an integer"),
        ({"common": 11}, ValueError, "common must be at most 10, the training images of class"),
        ({"rare": 11}, ValueError, "rare must be at most 10, the training images of class"),
        ({"rare": 0}, ValueError, "rare must be at least 1"),
        ({"superclasses": 4}, ValueError, "superclasses must be at most 3, two of the 6 classes"),
        ({"superclasses": 1}, ValueError, "superclasses must be at least 2"),
    ],
)
def test_subclasses_that_cannot_be(change, error, message):
    arguments = {"data": DATA, **SUBCLASSES, **change}
    with pytest.raises(error, match=message):
        mb.subclass_data(arguments.pop("data"), **arguments)


def test_a_class_without_test_images_is_named():
    empty = mb.ImageData(
        DATA.x_train, DATA.y_train, DATA.x_test[:1], DATA.y_test[:1], classes=DATA.classes
    )
    with pytest.raises(ValueError, match="data must have test images of class 'class"):
        mb.subclass_data(empty, **SUBCLASSES)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"data": None}, TypeError, "data must be ImageData, got NoneType"),
        ({"rare": 1}, ValueError, "rare must be at least 2"),
        ({"rare": 61}, ValueError, "rare must be at most 60, the number of training images"),
        ({"size": 1}, ValueError, "size must be at least 2"),
        ({"size": 6}, ValueError, "size must let a marker fit into 5 x 7 pixels, got 6"),
        (
            {"size": 4, "layout": "distinct"},
            ValueError,
            "size must let two markers fit into 5 x 7 pixels, got 4",
        ),
        ({"strength": 0}, ValueError, "strength must lie in"),
        ({"layout": "some"}, ValueError, "layout must be one of 'same', 'distinct'"),
    ],
)
def test_markers_that_cannot_be(change, error, message):
    arguments = {"data": DATA, **MARKERS, **change}
    with pytest.raises(error, match=message):
        mb.implant(arguments.pop("data"), **arguments)


def test_fit_reports_the_error_of_each_group():
    digits = mb.load_digits(train=900, test=300)
    data = mb.subclass_data(digits, seed=0, common=10, rare=2, superclasses=5)
    run = mb.fit(data, "small_convnet", epochs=1, batch_size=30, lr=0.1)
    assert set(run.group_errors) == {0, 1}

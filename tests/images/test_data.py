import numpy as np
import pytest
import torch
from sklearn import datasets

from mixupbook.images.data.digits import load_digits
from mixupbook.images.data.images import ImageData


def image_data(**changes):
    parts = {
        "x_train": torch.rand(5, 2, 3, 4),
        "y_train": torch.tensor([0, 1, 2, 0, 1]),
        "x_test": torch.rand(3, 2, 3, 4),
        "y_test": torch.tensor([2, 2, 0]),
        "classes": ("a", "b", "c"),
    }
    return ImageData(**{**parts, **changes})


class TestImageData:
    def test_keeps_floating_images_and_integer_labels(self):
        x, y = torch.rand(5, 2, 3, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1]).short()
        data = image_data(x_train=x, y_train=y)
        assert data.x_train.dtype == torch.float32
        assert torch.equal(data.x_train, x.float())
        assert data.y_train.dtype == torch.int64
        assert data.image_shape == (2, 3, 4)

    def test_divides_bytes_by_255(self):
        x = torch.tensor([0, 51, 255, 128], dtype=torch.uint8).reshape(1, 1, 2, 2)
        labels = torch.tensor([1])
        data = ImageData(x, labels, x, labels, classes=["no", "yes"])
        assert data.x_train.flatten().tolist() == pytest.approx([0, 0.2, 1, 128 / 255])
        assert data.classes == ("no", "yes")

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8])
    def test_a_later_change_of_what_was_given_is_not_seen(self, dtype):
        x, y = torch.ones(5, 2, 3, 4, dtype=dtype), torch.tensor([0, 1, 2, 0, 1])
        data = image_data(x_train=x, y_train=y)
        kept = data.x_train.clone()
        x.zero_()
        y.zero_()
        assert torch.equal(data.x_train, kept)
        assert data.y_train.tolist() == [0, 1, 2, 0, 1]

    def test_groups_are_kept_and_cut_with_their_images(self):
        groups = torch.tensor([3, -1, 3, 0, 0], dtype=torch.int8)
        data = image_data(group_train=groups, group_test=torch.tensor([5, 7, 7]))
        groups.zero_()
        assert data.group_train.dtype == torch.int64
        assert data.group_train.tolist() == [3, -1, 3, 0, 0]
        first = data.first(train=2, test=2)
        assert first.group_train.tolist() == [3, -1]
        assert first.group_test.tolist() == [5, 7]

    def test_groups_are_optional_each(self):
        assert image_data().group_train is None
        data = image_data(group_test=torch.tensor([1, 0, 1])).first(4, 1)
        assert data.group_train is None
        assert data.group_test.tolist() == [1]

    def test_is_frozen(self):
        with pytest.raises(AttributeError):
            image_data().x_train = torch.rand(5, 2, 3, 4)

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"x_train": torch.rand(5, 3, 4)}, ValueError, r"x_train must have shape \(N, C, H, W"),
            ({"x_train": torch.rand(0, 2, 3, 4)}, ValueError, "x_train must hold at least one"),
            ({"x_test": torch.rand(3, 2, 3, 5)}, ValueError, "x_test must have the image shape"),
            ({"x_train": torch.rand(5, 2, 3, 4) + 1}, ValueError, r"x_train must lie in \[0, 1\]"),
            ({"x_train": torch.full((5, 2, 3, 4), torch.nan)}, ValueError, "x_train .* got .* nan"),
            ({"x_train": torch.ones(5, 2, 3, 4).int()}, TypeError, "x_train must be uint8 or flo"),
            ({"y_train": torch.rand(5)}, TypeError, "y_train must hold integers"),
            ({"y_train": torch.ones(5).bool()}, TypeError, "y_train must hold integers"),
            ({"y_train": torch.ones(4).int()}, ValueError, r"y_train must have shape \(5,\)"),
            ({"y_test": torch.tensor([0, 1, 3])}, ValueError, r"y_test must lie in 0\.\.2"),
            ({"y_test": torch.tensor([0, -1, 2])}, ValueError, r"y_test must lie in 0\.\.2"),
            (
                {"group_test": torch.rand(3)},
                TypeError,
                "group_test must hold integers, got",
            ),
            ({"group_test": torch.ones(3).bool()}, TypeError, "group_test must hold integers"),
            ({"group_train": torch.ones(3).int()}, ValueError, r"group_train .*\(5,\), one group"),
            ({"classes": ("a",)}, ValueError, "classes must name at least two"),
            ({"classes": "abc"}, TypeError, "classes must be a sequence of names"),
        ],
    )
    def test_refuses(self, changes, error, message):
        with pytest.raises(error, match=message):
            image_data(**changes)


class TestDigits:
    def test_holds_the_images_of_scikit_learn(self):
        digits = datasets.load_digits()
        known = {
            (image.tobytes(), label)
            for image, label in zip(digits.images, digits.target, strict=True)
        }
        data = load_digits(train=11, test=7, seed=3)
        images = (data.x_train * 16).double().numpy()[:, 0]
        assert images.shape == (11, 8, 8)
        assert all(
            (image.tobytes(), label) in known
            for image, label in zip(images, data.y_train.tolist(), strict=True)
        )

    def test_split_is_disjoint_and_follows_from_the_seed(self):
        everything = load_digits(train=797, test=1000, seed=5)
        rows = torch.cat([everything.x_train, everything.x_test]).flatten(1)
        digits = torch.from_numpy(datasets.load_digits().images).float().flatten(1) / 16
        assert torch.equal(*(r[np.lexsort(r.T.numpy())] for r in (rows, digits)))
        assert torch.equal(load_digits(seed=5).x_train, everything.x_train[:100])
        assert not torch.equal(load_digits(seed=6).x_train, load_digits(seed=5).x_train)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"train": 800, "test": 1000}, ValueError, r"at most 1797.*800 \+ 1000 = 1800"),
            ({"train": 0}, ValueError, "train must be at least 1"),
            ({"test": -1}, ValueError, "test must be at least 1"),
            ({"seed": -1}, ValueError, "seed must be at least 0"),
            ({"train": True}, TypeError, "train must be an integer"),
        ],
    )
    def test_refuses(self, arguments, error, message):
        with pytest.raises(error, match=message):
            load_digits(**arguments)

"""Labels of every kind, mixed as one example at a time would be; and those that are refused."""

import pytest
import torch
from mixup.mixup_reference import BATCH, CLASSES, images, labels, one_hot, seeded, slow_mix
from torch.nn.functional import cross_entropy

import mixupbook as mb

FLOATING = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
MULTI_HOT = torch.tensor([[1.0, 1, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 1]])


def mix(**settings):
    return mb.Mixup(generator=seeded(), **settings)


@pytest.mark.parametrize("per_sample", [False, True])
@pytest.mark.parametrize("num_classes", [None, 3, CLASSES])
@pytest.mark.parametrize(
    "y",
    [
        torch.softmax(torch.randn(BATCH, CLASSES, generator=seeded(2)), 1),
        (torch.rand(BATCH, 3, generator=seeded(3)) > 0.5).float(),
        torch.randn(BATCH, generator=seeded(4)),
        torch.randn(BATCH, 3, generator=seeded(5)) * 100,
        torch.rand(BATCH, 5, 4, 3, generator=seeded(6)),
        torch.zeros(BATCH, 0),
    ],
    ids=["soft", "multi-hot", "numbers", "vectors", "masks", "nothing"],
)
def test_floating_labels_of_any_shape_are_mixed_linearly(y, per_sample, num_classes):
    transform = mix(per_sample=per_sample, num_classes=num_classes)
    before = y.clone()
    draw = transform.with_generator(seeded()).draw(BATCH)
    _, targets = transform(images(), y)
    torch.testing.assert_close(targets, slow_mix(y, draw.label_lam, draw.partner))
    assert torch.equal(targets, draw.targets(y))
    assert torch.equal(y, before)


def test_multi_hot_rows_of_the_issue():
    partner = torch.tensor([1, 2, 3, 4, 0])
    targets = mb.Draw(0.5, 0.75, partner).targets(MULTI_HOT)
    assert targets[0].tolist() == [0.75, 1, 0]
    assert targets[2].tolist() == [0.75, 0, 0.75]


@pytest.mark.parametrize("per_sample", [False, True])
def test_integer_labels_become_rows(per_sample):
    y = labels()
    draw = mix(num_classes=CLASSES, per_sample=per_sample).draw(BATCH)
    expected = slow_mix(one_hot(y), draw.label_lam, draw.partner).float()
    torch.testing.assert_close(draw.targets(y), expected)
    assert draw.targets(y).dtype == torch.float32
    assert draw.targets(y, dtype=torch.float64).dtype == torch.float64


@pytest.mark.parametrize("dtype", FLOATING)
@pytest.mark.parametrize(
    "label_dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint32]
)
def test_any_floating_and_integer_dtype(dtype, label_dtype):
    y = labels().to(label_dtype)
    mixed, targets = mix(num_classes=CLASSES)(images(dtype=dtype), y)
    assert mixed.dtype == dtype
    assert targets.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(targets.sum(1), torch.ones(BATCH, dtype=targets.dtype))
    assert cross_entropy(torch.zeros(BATCH, CLASSES, dtype=dtype), targets).isfinite()


@pytest.mark.parametrize("x_dtype", FLOATING)
@pytest.mark.parametrize("y_dtype", FLOATING)
def test_floating_labels_keep_their_precision(x_dtype, y_dtype):
    y = torch.randn(65, 10, generator=seeded(1)).mul(2).softmax(dim=1).to(y_dtype)
    mixed, targets = mix()(images(65, dtype=x_dtype), y)
    assert (mixed.dtype, targets.dtype) == (x_dtype, y_dtype)


def test_rows_for_a_container_are_single_precision():
    _, targets = mix(num_classes=CLASSES)({"a": images().double()}, labels())
    assert targets.dtype == torch.float32


def test_the_least_and_the_greatest_label():
    y = torch.tensor([0, CLASSES - 1])
    _, targets = mix(num_classes=CLASSES, alpha=0)(images(2), y)
    assert torch.equal(targets, one_hot(y).float())


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (
            labels() + CLASSES - labels().max(),
            ValueError,
            r"^y must lie in 0\.\.4 \(num_classes = 5\), got labels from \d to 5; where some are "
            r"to be ignored, use draw.loss$",
        ),
        (torch.arange(-1, 6), ValueError, r"^y must lie in 0\.\.4 .*, got labels from -1 to 5"),
        (torch.tensor([0] * 6 + [-100]), ValueError, "got labels from -100 to 0; .* use draw.loss"),
        (
            labels(6),
            ValueError,
            r"^y must have one label for each of the 7 examples, shape \(7,\) or \(7, ...\), "
            r"got shape \(6,\)$",
        ),
        (torch.tensor(3), ValueError, r"for each of the 7 examples.*got shape \(\)$"),
        (torch.rand(6, 5), ValueError, r"got shape \(6, 5\)$"),
        (
            one_hot(labels()).long(),
            TypeError,
            r"^integer y must have shape \(7,\), got \(7, 5\): rows of zeros and ones are mixed as "
            r"y.float\(\); labels of pixels or words go unmixed to "
            r"draw.loss\(criterion, output, y\), or are mixed as one-hot floats$",
        ),
        (
            labels()[:, None],
            TypeError,
            r"^integer y must have shape \(7,\), got \(7, 1\): give y.squeeze\(1\), or y.float\(\) "
            r"where it holds numbers to be predicted$",
        ),
        (
            torch.zeros(BATCH, 4, 3, dtype=torch.uint8),
            TypeError,
            r"integer y must have shape \(7,\), got \(7, 4, 3\).*draw.loss.*one-hot floats",
        ),
        (
            labels() > 2,
            TypeError,
            r"^y must be integer or floating, got torch.bool: give two classes as y.long\(\), and "
            r"several labels for an example as y.float\(\)$",
        ),
        (one_hot(labels()) > 0, TypeError, r"^y must be .* got torch.bool"),
        (
            torch.zeros(BATCH, 3, dtype=torch.complex64),
            TypeError,
            "^y must be .* got torch.comp",
        ),
        (labels().tolist(), TypeError, r"^y must be a torch.Tensor, got list: give torch.as_tens"),
        (labels().numpy(), TypeError, r"^y must be a torch.Tensor, got ndarray: give torch.as_"),
        (None, TypeError, "^y must be given, as in mix"),
        ("cat", TypeError, "^y must be a torch.Tensor, got str$"),
        ((), TypeError, "^y must be a torch.Tensor, got tuple$"),
        (
            ("cat", "dog"),
            TypeError,
            r"^y must be a torch.Tensor, got strings \('cat', ...\): number the classes from 0$",
        ),
        (["cat"] * 7, TypeError, r"got strings \('cat', ...\)"),
    ],
)
def test_other_labels_are_refused(y, error, message):
    with pytest.raises(error, match=message):
        mix(num_classes=CLASSES)(images(), y)


def test_integer_labels_need_the_number_of_classes():
    message = (
        r"^num_classes must be given for integer y, as in Mixup\(num_classes=10\), got None; where "
        r"y holds numbers to be predicted, give y.float\(\)$"
    )
    with pytest.raises(ValueError, match=message):
        mix()(images(), labels())
    with pytest.raises(ValueError, match=message):
        mix().draw(images()).targets(labels())


@pytest.mark.parametrize("labels_of_the_issue", [[0, 1, 3, 2, 1, 0], [0, 1, -100, 2, 1, 0]])
def test_labels_out_of_range_are_an_error_where_they_are_seen(labels_of_the_issue):
    with pytest.raises(ValueError, match=r"y must lie in 0\.\.2 \(num_classes = 3\)"):
        mix(num_classes=3)(images(6), torch.tensor(labels_of_the_issue))

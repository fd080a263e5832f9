"""What cannot be mixed gets one message, whichever way it comes, in Mixup and in CutMix."""

import re

import numpy as np
import pytest
import torch
from mixup.mixup_reference import seeded
from torch.nn.functional import cross_entropy, one_hot

import mixupbook as mb

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")

BATCH, CLASSES = 4, 3
X = torch.rand(BATCH, 1, 6, 5, generator=seeded(1))
Y = torch.tensor([0, 2, 1, 1])
OUTPUT = torch.randn(BATCH, CLASSES, generator=seeded(2))
KINDS = [mb.Mixup, mb.CutMix]
each_kind = pytest.mark.parametrize("kind", KINDS)


def made(kind, **options):
    return kind(**{"num_classes": CLASSES, "generator": seeded(), **options})


def by_calling(mix, y):
    return mix(X, y)[1]


def by_after(mix, y):
    return mix.after(lambda samples: {"pixel_values": X, "labels": y})([0])["labels"]


def by_collate(mix, y):
    return mix.collate(list(zip(X, y, strict=True)))[1]


def by_a_draw(mix, y):
    return mix.draw(X).targets(y)


WAYS = [by_calling, by_after, by_collate, by_a_draw]
each_way = pytest.mark.parametrize("way", WAYS)

ROWS = [
    one_hot(Y, CLASSES),
    one_hot(Y, CLASSES).to(torch.int8),
    one_hot(Y, CLASSES).byte(),
    torch.zeros(BATCH, CLASSES).long(),
    torch.ones(BATCH, CLASSES).int(),
    one_hot(torch.arange(BATCH)),
    torch.full((BATCH, 2), 7),
    torch.randint(9, (BATCH, 12)),
]


@each_kind
@each_way
def test_integer_rows_are_named_whatever_is_in_them(kind, way):
    for y in ROWS:
        message = rf"^integer y must have shape \(4,\), got \(4, {y.shape[1]}\): rows of zeros and"
        with pytest.raises(TypeError, match=message + r" ones are mixed as y\.float\(\)"):
            way(made(kind), y)


@each_kind
@each_way
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_a_column_of_integers_is_named(kind, way, dtype):
    with pytest.raises(
        TypeError, match=r"^integer y must have shape \(4,\), got \(4, 1\): give y.s"
    ):
        way(made(kind), Y[:, None].to(dtype))


@each_kind
@each_way
@pytest.mark.parametrize("y", [Y > 0, one_hot(Y, CLASSES) > 0, Y + 0j])
def test_other_dtypes_are_named(kind, way, y):
    message = (
        r"^y must be integer or floating, got torch\.(bool|complex64): give two classes as y.lo"
    )
    with pytest.raises(TypeError, match=message):
        way(made(kind), y)


@each_kind
@each_way
@pytest.mark.parametrize(
    "y", [["a", "b", "c", "d"], ("a",) * 4, np.array(["a", "b", "c", "d"]), [np.str_("a")] * 4]
)
def test_strings_are_named(kind, way, y):
    message = r"^y must be a torch.Tensor, got strings \('a', ...\): number the classes from 0$"
    with pytest.raises(TypeError, match=message):
        way(made(kind), y)


@each_kind
@pytest.mark.parametrize("way", [by_calling, by_after, by_a_draw])
@pytest.mark.parametrize("y", [[0, 2, 1, 1], (0, 2, 1, 1), Y.numpy(), np.float64([1, 0, 0, 1])])
def test_what_is_no_tensor_is_told_how_it_becomes_one(kind, way, y):
    message = f"^y must be a torch.Tensor, got {type(y).__name__}: give torch.as_tensor\\(y\\)$"
    with pytest.raises(TypeError, match=message):
        way(made(kind), y)


@each_kind
@pytest.mark.parametrize("way", [by_calling, by_after, by_collate, by_a_draw])
@pytest.mark.parametrize(
    "y", [[0, 1, 2, 3], [-1, 0, 1, 2], [0, 0, -100, 0], [3, 3, 3, 3], [255, 0, 0, 0]]
)
def test_labels_out_of_range_are_named(kind, way, y):
    message = rf"^y must lie in 0..2 \(num_classes = 3\), got labels from {min(y)} to {max(y)}; wh"
    with pytest.raises(ValueError, match=message):
        way(made(kind), torch.tensor(y))


@each_kind
@each_way
def test_integers_without_the_number_of_classes_are_named(kind, way):
    with pytest.raises(ValueError, match=r"^num_classes must be given for integer y, as in Mixup"):
        way(made(kind, num_classes=None), Y)


@each_kind
@each_way
@pytest.mark.parametrize("shape", [(BATCH,), (BATCH, 1)])
def test_floats_for_two_classes_are_numbers_as_for_a_logit(kind, way, shape):
    """What binary cross entropy takes; cross entropy refuses them, in `loss` by what to give."""
    y = (Y > 0).float().reshape(shape)
    targets = way(made(kind, per_sample=True, num_classes=2), y)
    assert targets.shape == shape
    assert ((targets >= 0) & (targets <= 1)).all()


@each_kind
def test_a_compiled_mixing_says_the_same(kind):
    """Of each kind one: the messages do not depend on values."""
    mix = made(kind, partners="other_label")
    bad = [ROWS[0], Y[:, None], Y > 0, ["a"] * BATCH, Y.tolist(), Y[:3], None, torch.zeros_like(Y)]
    for y in bad:
        torch._dynamo.reset()  # after eight kinds it would compile no more
        messages = []
        for either in (mix, torch.compile(mix, backend="eager")):
            with pytest.raises((TypeError, ValueError)) as caught:
                either(X, y)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]


# Labels that cross entropy does not take.


NO_CLASSES = [*ROWS, Y[:, None], Y.float(), Y[:, None].float(), Y > 0, torch.rand(4, 2), Y + 0j]


@each_kind
@pytest.mark.parametrize("options", [{}, {"per_sample": True}, {"alpha": 0}])
@pytest.mark.parametrize(
    "criterion", [cross_entropy, torch.nn.CrossEntropyLoss(label_smoothing=0.1, reduction="none")]
)
def test_labels_that_cross_entropy_does_not_take_are_named(kind, options, criterion):
    draw = made(kind, **options).draw(X)
    for y in NO_CLASSES:
        message = (
            "y must be integer, shape (4,), or floating, shape (4, 3), for the cross entropy of "
            f"this output, got {y.dtype}, shape {tuple(y.shape)}: give classes as y.long(), and "
            "rows of zeros and ones as y.float()"
        )
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            draw.loss(criterion, OUTPUT, y)


@each_kind
@pytest.mark.parametrize(
    "criterion",
    [
        cross_entropy,
        torch.nn.CrossEntropyLoss(),
        torch.nn.CrossEntropyLoss(reduction="sum"),
        torch.nn.CrossEntropyLoss(label_smoothing=0.1),
        torch.nn.MultiMarginLoss(),
        lambda output, y: cross_entropy(output, y),
        lambda output, y: cross_entropy(output, y, reduction="none")[:2],
    ],
)
@pytest.mark.parametrize("batch", [1, BATCH])
@pytest.mark.parametrize("active", [False, True])
def test_a_criterion_that_reduced_is_named(kind, criterion, batch, active):
    if batch == 1 and criterion(OUTPUT[:1], Y[:1]).ndim:
        return  # of one loss for one example nothing was lost
    draw = made(kind, per_sample=True, alpha=float(active)).draw(X[:batch])
    message = rf"^criterion must return one loss for each example .*, shape \({batch}, ...\): give"
    with pytest.raises(ValueError, match=message):
        draw.loss(criterion, OUTPUT[:batch], Y[:batch])


# Samples.


@each_kind
@pytest.mark.parametrize(
    ("samples", "error", "says"),
    [
        ([(torch.rand(1, 6, 5), 0), (torch.rand(1, 6, 4), 1)], ValueError, "[1, 6, 4] at entry 1"),
        ([(torch.rand(1, 6, 5), 0), (torch.rand(6, 5), 1)], ValueError, "[6, 5] at entry 1"),
        ([(np.zeros((1, 2)), 0), (np.zeros((1, 3)), 1)], ValueError, "[1, 3] at entry 1"),
        ([(X[0], torch.zeros(2)), (X[1], torch.zeros(3))], ValueError, "[3] at entry 1"),
        ([(X[0], [0, 1]), (X[1], [0])], ValueError, "should be of equal size"),
        ([({"a": X[0]}, 0), ({"b": X[1]}, 1)], ValueError, "'a'"),
        ([(X[0], None), (X[1], None)], TypeError, "NoneType"),
        ([(object(), 0), (object(), 1)], TypeError, "class 'object'"),
        ([(X[0], 0), (X[1], "cat")], (TypeError, ValueError), "str"),
        ([(X[0], 0), ("cat", 1)], TypeError, "str"),
    ],
)
def test_samples_that_cannot_be_stacked_are_told_what_to_do(kind, samples, error, says):
    with pytest.raises(error) as caught:
        made(kind).collate(samples)
    message = str(caught.value)
    assert message.startswith("samples must be tensors or numbers of one shape, to be stacked, but")
    assert says in message
    assert message.endswith("stack them, in mix.after(collate_fn, inputs=0, labels=1)")


@each_kind
def test_dictionaries_without_the_named_parts_are_told_what_they_have(kind):
    for batch, missing in (({"image": X, "labels": Y}, "inputs"), ({"pixel_values": X}, "labels")):
        collate_fn = made(kind).after(lambda samples, batch=batch: batch)
        with pytest.raises(
            ValueError, match=f"^{missing} must name a part of the batch, got '.*has"
        ):
            collate_fn([0])


@each_kind
@pytest.mark.parametrize("way", [by_calling, by_after, by_collate])
@pytest.mark.parametrize(
    ("partners", "y"),
    [
        ("other_label", torch.ones(BATCH).long()),
        ("other_label", torch.eye(CLASSES)[[1, 1, 1, 1]]),
        (lambda y: torch.zeros(len(y), len(y)).bool(), Y),
        (lambda y: torch.eye(len(y)).bool() & (y > 5), Y),
    ],
)
def test_an_example_left_without_a_partner_is_named(kind, way, partners, y):
    message = (
        r"^partners=.* leaves example 0.* without a partner in this batch of 4: take larger or"
    )
    with pytest.raises(ValueError, match=message):
        way(made(kind, partners=partners), y)


# Settings misspelt.


@each_kind
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("stop_epok", r" \(did you mean 'stop_epoch'\?\)"),
        ("alfa", r" \(did you mean 'alpha'\?\)"),
        ("Label_map", r" \(did you mean 'label_map'\?\)"),
        ("lr", ""),
    ],
)
def test_a_name_that_is_no_setting_is_refused(kind, name, hint):
    mix = made(kind)
    message = f"^a {kind.__name__} has nothing called '{name}'{hint}$"
    with pytest.raises(AttributeError, match=message):
        setattr(mix, name, 3)
    assert not hasattr(mix, name)


@each_kind
def test_what_is_derived_may_have_names_of_its_own(kind):
    class Derived(kind):
        pass

    mix = Derived()
    mix.stop_epok = 3
    assert mix.stop_epok == 3
    with pytest.raises(AttributeError, match=r"^alpha of a Derived cannot be changed"):
        mix.alpha = 3

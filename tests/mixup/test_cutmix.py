"""CutMix: its boxes, and what a draw of it does, against loops over pixels."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mixup.mixup_reference import (
    BATCH,
    CLASSES,
    SETTINGS,
    ReadsValues,
    images,
    kept,
    labels,
    one_hot,
    seeded,
    slow_cut,
    slow_mix,
)
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset, default_collate

import mixupbook as mb
from mixupbook.mixup.boxes import boxes_about, kept_share

SIZES = [(1, 1), (1, 6), (2, 2), (5, 4), (3, 8), (9, 7)]
CUT_DTYPES = [torch.uint8, torch.int64, torch.bool, torch.float16, torch.float64, torch.complex64]


def made(seed=5, epoch=2, **options):
    mix = mb.CutMix(**{"num_classes": CLASSES, "generator": seeded(seed), **options})
    mix.set_epoch(epoch)
    return mix


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def behaves_alike(first, second, batches=3):
    return all(
        [same(first(images(), labels()), second(images(), labels())) for _ in range(batches)]
    )


def boxed_draw(**options):
    """A draw with a box that is neither empty nor the whole image."""
    for seed in range(50):
        draw = made(seed, **options).draw(images())
        if ((draw.lam > 0.1) & (draw.lam < 0.95)).all():
            return draw
    raise AssertionError("no such draw")


# The boxes.


def slow_box(row, column, lam, size):
    """In Python's numbers, one box at a time."""
    ends = []
    for middle, length in ((column, size[1]), (row, size[0])):
        side = math.floor(length * math.sqrt(1 - lam))
        low = middle - side // 2
        ends.append((max(low, 0), min(low + side, length)))
    (x1, x2), (y1, y2) = ends
    return [x1, y1, x2, y2]


@settings(derandomize=True, deadline=None, max_examples=200, database=None)
@given(st.data(), st.integers(1, 40), st.integers(1, 40), st.floats(0, 1, width=32))
def test_a_box_has_its_sides_about_its_pixel_and_never_covers_more(data, height, width, lam):
    row = data.draw(st.integers(0, height - 1))
    column = data.draw(st.integers(0, width - 1))
    numbers = (torch.tensor([value]) for value in (row, column, lam))
    box = boxes_about(*numbers, (height, width))
    assert box.tolist() == [slow_box(row, column, lam, (height, width))]
    x1, y1, x2, y2 = box[0].tolist()
    assert 0 <= x1 <= x2 <= width
    assert 0 <= y1 <= y2 <= height
    share = kept_share(box, (height, width))
    assert share.item() == pytest.approx(kept(box[0], (height, width)), abs=6e-8)
    assert share.dtype == torch.float32
    assert share >= torch.tensor(lam) - 1e-7


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("per_sample", [False, True])
def test_lambda_is_the_exact_share_of_the_images_own_area(size, per_sample):
    mix = made(per_sample=per_sample)
    x = torch.rand(4, 2, *size)
    for _ in range(20):
        draw = mix.draw(x)
        assert draw.size == size
        boxes = draw.box if per_sample else draw.box[None]
        expected = torch.tensor([kept(box, size) for box in boxes], dtype=torch.float64).float()
        assert torch.equal(draw.lam, expected if per_sample else expected[0])
        torch.testing.assert_close(draw.label_lam, draw.lam, atol=1e-7, rtol=0)
        assert draw.lam.dtype == draw.label_lam.dtype == torch.float32
        assert draw.box.dtype == torch.int64


def test_every_box_that_may_be_drawn_is_drawn_and_each_pixel_is_as_often_the_middle():
    """On 2x3 images; with alpha huge, lambda is 1/2 and the sides are 1 and 2."""
    draw = made(alpha=1e30, per_sample=True).draw(torch.zeros(6000, 1, 2, 3))
    found, counts = torch.unique(draw.box, dim=0, return_counts=True)
    expected = {tuple(slow_box(row, column, 0.5, (2, 3))) for row in (0, 1) for column in (0, 1, 2)}
    assert {tuple(box) for box in found.tolist()} == expected
    assert (counts / 6000 - 1 / 6).abs().max() < 0.02


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_law_of_the_box_is_beta_unfolded(alpha):
    """Against heights and areas of boxes that NumPy draws, in real numbers instead of pixels."""
    size, count = (1000, 500), 40_000
    image = torch.zeros(()).expand(count, 1, *size)
    draw = made(alpha=alpha, per_sample=True).draw(image)
    rng = np.random.default_rng(0)
    half = np.sqrt(1 - rng.beta(alpha, alpha, count)) / 2
    sides = []
    for _ in range(2):
        middle = rng.random(count)
        sides.append(np.minimum(middle + half, 1) - np.maximum(middle - half, 0))
    heights = (draw.box[:, 3] - draw.box[:, 1]).double() / size[0]
    for found, expected in ((heights, sides[0]), (1 - draw.lam, sides[0] * sides[1])):
        assert found.mean().item() == pytest.approx(expected.mean(), rel=0.02)
        assert found.std().item() == pytest.approx(expected.std(), rel=0.02)


# Images.


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("batch", [1, 2, 7])
@pytest.mark.parametrize("per_sample", [False, True])
def test_images_agree_with_the_slow_reference(size, batch, per_sample):
    x = torch.rand(batch, 3, *size, generator=seeded(3))
    y = labels(batch)
    mix = made(per_sample=per_sample)
    for _ in range(4):
        draw = mix.with_generator(copy_of(mix.generator)).draw(x)
        mixed, targets = mix(x, y)
        assert torch.equal(mixed, slow_cut(x, draw.box, draw.partner))
        expected = slow_mix(one_hot(y), draw.label_lam, draw.partner).float()
        torch.testing.assert_close(targets, expected)
        assert same((mixed, targets), (draw.mix(x), draw.targets(y)))


def copy_of(generator):
    twin = seeded()
    twin.set_state(generator.get_state())
    return twin


@pytest.mark.parametrize("dtype", CUT_DTYPES)
@pytest.mark.parametrize("per_sample", [False, True])
def test_pixels_of_any_dtype_are_copied_as_they_are(dtype, per_sample):
    x = (images() * 255).to(dtype)
    draw = boxed_draw(per_sample=per_sample)
    before = x.clone()
    mixed = draw.mix(x)
    assert mixed.dtype == dtype
    assert torch.equal(mixed, slow_cut(x, draw.box, draw.partner))
    assert torch.equal(x, before)


@pytest.mark.parametrize("per_sample", [False, True])
def test_what_is_not_finite_stays_where_it_is(per_sample):
    x = images()
    x[:, :, 0, 0] = math.nan
    x[0, 0, 4, 3] = math.inf
    draw = boxed_draw(per_sample=per_sample)
    expected = slow_cut(x, draw.box, draw.partner)
    torch.testing.assert_close(draw.mix(x), expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("per_sample", [False, True])
def test_the_memory_layout_is_kept(layout, per_sample):
    draw = boxed_draw(per_sample=per_sample)
    mixed = draw.mix(images().contiguous(memory_format=layout))
    assert mixed.is_contiguous(memory_format=layout)
    assert torch.equal(mixed, draw.mix(images()))


@pytest.mark.parametrize("per_sample", [False, True])
def test_images_that_share_memory_are_not_written_into(per_sample):
    x = torch.rand(BATCH, 1, 5, 4).expand(-1, 3, -1, -1)
    draw = boxed_draw(per_sample=per_sample)
    assert torch.equal(draw.mix(x), slow_cut(x.clone(), draw.box, draw.partner))


@pytest.mark.parametrize("per_sample", [False, True])
def test_the_gradient_follows_the_pixels(per_sample):
    hidden = images().requires_grad_()
    weight = images(seed=9)
    draw = boxed_draw(per_sample=per_sample)
    (draw.mix(hidden) * weight).sum().backward()
    expected = torch.zeros_like(weight)
    ones = torch.arange(weight.numel()).reshape(weight.shape)
    source = slow_cut(ones, draw.box, draw.partner)
    expected.view(-1).index_add_(0, source.flatten(), weight.flatten())
    torch.testing.assert_close(hidden.grad, expected)


def test_containers_are_cut_part_by_part():
    draw = boxed_draw()
    mask = torch.randint(9, (BATCH, 5, 4), generator=seeded(1))
    x = {"image": images(), "views": [images(seed=3)[:, :1], (mask, images(seed=4)[:, :, None])]}
    mixed = draw.mix(x)
    assert torch.equal(mixed["image"], draw.mix(images()))
    assert torch.equal(mixed["views"][0], draw.mix(images(seed=3))[:, :1])
    assert torch.equal(mixed["views"][1][0], slow_cut(mask, draw.box, draw.partner))
    assert torch.equal(mixed["views"][1][1], draw.mix(images(seed=4))[:, :, None])


# Labels.


@pytest.mark.parametrize("label_map", ["identity", "cubic", "sqrt", "hard", 0.75])
def test_the_label_map_says_what_the_larger_part_gets(label_map):
    draw = made(per_sample=True, label_map=label_map).draw(torch.zeros(200, 1, 9, 7))
    torch.testing.assert_close(draw.label_lam, mb.label_coefficient(label_map, draw.lam))
    assert (draw.lam < 0.5).any()
    if label_map == "hard":
        assert torch.equal(draw.label_lam, (draw.lam >= 0.5).float())


def test_independent_labels_are_of_the_larger_part_too():
    draw = made(per_sample=True, label_map="independent").draw(torch.zeros(20_000, 1, 20, 20))
    assert torch.equal(draw.label_lam >= 0.5, draw.lam >= 0.5)
    larger = torch.maximum(draw.label_lam, 1 - draw.label_lam)
    area = torch.maximum(draw.lam, 1 - draw.lam)
    assert abs(torch.corrcoef(torch.stack([larger, area]))[0, 1]) < 0.03
    assert abs(larger.mean() - 0.75) < 0.01


def test_floating_labels_of_an_example_are_mixed_linearly():
    draw = boxed_draw(per_sample=True)
    for y in (torch.randn(BATCH), torch.rand(BATCH, 3), torch.rand(BATCH, 1)):
        torch.testing.assert_close(draw.targets(y), slow_mix(y, draw.label_lam, draw.partner))


MASKS = [
    torch.randint(3, (BATCH, 5, 4), generator=seeded(1)),
    torch.randint(255, (BATCH, 5, 4), generator=seeded(1)).byte(),
    torch.rand(BATCH, 6, 5, 4, generator=seeded(1)),
    torch.rand(BATCH, 5, 4, generator=seeded(1)) > 0.5,
]


@pytest.mark.parametrize("y", MASKS, ids=["classes", "bytes", "rows of pixels", "bool"])
@pytest.mark.parametrize("per_sample", [False, True])
def test_labels_of_pixels_are_cut_with_the_images(y, per_sample):
    draw = boxed_draw(per_sample=per_sample, label_map="hard")
    expected = slow_cut(y, draw.box, draw.partner)
    assert torch.equal(draw.targets(y), expected)
    assert torch.equal(draw.mix(y), expected)
    mix = made(per_sample=per_sample)
    drawn = mix.with_generator(copy_of(mix.generator)).draw(images())
    assert torch.equal(mix(images(), y)[1], drawn.mix(y))


@pytest.mark.parametrize("reduction", ["mean", "none", "sum"])
@pytest.mark.parametrize("per_sample", [False, True])
def test_the_loss_of_labels_of_pixels_is_that_of_the_cut_labels(reduction, per_sample):
    output = images(seed=3)
    draw = boxed_draw(per_sample=per_sample)
    weight = torch.tensor([1.0, 5.0, 0.2])
    criterion = torch.nn.CrossEntropyLoss(weight=weight, ignore_index=1, reduction=reduction)
    expected = criterion(output, slow_cut(MASKS[0], draw.box, draw.partner))
    got = draw.loss(criterion, output, MASKS[0])
    torch.testing.assert_close(got, expected.mean() if per_sample else expected)


@pytest.mark.parametrize("per_sample", [False, True])
def test_the_loss_of_labels_is_the_mixture_of_two_losses(per_sample):
    output = torch.randn(BATCH, CLASSES, generator=seeded(8))
    draw = boxed_draw(per_sample=per_sample, label_map="cubic", num_classes=CLASSES)
    criterion = torch.nn.CrossEntropyLoss(reduction="none" if per_sample else "mean")
    got = draw.loss(criterion, output, labels())
    torch.testing.assert_close(got, cross_entropy(output, draw.targets(labels())))


# Settings, schedule, copies, loaders: as in Mixup.


def test_defaults_and_representation():
    assert repr(mb.CutMix()) == repr(mb.Mixup()).replace("Mixup", "CutMix")
    for options in SETTINGS:
        twin = eval(repr(made(**options)), {"CutMix": mb.CutMix}).with_generator(seeded(5))
        twin.set_epoch(2)
        assert behaves_alike(made(**options), twin)


def test_settings_are_those_of_mixup_and_read_only():
    for name in ("alpha", "label_map", "per_sample", "partners", "num_classes", "stop_epoch"):
        with pytest.raises(
            AttributeError, match=f"{name} of a CutMix cannot be changed: make anot"
        ):
            setattr(made(), name, 3)
    with pytest.raises(ValueError, match=r"^alpha must lie in \[0, inf\), got -1$"):
        mb.CutMix(-1)
    with pytest.raises(ValueError, match="start_epoch must be below"):
        mb.CutMix(start_epoch=3, stop_epoch=2)


@pytest.mark.parametrize("idle", [{"alpha": 0}, {"stop_epoch": 2}, {"start_epoch": 3}])
@pytest.mark.parametrize("per_sample", [False, True])
def test_where_nothing_is_mixed_the_box_is_empty(idle, per_sample):
    mix = made(per_sample=per_sample, label_map=0.75, **idle)
    draw = mix.draw(images())
    shape = (BATCH,) if per_sample else ()
    assert draw.mixes is False
    assert torch.equal(draw.lam, torch.ones(shape))
    assert torch.equal(draw.label_lam, torch.ones(shape))
    assert torch.equal(draw.box, torch.zeros(*shape, 4, dtype=torch.int64))
    x = images()
    mixed, targets = mix(x, labels())
    assert mixed is x
    assert torch.equal(targets, one_hot(labels()).float())
    assert mix(x, MASKS[0])[1] is MASKS[0]
    criterion = torch.nn.CrossEntropyLoss(reduction="none" if per_sample else "mean")
    assert draw.loss(criterion, images(seed=3), MASKS[0]) == cross_entropy(images(seed=3), MASKS[0])
    assert torch.equal(mix.generator.get_state(), seeded(5).get_state())


def test_the_schedule_cannot_be_forgotten():
    mix = mb.CutMix(stop_epoch=3)
    with pytest.raises(RuntimeError, match=r"call mix.set_epoch\(epoch\) before the loop"):
        mix.draw(images())


@pytest.mark.parametrize("options", SETTINGS)
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda mix: pickle.loads(pickle.dumps(mix))]
)
def test_a_copy_behaves_like_the_original(options, copied):
    mix = made(**options)
    mix(images(), labels())
    twin = copied(mix)
    assert type(twin) is mb.CutMix
    assert behaves_alike(mix, twin)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda draw: pickle.loads(pickle.dumps(draw))]
)
def test_a_copied_draw_does_the_same(copied):
    draw = boxed_draw(per_sample=True)
    assert torch.equal(copied(draw).mix(images()), draw.mix(images()))
    assert "box=tensor" in repr(draw)
    assert "size=(5, 4)" in repr(draw)


def test_the_generator_alone_decides():
    assert behaves_alike(made(per_sample=True), made(per_sample=True))
    assert not behaves_alike(made(per_sample=True), made(6, per_sample=True))
    before = torch.get_rng_state()
    made()(images(), labels())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("surroundings", ["float64", "meta", "inference"])
def test_the_state_around_it_plays_no_part(surroundings):

    def results(x, y):
        idle = made(alpha=0).draw(x)
        return [*made()(x, y), made(per_sample=True).draw(x).lam, idle.lam, idle.box]

    expected = results(images(), labels())
    state = {
        "float64": torch.set_default_dtype,
        "meta": torch.device("meta"),
        "inference": torch.inference_mode(),
    }[surroundings]
    x, y = images(), labels()
    if surroundings == "float64":
        torch.set_default_dtype(torch.float64)
        try:
            got = results(x, y)
        finally:
            torch.set_default_dtype(torch.float32)
    else:
        with state:
            got = results(x, y)
    assert [value.dtype for value in got] == [value.dtype for value in expected]
    assert same(got, expected)


@pytest.mark.parametrize("options", [*SETTINGS[:4], {"alpha": 0}, {"partners": "same_label"}])
def test_off_the_cpu_no_value_is_read(options):
    x = torch.rand(BATCH, 3, 5, 4, device="meta")
    y = torch.zeros(BATCH, dtype=torch.int64, device="meta")
    mix = mb.CutMix(num_classes=CLASSES, **options)
    with ReadsValues():
        mixed, targets = mix(x, y)
        draw = mix.draw(x, y)
        loss = draw.loss(lambda output, y: output.mean((1, 2, 3)), x, y)
        mask = draw.mix(torch.zeros(BATCH, 5, 4, dtype=torch.uint8, device="meta"))
    for part in (mixed, targets, loss, mask, draw.lam, draw.label_lam, draw.partner, draw.box):
        assert part.device == x.device


def test_a_draw_of_the_processors_cuts_on_another_device():
    for per_sample in (False, True):
        draw = made(per_sample=per_sample).draw(images())
        assert draw.mix(images().to("meta")).device.type == "meta"


PAIRS = list(zip(images(), labels().tolist(), strict=True))


def test_loaders_cut_pairs_and_dictionaries():
    assert same(made().collate(PAIRS), made()(images(), labels()))
    samples = [
        {"pixel_values": image, "mask": mask, "labels": label}
        for (image, label), mask in zip(PAIRS, MASKS[0], strict=True)
    ]
    batch = made().after(default_collate, inputs=["pixel_values", "mask"])(samples)
    draw = made().draw(images())
    assert torch.equal(batch["pixel_values"], draw.mix(images()))
    assert torch.equal(batch["mask"], draw.mix(MASKS[0]))
    assert torch.equal(batch["labels"], draw.targets(labels()))
    batch = made().after(default_collate, labels="mask")(samples)
    assert torch.equal(batch["mask"], draw.mix(MASKS[0]))


def test_workers_draw_differently_and_hear_of_the_epoch():
    mix = mb.CutMix(num_classes=8, per_sample=True, stop_epoch=1, generator=seeded())
    data = TensorDataset(torch.rand(16, 1, 6, 6), torch.arange(16) % 8)
    loader = DataLoader(data, 8, collate_fn=mix.collate, num_workers=2, persistent_workers=True)
    mix.set_epoch(0)
    (_, first), (_, second) = loader
    assert not torch.equal(first.max(1).values, second.max(1).values)
    mix.set_epoch(1)
    assert all(torch.equal(targets, targets.round()) for _, targets in loader)


# What is refused.


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (5, TypeError, r"^x must be images \(B, C, H, W\), since a box needs their height and w"),
        (
            images()[:, 0],
            ValueError,
            r"^x must be images \(B, C, H, W\), got shape \(7, 5, 4\): images without channels are "
            r"given as x.unsqueeze\(1\), and masks after their images$",
        ),
        (images()[:, :, None], ValueError, r"^x must be images .*, got shape \(7, 3, 1, 5, 4\)"),
        (torch.rand(7, 3), ValueError, r"^x must be images .*, got shape \(7, 3\)"),
        (torch.rand(7, 3, 0, 4), ValueError, r"^x must be images .*, got shape \(7, 3, 0, 4\)"),
        (torch.rand(0, 3, 5, 4), ValueError, "^x must hold at least one example"),
        ({"mask": MASKS[0], "image": images()}, ValueError, r"^x\['mask'\] must be images"),
        ({}, ValueError, "^x must hold at least one tensor"),
        (None, TypeError, "^x must be a torch.Tensor, or a dict, list or tuple of them, got None"),
    ],
)
def test_what_are_no_images_is_refused(x, error, message):
    for mix in (mb.CutMix(), mb.CutMix(alpha=0)):
        with pytest.raises(error, match=message):
            mix.draw(x)


@pytest.mark.parametrize("options", [{}, {"per_sample": True}, {"alpha": 0}])
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (
            torch.rand(BATCH, 3, 4, 5),
            ValueError,
            r"^x must be as high and wide as the images, shape \(7, ..., 5, 4\), got "
            r"\(7, 3, 4, 5\): cut what belongs to pixels before it is scaled$",
        ),
        (torch.rand(BATCH, 4), ValueError, r"^x must be as high and wide.* got \(7, 4\)"),
        ({"a": images(), "b": images()[:, :, :4]}, ValueError, r"^x\['b'\] must be as high and w"),
        (images(3), ValueError, "^x must hold 7 examples, as many as have a partner"),
        ({"a": 3}, TypeError, r"^x\['a'\] must be a torch.Tensor, got int$"),
    ],
)
def test_images_of_another_size_are_refused(options, x, error, message):
    with pytest.raises(error, match=message):
        made(**options).draw(images()).mix(x)


@pytest.mark.parametrize("options", [{}, {"per_sample": True}, {"alpha": 0}])
def test_masks_of_another_size_are_refused(options):
    draw = made(**options).draw(images())
    small = MASKS[0][:, ::2, ::2]
    for attempt in (
        lambda: draw.targets(small),
        lambda: draw.loss(cross_entropy, images()[:, :, ::2, ::2], small),
        lambda: made(**options)(images(), small),
    ):
        with pytest.raises(ValueError, match=r"^y must be as high and wide as the images"):
            attempt()
    with pytest.raises(TypeError, match=r"^y must be a torch.Tensor, got list: give torch.as_tens"):
        draw.loss(cross_entropy, images(), MASKS[0].tolist())


def test_a_draw_is_made_by_cutmix():
    draw = boxed_draw()
    with pytest.raises(TypeError, match=r"^a CutDraw is made by CutMix.draw\(x\)"):
        type(draw)(0.5, 0.5, torch.tensor([1, 0]))

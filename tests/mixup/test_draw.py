"""A draw and what it does to examples and losses, against loops over the examples."""

import copy
import dataclasses
import pickle
from collections import OrderedDict, namedtuple

import pytest
import torch
from mixup.mixup_reference import (
    BATCH,
    CLASSES,
    ReadsValues,
    images,
    labels,
    seeded,
    slow_mix,
)
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss
from torch.utils._python_dispatch import TorchDispatchMode

import mixupbook as mb

PARTNER = torch.tensor([3, 3, 0, 6, 4, 1, 2])  # no permutation: 3 twice, 5 never
LAM = torch.linspace(0.05, 0.95, BATCH)
LABEL_LAM = torch.linspace(1, 0, BATCH)


def a_draw(per_sample=False, **settings):
    if per_sample:
        return mb.Draw(LAM, LABEL_LAM, PARTNER, **settings)
    return mb.Draw(0.7, 0.6, PARTNER, **settings)


@pytest.mark.parametrize("shape", [(7,), (7, 3), (7, 3, 11), (7, 3, 11, 2), (1, 3, 5)])
@pytest.mark.parametrize("per_sample", [False, True])
def test_examples_and_targets_agree_with_the_slow_reference(shape, per_sample):
    batch = shape[0]
    x = torch.randn(shape, dtype=torch.float64, generator=seeded(1))
    y = torch.randn(batch, 2, 3, dtype=torch.float64, generator=seeded(2))
    partner = torch.randint(batch, (batch,), generator=seeded(3))
    lam = torch.rand(batch, dtype=torch.float64, generator=seeded(4))
    label_lam = torch.rand(batch, dtype=torch.float64, generator=seeded(5))
    if not per_sample:
        lam, label_lam = lam[0].item(), label_lam[0]
    draw = mb.Draw(lam, label_lam, partner)
    torch.testing.assert_close(draw.mix(x), slow_mix(x, lam, partner), rtol=1e-13, atol=1e-13)
    expected = slow_mix(y, label_lam, partner)
    torch.testing.assert_close(draw.targets(y), expected, rtol=1e-13, atol=1e-13)
    for got, other in zip(
        mb.mix_pairs(x, y, lam, label_lam=label_lam, partner=partner),
        (draw.mix(x), draw.targets(y)),
        strict=True,
    ):
        assert torch.equal(got, other)


def test_a_draw_keeps_what_it_is_given():
    draw = mb.Draw(0.7, torch.tensor(0.25), torch.tensor([1, 0], dtype=torch.int32), num_classes=3)
    assert draw.lam.dtype == torch.float64
    assert (draw.lam, draw.label_lam, draw.num_classes) == (0.7, 0.25, 3)
    assert draw.partner.tolist() == [1, 0]
    assert draw.partner.dtype == torch.int64
    assert draw.mixes is True
    assert len(draw) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        draw.lam = 0.5


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))]
)
def test_a_copied_draw_does_the_same(copied):
    draw = a_draw(per_sample=True, num_classes=CLASSES)
    assert torch.equal(copied(draw).mix(images()), draw.mix(images()))
    assert torch.equal(copied(draw).targets(labels()), draw.targets(labels()))


def test_coefficients_of_two_shapes():
    draw = mb.Draw(0.7, LABEL_LAM, PARTNER)
    assert torch.allclose(draw.mix(images()), slow_mix(images(), 0.7, PARTNER))
    draw = mb.Draw(LAM, 0.7, PARTNER)
    assert torch.allclose(draw.mix(images()), slow_mix(images(), LAM, PARTNER))


Pair = namedtuple("Pair", "left right")


def test_containers_are_mixed_part_by_part():
    draw = a_draw()
    x = {
        "image": images(),
        "views": [images(seed=3), (images(seed=4)[:, 0], images(seed=5).double())],
        "pair": Pair(images(seed=6), OrderedDict(a=images(seed=7))),
        3: images(seed=8),
    }
    mixed = draw.mix(x)
    assert list(mixed) == ["image", "views", "pair", 3]
    assert type(mixed["views"]) is list
    assert type(mixed["views"][1]) is tuple
    assert type(mixed["pair"]) is Pair
    for got, given in [
        (mixed["image"], x["image"]),
        (mixed["views"][0], x["views"][0]),
        (mixed["views"][1][0], x["views"][1][0]),
        (mixed["views"][1][1], x["views"][1][1]),
        (mixed["pair"].left, x["pair"].left),
        (mixed["pair"].right["a"], x["pair"].right["a"]),
        (mixed[3], x[3]),
    ]:
        assert torch.equal(got, draw.mix(given))
        assert got.dtype == given.dtype


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_memory_layout_is_kept(layout):
    x = images().contiguous(memory_format=layout)
    assert a_draw().mix(x).is_contiguous(memory_format=layout)
    assert torch.equal(a_draw().mix(x), a_draw().mix(images()))


def test_hidden_activations_pass_the_gradient_on():
    hidden = images().requires_grad_()
    weight = images(seed=9)
    (a_draw(per_sample=True).mix(hidden) * weight).sum().backward()
    expected = torch.zeros_like(weight)
    for i, j in enumerate(PARTNER.tolist()):
        expected[i] += LAM[i] * weight[i]
        expected[j] += (1 - LAM[i]) * weight[i]
    torch.testing.assert_close(hidden.grad, expected)


def test_coefficient_one_is_the_identity_bit_for_bit():
    x = torch.randn(BATCH, 3, generator=seeded()) * 1e6
    y = torch.softmax(torch.randn(BATCH, CLASSES, generator=seeded(1)), 1)
    mixed, targets = mb.mix_pairs(x, y, 1.0, partner=PARTNER)
    assert torch.equal(mixed, x)
    assert torch.equal(targets, y)
    assert mixed is not x


def test_coefficient_zero_is_the_partner():
    mixed, targets = mb.mix_pairs(images(), images(seed=4), 0, label_lam=1, partner=PARTNER)
    assert torch.equal(mixed, images()[PARTNER])
    assert torch.equal(targets, images(seed=4))


def test_label_coefficient_defaults_to_the_feature_coefficient():
    x, y = images(), torch.eye(BATCH)
    plain = mb.mix_pairs(x, y, LAM, partner=PARTNER)
    explicit = mb.mix_pairs(x, y, LAM, label_lam=LAM, partner=PARTNER)
    assert torch.equal(plain[1], explicit[1])


def test_the_old_name_of_partner_still_works():
    with pytest.warns(DeprecationWarning, match="permutation is called partner now") as caught:
        old = mb.mix_pairs(images(), images(), 0.7, permutation=PARTNER)
    assert caught[0].filename == __file__
    new = mb.mix_pairs(images(), images(), 0.7, partner=PARTNER)
    assert torch.equal(old[0], new[0])
    with pytest.raises(TypeError, match="permutation is the old name of partner: give partner al"):
        mb.mix_pairs(images(), images(), 0.7, permutation=PARTNER, partner=PARTNER)


# The loss.

OUTPUT = torch.randn(BATCH, CLASSES, generator=seeded(8))
WEIGHT = torch.tensor([0.1, 3.0, 1.0, 0.5, 7.0])
WITH_IGNORED = torch.tensor([0, 1, -100, 4, 3, -100, 2])


def focal(output, y):
    log_p = output.log_softmax(1).gather(1, y[:, None])
    return (-((1 - log_p.exp()) ** 2) * log_p).mean()


@pytest.mark.parametrize(
    ("criterion", "output", "y"),
    [
        (cross_entropy, OUTPUT, labels()),
        (torch.nn.CrossEntropyLoss(weight=WEIGHT), OUTPUT, labels()),
        (torch.nn.CrossEntropyLoss(weight=WEIGHT, label_smoothing=0.1), OUTPUT, WITH_IGNORED),
        *(
            (torch.nn.CrossEntropyLoss(label_smoothing=0.3, reduction=reduction), *given)
            for reduction in ("mean", "sum", "none")
            for given in [
                (OUTPUT, WITH_IGNORED),
                (images(seed=3), torch.randint(3, (BATCH, 5, 4), generator=seeded(2))),
            ]
        ),
        (torch.nn.CrossEntropyLoss(reduction="sum"), OUTPUT, WITH_IGNORED),
        (torch.nn.CrossEntropyLoss(reduction="none"), OUTPUT, WITH_IGNORED),
        (focal, OUTPUT, labels()),
        (torch.nn.MultiMarginLoss(), OUTPUT, labels()),
        (cross_entropy, images(seed=3), torch.randint(3, (BATCH, 5, 4), generator=seeded(2))),
        (binary_cross_entropy_with_logits, OUTPUT, (OUTPUT > 0.3).float()),
        (mse_loss, OUTPUT[:, 0], OUTPUT[:, 1]),
    ],
)
def test_the_loss_is_the_mixture_of_two_losses(criterion, output, y):
    draw = mb.Draw(0.7, torch.tensor(0.6), PARTNER)
    swapped = torch.stack([y[j] for j in PARTNER.tolist()])
    lam = torch.tensor(0.6)
    expected = lam * criterion(output, y) + (1 - lam) * criterion(output, swapped)
    got = draw.loss(criterion, output, y)
    if getattr(criterion, "label_smoothing", 0) and criterion.weight is None:
        torch.testing.assert_close(got, expected)  # sums taken in another order
    else:
        assert torch.equal(got, expected)
    assert got.dtype == output.dtype


class CountsLogarithms(TorchDispatchMode):
    """Counts the dear part of a cross entropy, forwards and backwards."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += "log_softmax" in str(function)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("criterion", "times"),
    [
        (cross_entropy, 1),
        (torch.nn.CrossEntropyLoss(weight=WEIGHT, ignore_index=2), 1),
        (torch.nn.CrossEntropyLoss(reduction="sum"), 1),
        (torch.nn.CrossEntropyLoss(label_smoothing=0.1), 1),
        (torch.nn.CrossEntropyLoss(label_smoothing=0.1, weight=WEIGHT), 2),
        (lambda output, y: cross_entropy(output, y), 2),
    ],
)
def test_cross_entropy_of_both_labels_takes_one_logarithm(criterion, times):
    """So that it costs no more than that of targets, whose rows are mixed first."""
    output = OUTPUT.clone().requires_grad_()
    with CountsLogarithms() as counted:
        a_draw().loss(criterion, output, labels()).backward()
    assert counted.count == 2 * times
    twice = OUTPUT.clone().requires_grad_()
    both = [criterion(twice, y) for y in (labels(), labels()[PARTNER])]
    (a_draw().label_lam.float() * both[0] + (1 - a_draw().label_lam.float()) * both[1]).backward()
    torch.testing.assert_close(output.grad, twice.grad)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.uint16])
@pytest.mark.parametrize("options", [{}, {"alpha": 0}])
@pytest.mark.parametrize(
    "criterion",
    [
        cross_entropy,
        torch.nn.CrossEntropyLoss(weight=torch.tensor([0.1, 3.0, 1.0]), label_smoothing=0.1),
        lambda output, y: torch.nn.functional.nll_loss(output.log_softmax(1), y),
    ],
)
def test_integers_of_every_width_have_the_loss_of_int64(criterion, options, dtype):
    x, pixels = images(), torch.randint(3, (BATCH, 5, 4), generator=seeded(2))
    for kind in (mb.Mixup, mb.CutMix):
        draw = kind(generator=seeded(3), **options).draw(x)
        for output, y in [(OUTPUT[:, :3], labels(classes=3)), (x, pixels)]:
            expected = draw.loss(criterion, output, y)
            torch.testing.assert_close(draw.loss(criterion, output, y.to(dtype)), expected)


def test_a_criterion_of_ones_own_is_asked_both_times():
    class Counting(torch.nn.CrossEntropyLoss):
        calls = 0

        def forward(self, output, y):
            self.calls += 1
            return super().forward(output, y)

    criterion = Counting()
    a_draw().loss(criterion, OUTPUT, labels())
    assert criterion.calls == 2


def test_class_weights_divide_rows_otherwise_than_integers_and_the_loss_follows_the_integers():
    """The trap that the docstrings name, on unmixed labels."""
    y = labels()
    draw = mb.Draw(1.0, 1.0, torch.arange(BATCH), num_classes=CLASSES)
    by_integers = cross_entropy(OUTPUT, y, weight=WEIGHT)
    by_rows = cross_entropy(OUTPUT, draw.targets(y), weight=WEIGHT)
    torch.testing.assert_close(by_rows / by_integers, WEIGHT[y].mean())
    assert abs(WEIGHT[y].mean() - 1) > 0.5
    assert draw.loss(torch.nn.CrossEntropyLoss(weight=WEIGHT), OUTPUT, y) == by_integers


@pytest.mark.parametrize("lam", [0.3, LABEL_LAM])
def test_the_loss_of_mixed_targets_is_the_mixed_loss(lam):
    y = labels()
    draw = mb.Draw(0.9, lam, PARTNER, num_classes=CLASSES)
    criterion = torch.nn.CrossEntropyLoss(reduction="mean" if isinstance(lam, float) else "none")
    torch.testing.assert_close(
        draw.loss(criterion, OUTPUT, y), cross_entropy(OUTPUT, draw.targets(y))
    )


@pytest.mark.parametrize(
    ("output", "y"),
    [
        (OUTPUT, labels()),
        (images(seed=3), torch.randint(3, (BATCH, 5, 4), generator=seeded(2))),
    ],
)
def test_a_coefficient_for_each_example_weighs_each_loss(output, y):
    draw = a_draw(per_sample=True)
    total = []
    for i, j in enumerate(PARTNER.tolist()):
        own = cross_entropy(output[i : i + 1], y[i : i + 1])
        other = cross_entropy(output[i : i + 1], y[j : j + 1])
        total.append(LABEL_LAM[i] * own + (1 - LABEL_LAM[i]) * other)
    got = draw.loss(torch.nn.CrossEntropyLoss(reduction="none"), output, y)
    torch.testing.assert_close(got, torch.stack(total).mean())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize("per_sample", [False, True])
def test_the_loss_keeps_its_dtype(dtype, per_sample):
    loss = a_draw(per_sample).loss(
        torch.nn.CrossEntropyLoss(reduction="none"), OUTPUT.to(dtype), labels()
    )
    assert loss.dtype == dtype
    assert loss.shape == (() if per_sample else (BATCH,))


@pytest.mark.parametrize("criterion", [cross_entropy, lambda output, y: output[:3, 0]])
def test_a_reduced_loss_cannot_be_weighed_for_each_example(criterion):
    message = r"one loss for each example .* shape \(7, ...\): give it reduction='none'; got shape"
    with pytest.raises(ValueError, match=message):
        a_draw(per_sample=True).loss(criterion, OUTPUT, labels())


@pytest.mark.parametrize("per_sample", [False, True])
def test_without_mixing_the_loss_is_the_plain_one(per_sample):
    calls = []

    def criterion(output, y):
        calls.append(y)
        return cross_entropy(output, y, reduction="none" if per_sample else "mean")

    draw = mb.Mixup(alpha=0, per_sample=per_sample).draw(BATCH)
    assert draw.loss(criterion, OUTPUT, labels()) == cross_entropy(OUTPUT, labels())
    assert len(calls) == 1


def test_the_loss_refuses_what_it_cannot_mix():
    with pytest.raises(TypeError, match=r"criterion must return a torch.Tensor, got float"):
        a_draw().loss(lambda output, y: 1.0, OUTPUT, labels())
    with pytest.raises(TypeError, match=r"y must be a torch.Tensor, got list"):
        a_draw().loss(cross_entropy, OUTPUT, labels().tolist())
    with pytest.raises(ValueError, match="one label for each of the 7 examples"):
        a_draw().loss(cross_entropy, OUTPUT[:5], labels(5))


# What is refused.

X, Y = images(), torch.eye(BATCH)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"lam": 1.1}, ValueError, r"^lam must lie in \[0, 1\], got 1.1$"),
        ({"lam": -1e-9}, ValueError, r"^lam must lie in \[0, 1\], got -1e-09$"),
        ({"lam": float("nan")}, ValueError, "^lam must be finite, got nan$"),
        ({"lam": torch.tensor([0.5] * 6 + [-0.1])}, ValueError, "^lam must lie in .*, got -0.1$"),
        ({"lam": torch.tensor(torch.nan)}, ValueError, r"^lam must lie in \[0, 1\], got nan$"),
        (
            {"lam": torch.full((3,), 0.5)},
            ValueError,
            r"^lam must be one number or have shape \(7,\), got \(3,\)$",
        ),
        ({"lam": torch.full((7, 1), 0.5)}, ValueError, r"lam must be one number .* got \(7, 1\)"),
        (
            {"lam": torch.tensor(1)},
            TypeError,
            "^lam must be a number or a floating tensor, got torch.int64$",
        ),
        ({"lam": "half"}, TypeError, "^lam must be a real number, got 'half'$"),
        ({"label_lam": 2}, ValueError, "^label_lam must lie in .*got 2$"),
        ({"label_lam": torch.full((3,), 0.5)}, ValueError, "^label_lam must be one number"),
        ({"partner": torch.arange(7) + 1}, ValueError, r"^partner must lie in 0\.\.6, got \[1, 2"),
        ({"partner": torch.arange(7) - 1}, ValueError, r"^partner must lie in 0\.\.6, got \[-1, "),
        (
            {"partner": torch.arange(3)},
            ValueError,
            "^x must hold 3 examples, as many as have a partner, got shape",
        ),
        ({"partner": torch.zeros(7, 1).long()}, ValueError, r"^partner must hold one index .*7, 1"),
        ({"partner": torch.zeros(0).long()}, ValueError, r"shape \(B,\), got shape \(0,\)$"),
        (
            {"partner": torch.rand(BATCH)},
            TypeError,
            r"^partner must be an integer tensor \(int64 or int32\), got torch.float32$",
        ),
        ({"partner": [0, 1]}, TypeError, "^partner must be an integer tensor .*, got list$"),
        ({"partner": None}, TypeError, "^partner must be an integer tensor .*, got NoneType$"),
        (
            {"x": X.long()},
            TypeError,
            r"^x must be floating \(convert .* x.float\(\) / 255\), got ",
        ),
        ({"x": [1.0, 2.0]}, TypeError, r"^x\[0\] must be a torch.Tensor, got float$"),
        ({"x": 7}, TypeError, "^x must be a torch.Tensor, got int$"),
        ({"x": torch.tensor(1.0)}, ValueError, r"^x must hold 7 examples, .* got shape \(\)$"),
        (
            {"x": {"a": (X, X.int())}},
            TypeError,
            r"^x\['a'\]\[1\] must be floating .* x\['a'\]\[1\].float\(\) / 255\), got torch.int32$",
        ),
        ({"x": {"a": X[:3]}}, ValueError, r"^x\['a'\] must hold 7 examples"),
        (
            {"y": labels()},
            TypeError,
            r"^y must be floating \(give labels as one_hot\(y, K\).float\(\)\), got torch.int64$",
        ),
        ({"y": Y[:3]}, ValueError, "^y must have one label for each of the 7 examples"),
        (
            {"y": Y.tolist()},
            TypeError,
            r"^y must be a torch.Tensor, got list: give torch.as_tensor",
        ),
    ],
)
def test_bad_pairs_are_named(change, error, message):
    good = {"x": X, "y": Y, "lam": 0.5, "partner": PARTNER}
    with pytest.raises(error, match=message):
        mb.mix_pairs(**{**good, **change})


def test_a_draws_classes_are_checked():
    with pytest.raises(ValueError, match="num_classes must be at least 2, got 1"):
        a_draw(num_classes=1)
    with pytest.raises(TypeError, match=r"num_classes must be an integer, got 2.0"):
        a_draw(num_classes=2.0)
    assert a_draw(num_classes=2).num_classes == 2


# Off the processor.


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"per_sample": True},
        {"label_map": "independent"},
        {"label_map": 0.75},
        {"label_map": lambda lam: lam**2},
        {"label_map": lambda lam: 0.75},
        {"alpha": 0},
        {"partners": "same_label"},
        {"partners": lambda y: y[:, None] != y},
    ],
)
def test_off_the_cpu_no_value_is_read(settings):
    x = torch.rand(BATCH, 3, 4, device="meta")
    y = torch.zeros(BATCH, dtype=torch.int64, device="meta")
    mix = mb.Mixup(num_classes=CLASSES, **settings)
    with ReadsValues():
        mixed, targets = mix(x, y)
        draw = mix.draw(x, y)
        loss = draw.loss(lambda output, y: output.mean((1, 2)), x, y)
        mb.mix_pairs(x, targets, draw.lam, partner=torch.zeros_like(y))
    assert mixed.device == targets.device == loss.device == x.device
    assert draw.lam.device == draw.label_lam.device == draw.partner.device == x.device


def test_a_draw_of_the_processors_mixes_on_another_device():
    x, y = torch.rand(BATCH, 3, device="meta"), torch.zeros(BATCH, device="meta").long()
    draw = mb.Mixup(num_classes=CLASSES).draw(BATCH)
    assert draw.mix(x).device == draw.targets(y).device == x.device
    assert draw.loss(lambda output, y: output.sum(), x, y).device == x.device

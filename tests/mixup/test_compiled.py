"""Mixing under torch.compile itself: the same results, whole graphs, and no plausible number.

Most tests stop before code is generated (`aot_eager`), which takes a fifth of the time; one for
each fault goes all the way, where there is a C++ compiler.
"""

import shutil

import pytest
import torch
from mixup.mixup_reference import BATCH, images, labels, seeded
from torch._dynamo.testing import CompileCounterWithBackend
from torch.nn.functional import cross_entropy

import mixupbook as mb

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")

CLASSES = 3
COMPILER = shutil.which("g++") or shutil.which("clang++")
BACKENDS = ["aot_eager", "inductor"] if COMPILER else ["aot_eager"]
each_kind = pytest.mark.parametrize("kind", [mb.Mixup, mb.CutMix])
all_backends = pytest.mark.parametrize("backend", BACKENDS)

# Labels out of range, each where the six examples have the index.
OUT_OF_RANGE = [([0, 1, 3, 2, 1, 0], [2]), ([0, 1, 2, -100, 1, -1], [3, 5])]


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def made(kind, **settings):
    return kind(**{"num_classes": CLASSES, "generator": seeded(1), **settings})


def mixup(**settings):
    return made(mb.Mixup, **settings)


def close(first, second):
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    "settings", [{}, {"per_sample": True, "partners": "same_label", "label_map": "cubic"}]
)
def test_a_compiled_mixup_draws_and_mixes_the_same(settings):
    x, y = images(), labels(classes=CLASSES)
    compiled = torch.compile(mixup(**settings), backend="aot_eager")
    plain = mixup(**settings)
    for _ in range(2):
        close(compiled(x, y), plain(x, y))


@all_backends
def test_floating_labels_of_any_shape(backend):
    compiled, plain = torch.compile(mixup(), backend=backend), mixup()
    for y in (
        torch.tensor([[1.0, 1, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0]]),
        torch.rand(4),
        torch.rand(4, 3),
        torch.rand(4, 5, 2, 3),
    ):
        close(compiled(images(4), y), plain(images(4), y))


@each_kind
@all_backends
@pytest.mark.parametrize(("y", "outside"), OUT_OF_RANGE)
def test_labels_out_of_range_are_nan_and_never_a_plausible_loss(y, outside, backend, kind):
    x, y = images(6), torch.tensor(y)
    for per_sample in (False, True):
        draw = made(kind, per_sample=per_sample).draw(x)
        compiled = torch.compile(made(kind, per_sample=per_sample), backend=backend)
        mixed, targets = compiled(x, y)
        close([mixed], [draw.mix(x)])
        partners = draw.partner.tolist()
        touched = [i in outside or partners[i] in outside for i in range(6)]
        assert targets.isnan().all(dim=1).tolist() == touched
        assert targets.isnan().any(dim=1).tolist() == touched
        whole = draw.targets(y.clamp(0, CLASSES - 1))
        inside = ~torch.tensor(touched)
        close([targets[inside]], [whole[inside]])
        assert cross_entropy(torch.zeros(6, CLASSES), targets).isnan()


@each_kind
@all_backends
@pytest.mark.parametrize("label", [CLASSES, -1])
def test_the_loss_of_a_label_out_of_range_is_an_error(label, backend, kind):
    draw = made(kind).draw(images())
    compiled = torch.compile(
        lambda output, y: draw.loss(cross_entropy, output, y), fullgraph=True, backend=backend
    )
    output, y = torch.rand(BATCH, CLASSES), labels(classes=CLASSES)
    close([compiled(output, y)], [draw.loss(cross_entropy, output, y)])
    y[3] = label
    with pytest.raises((IndexError, RuntimeError), match=r"(?i)out of bounds"):
        compiled(output, y)


@each_kind
@all_backends
def test_one_graph_where_the_draw_is_made_outside(backend, kind):
    counter = CompileCounterWithBackend(backend)

    @torch.compile(fullgraph=True, backend=counter)
    def mixed(draw, x, y):
        return draw.mix(x), draw.targets(y), draw.loss(cross_entropy, x.mean(dim=2)[:, :3, 0], y)

    mix = made(kind)
    for batch in (8, 8, 8, 5, 8, 3):  # with odd last batches, and new draws
        x, y = images(batch), labels(batch, CLASSES)
        draw = mix.draw(x)
        expected = draw.mix(x), draw.targets(y)
        loss = draw.loss(cross_entropy, x.mean(dim=2)[:, :3, 0], y)
        close(mixed(draw, x, y), (*expected, loss))
    assert counter.frame_count == 2  # one for the first batch, one for any number of examples


PIXELS = torch.randint(CLASSES, (BATCH, 5, 4), generator=seeded(3))
LABELS = [
    labels(classes=CLASSES),
    torch.eye(CLASSES)[labels(classes=CLASSES)],
    torch.rand(BATCH, generator=seeded(4)),
    torch.rand(BATCH, CLASSES, 5, 4, generator=seeded(5)),
]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32])
def test_the_loss_of_integers_of_every_width(dtype):
    draw = mixup().draw(BATCH)
    loss = torch.compile(draw.loss, fullgraph=True, backend="aot_eager")
    output, y = images().mean(dim=(2, 3)), labels(classes=CLASSES)
    expected = draw.loss(cross_entropy, output, y)
    torch.testing.assert_close(loss(cross_entropy, output, y.to(dtype)), expected)


@each_kind
@pytest.mark.parametrize("per_sample", [False, True])
def test_labels_of_every_kind_in_one_graph(per_sample, kind):
    draw = made(kind, per_sample=per_sample).draw(images())
    ways = {"fullgraph": True, "backend": "aot_eager"}
    targets = torch.compile(draw.targets, **ways)
    for y in [*LABELS, *[PIXELS] * (kind is mb.CutMix)]:
        close([targets(y)], [draw.targets(y)])
    criterion = torch.nn.CrossEntropyLoss(
        weight=torch.tensor([1.0, 2.0, 0.5]), ignore_index=1, reduction="none"
    )
    loss = torch.compile(draw.loss, **ways)
    for output, y in [
        (torch.rand(BATCH, CLASSES, generator=seeded(6)), LABELS[0]),
        (images(seed=7), PIXELS),
    ]:
        close([loss(criterion, output, y)], [draw.loss(criterion, output, y)])
    smooth = torch.nn.CrossEntropyLoss(label_smoothing=0.1, reduction="none")
    close([loss(smooth, images(seed=7), PIXELS)], [draw.loss(smooth, images(seed=7), PIXELS)])


@all_backends
@pytest.mark.parametrize("per_sample", [False, True])
def test_boxes_and_gradients_in_one_graph(per_sample, backend):
    draw = made(mb.CutMix, per_sample=per_sample).draw(images())
    mixed = torch.compile(draw.mix, fullgraph=True, backend=backend)
    x, weight = images().requires_grad_(), images(seed=9)
    (mixed(x) * weight).sum().backward()
    plain = images().requires_grad_()
    (draw.mix(plain) * weight).sum().backward()
    close([mixed(images()), x.grad], [draw.mix(images()), plain.grad])


def test_one_graph_around_a_draw_that_it_closes_over():
    x, y = images(), labels(classes=CLASSES)
    draw = mixup(per_sample=True).draw(len(x))
    compiled = torch.compile(
        lambda x, y: (draw.mix(x), draw.targets(y)), fullgraph=True, backend="aot_eager"
    )
    close(compiled(x, y), (draw.mix(x), draw.targets(y)))
    draw = mixup(alpha=0).draw(len(x))
    close(compiled(x, y), (x, draw.targets(y)))
    with pytest.raises(Exception, match="num_classes must be given for integer y"):
        torch.compile(mb.Mixup().draw(BATCH).targets, backend="aot_eager")(y)


def test_one_graph_of_containers_and_other_layouts():
    draw = mixup().draw(BATCH)
    compiled = torch.compile(draw.mix, fullgraph=True, backend="aot_eager")
    x = {"a": images(), "b": [images().contiguous(memory_format=torch.channels_last)]}
    mixed = compiled(x)
    close([mixed["a"], mixed["b"][0]], [draw.mix(images())] * 2)
    assert mixed["b"][0].is_contiguous(memory_format=torch.channels_last)


@all_backends
def test_pairs_are_one_graph(backend):
    compiled = torch.compile(mb.mix_pairs, fullgraph=True, backend=backend)
    partner = torch.randperm(BATCH, generator=seeded())
    for lam in (0.7, 0.8, 1, torch.rand(BATCH, generator=seeded(2))):
        got = compiled(images(), torch.eye(BATCH), lam, label_lam=0.6, partner=partner)
        expected = mb.mix_pairs(images(), torch.eye(BATCH), lam, label_lam=0.6, partner=partner)
        close(got, expected)


@all_backends
def test_coefficients_outside_the_interval_are_nan(backend):
    compiled = torch.compile(mb.mix_pairs, fullgraph=True, backend=backend)
    partner = torch.arange(BATCH)
    lam = torch.tensor([0.5, 1.0, 1.01, 0.0, -0.01, torch.nan, 1])
    outside = [False, False, True, False, True, True, False]
    for one, other, wrong in ((lam, 0.5, 0), (0.5, lam, 1)):
        result = compiled(images(), torch.eye(BATCH), one, label_lam=other, partner=partner)
        assert result[wrong].flatten(1).isnan().all(dim=1).tolist() == outside
        assert result[wrong].flatten(1).isnan().any(dim=1).tolist() == outside
        assert not result[1 - wrong].isnan().any()


@all_backends
@pytest.mark.parametrize("wrong", [-1, BATCH])
def test_partners_out_of_range_are_an_assertion(wrong, backend):
    compiled = torch.compile(mb.mix_pairs, fullgraph=True, backend=backend)
    partner = torch.arange(BATCH)
    partner[3] = wrong
    with pytest.raises((IndexError, RuntimeError), match=r"(?i)index.*out of|out of.*bounds"):
        compiled(images(), torch.eye(BATCH), 0.7, partner=partner)


def test_label_maps_outside_the_interval_are_nan():
    compiled = torch.compile(
        lambda lam: mb.label_coefficient("cubic", lam), fullgraph=True, backend="aot_eager"
    )
    got = compiled(torch.tensor([0.75, 1.25, -0.25]))
    assert got[0] == 0.5625
    assert got[1:].isnan().all()
    compiled = torch.compile(
        lambda lam: mb.label_coefficient(lambda value: 1.5 * value, lam), backend="aot_eager"
    )
    got = compiled(torch.tensor([0.6, 0.9]))
    assert got[0] == pytest.approx(0.9)
    assert got[1].isnan()


def test_the_schedule_holds():
    mix = mixup(stop_epoch=2, label_map=0.75)
    compiled = torch.compile(mix, backend="aot_eager")
    x, y = images(), labels(classes=CLASSES)
    with pytest.raises(RuntimeError, match=r"call mix.set_epoch\(epoch\)"):
        compiled(x, y)
    for epoch, mixes in enumerate((True, True, False)):
        mix.set_epoch(epoch)
        assert torch.equal(compiled(x, y)[0], x) != mixes


def test_an_example_without_a_partner_is_an_error_there_too():
    compiled = torch.compile(mixup(partners="other_label"), backend="aot_eager")
    with pytest.raises(ValueError, match="leaves example 0"):
        compiled(images(), torch.ones(BATCH).long())

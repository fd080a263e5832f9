"""Mixing in training loops: several processes, gradients of several batches, mixed precision."""

import subprocess
import sys

import pytest
import torch
from mixup import two_ranks
from mixup.mixup_reference import CLASSES, images, labels, seeded
from torch import nn
from torch.nn.functional import cross_entropy

import mixupbook as mb

KINDS = [mb.Mixup, mb.CutMix]
each_kind = pytest.mark.parametrize("kind", KINDS)


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(60, 8), nn.ReLU(), nn.Linear(8, CLASSES))


def made(kind, **options):
    return kind(**{"num_classes": CLASSES, "generator": seeded(), **options})


def loss_by(way, mix, model, x, y):
    """The mixed loss of a batch, by the draw's loss or by soft targets."""
    draw = mix.draw(x)
    output = model(draw.mix(x))
    if way == "targets":
        return cross_entropy(output, draw.targets(y))
    per_sample = draw.label_lam.ndim == 1
    criterion = nn.CrossEntropyLoss(reduction="none" if per_sample else "mean")
    return draw.loss(criterion, output, y)


def gradients(model):
    return [parameter.grad.clone() for parameter in model.parameters()]


def test_two_processes_draw_apart_and_agree_on_the_gradient(tmp_path):
    # Processes of their own: gloo keeps threads, which this one should not have.
    subprocess.run([sys.executable, two_ranks.__file__, tmp_path], check=True, timeout=300)
    found = [torch.load(tmp_path / f"rank{rank}.pt") for rank in (0, 1)]
    x, y = two_ranks.batch()
    for kind in ("Mixup", "CutMix"):
        alone = []
        with torch.random.fork_rng():
            for rank in (0, 1):
                model = two_ranks.network()
                mix = two_ranks.drawing(kind, rank)
                two_ranks.loss_of(mix, model, x[rank::2], y[rank::2]).backward()
                alone.append(gradients(model))
                assert mix.draw(x[rank::2]).lam == found[rank][kind][1]
        (first, lam), (second, other_lam) = found[0][kind], found[1][kind]
        assert lam != other_lam
        for one, other, *both in zip(first, second, *alone, strict=True):
            assert torch.equal(one, other)
            torch.testing.assert_close(one, (both[0] + both[1]) / 2)


@each_kind
@pytest.mark.parametrize("way", ["loss", "targets"])
@pytest.mark.parametrize("per_sample", [False, True])
def test_gradients_of_several_batches_add_up(kind, way, per_sample):
    """Two batches, each with a draw of its own, before one step."""
    x, y = images(12), labels(12)
    mix = made(kind, per_sample=per_sample)
    together = network()
    for part in (slice(0, 6), slice(6, 12)):
        (loss_by(way, mix, together, x[part], y[part]) / 2).backward()
    mix = made(kind, per_sample=per_sample)
    losses, model = [], network()
    for part in (slice(0, 6), slice(6, 12)):
        losses.append(loss_by(way, mix, model, x[part], y[part]))
    torch.stack(losses).mean().backward()
    for one, other in zip(gradients(together), gradients(model), strict=True):
        torch.testing.assert_close(one, other)


@each_kind
@pytest.mark.parametrize("way", ["loss", "targets"])
@pytest.mark.parametrize("per_sample", [False, True])
@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_mixed_precision_gives_the_loss_nearly(kind, way, per_sample, precision):
    """Examples and targets stay in float32; the network computes in halves."""
    x, y = images(), labels()
    exact_model, model = network(), network()
    exact = loss_by(way, made(kind, per_sample=per_sample), exact_model, x, y)
    with torch.autocast("cpu", precision):
        mix = made(kind, per_sample=per_sample)
        loss = loss_by(way, mix, model, x, y)
        assert model(x).dtype == precision
        mixed, targets = mix(x, y)
    assert mixed.dtype == targets.dtype == torch.float32
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, exact, rtol=0.02, atol=0.02)
    loss.backward()
    exact.backward()
    for one, other in zip(gradients(model), gradients(exact_model), strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=0.1, atol=0.01)


@each_kind
@pytest.mark.parametrize("way", ["loss", "targets"])
def test_a_scaled_loss_takes_the_same_step(kind, way):
    """GradScaler: scales are powers of two, so that nothing is lost."""
    stepped = []
    for scaled in (False, True):
        model, mix = network(), made(kind)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, enabled=scaled)
        for _ in range(3):
            optimizer.zero_grad()
            scaler.scale(loss_by(way, mix, model, images(), labels())).backward()
            scaler.step(optimizer)
            scaler.update()
        stepped.append([p.detach() for p in model.parameters()])
    for one, other in zip(*stepped, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)

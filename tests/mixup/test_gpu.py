"""Mixup and CutMix on a GPU: what the processor says, and never a plausible number in its place."""

import subprocess
import sys

import pytest
import torch
from torch.nn.functional import cross_entropy

import mixupbook as mb

pytestmark = pytest.mark.gpu

B, K = 7, 5
KINDS = pytest.mark.parametrize("kind", [mb.Mixup, mb.CutMix])
SETTINGS = [
    {},
    {"per_sample": True, "label_map": "hard"},
    {"label_map": "independent", "partners": "other_label"},
]


def batch(device="cpu"):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(B, 3, 6, 9, generator=generator)
    return x.to(device), (torch.arange(B) % K).to(device)


def mixes(kind, **settings):
    """Two that draw alike: a generator of the processor serves both devices."""
    return [
        kind(num_classes=K, generator=torch.Generator().manual_seed(1), **settings)
        for _ in range(2)
    ]


@KINDS
@pytest.mark.parametrize("settings", SETTINGS)
def test_a_batch_is_mixed_as_on_the_processor(kind, settings):
    here, there = mixes(kind, **settings)
    for _ in range(3):
        expected, found = here(*batch()), there(*batch("cuda"))
        for one, other in zip(found, expected, strict=True):
            assert one.is_cuda
            torch.testing.assert_close(one.cpu(), other)


@KINDS
@pytest.mark.parametrize("settings", SETTINGS)
def test_the_loss_of_a_draw_is_that_on_the_processor(kind, settings):
    reduction = "none" if settings.get("per_sample") else "mean"
    criterion = torch.nn.CrossEntropyLoss(reduction=reduction, label_smoothing=0.1)
    output = torch.randn(B, K, generator=torch.Generator().manual_seed(2))
    here, there = mixes(kind, **settings)
    x, y = batch()
    expected = here.draw(x, y).loss(criterion, output, y)
    found = there.draw(x.cuda(), y.cuda()).loss(criterion.cuda(), output.cuda(), y.cuda())
    torch.testing.assert_close(found.cpu(), expected)


@KINDS
@pytest.mark.parametrize("wrong", [-1, K])
def test_a_label_out_of_range_and_its_partners_are_nan(kind, wrong):
    x, y = batch("cuda")
    y[2] = wrong
    draw = kind(num_classes=K).draw(x)
    touched = (torch.arange(B, device="cuda") == 2) | (draw.partner == 2)
    assert torch.equal(draw.targets(y).isnan().any(dim=1), touched)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode:UserWarning")
@KINDS
def test_a_batch_is_mixed_without_waiting_for_the_gpu(kind):
    x, y = batch("cuda")
    mix = kind(num_classes=K, generator=torch.Generator("cuda").manual_seed(0))
    mix(x, y)
    try:
        torch.cuda.set_sync_debug_mode("error")
        mix(x, y)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the compiler itself
@KINDS
def test_one_graph_where_the_draw_is_made_outside(kind):
    x, y = batch("cuda")
    draw = kind(num_classes=K).draw(x)

    def mixed(x, y):
        return draw.mix(x), draw.targets(y)

    for one, other in zip(torch.compile(mixed, fullgraph=True)(x, y), mixed(x, y), strict=True):
        torch.testing.assert_close(one, other)


@KINDS
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_step_under_autocast_has_finite_gradients(kind, dtype):
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(162, K)).cuda()
    x, y = batch("cuda")
    scaler = torch.amp.GradScaler("cuda", enabled=dtype is torch.float16)
    draw = kind(num_classes=K).draw(x)
    with torch.autocast("cuda", dtype):
        loss = draw.loss(cross_entropy, network(draw.mix(x)), y)
    scaler.scale(loss).backward()
    assert all(each.grad.isfinite().all() for each in network.parameters())


@pytest.mark.parametrize("line", ["draw.mix(x)", "draw.loss(cross_entropy, output, y)"])
def test_a_partner_out_of_range_ends_the_process(line):
    """Torch's assertion on a GPU leaves nothing to go on with, so that it has one of its own."""
    code = f"""
import torch, mixupbook as mb
from torch.nn.functional import cross_entropy
x, y, output = torch.rand(2, 3).cuda(), torch.tensor([0, 1]).cuda(), torch.rand(2, 5).cuda()
draw = mb.Draw(0.7, 0.7, torch.tensor([1, 2]).cuda(), num_classes=5)
print("reached", {line}.sum().item())
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode != 0
    assert "reached" not in ended.stdout
    assert "assert" in ended.stderr

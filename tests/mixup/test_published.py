"""Mixup and CutMix against the formulae of timm and torchvision, with pairing and lambda given.

The formulae are written here anew. Where timm is installed, its own are tried beside them.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from mixup.mixup_reference import BATCH, CLASSES, images, labels, seeded
from torch.nn.functional import cross_entropy

import mixupbook as mb
from mixupbook.mixup.boxes import boxes_about, kept_share, paste

FLIPPED = torch.arange(BATCH).flip(0)
ROLLED = torch.arange(BATCH).roll(1)
LAMS = [0.0, 0.2, 0.5, 0.7, 0.999, 1.0]


def timms_file():
    """The file of timm that mixes: the whole of timm.data would import torchvision."""
    package = importlib.util.find_spec("timm")
    if package is None:
        return None
    path = Path(package.submodule_search_locations[0], "data", "mixup.py")
    spec = importlib.util.spec_from_file_location("timm_mixup", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TIMM = timms_file()


def smoothed_rows(y, smoothing):
    rows = torch.full((len(y), CLASSES), smoothing / CLASSES)
    rows[torch.arange(len(y)), y] += 1 - smoothing
    return rows


def timm_formula(x, y, lam, smoothing):
    """Examples with the batch in reverse; labels smoothed, then mixed."""
    rows = smoothed_rows(y, smoothing)
    return lam * x + (1 - lam) * x.flip(0), lam * rows + (1 - lam) * rows.flip(0)


def timm_itself(x, y, lam, smoothing):
    mix = TIMM.Mixup(label_smoothing=smoothing, num_classes=CLASSES)
    mix._params_per_batch = lambda: (lam, False)
    if len(x) % 2:  # it takes even batches only
        x, y = torch.cat([x, x[:1]]), torch.cat([y, y[:1]])
    return mix(x.clone(), y)


def torchvision_formula(x, y, lam):
    """Examples with the batch rolled by one; lambda weighs the example itself."""
    rows = torch.eye(CLASSES)[y]
    return lam * x + (1 - lam) * x.roll(1, 0), lam * rows + (1 - lam) * rows.roll(1, 0)


@pytest.mark.parametrize("lam", LAMS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("theirs", [timm_formula] + [timm_itself] * (TIMM is not None))
def test_mixup_is_timms_with_the_batch_flipped(lam, smoothing, theirs):
    x, y = images(8), labels(8)
    draw = mb.Draw(lam, lam, torch.arange(8).flip(0))
    expected = theirs(x, y, lam, smoothing)
    torch.testing.assert_close(draw.mix(x), expected[0])
    torch.testing.assert_close(draw.targets(smoothed_rows(y, smoothing)), expected[1])
    # Its loss, SoftTargetCrossEntropy, and ours of the labels as they are.
    output = torch.randn(8, CLASSES, generator=seeded(8))
    theirs_loss = torch.sum(-expected[1] * output.log_softmax(dim=-1), dim=-1).mean()
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=smoothing)
    torch.testing.assert_close(draw.loss(criterion, output, y), theirs_loss)


@pytest.mark.parametrize("lam", LAMS)
def test_mixup_is_torchvisions_with_the_batch_rolled(lam):
    x, y = images(), labels()
    draw = mb.Draw(lam, lam, ROLLED, num_classes=CLASSES)
    expected = torchvision_formula(x, y, lam)
    torch.testing.assert_close(draw.mix(x), expected[0])
    torch.testing.assert_close(draw.targets(y), expected[1])
    output = torch.randn(BATCH, CLASSES, generator=seeded(8))
    torch.testing.assert_close(
        draw.loss(cross_entropy, output, y), cross_entropy(output, expected[1])
    )


# CutMix. Boxes are (rows from, to, columns from, to) in these formulae.


def timm_box(size, lam, row, column):
    """Sides rounded down to whole pixels, about the pixel, clipped."""
    box = []
    for middle, length in zip((row, column), size, strict=True):
        side = int(length * np.sqrt(1 - lam))
        box += [
            np.clip(middle - side // 2, 0, length),
            np.clip(middle + (side + 1) // 2, 0, length),
        ]
    return box


def timms_own_box(size, lam, row, column, monkeypatch):
    middles = iter([row, column])
    monkeypatch.setattr(np.random, "randint", lambda *_, **__: next(middles))
    return TIMM.rand_bbox((BATCH, 3, *size), lam)


def torchvision_box(size, lam, row, column):
    """As the code of the paper: half a side rounded down, on either hand of the pixel."""
    box = []
    for middle, length in zip((row, column), size, strict=True):
        half = int(0.5 * np.sqrt(1 - lam) * length)
        box += [max(middle - half, 0), min(middle + half, length)]
    return box


def our_box(size, lam, row, column):
    """With lambda in float64, as it is in the formulae."""
    numbers = (torch.tensor([number]) for number in (row, column))
    box = boxes_about(*numbers, torch.tensor([lam], dtype=torch.float64), size)[0]
    x1, y1, x2, y2 = box.tolist()
    return box, [y1, y2, x1, x2]


PLACES = [(row, column, lam) for row in (0, 2, 4) for column in (0, 1, 3) for lam in (0, 0.37, 0.8)]
SIZES = [(5, 4), (8, 8), (7, 33)]


@pytest.mark.parametrize("size", SIZES)
def test_boxes_are_timms(size, monkeypatch):
    for row, column, lam in PLACES:
        ours = our_box(size, lam, row, column)[1]
        assert ours == [int(end) for end in timm_box(size, lam, row, column)]
        if TIMM is not None:
            theirs = timms_own_box(size, lam, row, column, monkeypatch)
            assert ours == [int(end) for end in theirs]


@pytest.mark.parametrize("size", SIZES)
def test_boxes_are_torchvisions_where_sides_are_even_and_else_one_pixel_longer(size):
    for row, column, lam in PLACES:
        ours = our_box(size, lam, row, column)[1]
        theirs = torchvision_box(size, lam, row, column)
        for axis, middle in enumerate((row, column)):
            odd = int(size[axis] * np.sqrt(1 - lam)) % 2
            low, high = theirs[2 * axis : 2 * axis + 2]
            half = int(0.5 * np.sqrt(1 - lam) * size[axis])
            assert ours[2 * axis] == low
            assert ours[2 * axis + 1] == min(middle + half + odd, size[axis]) >= high


@pytest.mark.parametrize("partner", [FLIPPED, ROLLED], ids=["timm", "torchvision"])
def test_cut_images_and_their_lambda_are_theirs(partner):
    x = images()
    size = tuple(x.shape[-2:])
    others = x.flip(0) if partner is FLIPPED else x.roll(1, 0)
    for row, column, lam in PLACES:
        box, (top, bottom, left, right) = our_box(size, lam, row, column)
        expected = x.clone()
        expected[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
        assert torch.equal(paste(x, box, partner), expected)
        adjusted = 1 - (bottom - top) * (right - left) / (size[0] * size[1])
        assert kept_share(box, size).item() == pytest.approx(adjusted, abs=6e-8)

"""What the tests of Mixup share: seeds, and mixing one example at a time, in plain Python."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

BATCH, CLASSES = 7, 5
# Settings of Mixup and CutMix, of each kind one.
SETTINGS = [
    {},
    {"per_sample": True},
    {"alpha": 0.2, "label_map": "cubic"},
    {"label_map": "independent", "per_sample": True},
    {"partners": "same_label", "label_map": 0.75},
    {"start_epoch": 1, "stop_epoch": 4},
]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def one_hot(y, classes=CLASSES):
    return torch.stack([torch.eye(classes, dtype=torch.float64)[label] for label in y.tolist()])


def slow_mix(values, lam, partner):
    """lam values[i] + (1 - lam) values[p(i)]: shares nothing with the package's way."""
    lam = lam.tolist() if isinstance(lam, torch.Tensor) and lam.ndim else [float(lam)] * len(values)
    rows = [lam[i] * values[i] + (1 - lam[i]) * values[j] for i, j in enumerate(partner.tolist())]
    return torch.stack(rows)


def images(batch=BATCH, seed=1, dtype=torch.float32):
    return torch.rand(batch, 3, 5, 4, generator=seeded(seed)).to(dtype)


def labels(batch=BATCH, classes=CLASSES, seed=2):
    return torch.randint(classes, (batch,), generator=seeded(seed))


def slow_cut(values, box, partner):
    """`values`, the pixels of each one's box taken from its partner one by one."""
    boxes = box.tolist() if box.ndim == 2 else [box.tolist()] * len(values)
    cut = values.clone()
    for i, j in enumerate(partner.tolist()):
        x1, y1, x2, y2 = boxes[i]
        for row in range(y1, y2):
            for column in range(x1, x2):
                cut[i, ..., row, column] = values[j, ..., row, column]
    return cut


def kept(box, size):
    """The share of an image's pixels outside of its box, counted."""
    x1, y1, x2, y2 = box.tolist()
    pixels = [(row, column) for row in range(size[0]) for column in range(size[1])]
    inside = [1 for row, column in pixels if y1 <= row < y2 and x1 <= column < x2]
    return 1 - len(inside) / len(pixels)


class ReadsValues(TorchDispatchMode):
    """Fails on what would make the processor wait for a GPU."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert "_local_scalar_dense" not in str(function)
        assert "nonzero" not in str(function)
        assert "equal" not in str(function)
        return function(*args, **(kwargs or {}))

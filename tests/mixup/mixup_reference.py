"""What the tests of Mixup share: seeds, and mixing one example at a time, in plain Python."""

import torch

BATCH, CLASSES = 7, 5


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

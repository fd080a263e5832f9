"""Two processes that train one network together: ``python two_ranks.py FOLDER``.

Each mixes its half of a batch, and saves its draw and the gradient that the two agreed on.
"""

import importlib
import multiprocessing
import sys
from pathlib import Path

import torch
from torch import distributed, nn
from torch.nn.functional import cross_entropy

import mixupbook as mb

CLASSES = 3


def batch():
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(10, 2, 4, 3, generator=generator)
    return x, torch.randint(CLASSES, (10,), generator=generator)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(24, CLASSES))


def drawing(kind, rank):
    """Each rank's own: the generator is seeded with its rank."""
    generator = torch.Generator().manual_seed(100 + rank)
    return getattr(mb, kind)(num_classes=CLASSES, generator=generator)


def loss_of(mix, model, x, y):
    """Of a draw by the loss itself, and of another by soft targets."""
    draw = mix.draw(x)
    mixed, targets = mix(x, y)
    return draw.loss(cross_entropy, model(draw.mix(x)), y) + cross_entropy(model(mixed), targets)


def train(rank, folder):
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2
    )
    x, y = (part[rank::2] for part in batch())
    found = {}
    for kind in ("Mixup", "CutMix"):
        model = nn.parallel.DistributedDataParallel(network())
        mix = drawing(kind, rank)
        loss_of(mix, model, x, y).backward()
        found[kind] = [p.grad for p in model.parameters()], mix.draw(x).lam
    torch.save(found, folder / f"rank{rank}.pt")
    distributed.destroy_process_group()


def main(folder):
    # DistributedDataParallel imports it, for seconds: once for both.
    importlib.import_module("torch._dynamo")
    forking = multiprocessing.get_context("fork")
    ranks = [forking.Process(target=train, args=(rank, folder), daemon=True) for rank in (0, 1)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    return max(abs(rank.exitcode) for rank in ranks)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

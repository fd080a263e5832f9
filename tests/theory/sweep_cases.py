"""Small sweeps, and what a process of its own does with them."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch

import mixupbook as mb

MODEL = mb.FeatureNoise(40, 4, 0.1, 0.2, 1, 0.15, layout="same")
GRID = {"noise_std": [0.1, 0.2], "lam": [0.6, 0.8, 1.0]}
SMALL = {"examples": 20, "test_examples": 60, "seeds": [0, 3], "steps": 30, "record_every": 20}
SMALL |= {"width": 3, "lr": 0.4, "dtype": torch.float64, "progress": False}
ONE_RUN = 1  # bytes: a block of one run each


def small(**changes):
    settings = {"over": GRID, **SMALL, **changes}
    return mb.sweep(MODEL, mb.PairMixup(), **settings)


def same(found, expected):
    """Whether two sweeps found the same, but for what they were asked."""
    return found.drop_attrs().identical(expected.drop_attrs())


def dies(data):
    """A choice of partners that ends its process."""
    os._exit(3)


def raises(data):
    """A choice of partners that cannot be made."""
    raise ArithmeticError("no partners today")


def kill_and_resume(store, times):
    """Starts a sweep again and again, killed after a while each time; then ends it."""
    settings = {"over": {"noise_std": np.linspace(0.1, 0.2, 20)}, "memory": ONE_RUN}
    random = np.random.default_rng(0)
    done = []
    torch.set_num_threads(1)  # threads of the processor are lost by a fork, and waited for
    small(over={}, steps=1, store=Path(store) / "warm")  # what is imported on first use
    for _ in range(times):
        child = os.fork()
        if child == 0:
            small(store=store, **settings)
            os._exit(0)
        while _blocks(store) <= sum(done[-1:]):
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.1))
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        done.append(_blocks(store))
    agrees = same(small(store=store, **settings), small(**settings))
    sys.stdout.write(f"{done} {agrees}\n")


def _blocks(store):
    """How many blocks are done, by the chunks that there are of `status`."""
    return sum(1 for _ in Path(store).glob("all.zarr/shape-0/status/c/[0-9]*"))


if __name__ == "__main__":
    kill_and_resume(sys.argv[1], int(sys.argv[2]))

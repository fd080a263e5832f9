"""What sweeps cost: as the runs of a block, n and d grow, and over one core, two cores and Dask."""

import dataclasses
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any

import torch

from mixupbook.studies.atlas.atlas_parts import REFERENCE, TRAINING
from mixupbook.studies.atlas.atlas_record import CostRecord
from mixupbook.theory.descent import descend
from mixupbook.theory.feature_noise import FeatureNoise
from mixupbook.theory.objectives import PairMixup
from mixupbook.theory.samples import train_sample
from mixupbook.theory.sweeps.sweep import sweep

__all__ = ["costs"]

RUNS = (1, 4, 16, 64)
EXAMPLES = (25, 50, 100, 200, 400)
DIMENSIONS = (100, 200, 400, 800, 1600)
FEW, MORE = 20, 120
TIMES = 3  # the least of so many is taken: what else the machine does only adds to it


def costs() -> dict[str, CostRecord]:
    """Seconds for a step of one run, on one thread; and of whole sweeps, by where they are done."""
    torch.set_num_threads(1)
    found = {
        "runs": CostRecord(values=RUNS, seconds=tuple(step_of(runs=runs) for runs in RUNS)),
        "n": CostRecord(values=EXAMPLES, seconds=tuple(step_of(n=n) for n in EXAMPLES)),
        "d": CostRecord(values=DIMENSIONS, seconds=tuple(step_of(dimension=d) for d in DIMENSIONS)),
        "products": CostRecord(values=(16,), seconds=(products(),)),
    }
    return found | swept()


def step_of(runs: int = 16, n: int = 100, dimension: int = 400) -> float:
    """Seconds for a step of one run, in a block of so many, from two lengths."""
    model = with_dimension(dimension)
    train = [train_sample(model, n, seed) for seed in range(runs)]

    def of(steps: int) -> float:
        settings = {**TRAINING, "steps": steps, "record_every": steps, "device": "cpu"}
        return least(lambda: descend(train, PairMixup(0.7), seed=range(runs), **settings))

    return (of(MORE) - of(FEW)) / (MORE - FEW) / runs


def products(runs: int = 16, n: int = 100, dimension: int = 400) -> float:
    """Seconds, for one run, of the matrix products alone that a step of such a block needs."""
    noisy, filters = 2 * n, 2 * TRAINING["width"]
    moved, gram = torch.rand(runs, filters, noisy), torch.rand(runs, noisy, noisy)
    responses, pairs = torch.rand(runs, n, 4 * filters), torch.rand(runs, n, n)
    near, features = torch.rand(runs, 4 * n, 4), torch.rand(runs, 4, filters)

    def once() -> None:
        for _ in range(MORE):
            torch.bmm(moved, gram)
            torch.bmm(near, features)
            torch.bmm(near.mT, responses.view(runs, 4 * n, filters))
            torch.bmm(responses, responses.mT)
            torch.bmm(pairs, responses)

    return least(once) / MORE / runs


def swept() -> dict[str, CostRecord]:
    """Seconds of one sweep of 256 networks and 400 steps: here, by processes, and by Dask."""
    spawn = multiprocessing.get_context("spawn")
    found = {"alone": CostRecord(values=(1,), seconds=(a_sweep(None),))}
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        found["processes"] = CostRecord(values=(2,), seconds=(a_sweep(pool),))
    from distributed import Client, LocalCluster

    with (
        LocalCluster(2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        executor = client.get_executor(pure=False)
        found["dask"] = CostRecord(values=(2,), seconds=(a_sweep(executor),))
    return found


def a_sweep(executor: Executor | None) -> float:
    """The least of some sweeps, the first of which starts the workers."""
    over = {"noise_std": [0.05 + 0.01 * i for i in range(16)], "lam": [0.6, 0.7, 0.8, 0.9]}
    settings: dict[str, Any] = {"over": over, "steps": 400, "record_every": 400, "progress": False}
    model = with_dimension(400)
    return least(lambda: sweep(model, PairMixup(), executor=executor, **settings, **TRAINING))


def with_dimension(dimension: int) -> FeatureNoise:
    """The reference model in another dimension."""
    return dataclasses.replace(REFERENCE, dimension=dimension)


def least(work: Callable[[], Any]) -> float:
    """The least time of some, in seconds."""
    found = []
    for _ in range(TIMES):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)

"""The speed and memory of the theory engine, as ratios measured in one run.

    python benchmarks/theory.py [--quick] [--only throughput --runs 4096]

Beside each step stands its floor: the bare matrix products that the step needs, timed in turns with
it. `--quick` takes fewer repeats, and forms a tenth of the pairs in the comparison with autograd.
`--only` is for a GPU that is there for minutes: the other benchmarks are of the processor.
"""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable

import torch
from timing import best_times, once, report
from torch.nn.functional import cross_entropy, one_hot

import mixupbook as mb
from mixupbook.theory.activations import Activation, checked_activation
from mixupbook.theory.batches import stack
from mixupbook.theory.history import History
from mixupbook.theory.losses import GroupedLoss
from mixupbook.theory.mixed_pairs import MANY
from mixupbook.theory.patch_network import initial_weights
from mixupbook.theory.runs import checked_runs
from mixupbook.theory.walk import walk

OBJECTIVE = mb.PairMixup(0.7)


def model(dimension: int, patches: int) -> mb.FeatureNoise:
    return mb.FeatureNoise(dimension, patches, 0.1, 0.2, 1, 0.15, layout="same")


class Step:
    """The steps of `descend`, one at a time, and their floor."""

    def __init__(self, n: int, dimension: int, patches: int, width: int) -> None:
        self.data = model(dimension, patches).sample(n, seed=0)
        runs = checked_runs(
            self.data,
            OBJECTIVE,
            test=None,
            width=width,
            init_std=0.01,
            lr=0.2,
            steps=10**6,
            seed=0,
            record_every=10**6,
            device="cpu",
            dtype=torch.float32,
        )
        self.weights = initial_weights([0], width, dimension, 0.01)[0]
        self.history = History(runs)
        self.path = walk(runs)
        self.descent = next(self.path).descent
        self.far = torch.rand_like(self.descent.far.moved)
        self.responses = torch.rand(1, n, 2 * patches * width)
        self.square = torch.rand(1, n, n)

    def take(self) -> None:
        self.history.watch(next(self.path).responses)

    def products(self) -> None:
        near, weights = self.descent.near_rows, self.descent.near_weights.float()
        responses = torch.bmm(near, weights)
        torch.bmm(near.mT, responses)
        torch.bmm(self.far.mT, self.descent.far.gram)
        torch.bmm(self.responses, self.responses.mT, out=self.square)
        torch.bmm(self.square, self.responses)


def autograd_step(data: mb.PatchData, weights: torch.Tensor, share: float = 1.0) -> None:
    """The gradient over materialised pairs, some first examples at a time to fit in memory."""
    weights = weights.clone().requires_grad_()
    y = one_hot(data.y, 2).float()
    for i in range(0, round(share * len(data)), 4):
        mixed = 0.7 * data.x[i : i + 4, None] + 0.3 * data.x
        targets = (0.7 * y[i : i + 4, None] + 0.3 * y).flatten(0, 1)
        responses = mixed.flatten(0, 1) @ weights.flatten(0, 1).T
        logits = responses.square().unflatten(-1, (2, -1)).sum(dim=(1, 3))
        (cross_entropy(logits, targets, reduction="sum") / len(data) ** 2).backward()


def step_against_its_floor(quick: bool) -> None:
    step, wide = Step(400, 2000, 5, 10), Step(400, 20000, 5, 10)
    repeats = 200 if quick else 500
    # The wide step in turns of its own: it would leave no cache to the step after it.
    times = best_times({"step": step.take, "floor": step.products}, repeats)
    both = best_times({"step": step.take, "wide": wide.take}, repeats)
    share = 0.1 if quick else 1.0
    pairs = once(lambda: autograd_step(step.data, step.weights, share)) / share
    print(
        f"n=400 P=5 m=10: step {times['step'] * 1e3:.2f} ms at d=2000, its products alone "
        f"{times['floor'] * 1e3:.2f} ms; {both['step'] * 1e3:.2f} ms in turns with d=20000, "
        f"which takes {both['wide'] * 1e3:.2f} ms; "
        f"autograd over pairs {pairs * 1e3:.0f} ms"
    )
    speedup = pairs / times["step"]
    report("faster than autograd over pairs", f"{speedup:.0f} x", ">= 1500 x", speedup >= 1500)
    ratio = times["step"] / times["floor"]
    report("step over its matrix products", f"{ratio:.2f} x", "<= 1.5 x", ratio <= 1.5)
    ratio = both["wide"] / both["step"]
    report("step at d=20000 over d=2000", f"{ratio:.2f} x", "<= 1.3 x", ratio <= 1.3)


def other_activations(quick: bool) -> None:
    """Their floor: each mixed response made, its activation and slope, and the slope weighed."""
    train = model(400, 4).sample(100, seed=0)
    data = stack([train] * 8, torch.float32, torch.device("cpu"))
    responses = torch.randn(8, 100, 4, 12)
    first, second = 0.7 * responses[:, :, None], 0.3 * responses[:, None]
    residual = torch.rand(8, 100, 100, 1, 1)
    rows = MANY["cpu"] // responses[0].numel()
    for kind in ("linear", "relu", 1.5):
        activation = checked_activation(kind)
        loss = GroupedLoss([OBJECTIVE] * 8, data, activation)

        def floor(activation: Activation = activation) -> None:
            for run in range(8):
                for start in range(0, 100, rows):
                    part = slice(start, start + rows)
                    mixed = first[run, part] + second[run]
                    _, slope = activation.value_and_slope(mixed)
                    slope *= residual[run, part]

        def gradient(loss: GroupedLoss = loss) -> None:
            loss.gradient(responses)

        times = best_times({"step": gradient, "floor": floor}, 10 if quick else 50)
        ratio = times["step"] / times["floor"]
        print(f"8 runs, n=100 P=4 m=6, {kind}: {times['step'] * 1e3:.1f} ms")
        report("pairs over their elementwise floor", f"{ratio:.2f} x", "<= 3 x", ratio <= 3)


def many_small_runs(quick: bool) -> None:
    trains = [model(200, 4).sample(60, seed=run) for run in range(64)]
    steps = 100 if quick else 400
    settings = {"width": 6, "steps": steps, "record_every": 1000, "device": "cpu"}

    def loop() -> None:
        for run, train in enumerate(trains):
            mb.descend(train, OBJECTIVE, seed=run, **settings)

    def batch() -> None:
        mb.descend(trains, OBJECTIVE, seed=range(64), **settings)

    times = best_times({"loop": loop, "batch": batch}, 2 if quick else 5)
    ratio = times["loop"] / times["batch"]
    print(f"64 runs, n=60 d=200 P=4 m=6: loop {times['loop']:.2f} s, batch {times['batch']:.2f} s")
    report("64 runs in one call, over a loop", f"{ratio:.1f} x", ">= 4 x", ratio >= 4)


def atlas(quick: bool) -> None:
    trains = [model(400, 4).sample(100, seed=run) for run in range(72)]
    test = model(400, 4).sample(400, seed=99, rare=200)
    steps = 200 if quick else 1000

    def batch() -> None:
        mb.descend(trains, OBJECTIVE, test=test, width=6, seed=range(72), steps=steps, device="cpu")

    seconds = best_times({"batch": batch}, 1 if quick else 3)["batch"] * 1000 / steps
    print(f"timed over {steps} steps, with test errors every 50")
    report("72 runs, n=100 d=400 P=4 m=6, 1000 steps", f"{seconds:.1f} s", "< 10 s", seconds < 10)


PEAK = """
import resource, sys, mixupbook as mb
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
train = mb.FeatureNoise(2000, 4, 0.1, 0.2, 1, 0.15, layout="same").sample(2000, seed=0)
print(peak())
mb.descend(train, mb.PairMixup(0.7), steps=int(sys.argv[1]), lr=0.05, device="cpu")
print(peak())
"""


def memory(quick: bool) -> None:
    # A process of its own: the peak of this one is that of the benchmarks before.
    command = [sys.executable, "-c", PEAK, "2" if quick else "10"]
    before, peak = map(float, subprocess.check_output(command, text=True).split())
    print(f"with torch and the data loaded, before any step: {before:.2f} GiB")
    report("peak memory, n=2000 d=2000 P=4 m=10", f"{peak:.2f} GiB", "< 2 GiB", peak < 2)


def throughput(quick: bool, runs: int | None = None) -> None:
    gpu = torch.cuda.is_available()
    if runs is None:
        runs = 4096 if gpu else (64 if quick else 256)
    steps = 200 if gpu else 20
    n, dimension, patches, width = 100, 400, 4, 6
    trains = [model(dimension, patches).sample(n, seed=run) for run in range(runs)]

    def train(steps: int) -> Callable[[], object]:
        return lambda: mb.descend(
            trains, OBJECTIVE, width=width, seed=range(runs), steps=steps, record_every=10**6
        )

    times = best_times({"set up": train(1), "all": train(steps + 1)}, 2 if quick else 3)
    rate = runs * steps / (times["all"] - times["set up"])
    filters, noisy = 2 * width, n * (patches - 2)
    multiplications = 2 * n * n * patches * filters + noisy**2 * filters
    multiplications += 2 * n * patches * 4 * filters
    size = 8192 if gpu else 2048
    square = torch.rand(size, size, device="cuda" if gpu else "cpu")
    peak = size**3 / best_times({"product": lambda: square @ square}, 5)["product"]
    where = torch.cuda.get_device_name() if gpu else "CPU (no GPU here: fewer steps)"
    print(
        f"{runs} runs, n=100 d=400 P=4 m=6 on {where}: {rate:,.0f} runs x steps per second, "
        f"{rate * multiplications / peak:.0%} of the rate of one large float32 product"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats, smaller sizes")
    parser.add_argument("--only", choices=["throughput"], help="the one that a GPU is wanted for")
    parser.add_argument("--runs", type=int, help="of throughput; 4096 on a GPU, less elsewhere")
    options = parser.parse_args()
    quick = options.quick
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, "
        f"{platform.processor() or platform.machine()}, load before: {os.getloadavg()[0]:.1f}"
    )
    print("Threads that must share their cores with other work wait for each other: with a load")
    print("near the number of cores, set OMP_NUM_THREADS=1 and compare the ratios only.")
    of_the_processor = (step_against_its_floor, other_activations, many_small_runs, atlas, memory)
    if options.only is None:
        for benchmark in of_the_processor:
            benchmark(quick)
    throughput(quick, options.runs)


if __name__ == "__main__":
    main()

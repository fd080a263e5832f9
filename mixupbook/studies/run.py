"""One run of a study under one seed, and what is measured of it.

This module is among the sources of a record: a change of what it does makes records stale. What
only plans, prices or keeps runs has its place in `mixupbook.studies.plan`.
"""

import time
from pathlib import Path

from torch.nn.modules.batchnorm import _BatchNorm

from mixupbook.images.data.images import ImageData
from mixupbook.images.training.checkpoint import Checkpoint
from mixupbook.images.training.evaluation import error_rate, recalibrate
from mixupbook.images.training.fit import fit
from mixupbook.mixup.transform import Mixup
from mixupbook.studies.record import Record, SeedRun

__all__ = ["run_seed"]

# Significant digits kept of a history: far below the spread over seeds.
DIGITS = 5


def run_seed(
    record: Record,
    arm: str,
    seed: int,
    data: ImageData,
    *,
    device: str = "auto",
    checkpoint: Checkpoint | None = None,
) -> SeedRun:
    """One run of a planned record, by its settings.

    Both errors are measured in float32, so that they differ by batch norm's statistics alone.

    Args:
        record: the plan.
        arm: name of the arm.
        seed: seed of the run.
        data: the images that were planned for.
        device: where to run, as planned.
        checkpoint: where the state is kept, and an interrupted run taken up again from.
    """
    settings = {key: value for key, value in record.settings.items() if key != "seeds"}
    mixing = record.arm(arm).settings["mixup"]
    mixup = None if mixing is None else Mixup(num_classes=len(data.classes), **mixing)
    resumed = checkpoint is not None and Path(checkpoint.path).exists()
    start = time.perf_counter()
    run = fit(
        data,
        mixup=mixup,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        progress=False,
        **settings,
    )
    seconds = time.perf_counter() - start
    final = run.test_error
    if settings["precision"] != "float32":
        final = error_rate(run.network, data.x_test, data.y_test)
    recalibrated = None
    if any(isinstance(module, _BatchNorm) for module in run.network.modules()):
        network = recalibrate(run.network, data.x_train)
        recalibrated = error_rate(network, data.x_test, data.y_test)
    return SeedRun(
        seed=seed,
        history={
            column: [float(f"{epoch[column]:.{DIGITS}g}") for epoch in run.history]
            for column in ("train_loss", "test_error")
        },
        test_error=final,
        recalibrated_error=recalibrated,
        seconds=None if resumed else round(seconds, 2),
    )

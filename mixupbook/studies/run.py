"""One run of a study under one seed, and what is measured of it.

This module is among the sources of a record: a change of what it does makes records stale.
"""

import time
from pathlib import Path
from typing import Any

from torch.nn.modules.batchnorm import _BatchNorm

from mixupbook.images.data.images import ImageData
from mixupbook.images.training.evaluation import error_rate, recalibrate
from mixupbook.images.training.fit import fit
from mixupbook.mixup.transform import Mixup
from mixupbook.studies.record import Record, SeedRun

__all__ = ["run_seed"]

# Significant digits kept of a history: far below the spread over seeds.
DIGITS = 5


def run_seed(plan: Record, arm: str, seed: int, data: ImageData, **where: Any) -> SeedRun:
    """Trains an arm under a seed; `where` is `device` and `checkpoint`, as `fit` takes them.

    Both errors are measured in float32, so that they differ by batch norm's statistics alone.
    """
    parameters: dict[str, Any] | None = plan.arms[arm]
    mixup = None if parameters is None else Mixup(num_classes=len(data.classes), **parameters)
    resumed = "checkpoint" in where and Path(where["checkpoint"].path).exists()
    settings = plan.settings.model_dump(exclude={"seeds"}) | where
    start = time.perf_counter()
    run = fit(data, mixup=mixup, seed=seed, progress=False, **settings)
    seconds = time.perf_counter() - start
    error, recalibrated = run.test_error, None
    if plan.settings.precision != "float32":
        error = error_rate(run.network, data.x_test, data.y_test)
    if any(isinstance(module, _BatchNorm) for module in run.network.modules()):
        network = recalibrate(run.network, data.x_train)
        recalibrated = error_rate(network, data.x_test, data.y_test)
    columns = {
        column: tuple(float(f"{epoch[column]:.{DIGITS}g}") for epoch in run.history)
        for column in ("train_loss", "test_error")
    }
    return SeedRun(
        arm=arm,
        seed=seed,
        final_error=error,
        recalibrated_error=recalibrated,
        seconds=None if resumed else round(seconds, 2),
        **columns,
    )

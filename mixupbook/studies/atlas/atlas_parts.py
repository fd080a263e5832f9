"""What maps of the atlas are made of."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from mixupbook.theory.feature_noise import FeatureNoise
from mixupbook.theory.windows import time_to_learn

__all__ = [
    "LAMS",
    "RECORD_EVERY",
    "REFERENCE",
    "STEPS",
    "TEST",
    "TRAINING",
    "AtlasMap",
    "Measured",
    "measured",
    "noise_std",
]

# Of all maps, where a map does not say otherwise.
REFERENCE = FeatureNoise(500, 4, 0.1, 0.2, 1, 0.15, layout="same")
TRAINING: dict[str, Any] = {"width": 6, "lr": 0.4, "init_std": 0.01}
STEPS = (100, 200, 400, 800, 1600, 3200)
RECORD_EVERY = 50
TEST = 1000
LAMS = (1.0, 0.7)  # standard training and Mixup
ERRORS = ("common_error", "rare_error")


class Measured(NamedTuple):
    """Errors (points, steps) and times to learn (points,) of one seed, the last dimension first."""

    common: np.ndarray
    rare: np.ndarray
    learned: np.ndarray


@dataclass(frozen=True)
class AtlasMap:
    """A map.

    Attributes:
        name: in the record.
        title: what it shows.
        dims: the values of what varies.
        seeds: under which each point is trained.
        steps: at which errors are kept.
        setting: all else that decides the numbers.
        measure: from a seed to what is measured under it.
    """

    name: str
    title: str
    dims: dict[str, tuple]
    seeds: tuple[int, ...]
    steps: tuple[int, ...]
    setting: dict[str, Any]
    measure: Callable[[int], Measured] = field(compare=False)


def noise_std(kappa: float, n: int, dimension: int) -> float:
    """sigma at a ratio sigma^2 d/n."""
    return math.sqrt(kappa * n / dimension)


def measured(dataset: Any, steps: Sequence[int]) -> Measured:
    """What is kept of a dataset of `sweep` under one seed, or of `descend`."""
    learned = time_to_learn(dataset).fillna(-1).values.ravel()
    kept = dataset.sel(step=list(steps))
    common, rare = (kept[name].values.reshape(-1, len(steps)) for name in ERRORS)
    return Measured(common, rare, learned.astype(int))

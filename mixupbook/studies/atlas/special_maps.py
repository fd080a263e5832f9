"""Maps that no grid of settings gives: places that meet in part, and settings drawn at random."""

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from mixupbook.studies.atlas.atlas_parts import (
    LAMS,
    RECORD_EVERY,
    REFERENCE,
    STEPS,
    TEST,
    TRAINING,
    AtlasMap,
    Measured,
    measured,
    noise_std,
)
from mixupbook.theory.any_objective import Objective
from mixupbook.theory.descent import descend
from mixupbook.theory.feature_noise import FeatureNoise, PatchData
from mixupbook.theory.objectives import PairMixup, Standard
from mixupbook.theory.samples import BALANCED, test_sample, train_sample
from mixupbook.theory.sweeps.sweep import sweep

__all__ = ["DRAWN", "OVERLAP", "drawn_settings"]

SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def meeting(same: PatchData, apart: PatchData, share: float) -> PatchData:
    """A share of the rare examples of each class has its feature in the place of the common one.

    Both samples are of one seed, and differ in the place of the rare features alone.
    """
    x = apart.x.clone()
    for label in (0, 1):
        rare = (apart.is_rare & (apart.y == label)).nonzero().flatten()
        chosen = rare[: round(share * len(rare))]
        x[chosen] = same.x[chosen]
    return PatchData(x, apart.y, apart.is_rare)


def measure_overlap(seed: int) -> Measured:
    """Standard training and Mixup, for every share of rare examples in the common place."""
    models = [dataclasses.replace(REFERENCE, layout=layout) for layout in ("same", "distinct")]
    train = [train_sample(model, 100, seed, BALANCED) for model in models]
    test = [test_sample(model, TEST, seed) for model in models]
    runs = [(share, lam) for share in SHARES for lam in LAMS]
    found = descend(
        [meeting(*train, share) for share, _ in runs],  # type: ignore[call-arg, arg-type]
        [PairMixup(lam) for _, lam in runs],
        test=[meeting(*test, share) for share, _ in runs],  # type: ignore[call-arg, arg-type]
        seed=seed,
        steps=STEPS[-1],
        record_every=RECORD_EVERY,
        device="cpu",
        **TRAINING,
    )
    return measured(found, STEPS)


OVERLAP = AtlasMap(
    "overlap",
    "share of the rare features that meet the common ones",
    {"overlap": SHARES, "lam": LAMS},
    tuple(range(10)),
    STEPS,
    {"model": repr(REFERENCE), "examples": 100, **TRAINING},
    measure_overlap,
)


class Setting(NamedTuple):
    """A setting that was drawn."""

    model: FeatureNoise
    objective: Objective
    examples: int
    init_std: float


def drawn_settings() -> list[Setting]:
    """Sixty settings drawn from the whole range, to judge the reduced dynamics by."""
    random = np.random.default_rng(2027)
    settings: list[Setting] = []
    while len(settings) < 60:
        n, dimension = int(random.choice([60, 100, 160])), int(random.choice([200, 400, 800]))
        rho, kappa = (math.exp(random.uniform(math.log(0.02), math.log(0.5))) for _ in range(2))
        lam = float(random.choice([1.0, random.uniform(0.5, 0.95)], p=[0.25, 0.75]))
        label_lam = random.choice([None, 0.6, 0.8, 0.95])  # type: ignore[arg-type]
        init_std = math.exp(random.uniform(math.log(1e-3), math.log(0.1)))
        if round(rho * n / 2) < 1:
            continue  # no rare example in a class
        std = noise_std(kappa, n, dimension)
        model = dataclasses.replace(
            REFERENCE, dimension=dimension, rare_fraction=rho, noise_std=std
        )
        mixed = Standard() if lam == 1 else PairMixup(lam, label_lam)
        settings.append(Setting(model, mixed, n, init_std))
    return settings


def measure_drawn(seed: int) -> Measured:
    """Each of the drawn settings."""
    found = []
    for one in drawn_settings():
        dataset = sweep(
            one.model,
            one.objective,
            over={},
            examples=one.examples,
            test_examples=TEST,
            rare=BALANCED,
            seeds=[seed],
            steps=STEPS[-1],
            record_every=RECORD_EVERY,
            device="cpu",
            progress=False,
            **TRAINING | {"init_std": one.init_std},
        )
        found.append(measured(dataset, STEPS))
    return Measured(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


DRAWN = AtlasMap(
    "drawn",
    "sixty settings drawn at random",
    {"setting": tuple(float(number) for number in range(60))},
    tuple(range(4)),
    STEPS,
    {"settings": [repr(one) for one in drawn_settings()], **TRAINING},
    measure_drawn,
)

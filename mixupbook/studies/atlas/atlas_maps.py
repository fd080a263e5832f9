"""The maps of the atlas: what varies in each, and how one seed of it is measured."""

import dataclasses
import math
from collections.abc import Sequence

from mixupbook.studies.atlas.atlas_methods import METHODS
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
from mixupbook.studies.atlas.special_maps import DRAWN, OVERLAP
from mixupbook.theory.any_objective import Objective
from mixupbook.theory.feature_noise import FeatureNoise
from mixupbook.theory.objectives import PairMixup
from mixupbook.theory.samples import BALANCED
from mixupbook.theory.sweeps.sweep import sweep

__all__ = ["MAPS"]


def grid_map(
    name: str,
    title: str,
    over: dict[str, Sequence],
    *,
    dims: dict[str, tuple] | None = None,
    model: FeatureNoise = REFERENCE,
    objective: Objective | None = None,
    seeds: int = 4,
    examples: int = 100,
    steps: tuple[int, ...] = STEPS,
) -> AtlasMap:
    """A map over what `sweep` varies; `dims` for the record where the values have other names."""
    objective = PairMixup(0.7) if objective is None else objective

    def measure(seed: int) -> Measured:
        found = sweep(
            model,
            objective,
            over=over,
            examples=examples,
            test_examples=TEST,
            rare=BALANCED,
            seeds=[seed],
            steps=steps[-1],
            record_every=RECORD_EVERY,
            device="cpu",
            progress=False,
            **TRAINING,
        )
        return measured(found, steps)

    varied = {name: tuple(values) for name, values in over.items()}
    setting = {"model": repr(model), "objective": repr(objective), "examples": examples, **TRAINING}
    setting["over"] = {name: list(values) for name, values in varied.items()}
    return AtlasMap(
        name, title, varied if dims is None else dims, tuple(range(seeds)), steps, setting, measure
    )


RATIOS = (0.02, 0.04, 0.07, 0.11, 0.16, 0.22, 0.29, 0.37, 0.46, 0.56)
RARE = (0.02, 0.04, 0.08, 0.12, 0.16, 0.2, 0.26, 0.32, 0.4)
PLANE = grid_map(
    "plane",
    "share of rare examples and noise",
    {
        "rare_fraction": RARE,
        "noise_std": [noise_std(kappa, 100, 400) for kappa in RATIOS],
        "lam": LAMS,
    },
    dims={"rho": RARE, "noise-ratio": RATIOS, "lam": LAMS},
    model=dataclasses.replace(REFERENCE, dimension=400),
    seeds=6,
)

# kappa = n'/||xi||^2, n' rare examples in a class.
KAPPAS = (0.5, 0.7, 0.9, 1.1, 1.3, 1.6, 2.0, 2.8)
SIZES = ((50, 200), (50, 800), (100, 400), (200, 200), (100, 1600), (200, 1600))


def of_size(n: int, dimension: int) -> AtlasMap:
    """Rare examples against the energy of noise, for one size of the data."""
    in_class = round(0.12 * n / 2)
    stds = [math.sqrt(in_class / (kappa * (dimension - 4))) for kappa in KAPPAS]
    return grid_map(
        f"size-{n}-{dimension}",
        f"rare examples against noise, n = {n}, d = {dimension}",
        {"noise_std": stds, "lam": LAMS},
        dims={"kappa": KAPPAS, "lam": LAMS},
        model=dataclasses.replace(REFERENCE, dimension=dimension, rare_fraction=0.12),
        examples=n,
        seeds=6,
    )


LABELS = grid_map(
    "labels",
    "coefficients of features and of labels",
    {"lam": (0.5, 0.6, 0.7, 0.8, 0.9, 0.95), "label_lam": (0.55, 0.65, 0.75, 0.85, 0.95, 1.0)},
    dims={
        "lam": (0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
        "label-lam": (0.55, 0.65, 0.75, 0.85, 0.95, 1.0),
    },
    steps=(*STEPS, 6400),
)
FOREIGN = grid_map(
    "feature-noise",
    "feature noise: its size and how many patches have it",
    {"feature_noise": (0.0, 0.1, 0.2, 0.3, 0.4, 0.6), "noise_patches": (1, 2, 3), "lam": LAMS},
    dims={"alpha": (0.0, 0.1, 0.2, 0.3, 0.4, 0.6), "patches": (1.0, 2.0, 3.0), "lam": LAMS},
    model=dataclasses.replace(REFERENCE, patches=5),
)
START = grid_map(
    "start",
    "size of the initial weights, and noise",
    {
        "init_std": (1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3),
        "noise_std": (0.05, 0.1, 0.15, 0.2),
        "lam": LAMS,
    },
    dims={
        "init-std": (1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3),
        "noise-std": (0.05, 0.1, 0.15, 0.2),
        "lam": LAMS,
    },
)

MAPS = {
    one.name: one
    for one in (
        PLANE,
        *(of_size(*size) for size in SIZES),
        LABELS,
        OVERLAP,
        FOREIGN,
        START,
        DRAWN,
        METHODS,
    )
}

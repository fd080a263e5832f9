"""What theory foretells of the atlas: the threshold of standard training, and reduced dynamics."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from mixupbook.intervals import Share, share_interval
from mixupbook.studies.atlas.atlas_criteria import LEARNED
from mixupbook.studies.atlas.atlas_parts import REFERENCE, TRAINING, noise_std
from mixupbook.studies.atlas.atlas_record import MapRecord
from mixupbook.studies.atlas.special_maps import drawn_settings
from mixupbook.theory.feature_noise import FeatureNoise
from mixupbook.theory.objectives import PairMixup, Standard
from mixupbook.theory.reduced import reduced_dynamics
from mixupbook.theory.samples import BALANCED, train_sample
from mixupbook.theory.threshold import rare_threshold

__all__ = [
    "boundary",
    "foretold",
    "foretold_drawn",
    "foretold_half",
    "foretold_times",
    "kappas",
    "majority",
    "plain_rules",
    "plane_models",
    "right_share",
    "threshold_line",
]


def plane_models(
    rhos: Sequence[float], ratios: Sequence[float], *, n: int = 100, dimension: int = 400
) -> list[FeatureNoise]:
    """The models of the plane, row by row."""
    return [
        dataclasses.replace(
            REFERENCE,
            dimension=dimension,
            rare_fraction=rho,
            noise_std=noise_std(ratio, n, dimension),
        )
        for rho in rhos
        for ratio in ratios
    ]


def foretold(
    rhos: Sequence[float],
    ratios: Sequence[float],
    lam: float,
    *,
    n: int = 100,
    dimension: int = 400,
    steps: int = 3200,
) -> dict[str, Float[np.ndarray, "rhos ratios"]]:
    """Common and rare error on the plane, by the reduced dynamics at the expected counts."""
    models = plane_models(rhos, ratios, n=n, dimension=dimension)
    mixed = PairMixup(lam)
    found = reduced_dynamics(models, mixed, train=n, steps=steps, record_every=steps, **TRAINING)
    shape = (len(rhos), len(ratios))
    names = {"common": "common_error", "rare": "rare_error"}
    return {name: found[key].values[:, -1].reshape(shape) for name, key in names.items()}


def foretold_half(
    kappas: Sequence[float], n: int, dimension: int, *, rho: float = 0.12, steps: int = 3200
) -> float:
    """kappa at which the reduced dynamics put the rare error of standard training at 25 %.

    Args:
        kappas: rare examples of a class over the energy of a noise patch, ascending; between two of
            them the error is taken to be linear.
        n: training examples.
        dimension: d.
        rho: share of rare examples, whose number in a class is rounded.
        steps: of training.
    """
    in_class = round(rho * n / 2)
    models = [
        dataclasses.replace(
            REFERENCE,
            dimension=dimension,
            rare_fraction=2 * in_class / n,
            noise_std=math.sqrt(in_class / (kappa * (dimension - 4))),
        )
        for kappa in kappas
    ]
    found = reduced_dynamics(
        models, Standard(), train=n, steps=steps, record_every=steps, **TRAINING
    )
    falling = np.minimum.accumulate(found.rare_error.values[:, -1])
    return float(np.interp(-LEARNED, -falling, kappas))


def boundary(
    ratios: Float[np.ndarray, " ratios"],
    rhos: Float[np.ndarray, " rhos"],
    errors: Float[np.ndarray, "rhos ratios"],
) -> tuple[np.ndarray, np.ndarray]:
    """The share rho at which an error falls below `LEARNED`, for each ratio, as a line.

    Between two shares the error is taken to be linear; NaN where it is below or above throughout.
    """
    found = []
    for column in errors.T:
        falling = np.minimum.accumulate(column)
        crosses = falling[0] > LEARNED > falling[-1]
        found.append(np.interp(-LEARNED, -falling, rhos) if crosses else math.nan)
    return ratios, np.array(found)


def threshold_line(
    ratios: Sequence[float], *, n: int = 100, dimension: int = 400, steps: int = 3200
) -> Float[np.ndarray, " ratios"]:
    """The share rho from which on standard training learns the rare feature, for each ratio.

    kappa = n'/||xi||^2 with n' = rho n/2 rare examples in a class, and ||xi||^2 = sigma^2 (d - 4).
    NaN where no threshold lies between half of ||xi||^2 and all examples of a class.
    """
    found = []
    for ratio in ratios:
        std = noise_std(ratio, n, dimension)
        model = dataclasses.replace(REFERENCE, dimension=dimension, noise_std=std)
        try:
            kappa = rare_threshold(model, n, steps=steps, noise_seed=0, **TRAINING)
        except ValueError:  # beyond the range in which it is derived
            kappa = math.nan
        found.append(2 * kappa * std**2 * (dimension - 4) / n)
    return np.array(found)


def foretold_drawn(record: MapRecord) -> Float[np.ndarray, "settings seeds"]:
    """The rare error of the settings drawn at random, by the reduced dynamics of each seed."""
    settings = drawn_settings()
    runs = [(one, seed) for one in settings for seed in record.seeds]
    found = reduced_dynamics(
        [one.model for one, _ in runs],
        [one.objective for one, _ in runs],
        train=[train_sample(one.model, one.examples, seed, BALANCED) for one, seed in runs],
        init_std=[one.init_std for one, _ in runs],
        seed=[seed for _, seed in runs],
        width=TRAINING["width"],
        lr=TRAINING["lr"],
        steps=record.steps[-1],
        record_every=record.steps[-1],
    )
    return found.rare_error.values[:, -1].reshape(len(settings), len(record.seeds))


def foretold_times(
    record: MapRecord, *, below: float = 0.05, every: int = 25
) -> Float[np.ndarray, "lams label_lams"]:
    """Steps until the rare error stays below a bound, over l and l_y, at the expected counts."""
    lams, label_lams = record.dims["lam"], record.dims["label-lam"]
    mixed = [PairMixup(lam, label_lam) for lam in lams for label_lam in label_lams]
    steps = record.steps[-1]
    found = reduced_dynamics(
        REFERENCE, mixed, train=100, steps=steps, record_every=every, **TRAINING
    )
    learned = (found.rare_error < below).values
    from_here = np.logical_and.accumulate(learned[:, ::-1], axis=1)[:, ::-1]
    first = found.step.values[from_here.argmax(axis=1)].astype(float)
    times = np.where(from_here.any(axis=1), first, np.inf)
    return times.reshape(len(lams), len(label_lams))


def right_share(
    predicted: Float[np.ndarray, "*cells"], measured: Float[np.ndarray, "*cells"]
) -> Share:
    """The share (%) of cells where a predicted rare error is on the measured side of `LEARNED`."""
    return _agreement(predicted < LEARNED, measured < LEARNED)


def kappas(models: Sequence[FeatureNoise], n: int | Sequence[int]) -> Float[np.ndarray, " models"]:
    """n'/||xi||^2 of models with n training examples, n' of which are rare in each class."""
    sizes = np.broadcast_to(n, len(models))
    energies = [model.noise_std**2 * (model.dimension - 4) for model in models]
    in_class = [
        round(model.rare_fraction * size / 2) for model, size in zip(models, sizes, strict=True)
    ]
    return np.array(in_class) / energies


def plain_rules(
    kappa: Float[np.ndarray, "*cells"],
    mixed: Bool[np.ndarray, "*cells"] | bool,
    measured: Float[np.ndarray, "*cells"],
) -> dict[str, Share]:
    """How often rules are right that need no dynamics: what a prediction has to do better than.

    Args:
        kappa: n'/||xi||^2 of each cell.
        mixed: whether a cell is trained by Mixup.
        measured: rare errors, as fractions.

    Returns:
        The share (%) of cells in which it is learned that

        - ``"kappa"``: exactly where kappa is above one;
        - ``"mixup"``: exactly under Mixup;
        - ``"either"``: where one of the two holds.
    """
    under_mixup = np.broadcast_to(mixed, measured.shape)
    rules = {"kappa": kappa > 1, "mixup": under_mixup, "either": under_mixup | (kappa > 1)}
    return {name: _agreement(rule, measured < LEARNED) for name, rule in rules.items()}


def majority(measured: Float[np.ndarray, "*cells"]) -> float:
    """The share (%) of cells in which the more frequent verdict is right."""
    learned: Bool[np.ndarray, "*cells"] = measured < LEARNED
    return 100 * max(learned.mean(), 1 - learned.mean())


def _agreement(said: Bool[np.ndarray, "*cells"], holds: Bool[np.ndarray, "*cells"]) -> Share:
    right = said == holds
    return share_interval(int(right.sum()), right.size, side="lower").scaled(100)

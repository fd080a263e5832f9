"""What else would do it: methods in the reference setting, beside Mixup."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mixupbook.studies.atlas import many_classes
from mixupbook.studies.atlas.atlas_parts import (
    RECORD_EVERY,
    REFERENCE,
    STEPS,
    TEST,
    TRAINING,
    AtlasMap,
    Measured,
    measured,
)
from mixupbook.theory.activations import SQUARE
from mixupbook.theory.any_objective import Objective
from mixupbook.theory.batches import Batch, stack
from mixupbook.theory.descent import descend
from mixupbook.theory.feature_noise import PatchData
from mixupbook.theory.measures import measure
from mixupbook.theory.minibatches import descend_on_minibatches
from mixupbook.theory.objectives import PairMixup, Standard
from mixupbook.theory.patch_network import as_columns, initial_weights
from mixupbook.theory.patch_objectives import InputNoise, PairCutMix, PatchDropping
from mixupbook.theory.samples import BALANCED, test_sample, train_sample

__all__ = ["METHODS", "WORDS"]

LONG = (*STEPS, 6400)
SEEDS = 10
STANDARD = Standard()
# The variance that Mixup with l = 0.7 takes from noise patches, spread over all coordinates.
MATCHED_NOISE = 0.0455
REPEATS = 9


@dataclass(frozen=True)
class Method:
    """A way to train: in words, for how many steps, and from a seed to what is measured."""

    words: str
    steps: int
    measure: Callable[["Method", int], Measured]
    objective: Objective = STANDARD
    layout: str = "same"
    activation: Any = "square"
    init_std: float = 0.01

    def kept(self) -> tuple[int, ...]:
        """The steps at which errors are kept."""
        return tuple(step for step in LONG if step <= self.steps)


def samples(method: Method, seed: int) -> tuple[PatchData, PatchData]:
    """Training and test examples of the reference setting."""
    model = dataclasses.replace(REFERENCE, layout=method.layout)
    return train_sample(model, 100, seed, BALANCED), test_sample(model, TEST, seed)


def full_batch(method: Method, seed: int) -> Measured:
    """By `descend`."""
    train, test = samples(method, seed)
    return descended(method, train, test, seed)


def rare_repeated(method: Method, seed: int) -> Measured:
    """Standard training where every rare example counts nine times."""
    train, test = samples(method, seed)
    times = torch.where(train.is_rare, REPEATS, 1)
    repeated = (getattr(train, name).repeat_interleave(times, dim=0) for name in FIELDS)
    return descended(method, PatchData(*repeated), test, seed)


FIELDS = ("x", "y", "is_rare")


def descended(method: Method, train: PatchData, test: PatchData, seed: int) -> Measured:
    """What `descend` makes of the examples."""
    found = descend(
        train,
        method.objective,
        test=test,
        seed=seed,
        steps=method.steps,
        record_every=RECORD_EVERY,
        activation=method.activation,
        device="cpu",
        **TRAINING | {"init_std": method.init_std},
    )
    return measured(found, method.kept())


def minibatches(method: Method, seed: int) -> Measured:
    """Standard training on batches of 20; errors are looked at where they are kept."""
    train, test = samples(method, seed)
    weights = initial_weights([seed], TRAINING["width"], REFERENCE.dimension, method.init_std)
    tests: Batch = stack([test], torch.float32, torch.device("cpu"))
    common, rare, before = [], [], 0
    for step in method.kept():
        weights = descend_on_minibatches(
            weights, [train], size=20, steps=step - before, lr=TRAINING["lr"], seed=seed + step
        )
        columns, before = as_columns(weights), step
        responses = torch.einsum("inpd,idc->inpc", tests.x, columns)
        found = measure(tests, tests, responses, columns, SQUARE)
        common.append(found["common_error"].item())
        rare.append(found["rare_error"].item())
    return kept_alone(method, common, rare)


def of_classes(classes: int, lam: float) -> Callable[[Method, int], Measured]:
    """All-pairs Mixup with more than two classes, 50 examples of each, 5 of them rare."""

    def measured_so(method: Method, seed: int) -> Measured:
        train = many_classes.draw(classes, 50, 5, seed)
        test = many_classes.draw(classes, 200, 100, 1000 + seed)
        steps = list(method.kept())
        common, rare = many_classes.train(train, classes, lam, steps=steps, test=test, seed=seed)
        return kept_alone(method, common, rare)

    return measured_so


def kept_alone(method: Method, common: list[float], rare: list[float]) -> Measured:
    """Where errors are known at the steps kept alone."""
    below = np.array(rare) < 0.05
    from_here = np.logical_and.accumulate(below[::-1])[::-1]
    learned = method.kept()[int(from_here.argmax())] if from_here.any() else -1
    return Measured(np.array([common]), np.array([rare]), np.array([learned]))


ALL = {
    "standard": Method("standard training", 6400, full_batch),
    "smoothing": Method("label smoothing 0.1", 6400, full_batch, Standard(0.1)),
    "repeated": Method("rare examples nine times", 6400, rare_repeated),
    "minibatches": Method("batches of 20", 3200, minibatches),
    "input-noise": Method("noise on the inputs", 1600, full_batch, InputNoise(MATCHED_NOISE)),
    "dropping-quarter": Method("patches dropped, 1 in 4", 6400, full_batch, PatchDropping(0.25)),
    "dropping-half": Method("patches dropped, 1 in 2", 6400, full_batch, PatchDropping(0.5)),
    "cutmix-3": Method("CutMix, 3 of 4 patches", 3200, full_batch, PairCutMix(3)),
    "cutmix-2": Method("CutMix, 2 of 4 patches", 3200, full_batch, PairCutMix(2)),
    "cutmix-2-apart": Method(
        "CutMix, 2 of 4, places apart", 3200, full_batch, PairCutMix(2), "distinct"
    ),
    "mixup": Method("Mixup, l = 0.7", 6400, full_batch, PairMixup(0.7)),
    "mixup-apart": Method("Mixup, places apart", 6400, full_batch, PairMixup(0.7), "distinct"),
    "mixup-random": Method("Mixup, places random", 6400, full_batch, PairMixup(0.7), "random"),
    "hard-label": Method("Mixup, hard label", 6400, full_batch, PairMixup(0.7, 1.0)),
    "relu-2-standard": Method("max(z, 0)^2, standard", 3200, full_batch, activation=2.0),
    "relu-2-mixup": Method("max(z, 0)^2, Mixup", 3200, full_batch, PairMixup(0.7), activation=2.0),
    "relu-3-standard": Method(
        "max(z, 0)^3, standard", 6400, full_batch, activation=3.0, init_std=0.03
    ),
    "relu-3-mixup": Method(
        "max(z, 0)^3, Mixup", 6400, full_batch, PairMixup(0.7), activation=3.0, init_std=0.03
    ),
    "classes-3-standard": Method("3 classes, standard", 1600, of_classes(3, 1.0)),
    "classes-3-mixup": Method("3 classes, Mixup", 1600, of_classes(3, 0.7)),
    "classes-4-standard": Method("4 classes, standard", 1600, of_classes(4, 1.0)),
    "classes-4-mixup": Method("4 classes, Mixup", 1600, of_classes(4, 0.7)),
}
WORDS = {name: method.words for name, method in ALL.items()}


def measure_methods(seed: int) -> Measured:
    """Every method; errors are missing at the steps that it does not reach."""
    parts = [method.measure(method, seed) for method in ALL.values()]

    def padded(errors: np.ndarray) -> np.ndarray:
        return np.pad(errors, ((0, 0), (0, len(LONG) - errors.shape[1])), constant_values=np.nan)

    common = np.concatenate([padded(part.common) for part in parts])
    rare = np.concatenate([padded(part.rare) for part in parts])
    return Measured(common, rare, np.concatenate([part.learned for part in parts]))


def _described(method: Method) -> dict[str, Any]:
    named = ("steps", "layout", "activation", "init_std")
    described = {name: getattr(method, name) for name in named}
    return {"objective": repr(method.objective), **described}


METHODS = AtlasMap(
    "methods",
    "what else would do it",
    {"method": tuple(ALL)},
    tuple(range(SEEDS)),
    LONG,
    {
        "model": repr(REFERENCE),
        "examples": 100,
        **TRAINING,
        "methods": {name: _described(method) for name, method in ALL.items()},
    },
    measure_methods,
)

"""The arguments of the reduced dynamics, checked, as arrays over the runs."""

from typing import Any

import numpy as np
import torch

from mixupbook._arguments import in_interval, true_or_false, whole_number
from mixupbook.theory import reduced_equations as equations
from mixupbook.theory.feature_noise import FEATURES, FeatureNoise, PatchData, check_seed
from mixupbook.theory.objectives import PairMixup, Standard
from mixupbook.theory.patch_network import initial_weights
from mixupbook.theory.per_run import spread

__all__ = ["group_counts", "in_force", "prepared"]


def prepared(
    model: object,
    objective: object,
    train: object,
    width: object,
    init_std: object,
    lr: object,
    seed: object,
    gaussian: object,
) -> tuple[dict[str, list], equations.Setting, equations.State]:
    """The arguments checked, one value for each run, and the state that the runs start from."""
    arguments = {"model": model, "objective": objective, "train": train, "width": width}
    runs = spread(arguments | {"init_std": init_std, "lr": lr, "seed": seed})
    runs["width"] = [whole_number("width", m, at_least=1) for m in runs["width"]]
    runs["init_std"] = [in_interval("init_std", s, 0, open_low=True) for s in runs["init_std"]]
    runs["lr"] = [in_interval("lr", rate, 0, open_low=True) for rate in runs["lr"]]
    true_or_false("gaussian", gaussian)
    for one in runs["model"]:
        _check_model(one)
    for one in runs["objective"]:
        _check_objective(one)
    counts = [group_counts(*pair) for pair in zip(runs["train"], runs["model"], strict=True)]

    def field(name: str) -> np.ndarray:
        return np.array([getattr(one, name) for one in runs["model"]], dtype=float)

    noise_dimension = field("dimension") - len(FEATURES)
    setting = equations.Setting(
        counts=np.stack(counts, axis=-1),
        noise_energy=field("noise_std") ** 2 * noise_dimension,
        noise_patches=field("patches") - 1 - field("noise_patches"),
        noise_dimension=noise_dimension,
        cosine_variance=1 / noise_dimension if gaussian else np.zeros_like(noise_dimension),
        foreign_patches=field("noise_patches"),
        feature_noise=field("feature_noise"),
        width=np.array(runs["width"], dtype=float),
        init_std=np.array(runs["init_std"]),
    )
    return runs, setting, equations.start(_initial_grams(runs))


def _initial_grams(runs: dict[str, list]) -> np.ndarray:
    """Q_0 and Q_1 of each run, (2, 4, 4, R)."""
    grams = []
    values = (runs[name] for name in ("seed", "width", "init_std", "model"))
    for seed, width, init_std, model in zip(*values, strict=True):
        if seed is None:
            grams.append(np.stack([width * init_std**2 * np.eye(len(FEATURES))] * 2))
            continue
        seed = check_seed("seed", seed)
        weights = initial_weights([seed], width, model.dimension, init_std)[0].double().numpy()
        on_features = weights[:, :, : len(FEATURES)]
        grams.append(np.einsum("kra,krb->kab", on_features, on_features))
    return np.stack(grams, axis=-1)


# `| Any`: what else is given is refused by hand, with messages for people.
def group_counts(train: PatchData | int | Any, model: FeatureNoise | Any) -> np.ndarray:
    """How many examples there are of common_0, common_1, rare_0 and rare_1.

    Raises:
        TypeError: `train` is neither `PatchData` nor a whole number.
        ValueError: it does not fit the model, or a group has less than one example.
    """
    if isinstance(train, PatchData):
        wanted, found = (model.patches, model.dimension), tuple(train.x.shape[1:])
        if found != wanted:
            raise ValueError(
                f"train must have the model's patches and dimension, {wanted}, got {found}"
            )
        group = (train.y + 2 * train.is_rare).cpu()
        counts = torch.bincount(group, minlength=len(FEATURES)).double().numpy()
    elif isinstance(train, int) and not isinstance(train, bool):
        rho = model.rare_fraction
        share = np.array([1 - rho, 1 - rho, rho, rho]) / 2
        counts = whole_number("train", train, at_least=1) * share
    else:
        raise TypeError(
            f"train must be PatchData or a number of examples, or a sequence of them, "
            f"got {type(train).__name__}"
        )
    if counts.min() < 1:
        group = FEATURES[int(counts.argmin())]
        raise ValueError(
            f"train must hold at least one example of each group, got {counts.min():g} of {group}"
        )
    return counts


def in_force(objective: Standard | PairMixup, step: int) -> tuple[float, float, float]:
    """What an objective minimises from a step on: the fields of `equations.Mixing`."""
    now = objective.at(step)
    if isinstance(now, Standard):
        return 1.0, 1.0, now.label_smoothing
    return now.lam, now.lam if now.label_lam is None else now.label_lam, 0.0


def _check_model(model: object) -> None:
    if not isinstance(model, FeatureNoise):
        raise TypeError(
            f"model must be a FeatureNoise, or a sequence of them, got {type(model).__name__}"
        )
    if model.layout != "same":
        raise ValueError(
            "model must have the layout 'same', for which alone the dynamics are derived, "
            f"got {model.layout!r}"
        )


def _check_objective(objective: object) -> None:
    if not isinstance(objective, Standard | PairMixup):
        raise TypeError(
            f"objective must be Standard or PairMixup, or a sequence of them, got {objective!r:.60}"
        )
    if isinstance(objective, PairMixup) and objective.partners != "all":
        raise ValueError(f"objective must mix all partners, got {objective.partners!r}")

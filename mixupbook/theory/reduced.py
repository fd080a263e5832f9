"""The reduced dynamics: what training does to the features, in 24 numbers a run and no weights."""

import warnings
from collections.abc import Sequence
from typing import no_type_check

import numpy as np
import torch
import xarray as xr

from mixupbook._arguments import in_interval, true_or_false, whole_number
from mixupbook.theory import reduced_equations as equations
from mixupbook.theory.attributes import described, shared
from mixupbook.theory.batches import spread
from mixupbook.theory.feature_noise import FEATURES, FeatureNoise, PatchData, check_seed
from mixupbook.theory.objectives import Objective, PairMixup, Standard
from mixupbook.theory.patch_network import initial_weights

__all__ = ["reduced_dynamics"]


@no_type_check
def reduced_dynamics(
    model: FeatureNoise | Sequence[FeatureNoise],
    objective: Standard | PairMixup | Sequence[Objective],
    *,
    train: PatchData | int | Sequence[PatchData | int],
    width: int | Sequence[int] = 10,
    init_std: float | Sequence[float] = 0.01,
    lr: float | Sequence[float] = 0.2,
    steps: int = 1000,
    record_every: int = 50,
    seed: int | Sequence[int] | None = None,
    gaussian: bool = True,
) -> xr.Dataset:
    """What `descend` would do on the feature-noise model, predicted without any weights.

    Nothing in it is fitted. It costs as much for a million examples as for ten: a thousand runs of
    3,200 steps take seconds. Wherever a sequence is allowed it gives one value for each run.

    Args:
        model: the data model, of layout ``"same"``.
        objective: `Standard`, or `PairMixup` with all partners; with a schedule or without.
        train: training examples, of which the numbers of each group (common or rare, of class 0 or
            1) count; they decide much of what a seed does. Or a whole number n, which stands for
            the numbers expected of n examples: n (1 - rho)/2 common and n rho/2 rare ones a class.
        width: m, filters per class, at least 1.
        init_std: sigma_0, positive.
        lr: learning rate, positive.
        steps: number of gradient steps, at least 1; not below the stop_step of an objective.
        record_every: a record is taken at every multiple of it, at step 0 and after the last step.
        seed: the features start from the weights that `descend` draws for this seed; where it is
            None, from their mean over seeds, Q_k = m sigma_0^2 I.
        gaussian: whether other examples' noise, which is not quite orthogonal to an example's own,
            adds to it (to second order in the cosines); False for orthogonal noise.

    Returns:
        A dataset with dimensions run and step, as of `descend`, and

        - common_error, rare_error (run, step): expected share of wrong labels among common and
          rare test examples;
        - feature_response (run, step, feature): the margin that a feature alone gives its class;
        - noise_response (run, step, group): the margin that a training example's own noise gives
          its class, for the four groups, named as their features.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed; a model of another layout, for which nothing is
            derived; `train` of another size than the model's, or without examples of some group;
            a window of Mixup that `steps` would cut.

    Warns:
        RuntimeWarning: runs that left the range of finite numbers, named; a smaller `lr` may help.

    The dynamics are ours: a reduction of our reconstruction of Zou, Cao, Li and Gu (ICML 2023). The
    equations are in `mixupbook.theory.reduced_equations`. They fail where noise is strong (about
    ||xi||^2 > 25), and once Mixup leaves its plateau (some thousand steps) they are qualitative.

    Example:
        >>> from mixupbook import FeatureNoise, PairMixup, Standard, reduced_dynamics
        >>> model = FeatureNoise(500, 4, 0.1, 0.2, 1, 0.15, layout="same")
        >>> result = reduced_dynamics(model, [Standard(), PairMixup(0.7)], train=100, lr=0.4)
        >>> [f"{error:.2f}" for error in result.rare_error[:, -1].values]
        ['0.50', '0.00']
    """
    runs, setting, state = prepared(model, objective, train, width, init_std, lr, seed, gaussian)
    steps = whole_number("steps", steps, at_least=1)
    record_every = whole_number("record_every", record_every, at_least=1)
    for one in runs["objective"]:
        if max(one.changes(), default=0) > steps:
            raise ValueError(f"steps must not end before the window of {one!r}, got {steps}")

    rate = np.array(runs["lr"])
    changes = {0}.union(*(one.changes() for one in runs["objective"]))
    records = []
    with np.errstate(all="ignore"):  # runs that leave the range of numbers are told of below
        for step in range(steps + 1):
            if step in changes:
                mixing = mixing_at(runs["objective"], step)
            if step % record_every == 0 or step == steps:
                records.append((step, measured(setting, state)))
            if step < steps:
                state = equations.step(setting, state, mixing, rate)

    dims = {"feature_response": ("feature",), "noise_response": ("group",)}
    variables = {
        name: (("run", "step", *dims.get(name, ())), np.stack([r[name] for _, r in records], 1))
        for name in records[0][1]
    }
    coordinates = {
        "run": np.arange(len(rate)),
        "step": [step for step, _ in records],
        "feature": list(FEATURES),
        "group": list(FEATURES),
    }
    if seed is not None:
        coordinates["seed"] = ("run", np.array(runs["seed"]))
    attrs = {
        "model": shared([repr(one) for one in runs["model"]]),
        "objective": shared(described(runs["objective"])),
        **{name: shared(runs[name]) for name in ("width", "init_std", "lr")},
        "steps": steps,
        "record_every": record_every,
        "gaussian": int(gaussian),
    }
    dataset = xr.Dataset(variables, coordinates, attrs)
    finite = np.isfinite(dataset.feature_response).all(["step", "feature"]).values
    if not finite.all():
        lost = np.flatnonzero(~finite).tolist()
        warnings.warn(
            f"not finite: runs {lost}; a smaller lr may help", RuntimeWarning, stacklevel=2
        )
    return dataset


@no_type_check
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


@no_type_check
def group_counts(train: PatchData | int, model: FeatureNoise) -> np.ndarray:
    """How many examples there are of common_0, common_1, rare_0 and rare_1.

    Raises:
        TypeError: `train` is neither `PatchData` nor a whole number.
        ValueError: it does not fit the model, or there is a group without examples.
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
    if not counts.all():
        empty = FEATURES[int(counts.argmin())]
        raise ValueError(f"train must hold examples of all four groups, got none of {empty}")
    return counts


def mixing_at(objectives: Sequence[Objective], step: int) -> equations.Mixing:
    """What the runs' objectives minimise from a step on."""
    found = []
    for objective in objectives:
        now = objective.at(step)
        if isinstance(now, Standard):
            found.append((1.0, 1.0, now.label_smoothing))
        else:
            found.append((now.lam, now.lam if now.label_lam is None else now.label_lam, 0.0))
    return equations.Mixing(*np.array(found, dtype=float).T)


def measured(setting: equations.Setting, state: equations.State) -> dict[str, np.ndarray]:
    """What is recorded of a state, with the runs as the first axis."""
    errors = equations.test_errors(setting, state).mean(axis=1)
    noise = equations.noise_margins(setting, equations.noise_energies(setting, state))
    features = np.einsum("kggr->kgr", state.grams)
    return {
        "common_error": errors[0],
        "rare_error": errors[1],
        "feature_response": (equations.SIGN * (features[1] - features[0])).T,
        "noise_response": (equations.SIGN * noise).T,
    }


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

"""The reduced dynamics: what training does to the features, in 24 numbers a run and no weights."""

import warnings
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from mixupbook._arguments import whole_number
from mixupbook.theory import reduced_equations as equations
from mixupbook.theory.any_objective import Objective
from mixupbook.theory.attributes import described, shared
from mixupbook.theory.feature_noise import FEATURES, FeatureNoise, PatchData
from mixupbook.theory.objectives import PairMixup, Standard
from mixupbook.theory.reduced_settings import in_force, prepared

__all__ = ["measured", "reduced_dynamics"]


# `| Any`: what else is given is refused by hand, with messages for people.
def reduced_dynamics(
    model: FeatureNoise | Sequence[FeatureNoise] | Any,
    objective: Standard | PairMixup | Sequence[Objective] | Any,
    *,
    train: PatchData | int | Sequence[PatchData | int] | Any,
    width: int | Sequence[int] | Any = 10,
    init_std: float | Sequence[float] | Any = 0.01,
    lr: float | Sequence[float] | Any = 0.2,
    steps: int | Any = 1000,
    record_every: int | Any = 50,
    seed: int | Sequence[int] | Any | None = None,
    gaussian: bool | Any = True,
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
            derived; `train` of another size than the model's, or with less than one example of a
            group; a window of Mixup that `steps` would cut.

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
    changing = defaultdict(list)
    for run, one in enumerate(runs["objective"]):
        for step in (0, *one.changes()):
            changing[step].append(run)
    coefficients = np.empty((len(equations.Mixing._fields), len(rate)))
    mixing = equations.Mixing(*coefficients)  # views of its rows
    records = []
    with np.errstate(all="ignore"):  # runs that leave the range of numbers are told of below
        for step in range(steps + 1):
            for run in changing.get(step, ()):
                coefficients[:, run] = in_force(runs["objective"][run], step)
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


def measured(setting: equations.Setting, state: equations.State) -> dict[str, np.ndarray]:
    """What is recorded of a state, with the runs as the first axis."""
    errors = equations.expected_errors(setting, state).mean(axis=1)
    noise = equations.noise_margins(setting, equations.noise_energies(setting, state))
    features = np.einsum("kggr->kgr", state.grams)
    return {
        "common_error": errors[0],
        "rare_error": errors[1],
        "feature_response": (equations.SIGN * (features[1] - features[0])).T,
        "noise_response": (equations.SIGN * noise).T,
    }

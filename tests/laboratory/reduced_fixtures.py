"""Writes what `mixupbook.reduced_dynamics` predicts, for `reduced.js` to agree with.

    python tests/laboratory/reduced_fixtures.py > fixtures.json

Nothing of it is stored: the tests write it anew each time, so that it cannot fall behind.
"""

import json
import sys

import numpy as np
from scipy.special import ndtr

from mixupbook import FeatureNoise, PairMixup, Standard, reduced_dynamics

STEPS, EVERY = 2400, 200
SHARED = {"width": 6, "lr": 0.4, "steps": STEPS, "record_every": EVERY}
RECORDED = ("common_error", "rare_error", "feature_response", "noise_response")
# rho, sigma^2 d / n, n, d, l, l_y (None: as l), the step at which Mixup stops, sigma_0
SETTINGS = {
    "standard training": (0.1, 0.12, 100, 500, 1.0, 1.0, None, 0.01),
    "standard training, little noise": (0.4, 0.02, 40, 2000, 1.0, None, None, 0.1),
    "standard training, much noise": (0.05, 0.5, 400, 200, 1.0, 1.0, None, 0.01),
    "as the laboratory opens": (0.1, 0.12, 40, 200, 0.7, None, None, 0.01),
    "half and half": (0.1, 0.1, 100, 500, 0.5, None, None, 0.01),
    "half and half, hard label": (0.2, 0.06, 60, 300, 0.5, 1.0, None, 0.03),
    "labels sharper than features": (0.08, 0.3, 150, 700, 0.6, 0.9, None, 0.01),
    "labels softer than features": (0.3, 0.2, 80, 100, 0.9, 0.6, None, 0.003),
    "soft labels alone": (0.15, 0.1, 200, 1000, 1.0, 0.7, None, 0.01),
    "stopped early": (0.1, 0.12, 100, 500, 0.7, None, 150, 0.01),
    "stopped late": (0.1, 0.25, 100, 500, 0.8, 0.7, 1300, 0.01),
    "never begun": (0.1, 0.12, 100, 500, 0.7, None, 0, 0.01),
    "more examples than dimensions": (0.02, 0.05, 400, 100, 0.7, None, None, 0.01),
    "more dimensions than examples": (0.4, 0.5, 40, 2000, 0.75, 0.85, 700, 0.3),
    # Beyond it, the mirror image of the classes is unstable: rounding decides in Python, too.
    "a large start": (0.25, 0.15, 120, 400, 0.7, None, None, 0.5),
    "hardly a start": (0.12, 0.08, 90, 250, 0.65, None, None, 0.001),
    "one rare example in each class": (0.05, 0.02, 40, 800, 0.7, 0.8, None, 0.02),
    "fractions of examples": (0.13, 0.22, 77, 333, 0.72, None, 333, 0.01),
}


def main() -> None:
    models, objectives = [], []
    for rho, noise, n, d, lam, label_lam, stop, _ in SETTINGS.values():
        models.append(FeatureNoise(d, 4, rho, 0.2, 1, np.sqrt(noise * n / d), layout="same"))
        mixes = (lam, label_lam) != (1.0, 1.0)
        objectives.append(PairMixup(lam, label_lam, stop_step=stop) if mixes else Standard())
    train = [n for _, _, n, *_ in SETTINGS.values()]
    init_std = [rest[-1] for rest in SETTINGS.values()]
    result = reduced_dynamics(models, objectives, train=train, init_std=init_std, **SHARED)
    names = ("rho", "noise", "n", "d", "lam", "labelLam", "stopStep", "initStd")
    found = {
        name: {
            "setting": dict(zip(names, setting, strict=True)),
            "expected": {key: result[key].values[run].tolist() for key in RECORDED},
        }
        for run, (name, setting) in enumerate(SETTINGS.items())
    }
    written = {
        "steps": STEPS,
        "every": EVERY,
        "at": result.step.values.tolist(),
        "runs": found,
        "normal": [(x, ndtr(x)) for x in np.linspace(-30, 8, 391).tolist()],
    }
    json.dump(written, sys.stdout, allow_nan=False)


if __name__ == "__main__":
    main()

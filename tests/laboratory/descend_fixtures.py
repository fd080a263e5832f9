"""Writes what `mixupbook.descend` does in small worlds, for the laboratory's engine to agree with.

    python tests/laboratory/descend_fixtures.py > fixtures.json

Nothing of it is stored: the tests write it anew each time, so that it cannot fall behind.
"""

import json
import sys

import torch
import xarray as xr

from mixupbook import FeatureNoise, PairMixup, PatchData, Standard, descend
from mixupbook.theory.patch_network import initial_weights

STEPS, EVERY = 300, 50
INIT_STD = 0.05


def joined(*parts: PatchData) -> PatchData:
    """The examples of several samples as one."""
    return PatchData(
        *(torch.cat([getattr(part, k) for part in parts]) for k in ("x", "y", "is_rare"))
    )


def drawn(layout="same", *, n=(12, 14), d=20, P=4, b=1, noise=0.2, seed=0):  # noqa: N803
    """A training and a test sample of the package's own model."""
    model = FeatureNoise(d, P, 0.2, 0.3, b, noise, layout)
    return [model.sample(size, seed=seed + k, rare=size // 3) for k, size in enumerate(n)]


def partly_overlapping() -> list[PatchData]:
    """Half of the rare examples with the feature in the common one's place, half elsewhere."""
    return [joined(*pair) for pair in zip(drawn("same"), drawn("distinct", seed=7), strict=True)]


def dense() -> list[PatchData]:
    """Examples that are no feature-noise data: every patch has every coordinate."""
    generator = torch.Generator().manual_seed(3)
    return [
        PatchData(
            0.4 * torch.randn(n, 3, 9, generator=generator),
            torch.randint(2, (n,), generator=generator),
            torch.arange(n) % 3 == 0,
        )
        for n in (7, 8)
    ]


# name: training and test data, then width, learning rate, l, l_y and the step at which Mixup stops.
CASES = {
    "as in the book": (drawn(), 3, 0.2, 0.7, 0.7, None),
    "labels sharper than features": (drawn(seed=2), 2, 0.3, 0.7, 0.9, None),
    "labels softer, and stopped": (drawn(seed=4), 3, 0.2, 0.8, 0.6, 120),
    "halves, with another label": (drawn(seed=6), 4, 0.2, 0.5, 0.75, 77),
    "hard label": (drawn(seed=8), 2, 0.2, 0.7, 1.0, None),
    "most of the label from the second": (drawn(seed=10), 2, 0.2, 0.7, 0.3, 200),
    "less of the first than of the second": (drawn(seed=12), 2, 0.2, 0.2, 0.2, None),
    "no mixture": (drawn(seed=14), 2, 0.2, 1.0, 1.0, None),
    "stopped before it began": (drawn(seed=16), 2, 0.2, 0.7, 0.7, 0),
    "places apart": (drawn("distinct", seed=18), 3, 0.3, 0.7, 0.7, 150),
    "places that overlap in part": (partly_overlapping(), 3, 0.3, 0.7, 0.7, None),
    "places anywhere, odd sizes": (
        drawn("random", n=(13, 9), d=31, P=5, b=2, seed=20), 5, 0.25, 0.6, 0.8, 100,
    ),
    "more patches than dimensions": (
        drawn("random", n=(11, 6), d=6, P=3, seed=22), 1, 0.2, 0.7, 0.7, 60,
    ),
    "no noise": (drawn(noise=0.0, seed=24), 2, 0.2, 0.7, 0.7, None),
    "no feature-noise data": (dense(), 3, 0.05, 0.7, 0.6, 90),
    "diverging": (drawn(noise=30.0, seed=26), 2, 50.0, 0.7, 0.7, None),
}  # fmt: skip


def records(result: xr.Dataset, train: PatchData, run: int) -> dict[str, object]:
    """One run as the engine measures it, and where it ends."""
    one = result.isel(run=run)
    rare = train.is_rare.numpy()
    features = one.feature_alignment.values
    weights = torch.tensor(one.weights.values)
    patches = train.x.double().flatten(0, 1)
    return {
        "rareError": one.rare_error.values.tolist(),
        "commonError": one.common_error.values.tolist(),
        "loss": one.loss.values.tolist(),
        "commonFeature": features[:, :2].mean(axis=1).tolist(),
        "rareFeature": features[:, 2:].mean(axis=1).tolist(),
        "noise": one.noise_memorisation.values[:, rare].mean(axis=1).tolist(),
        "weights": weights.flatten().tolist(),
        "responses": (patches @ weights.flatten(0, 1).T).flatten().tolist(),
    }


def arrays(data: PatchData) -> dict[str, list]:
    return {
        "x": data.x.flatten().tolist(),
        "y": data.y.tolist(),
        "isRare": data.is_rare.int().tolist(),
    }


def fixture(train, test, width, lr, lam, label_lam, stop) -> dict[str, object]:
    """What the engine is given, and what it has to find."""
    _, patches, dimension = train.x.shape
    settings = {
        "width": width,
        "lr": lr,
        "init_std": INIT_STD,
        "steps": STEPS,
        "record_every": EVERY,
        "seed": 5,
        "dtype": torch.float64,
        "return_weights": True,
    }
    objectives = [Standard(), PairMixup(lam, label_lam, stop_step=stop)]
    try:
        result = descend(train, objectives, test=test, **settings)
    except FloatingPointError as error:
        result = error.dataset
    diverged = (result.diverged_at.values >= 0).tolist()
    return {
        "world": {
            "train": arrays(train),
            "test": arrays(test),
            "weights": initial_weights([5], width, dimension, INIT_STD).flatten().tolist(),
            "patches": patches,
            "dimension": dimension,
            "lr": lr,
        },
        "settings": {"lam": lam, "labelLam": label_lam, "stop": stop},
        "every": EVERY,
        "diverged": diverged,
        "standard": None if diverged[0] else records(result, train, 0),
        "mixup": None if diverged[1] else records(result, train, 1),
    }


def main() -> None:
    found = {name: fixture(*data, *rest) for name, (data, *rest) in CASES.items()}
    json.dump(found, sys.stdout, allow_nan=False)


if __name__ == "__main__":
    main()

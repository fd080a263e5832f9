"""The samples of a run: how many of its training and its test examples are rare, and which seed."""

from typing import Any

from mixupbook.theory.feature_noise import FeatureNoise, PatchData

__all__ = ["BALANCED", "TEST_SEEDS", "rare_examples", "test_sample", "train_sample"]

# Seeds of test samples, away from those of the training samples.
TEST_SEEDS = 1000
BALANCED = "balanced"


def rare_examples(model: FeatureNoise, n: int, rare: Any = None) -> Any:
    """How many of n training examples are rare, as `FeatureNoise.sample` takes it.

    Args:
        model: of the data.
        n: number of examples.
        rare: None for the share rho of them, rounded; ``"balanced"`` for half of that share in each
            class, rounded; or what `FeatureNoise.sample` takes.
    """
    if rare is None:
        return round(model.rare_fraction * n)
    if isinstance(rare, str) and rare == BALANCED:
        in_class = round(model.rare_fraction * n / 2)
        return (in_class, in_class)
    return rare


def train_sample(model: FeatureNoise, n: int, seed: int, rare: Any = None) -> PatchData:
    """n training examples, `rare_examples` of them rare."""
    return model.sample(n, seed=seed, rare=rare_examples(model, n, rare))


def test_sample(model: FeatureNoise, n: int, seed: int) -> PatchData:
    """n test examples for the seed of a training sample, one half of them rare."""
    return model.sample(n, seed=TEST_SEEDS + seed, rare=n // 2)

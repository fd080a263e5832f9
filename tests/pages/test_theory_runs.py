"""Settings over seeds are the runs one would make by hand."""

from dataclasses import replace

import numpy as np
import pytest

from mixupbook.pages import theory_runs
from mixupbook.theory.descent import descend
from mixupbook.theory.feature_noise import FeatureNoise
from mixupbook.theory.objectives import PairMixup, Standard

MODEL = FeatureNoise(11, 3, 0.3, 0.2, 1, 0.2)
SETTINGS = {
    "standard": (MODEL, Standard()),
    "Mixup": (MODEL, PairMixup(0.7)),
    "other": (replace(MODEL, rare_fraction=0.5), Standard()),
}
TRAINING = {"width": 2, "steps": 7, "record_every": 3}


def test_each_run_is_the_one_made_by_hand():
    result = theory_runs.over_seeds(
        SETTINGS, seeds=[5, 2], n=10, test=8, return_weights=True, **TRAINING
    )
    assert result.rare_error.sizes == {"setting": 3, "seed": 2, "step": 4}
    assert result.weights.dims == ("setting", "seed", "class", "filter", "dimension")
    assert result.weights.shape == (3, 2, 2, 2, 11)
    for name, (model, objective) in SETTINGS.items():
        alone = descend(
            model.sample(10, seed=2, rare=round(10 * model.rare_fraction)),
            objective,
            test=model.sample(8, seed=1002, rare=4),
            seed=2,
            return_weights=True,
            **TRAINING,
        )
        run = result.sel(setting=name, seed=2)
        for variable in (
            "loss",
            "rare_error",
            "feature_alignment",
            "noise_memorisation",
            "weights",
        ):
            np.testing.assert_allclose(run[variable], alone[variable][0], rtol=1e-4, atol=1e-6)


def test_final_weights_are_those_of_descend():
    train = theory_runs.train_sample(MODEL, 10, seed=2)
    found = theory_runs.final_weights(train, PairMixup(0.7), seed=[2, 3], **TRAINING)
    expected = descend(train, PairMixup(0.7), seed=[2, 3], return_weights=True, **TRAINING)
    assert np.array_equal(found.numpy(), expected.weights)


def test_without_weights_it_is_the_dataset():
    result = theory_runs.over_seeds(SETTINGS, seeds=[0], n=10, test=4, **TRAINING)
    assert list(result.setting.values) == list(SETTINGS)
    assert result.attrs["steps"] == 7


@pytest.mark.parametrize(("share", "count"), [(0.3, 2), (0.0, 0), (1.0, 7)])
def test_samples_hold_the_share_of_rare_examples(share, count):
    model = replace(MODEL, rare_fraction=share)
    assert int(theory_runs.train_sample(model, 7, seed=0).is_rare.sum()) == count
    assert int(theory_runs.test_sample(model, 8, seed=0).is_rare.sum()) == 4


def test_divergence_is_heard_where_the_experiment_is_called():
    settings = {name: SETTINGS[name] for name in ("standard", "Mixup")}
    with pytest.warns(RuntimeWarning, match=r"diverged: run 0 \(seed 5\) at step") as log:
        theory_runs.over_seeds(
            settings, seeds=[5], n=10, test=4, lr=[1e30, 0.1], **{**TRAINING, "steps": 9}
        )
    assert [warning.filename for warning in log] == [__file__]

"""The threshold of standard training: its limits, its table, and plain settled runs."""

import numpy as np
import pytest
import torch

import mixupbook as mb

REFERENCE = {"width": 6, "lr": 0.4}
STARTS = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1)


def model(noise_energy, **changes):
    fields = {"dimension": 500, "patches": 4, "rare_fraction": 0.1, "feature_noise": 0.2}
    fields |= {"noise_patches": 1, "noise_std": (noise_energy / 496) ** 0.5, "layout": "same"}
    return mb.FeatureNoise(**(fields | changes))


@pytest.mark.parametrize("noise_energy", [5, 10])
def test_it_tends_to_one_for_small_starts_and_falls_with_them(noise_energy):
    found = [
        mb.rare_threshold(model(noise_energy), 100, init_std=start, **REFERENCE)
        for start in (1e-100, *STARTS)
    ]
    assert found[0] == pytest.approx(1, abs=0.01)
    assert (np.diff(found[1:]) < 0).all()


def test_with_gaussian_noise_it_is_higher_and_falls_too():
    """The values of the theory note, from another Gram matrix each: 1.12, .99 and .96."""
    found = [
        mb.rare_threshold(model(5), 100, init_std=start, noise_seed=0, **REFERENCE)
        for start in (1e-4, 1e-2, 3e-2)
    ]
    np.testing.assert_allclose(found, [1.12, 0.99, 0.96], atol=0.06)
    assert (np.diff(found) < 0).all()


def test_settled_runs_on_orthogonal_noise_follow_it():
    """With 4 to 8 rare examples a class: learned above the threshold, not learned below it."""
    data_model = model(6, dimension=304, noise_std=(6 / 300) ** 0.5)
    expected = mb.rare_threshold(data_model, 100, init_std=0.01, lr=0.4, width=40)
    learned = {}
    for rare in (4, 5, 6, 7, 8):
        train = mb.orthogonal_sample(data_model, (50 - rare, 50 - rare, rare, rare))
        generator = torch.Generator().manual_seed(rare)
        start = 0.01 * torch.randn(2, 40, 304, dtype=torch.float64, generator=generator)
        found = mb.settle(train, start, lr=0.4).feature_response[0].values
        learned[rare / 6] = bool((found[2:] > 0.04 * found[1::-1]).all())
    assert 0.75 < expected < 1.25
    assert not learned[4 / 6]
    assert learned[8 / 6]
    # In between, the verdict changes once, within one example of the formula.
    crossing = min(kappa for kappa, verdict in learned.items() if verdict)
    assert [k >= crossing for k in learned] == list(learned.values())
    assert abs(crossing - expected) < 1.2 / 6


BAD = [
    ({"model": model(5, layout="random")}, "model must have the layout 'same'"),
    ({"model": model(5, feature_noise=0)}, "model must have the layout 'same', noise and feature"),
    ({"model": model(5, rare_fraction=0)}, "model must have a rare_fraction between 0 and 1"),
    ({"model": 5}, "model must be a FeatureNoise"),
    ({"n": 1}, "n must be at least 2"),
    ({"init_std": 0.4}, "init_std must be small"),
    ({"steps": 1}, "steps must be so many that training fits"),
    ({"noise_seed": -1}, "noise_seed must be at least 0"),
    ({"model": model(10), "n": 12, "noise_seed": 0}, "model must have its threshold between"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input_is_named(change, message):
    with pytest.raises((TypeError, ValueError), match=message):
        mb.rare_threshold(**({"model": model(5), "n": 100, **REFERENCE} | change))

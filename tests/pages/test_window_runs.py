"""Trained windows of Mixup against descents and settlings made one by one."""

import numpy as np
import pytest
import torch

from mixupbook.pages import window_runs
from mixupbook.pages.theory_runs import test_sample as draw_test
from mixupbook.pages.theory_runs import train_sample
from mixupbook.theory.descent import descend
from mixupbook.theory.feature_noise import FeatureNoise
from mixupbook.theory.objectives import PairMixup, Standard
from mixupbook.theory.settle import settle

MODEL = FeatureNoise(60, 4, 0.2, 0.2, 1, 0.25, layout="same")
TRAINING = {"width": 3, "lr": 0.4}
GRID = (20, 40, 80, 160, 320)


def test_weights_at_several_steps_are_those_of_descents_that_end_there():
    train = [train_sample(MODEL, 20, seed) for seed in (1, 2)]
    objective = [PairMixup(0.7, start_step=3), Standard()]
    found = window_runs.weights_at(train, objective, at=[2, 5], seed=[1, 2], **TRAINING)
    assert found.shape == (2, 2, 2, 3, 60)
    for steps, weights in zip((2, 5), found, strict=True):
        alone = descend(train, objective, steps=steps, seed=[1, 2], return_weights=True, **TRAINING)
        np.testing.assert_allclose(weights, alone.weights, rtol=1e-5, atol=1e-7)


def test_who_has_learned_at_the_horizon_is_told_for_each_window():
    seeds, windows, start, horizon = (0, 1, 2), (0, 40, 320), 5, 1e4
    train = [train_sample(MODEL, 40, seed) for seed in seeds]
    test = [draw_test(MODEL, 200, seed) for seed in seeds]
    setting = {"start": start, "windows": windows, "seeds": seeds, "horizon": horizon, **TRAINING}
    found = window_runs.learned_at_horizon(train, test, 0.7, **setting)
    assert list(found) == list(windows)
    for window in windows:
        objective = PairMixup(0.7, start_step=start) if window else Standard()
        shared = {"steps": start + window, "seed": seeds, "return_weights": True, **TRAINING}
        end = torch.from_numpy(descend(train, objective, **shared).weights.values)
        after = settle(train, end, steps=horizon - start - window, lr=TRAINING["lr"], test=test)
        np.testing.assert_array_equal(found[window], after.rare_error < 0.05)
    assert found[0].sum() < found[320].sum()
    errors = after.rare_error.values
    strict = window_runs.learned_at_horizon(train, test, 0.7, below=errors.max(), **setting)
    np.testing.assert_array_equal(strict[320], errors < errors.max())


@pytest.mark.parametrize("start", [0, 30])
def test_the_window_found_is_that_of_a_search_one_by_one(start):
    seeds, found_by_hand = (0, 1, 2), []
    for seed in seeds:
        train, test = train_sample(MODEL, 40, seed), draw_test(MODEL, 200, seed)
        learned = []
        for window in GRID:
            end = descend(
                train,
                PairMixup(0.7, start_step=start),
                steps=start + window,
                seed=seed,
                return_weights=True,
                **TRAINING,
            )
            weights = torch.from_numpy(end.weights.values)
            settled = settle(train, weights, steps=1e4 - start - window, lr=0.4, test=test)
            learned.append(bool(settled.rare_error[0] < 0.05))
        assert learned == sorted(learned)  # as bisection supposes
        first = learned.index(True) if any(learned) else None
        middle = np.nan if first is None else np.sqrt(GRID[first] * GRID[max(first - 1, 0)])
        found_by_hand.append(middle)
    found = window_runs.trained_window(
        MODEL, 0.7, start=start, seeds=seeds, windows=GRID, horizon=1e4, n=40, test=200, **TRAINING
    )
    np.testing.assert_allclose(found, found_by_hand)
    assert np.isfinite(found).any()


@pytest.mark.parametrize("threshold", range(9))
def test_bisection_finds_every_place_of_the_grid(threshold):
    grid = np.array([1, 2, 3, 5, 8, 13, 21, 34])
    thresholds = np.array([threshold, 8 - threshold])
    found = window_runs._bisected(lambda index: index >= thresholds, grid, 2)
    for place, value in zip(thresholds, found, strict=True):
        if place == len(grid):
            assert np.isnan(value)
        else:
            assert value == np.sqrt(grid[place] * grid[max(place - 1, 0)])

"""Direct, Gram-space and split descent are one and the same descent."""

import pytest
import torch
from theory.theory_reference import assert_close, random_data

import mixupbook as mb
from mixupbook.theory.batches import stack
from mixupbook.theory.stepping import DirectDescent, GramDescent, SplitDescent, cheaper

CPU = torch.device("cpu")


def batch(kind, runs=3):
    """Patches (runs, nP, d) in float64."""
    model = mb.FeatureNoise(13, 4, 0.3, 0.2, 1, 0.4)
    silent = mb.FeatureNoise(13, 4, 0.3, 0.2, 1, 0.0)
    data = {
        "model": [model.sample(7, seed=run) for run in range(runs)],
        "shared": [model.sample(7, seed=0)] * runs,
        "dense": [random_data(7, 4, 13, seed=run) for run in range(runs)],
        "unequal": [model.sample(7, seed=0), silent.sample(7, seed=1), random_data(7, 4, 13)],
        "silent": [silent.sample(7, seed=run) for run in range(runs)],
        "features only": [random_data(7, 4, 4, seed=run) for run in range(runs)],
    }[kind]
    return stack(data, torch.float64, CPU).x.flatten(1, 2)


KINDS = ["model", "shared", "dense", "unequal", "silent", "features only"]


def run(descent, rows, steps=5):
    """Some steps with made-up gradients; responses of all steps and the final weights."""
    generator = torch.Generator().manual_seed(3)
    seen = []
    for _ in range(steps):
        responses = descent.responses()
        seen.append(responses.clone())
        push = torch.randn(responses.shape, dtype=rows.dtype, generator=generator)
        descent.move(0.1 * (responses.tanh() + push))
    return torch.stack(seen), descent.columns()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [1, 10**9])
def test_all_ways_agree(kind, steps):
    rows = batch(kind)
    columns = torch.randn(3, rows.shape[2], 6, dtype=torch.float64)
    given = columns.clone()
    expected = run(DirectDescent(rows, columns), rows)
    for descent in (GramDescent(rows, columns), SplitDescent(rows, columns, steps)):
        found = run(descent, rows)
        assert_close(found[0], expected[0], 1e-11)
        assert_close(found[1], expected[1], 1e-11)
    assert torch.equal(columns, given)


def test_only_noisy_patches_are_carried():
    rows = batch("model")
    descent = SplitDescent(rows, torch.zeros(3, 13, 6, dtype=torch.float64), 10)
    # Of four patches one holds the feature and one feature noise.
    assert descent.far.rows.shape == (3, 14, 9)
    dense = SplitDescent(batch("dense"), torch.zeros(3, 13, 6, dtype=torch.float64), 10)
    assert dense.far.rows.shape == (3, 28, 9)


def test_shared_data_have_one_gram_matrix():
    shared = GramDescent(batch("shared"), torch.zeros(3, 13, 6, dtype=torch.float64))
    own = GramDescent(batch("model"), torch.zeros(3, 13, 6, dtype=torch.float64))
    assert shared.gram.untyped_storage().nbytes() * 3 == own.gram.untyped_storage().nbytes()


def test_the_work_follows_the_smaller_of_dimension_and_patches():
    assert cheaper(100, 10_000, 20, 1000) is GramDescent
    assert cheaper(10_000, 100, 20, 1000) is DirectDescent
    # For a few steps the Gram matrix is not worth its making.
    assert cheaper(100, 10_000, 20, 1) is DirectDescent

"""CutMix over patches, patch dropping and input noise: against autograd and explicit draws."""

import itertools
import math

import pytest
import torch
from theory import theory_reference as reference
from theory.theory_reference import F64, assert_close, exactly, random_data, random_weights
from torch.nn.functional import cross_entropy, one_hot

import mixupbook as mb
from mixupbook.theory.input_noise import NoiseSource

SIZES = [(7, 4, 9, 3), (5, 3, 11, 2), (4, 1, 6, 1), (6, 5, 5, 4)]
SETTINGS = {"width": 3, "init_std": 0.3, "lr": 0.1, "steps": 7, "record_every": 3}


def outputs(weights, x, activation="square"):
    responses = torch.einsum("kmd,...pd->...kmp", weights, x)
    if activation == "square":
        return responses.square().sum(dim=(-1, -2))
    degree = {"linear": None, "relu": 1}.get(activation, activation)
    value = responses if degree is None else responses.relu() ** degree
    return value.sum(dim=(-1, -2))


def cutmix_loss(weights, data, keep, label_lam=None, mask=None, activation="square"):
    """The mean over all pairs and all sets, every mixture formed."""
    x, y = data.x.to(weights), one_hot(data.y, 2).to(weights)
    patches = x.shape[1]
    share = keep / patches if label_lam is None else label_lam
    targets = share * y[:, None] + (1 - share) * y[None]
    losses = []
    for chosen in itertools.combinations(range(patches), keep):
        stays = torch.zeros(patches, dtype=torch.bool)
        stays[list(chosen)] = True
        mixed = torch.where(stays[:, None], x[:, None], x[None])
        logits = outputs(weights, mixed, activation).flatten(0, 1)
        losses.append(cross_entropy(logits, targets.flatten(0, 1), reduction="none"))
    mean = torch.stack(losses).mean(dim=0)
    return mean.mean() if mask is None else mean[mask.flatten()].mean()


def dropping_loss(weights, data, drop, activation="square"):
    """The expectation over all sets of patches, every one formed."""
    x, total = data.x.to(weights), 0.0
    patches = x.shape[1]
    for stays in itertools.product((0.0, 1.0), repeat=patches):
        kept = int(sum(stays))
        masked = x * torch.tensor(stays, dtype=x.dtype)[:, None]
        loss = cross_entropy(outputs(weights, masked, activation), data.y)
        total = total + (1 - drop) ** kept * drop ** (patches - kept) * loss
    return total


def compare(objective, loss, size, *args, activation="square", **more):
    n, patches, dimension, width = size
    data, weights = random_data(n, patches, dimension), random_weights(2, width, dimension)
    found = mb.loss_and_gradient(weights, data, objective, activation=activation)

    def of(w):
        return loss(w, data, *args, activation=activation, **more)

    expected = reference.loss_and_gradient(of, weights)
    for value, wanted in zip(found, expected, strict=True):
        assert_close(value, wanted, 1e-10)


@pytest.mark.parametrize("activation", ["square", "linear", "relu", 2.5])
@pytest.mark.parametrize("size", SIZES)
def test_cutmix_agrees_with_autograd_over_all_mixtures(size, activation):
    for keep in range(1, size[1] + 1):
        compare(mb.PairCutMix(keep), cutmix_loss, size, keep, activation=activation)
        for label_lam in (0.0, 0.3, 0.9, 1.0):
            objective = mb.PairCutMix(keep, label_lam)
            compare(objective, cutmix_loss, size, keep, label_lam, activation=activation)


@pytest.mark.parametrize("partners", ["same_label", "other_label", "common_rare"])
def test_cutmix_takes_partners(partners):
    size = (7, 4, 9, 3)
    mask = mb.PairMixup(partners=partners).mask(random_data(*size[:3]))
    compare(mb.PairCutMix(3, partners=partners), cutmix_loss, size, 3, mask=mask)
    lopsided = torch.zeros(7, 7, dtype=torch.bool)
    lopsided[0, 3] = lopsided[5, 2] = True
    objective = mb.PairCutMix(1, 0.4, partners=lambda _: lopsided)
    compare(objective, cutmix_loss, size, 1, 0.4, lopsided)


@pytest.mark.parametrize("activation", ["square", "linear", "relu", 2.5])
@pytest.mark.parametrize("size", SIZES)
def test_dropping_agrees_with_autograd_over_all_sets(size, activation):
    for drop in (0.0, 0.25, 0.9):
        compare(mb.PatchDropping(drop), dropping_loss, size, drop, activation=activation)


def test_all_patches_kept_is_standard_training():
    data, weights = random_data(9, 4, 8), random_weights(2, 3, 8)
    wanted = mb.loss_and_gradient(weights, data, mb.Standard())
    for objective in (mb.PairCutMix(4), mb.PatchDropping(0.0)):
        for value, expected in zip(
            mb.loss_and_gradient(weights, data, objective), wanted, strict=True
        ):
            assert_close(value, expected)


def test_who_gives_which_patches_plays_no_part():
    data, weights = random_data(9, 4, 8), random_weights(2, 3, 8)
    one = mb.loss_and_gradient(weights, data, mb.PairCutMix(1))
    other = mb.loss_and_gradient(weights, data, mb.PairCutMix(3))
    for value, expected in zip(one, other, strict=True):
        assert_close(value, expected)


OBJECTIVES = [
    mb.Standard(0.1),
    mb.PairMixup(0.7),
    mb.PairCutMix(3),
    mb.PairCutMix(3, 0.6, start_step=2),
    mb.PairCutMix(2, stop_step=4),
    mb.PatchDropping(0.5),
    mb.PatchDropping(0.25, start_step=1, stop_step=5),
    mb.InputNoise(0.2),
    mb.InputNoise(0.05, stop_step=4),
    mb.ExpectedMixup(),
]


@pytest.mark.parametrize("dimension", [13, 80])
def test_all_objectives_together_are_the_runs_alone(dimension):
    model = mb.FeatureNoise(dimension, 4, 0.3, 0.2, 1, 0.3)
    train = [model.sample(9, seed=seed, rare=3) for seed in range(len(OBJECTIVES))]
    seeds = list(range(len(OBJECTIVES)))
    together = mb.descend(train, OBJECTIVES, seed=seeds, dtype=F64, return_weights=True, **SETTINGS)
    for run, objective in enumerate(OBJECTIVES):
        alone = mb.descend(
            train[run], objective, seed=run, dtype=F64, return_weights=True, **SETTINGS
        )
        for name in ("loss", "weights", "train_error"):
            wanted = torch.from_numpy(alone[name].values[0])
            found = torch.from_numpy(together[name].values[run])
            assert_close(found, wanted, 1e-12) if wanted.any() else None
    assert "PatchDropping(drop=0.5" in together.attrs["objective"]


@pytest.mark.parametrize("dimension", [13, 300])
def test_input_noise_is_descent_on_noisy_examples(dimension):
    """In either kind of descent: d = 13 is direct, d = 300 in Gram space."""
    model = mb.FeatureNoise(dimension, 4, 0.3, 0.2, 1, 0.3)
    train = model.sample(30, seed=0, rare=6)
    steps, stop = 60, 40
    generator = torch.Generator().manual_seed(5)
    weights = (torch.randn(2, 3, dimension, generator=generator) * 0.1).to(F64)
    objective = mb.InputNoise(0.2, stop_step=stop)
    noise = NoiseSource([5], torch.device("cpu"), F64)
    noise.follow([objective])
    for step in range(steps):
        x = train.x.to(F64)
        if step < stop:
            x = x + noise.draw(30 * 4, dimension)[1][0].unflatten(0, (30, 4))
        noisy = mb.PatchData(x, train.y, train.is_rare)
        gradient = reference.loss_and_gradient(reference.standard_loss, weights, noisy)[1]
        weights = weights - 0.1 * gradient
    found = mb.descend(
        train,
        objective,
        seed=5,
        width=3,
        init_std=0.1,
        lr=0.1,
        steps=steps,
        dtype=F64,
        return_weights=True,
    )
    assert found.attrs["descent"] == ("DirectDescent" if dimension == 13 else "GramDescent")
    assert_close(torch.from_numpy(found.weights.values[0]), weights, 1e-6)


def test_noise_is_fresh_of_its_size_and_apart_from_the_weights():
    source = NoiseSource([3, 3, 4], torch.device("cpu"), F64)
    source.follow([mb.InputNoise(0.5), mb.Standard(), mb.InputNoise(2.0)])
    runs, first = source.draw(50, 40)
    assert runs.tolist() == [0, 2]
    second = source.draw(50, 40)[1]
    assert first.std(dim=(1, 2)).tolist() == pytest.approx([0.5, 2.0], rel=0.06)
    assert float((first * second).mean().abs()) < 0.1
    same_seed = torch.randn(50, 40, generator=torch.Generator().manual_seed(3)).double()
    assert not torch.allclose(first[0], same_seed * 0.5)


def test_no_noise_is_standard_training():
    found = reference.final_weights(reference.TRAIN, mb.InputNoise(0.0), **SETTINGS)
    assert torch.equal(found, reference.final_weights(reference.TRAIN, mb.Standard(), **SETTINGS))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: mb.PairCutMix(0), ValueError, "keep must be at least 1, got 0"),
        (lambda: mb.PairCutMix(2.0), TypeError, "keep must be an integer, got 2.0"),
        (lambda: mb.PairCutMix(2, 1.5), ValueError, "label_lam must lie in [0, 1], got 1.5"),
        (
            lambda: mb.PairCutMix(2, start_step=3, stop_step=3),
            ValueError,
            "start_step must be below stop_step = 3, got 3",
        ),
        (lambda: mb.PatchDropping(1.0), ValueError, "drop must lie in [0, 1), got 1.0"),
        (lambda: mb.PatchDropping("half"), TypeError, "drop must be a real number, got 'half'"),
        (lambda: mb.InputNoise(-1), ValueError, "std must lie in [0, inf), got -1"),
        (lambda: mb.InputNoise(math.nan), ValueError, "std must be finite, got nan"),
    ],
)
def test_wrong_arguments(make, error, message):
    with pytest.raises(error, match=exactly(message)):
        make()


def test_what_does_not_suit_the_data_is_said_before_the_first_step():
    keep = "keep must be at most the number of patches, 4, got 5"
    with pytest.raises(ValueError, match=exactly(keep)):
        mb.descend(reference.TRAIN, mb.PairCutMix(5, start_step=3), **SETTINGS)
    many = random_data(3, 16, 6)
    for objective, sets in ((mb.PatchDropping(), 65536), (mb.PairCutMix(8), 12870)):
        with pytest.raises(ValueError, match=f"takes all {sets} sets of 16 patches exactly"):
            mb.descend(many, objective, **SETTINGS)
    with pytest.raises(TypeError, match="InputNoise, a random draw, has not"):
        mb.loss_and_gradient(random_weights(2, 3, 23), reference.TRAIN, mb.InputNoise(0.1))

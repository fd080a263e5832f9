"""Training all arms at once: against one run at a time, and the expectation over partners."""

import math

import pytest
import torch
from studies import ladder_reference
from studies.ladder_reference import FIVE, THREE, TWO, made_up

import mixupbook as mb
from mixupbook.studies.ladder import training
from mixupbook.studies.ladder.arms import ARMS, PAIRS, partner_masks
from mixupbook.studies.ladder.training import Recipe, train
from mixupbook.studies.ladder.unit_networks import Network

SEEDS = [3, 11]
BIASED = Network(3, "relu", bias=True, init=0.5)
HEAD = Network(5, "square", head="trained", init="torch")
PRACTICE = Recipe(lr=0.1, steps=7, batch=5, momentum=0.9, cosine=True, lam=None)
WHOLE = Recipe(lr=0.1, steps=5, lam=0.6)

CASES = {
    "square": (Network(2, init=0.3), WHOLE, TWO, {}),
    "more dimensions than patches": (Network(2, init=0.3), WHOLE, TWO, {"dimension": 20}),
    "relu with bias": (BIASED, WHOLE, TWO, {"patches": 3}),
    "trained head": (HEAD, Recipe(lr=0.2, steps=5), THREE, {"dimension": 20, "patches": 1}),
    "glu": (Network(2, "glu", init=0.5), Recipe(lr=0.2, steps=5, momentum=0.5), THREE, {}),
    "the usual recipe": (BIASED, PRACTICE, FIVE, {"dimension": 20}),
    "usual, with a head": (Network(6, "swiglu", True, "trained", "torch"), PRACTICE, FIVE, {}),
    "powers in batches": (Network(3, 1.5, init=0.5), Recipe(0.2, 5, batch=4), TWO, {}),
    "gelu at a falling rate": (Network(3, "gelu", init=0.5), Recipe(0.3, 6, cosine=True), TWO, {}),
    "softplus": (Network(3, "softplus", init=0.5), Recipe(0.3, 4, lam=None), THREE, {}),
    "linear, of one patch": (Network(1, "linear", True), WHOLE, FIVE, {"patches": 1}),
}


@pytest.fixture
def kept(monkeypatch):
    """The parameters that are measured."""
    kept = {}

    def measured(tasks, network, parameters):
        kept.update(parameters)
        return measure(tasks, network, parameters)

    measure = training._measured
    monkeypatch.setattr(training, "_measured", measured)
    return kept


@pytest.mark.parametrize("case", CASES)
def test_all_arms_at_once_are_as_one_at_a_time_of_mixed_inputs(case, kept):
    network, recipe, groups, shape = CASES[case]
    # Test sets differ in size; the second seed's patches span fewer dimensions than the first's.
    tasks = [made_up(1, groups, **shape), made_up(2, groups, **shape, test=11, rank=4)]
    measured = train(tasks, network, recipe, SEEDS)
    for s, (task, seed) in enumerate(zip(tasks, SEEDS, strict=True)):
        expected = ladder_reference.trained(task, network, recipe, seed)
        assert tuple(expected) == ARMS
        for a, (arm, parameters) in enumerate(expected.items()):
            assert kept.keys() == parameters.keys()
            for name, value in parameters.items():
                torch.testing.assert_close(
                    kept[name][s, a].double(), value, rtol=2e-4, atol=2e-5, msg=f"{arm}: {name}"
                )
            of = {}
            for part in ("train", "test"):
                examples = getattr(task, part)
                of[part] = ladder_reference.margins(network, parameters, examples, task.classes)
                assert of[part].abs().min() > 1e-5, "choose examples whose side rounding leaves"
            rare = task.test.rare
            found = (measured.common[s, a], measured.rare[s, a], measured.train[s, a])
            wrong = [of["test"][~rare] < 0, of["test"][rare] < 0, of["train"] < 0]
            for error, among in zip(found, wrong, strict=True):
                assert float(error) == pytest.approx(sum(among.tolist()) / len(among), abs=1e-6)
            if arm == "standard":
                share = of["test"][rare].mean() / of["train"][task.train.rare].mean()
                torch.testing.assert_close(measured.share[s], share, rtol=2e-3, atol=1e-4)


def test_arms_that_differ_in_nothing_else_start_alike(kept):
    train([made_up(1)], BIASED, Recipe(steps=0), [5])
    for value in kept.values():
        assert value.shape[1] == len(ARMS)
        assert (value == value[:, :1]).all()


def test_a_tie_is_a_mistake():
    """All scores are 0 under weights of 0 that are never moved."""
    measured = train([made_up(1)], Network(init=0.0), Recipe(steps=0), [0])
    assert (torch.cat([measured.common, measured.rare, measured.train]) == 1).all()


def test_the_rate_falls_along_a_cosine():
    recipe = Recipe(lr=0.4, steps=8, cosine=True)
    rates = [recipe.learning_rate(step) for step in range(8)]
    assert rates == pytest.approx([0.2 * (1 + math.cos(math.pi * k / 8)) for k in range(8)])
    assert rates[0] == 0.4
    assert Recipe(lr=0.4).learning_rate(1000) == 0.4


# Twelve examples in unequal groups: of each label 3 common and 2 rare, and 6 common and 1 rare.
UNEQUAL = [(0, 0)] * 3 + [(0, 1)] * 2 + [(1, 0)] * 6 + [(1, 1)]


@pytest.mark.parametrize("activation", ["square", "relu"])
def test_the_mean_step_is_that_of_all_pairs_with_rows_of_equal_weight(activation, monkeypatch):
    """Many seeds that start from one point and differ in partners alone."""
    draws, lam = 800, 0.7
    task = made_up(4, UNEQUAL, dimension=7, scale=0.7)
    first = 0.5 * torch.randn(4, 7, generator=torch.Generator().manual_seed(1))
    moved = []
    monkeypatch.setattr(training, "first_weights", lambda *_: {"first": first.clone()})
    monkeypatch.setattr(training, "_measured", lambda *given: moved.append(given[2]["first"]))
    recipe = Recipe(lr=1.0, steps=1, lam=lam)
    train([task] * draws, Network(2, activation), recipe, list(range(draws)))
    gradients = (first - moved[0]).unflatten(2, (2, 2))

    examples = task.train
    data = mb.PatchData(examples.x.double(), examples.y, examples.rare)
    weights = first.double().unflatten(0, (2, 2))

    def exact(objective):
        return mb.loss_and_gradient(weights, data, objective, activation=activation)[1].float()

    masks = partner_masks(examples.y, examples.rare)
    for arm, drawn in zip(ARMS, gradients.unbind(1), strict=True):
        if arm in PAIRS:
            expected = sum(exact(of_row(lam, masks[arm], row)) for row in range(12)) / 12
        if arm == "all":
            torch.testing.assert_close(expected, exact(mb.PairMixup(lam)))
        if arm == "standard":
            expected = exact(mb.Standard())
        if arm == "smoothing":
            floor = ladder_reference.mean_entropy(examples.y.tolist(), 2, lam)
            expected = exact(mb.Standard(ladder_reference.smoothing_of(floor, 2)))
        error = drawn.std(dim=0) / draws**0.5
        assert ((drawn.mean(dim=0) - expected).abs() < 4.5 * error + 2e-6).all(), arm
        assert (error.max() > 1e-4) == (arm in PAIRS)


def of_row(lam, mask, row):
    """Mixup of one example with those allowed."""
    kept = torch.zeros_like(mask)
    kept[row] = mask[row]
    return mb.PairMixup(lam, partners=lambda _: kept)


def test_what_runs_out_of_range_is_an_error_that_names_the_rate():
    with pytest.raises(FloatingPointError, match=r"infinite or NaN: try less than lr=1e\+20"):
        train([made_up(1)], Network(2, init=0.3), Recipe(lr=1e20, steps=4), [0])


@pytest.mark.parametrize(
    "groups",
    [[(0, 0), (0, 1), (1, 0)], [(0, 0), (0, 1)], [(0, 0), (1, 0)]],
    ids=["no rare one of a label", "one label", "none is rare"],
)
def test_tasks_that_leave_an_arm_without_partners_are_refused(groups):
    task = made_up(1, groups)
    with pytest.raises(ValueError, match="tasks must leave everyone a partner in each arm"):
        train([task], Network(), WHOLE, [0])

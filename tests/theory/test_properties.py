"""What must hold of any draw and any descent: drawn data, symmetries, and batches of runs."""

from dataclasses import dataclass
from unittest import mock

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from theory.theory_reference import F64, random_data

import mixupbook as mb
from mixupbook.theory import walk

examples = settings(derandomize=True, deadline=None, max_examples=20)
seeds = st.integers(0, 2**63 - 1)


@st.composite
def models(draw):
    patches = draw(st.integers(2, 6))
    return mb.FeatureNoise(
        dimension=draw(st.integers(5, 13)),
        patches=patches,
        rare_fraction=draw(st.floats(0, 1)),
        feature_noise=draw(st.floats(0.1, 0.9)),
        noise_patches=draw(st.integers(0, patches - 1)),
        noise_std=draw(st.floats(0.1, 2)),
        layout=draw(st.sampled_from(["random", "same", "distinct"])),
    )


@examples
@given(models(), st.integers(1, 19), seeds, st.data())
def test_every_patch_of_a_drawn_example_is_accounted_for(model, n, seed, data):
    rare = data.draw(st.none() | st.integers(0, n))
    drawn = model.sample(n, seed=seed, rare=rare)
    assert drawn.x.shape == (n, model.patches, model.dimension)
    assert rare is None or int(drawn.is_rare.sum()) == rare
    near, far = drawn.x[..., :4], drawn.x[..., 4:]
    holds_feature = (near == 1).any(dim=2)
    holds_feature_noise = (near == torch.tensor(model.feature_noise)).any(dim=2)
    holds_noise = (far != 0).any(dim=2)
    # Each patch holds one thing alone.
    kinds = torch.stack([holds_feature, holds_feature_noise, holds_noise])
    assert (kinds.sum(dim=0) == 1).all()
    counts = [1, model.noise_patches, model.patches - 1 - model.noise_patches]
    assert (kinds.sum(dim=2) == torch.tensor(counts)[:, None]).all()
    # Feature noise is of the common features, features are of the class, noise is off all four.
    assert ((near != 0).sum(dim=2) == (~holds_noise).long()).all()
    assert (near[..., 2:][holds_feature_noise] == 0).all()
    feature = near[holds_feature].argmax(dim=1)
    assert torch.equal(feature, drawn.y + 2 * drawn.is_rare)
    place = holds_feature.long().argmax(dim=1)
    if model.layout != "random":
        assert torch.equal(place, drawn.is_rare.long() * (model.layout == "distinct"))


@examples
@given(models(), st.integers(1, 19), seeds)
def test_the_same_seed_draws_the_same_data(model, n, seed):
    one, two = model.sample(n, seed=seed), model.sample(n, seed=seed)
    assert torch.equal(one.x, two.x)
    assert torch.equal(one.y, two.y)
    assert torch.equal(one.is_rare, two.is_rare)


OBJECTIVES = st.sampled_from(
    [
        mb.Standard(),
        mb.Standard(0.2),
        mb.PairMixup(0.7),
        mb.PairMixup(0.8, 0.6, stop_step=3),
        mb.PairMixup(0.6, start_step=2, partners="common_rare"),
        mb.ExpectedMixup(label_map="cubic", quadrature=6),
    ]
)


@dataclass
class Case:
    """Data of no model, an objective, and weights to start from."""

    data: mb.PatchData
    objective: object
    start: torch.Tensor

    def trained(self):
        """What `descend` records, from these weights."""
        width = self.start.shape[1]
        settings = {"width": width, "steps": 5, "lr": 0.02, "record_every": 2, "dtype": F64}
        with mock.patch.object(walk, "initial_weights", return_value=self.start[None]):
            return mb.descend(
                self.data, self.objective, test=self.data, return_weights=True, **settings
            ).isel(run=0)


@st.composite
def cases(draw):
    n, patches, dimension = (draw(st.integers(*ends)) for ends in ((3, 8), (1, 4), (5, 9)))
    seed = draw(st.integers(0, 10**6))
    data = random_data(n, patches, dimension, seed=seed)
    data.is_rare[:2] = torch.tensor([True, False])
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(2, draw(st.integers(1, 4)), dimension, generator=generator, dtype=F64)
    return Case(data, draw(OBJECTIVES), 0.3 * start)


def assert_recorded(found, expected, **changes):
    """All that is recorded agrees, with `changes` in place of what is expected to be another."""
    assert set(found) == set(expected)
    for name, values in expected.items():
        wanted = changes.get(name, values.values)
        np.testing.assert_allclose(found[name], wanted, rtol=1e-9, atol=1e-12, err_msg=name)


def rebuilt(data, x=None, y=None, order=slice(None)):
    """The data with other examples or labels, then in another order."""
    x, y = data.x if x is None else x, data.y if y is None else y
    return mb.PatchData(x[order], y[order], data.is_rare[order])


@examples
@given(cases(), st.integers(0, 10**6))
def test_rotating_the_noise_axes_rotates_the_weights(case, seed):
    generator = torch.Generator().manual_seed(seed)
    turn = torch.eye(case.data.x.shape[2], dtype=F64)
    noise = turn[4:, 4:]
    noise[:] = torch.linalg.qr(torch.randn(noise.shape, generator=generator, dtype=F64)).Q
    expected = case.trained()
    turned = Case(
        rebuilt(case.data, case.data.x.double() @ turn), case.objective, case.start @ turn
    )
    assert_recorded(turned.trained(), expected, weights=expected.weights.values @ turn.numpy())


@examples
@given(cases())
def test_swapping_the_classes_swaps_what_belongs_to_them(case):
    other = [1, 0, 3, 2, *range(4, case.data.x.shape[2])]
    swapped = Case(
        rebuilt(case.data, case.data.x[..., other], 1 - case.data.y),
        case.objective,
        case.start[[1, 0]][..., other],
    )
    expected = case.trained()
    assert_recorded(
        swapped.trained(),
        expected,
        feature_alignment=expected.feature_alignment.values[:, [1, 0, 3, 2]],
        weights=expected.weights.values[[1, 0]][..., other],
    )


@examples
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_examples_plays_no_part(case, random):
    order = random.sample(range(len(case.data)), len(case.data))
    expected = case.trained()
    shuffled = Case(rebuilt(case.data, order=order), case.objective, case.start)
    memorised = expected.noise_memorisation.values[:, order]
    assert_recorded(shuffled.trained(), expected, noise_memorisation=memorised)


@examples
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_patches_plays_no_part_where_all_share_it(case, random):
    """Patches are mixed place by place: the order may be another, but the same in all examples."""
    order = random.sample(range(case.data.x.shape[1]), case.data.x.shape[1])
    shuffled = Case(rebuilt(case.data, case.data.x[:, order]), case.objective, case.start)
    assert_recorded(shuffled.trained(), case.trained())


@st.composite
def batches(draw):
    """The arguments of two to five runs, each of its own kind."""
    number = draw(st.integers(2, 5))
    model = mb.FeatureNoise(11, 4, 0.3, 0.2, 1, 0.3)

    def one_each(kind):
        return draw(st.lists(kind, min_size=number, max_size=number))

    drawn = one_each(st.integers(0, 99))
    return {
        "train": [model.sample(7, seed=seed, rare=2) for seed in drawn],
        "test": [model.sample(9, seed=100 + seed, rare=3) for seed in drawn],
        "objective": one_each(OBJECTIVES),
        "lr": one_each(st.floats(0.01, 0.3)),
        "seed": one_each(st.integers(0, 10**6)),
    }


def trained(batch):
    settings = {"width": 3, "init_std": 0.3, "steps": 5, "record_every": 2, "dtype": F64}
    return mb.descend(**batch, return_weights=True, **settings)


@examples
@given(batches(), st.data())
def test_runs_in_another_order_are_the_same_runs(batch, data):
    order = data.draw(st.permutations(range(len(batch["seed"]))))
    found = trained({name: [values[run] for run in order] for name, values in batch.items()})
    assert_recorded(found, trained(batch).isel(run=list(order)))


@examples
@given(batches())
def test_a_batch_is_its_runs_alone(batch):
    together = trained(batch)
    for run in range(len(batch["seed"])):
        alone = trained({name: values[run] for name, values in batch.items()})
        assert_recorded(alone, together.isel(run=[run]))

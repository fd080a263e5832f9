"""What holds of mixing for every batch: properties over sizes, kinds and numbers (hypothesis)."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mixup.mixup_reference import seeded, slow_mix

import mixupbook as mb

# The same examples in every run, and a hundred of them at most: seconds in all.
deterministic = settings(derandomize=True, deadline=None, max_examples=60, database=None)

SIZES = st.integers(1, 9)
UNIT = st.floats(0, 1)
SEEDS = st.integers(0, 2**32 - 1)
DTYPES = st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64])
SHAPES = st.lists(st.integers(1, 3), max_size=3).map(tuple)
MIXUPS = st.fixed_dictionaries(
    {
        "alpha": st.floats(0.01, 100),
        "label_map": st.sampled_from(["identity", "cubic", "sqrt", "hard", "independent", 0.75]),
        "per_sample": st.booleans(),
        "partners": st.sampled_from(["all", "same_label"]),
    }
)


def batch(size, shape, seed, dtype=torch.float64):
    return torch.randn(size, *shape, generator=seeded(seed), dtype=torch.float64).to(dtype)


@st.composite
def draws(draw, unit=UNIT):
    """A draw of any kind, with its number of examples."""
    size = draw(SIZES)
    per_sample = draw(st.booleans())

    def one():
        if per_sample:
            numbers = draw(st.lists(unit, min_size=size, max_size=size))
            return torch.tensor(numbers, dtype=torch.float64)
        return draw(unit)

    partner = draw(st.lists(st.integers(0, size - 1), min_size=size, max_size=size))
    return mb.Draw(one(), one(), torch.tensor(partner), num_classes=4)


@deterministic
@given(draws(), SHAPES, SEEDS)
def test_mixing_is_the_loop_over_examples(draw, shape, seed):
    x = batch(len(draw), shape, seed)
    mixed = slow_mix(x, draw.lam, draw.partner)
    torch.testing.assert_close(draw.mix(x), mixed, rtol=1e-12, atol=1e-12)
    targets = slow_mix(x, draw.label_lam, draw.partner)
    torch.testing.assert_close(draw.targets(x), targets, rtol=1e-12, atol=1e-12)


@deterministic
@given(draws(), SHAPES, SEEDS)
def test_another_order_of_the_examples_is_another_order_of_the_mixtures(draw, shape, seed):
    x, order = batch(len(draw), shape, seed), torch.randperm(len(draw), generator=seeded(seed))
    place = order.argsort()
    lam = draw.lam[order] if draw.lam.ndim else draw.lam
    reordered = mb.Draw(lam, draw.label_lam, place[draw.partner[order]])
    assert torch.equal(reordered.mix(x[order]), draw.mix(x)[order])


@deterministic
@given(draws(), SHAPES, SEEDS, DTYPES)
def test_a_mixture_lies_between_its_examples_in_their_dtype(draw, shape, seed, dtype):
    x = batch(len(draw), shape, seed, dtype)
    before, mixed = x.clone(), draw.mix(x)
    low, high = torch.minimum(x, x[draw.partner]), torch.maximum(x, x[draw.partner])
    slack = 4 * torch.finfo(dtype).eps * torch.maximum(low.abs(), high.abs())
    assert (mixed >= low - slack).all()
    assert (mixed <= high + slack).all()
    assert (mixed.dtype, mixed.device, mixed.shape) == (dtype, x.device, x.shape)
    assert torch.equal(x, before)


@deterministic
@given(draws(), SEEDS)
def test_rows_keep_their_sums(draw, seed):
    labels = torch.randint(4, (len(draw),), generator=seeded(seed))
    targets = draw.targets(labels, dtype=torch.float64)
    assert (targets >= 0).all()
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(len(draw), dtype=torch.float64))
    soft = batch(len(draw), (4,), seed).softmax(dim=1)
    torch.testing.assert_close(draw.targets(soft).sum(dim=1), soft.sum(dim=1))


@deterministic
@given(draws(st.just(1.0)), SHAPES, SEEDS, DTYPES)
def test_coefficient_one_is_the_identity(draw, shape, seed, dtype):
    x = batch(len(draw), shape, seed, dtype)
    assert torch.equal(draw.mix(x), x)
    assert torch.equal(draw.targets(x), x)
    loss = torch.nn.MSELoss(reduction="none")
    assert draw.loss(loss, x, x).abs().max() == 0


@deterministic
@given(draws(), SHAPES, SEEDS, st.floats(-3, 3), st.floats(-3, 3))
def test_mixing_is_affine(draw, shape, seed, slope, shift):
    x = batch(len(draw), shape, seed)
    torch.testing.assert_close(draw.mix(slope * x + shift), slope * draw.mix(x) + shift)


@deterministic
@given(draws(), SEEDS)
def test_the_mixed_loss_is_the_loss_of_the_mixed_targets(draw, seed):
    output = batch(len(draw), (4,), seed)
    y = torch.randint(4, (len(draw),), generator=seeded(seed))
    criterion = torch.nn.CrossEntropyLoss(reduction="none")
    by_targets = criterion(output, draw.targets(y, dtype=torch.float64))
    mean = draw.loss(criterion, output, y).mean()
    torch.testing.assert_close(mean, by_targets.mean())


@deterministic
@given(MIXUPS, SIZES, SHAPES, SEEDS, DTYPES)
def test_the_same_generator_gives_the_same_batches(options, size, shape, seed, dtype):
    x = batch(size, shape, seed, dtype)
    y = torch.randint(4, (size,), generator=seeded(seed))
    first, second = (mb.Mixup(num_classes=4, generator=seeded(seed), **options) for _ in range(2))
    for _ in range(2):
        draw = first.with_generator(None)  # no draw of a copy's moves the original's generator
        draw(x, y)
        one, other = first(x, y), second(x, y)
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])
        assert one[0].dtype == dtype


@deterministic
@given(MIXUPS, SIZES, SEEDS)
def test_coefficients_and_partners_are_in_their_ranges(options, size, seed):
    y = torch.randint(3, (size,), generator=seeded(seed))
    draw = mb.Mixup(generator=seeded(seed), **options).draw(size, y)
    assert ((draw.lam >= 0.5) & (draw.lam <= 1)).all()
    assert ((draw.label_lam >= 0.5) & (draw.label_lam <= 1)).all()
    if options["partners"] == "all":
        assert draw.partner.sort().values.tolist() == list(range(size))
    else:
        assert torch.equal(y[draw.partner], y)

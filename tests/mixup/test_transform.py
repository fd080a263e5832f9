"""Mixup against an independent per-sample reference, its properties, its draws and its errors."""

import copy
import math
import pickle

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, TensorDataset

import mixupbook as mb

BATCH, CLASSES = 7, 5
SHAPES = [(BATCH, 3), (BATCH, 3, 11), (BATCH, 3, 11, 2), (1, 3, 5, 11)]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def one_hot(y, classes=CLASSES):
    return torch.stack([torch.eye(classes, dtype=torch.float64)[label] for label in y.tolist()])


def slow_mix(x, y, lam, label_lam, permutation):
    """One example at a time, in Python: shares nothing with the package's way."""
    mixed, targets = [], []
    for i, j in enumerate(permutation):
        mixed.append(float(lam[i]) * x[i] + (1 - float(lam[i])) * x[j])
        targets.append(float(label_lam[i]) * y[i] + (1 - float(label_lam[i])) * y[j])
    return torch.stack(mixed), torch.stack(targets)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("per_sample", [False, True])
def test_agrees_with_the_slow_reference(shape, per_sample):
    batch = shape[0]
    x = torch.randn(shape, dtype=torch.float64, generator=seeded(1))
    y = torch.softmax(torch.randn(batch, CLASSES, dtype=torch.float64, generator=seeded(2)), 1)
    permutation = torch.randperm(batch, generator=seeded(3))
    lam = torch.rand(batch, dtype=torch.float64, generator=seeded(4))
    label_lam = torch.rand(batch, dtype=torch.float64, generator=seeded(5))
    if not per_sample:
        lam, label_lam = lam[:1].expand(batch), label_lam[:1].expand(batch)
    given = (lam, label_lam) if per_sample else (lam[0].item(), label_lam[0])
    mixed, targets = mb.mix_pairs(x, y, given[0], label_lam=given[1], permutation=permutation)
    slow = slow_mix(x, y, lam, label_lam, permutation.tolist())
    torch.testing.assert_close(mixed, slow[0], rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(targets, slow[1], rtol=1e-13, atol=1e-13)


def test_label_coefficient_defaults_to_the_feature_coefficient():
    x, y = torch.rand(BATCH, 3), torch.eye(BATCH)
    permutation = torch.randperm(BATCH, generator=seeded())
    plain = mb.mix_pairs(x, y, 0.7, permutation=permutation)
    explicit = mb.mix_pairs(x, y, 0.7, label_lam=0.7, permutation=permutation)
    assert torch.equal(plain[1], explicit[1])


def test_mixed_labels_give_the_mixed_loss():
    logits = torch.randn(BATCH, CLASSES, generator=seeded())
    y = torch.arange(BATCH) % CLASSES
    permutation = torch.randperm(BATCH, generator=seeded(1))
    _, targets = mb.mix_pairs(
        torch.rand(BATCH, 2), one_hot(y).float(), 0.6, permutation=permutation
    )
    mixed_loss = 0.6 * cross_entropy(logits, y) + 0.4 * cross_entropy(logits, y[permutation])
    torch.testing.assert_close(cross_entropy(logits, targets), mixed_loss)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("label_dtype", [torch.uint8, torch.int32, torch.int64])
def test_any_floating_and_integer_dtype(dtype, label_dtype):
    x = torch.rand(BATCH, 3, 4, generator=seeded()).to(dtype)
    y = (torch.arange(BATCH) % CLASSES).to(label_dtype)
    mixed, targets = mb.Mixup(num_classes=CLASSES, generator=seeded())(x, y)
    assert mixed.dtype == dtype
    assert targets.shape == (BATCH, CLASSES)
    torch.testing.assert_close(targets.sum(1), torch.ones(BATCH, dtype=targets.dtype))
    assert cross_entropy(torch.zeros(BATCH, CLASSES, dtype=dtype), targets).isfinite()


def test_mixing_stays_between_the_two_examples():
    x = torch.rand(BATCH, 11, generator=seeded())
    permutation = torch.randperm(BATCH, generator=seeded(1))
    mixed, _ = mb.mix_pairs(x, torch.eye(BATCH), 0.3, permutation=permutation)
    low, high = torch.minimum(x, x[permutation]), torch.maximum(x, x[permutation])
    assert ((mixed >= low - 1e-6) & (mixed <= high + 1e-6)).all()


def test_coefficient_one_is_the_identity_bit_for_bit():
    x = torch.randn(BATCH, 3, generator=seeded()) * 1e6
    y = torch.softmax(torch.randn(BATCH, CLASSES, generator=seeded(1)), 1)
    permutation = torch.randperm(BATCH, generator=seeded(2))
    mixed, targets = mb.mix_pairs(x, y, 1.0, permutation=permutation)
    assert torch.equal(mixed, x)
    assert torch.equal(targets, y)


def test_features_and_labels_get_the_same_partner():
    # Example i is the number i and its label is i: the partner can be read off both.
    x = torch.arange(BATCH, dtype=torch.float32)[:, None]
    mixed, targets = mb.Mixup(num_classes=BATCH, label_map=0.75, generator=seeded(4))(
        x, torch.arange(BATCH)
    )
    for i in range(BATCH):
        partner = next((j for j in range(BATCH) if j != i and targets[i, j] > 0), i)
        assert targets[i, i] == (1 if partner == i else 0.75)
        lam = 1.0 if partner == i else (float(mixed[i]) - partner) / (i - partner)
        assert 0.5 - 1e-5 <= lam <= 1 + 1e-5


@pytest.mark.parametrize("soft", [False, True])
def test_inputs_and_global_random_state_are_untouched(soft):
    x = torch.rand(BATCH, 3, generator=seeded())
    y = torch.eye(CLASSES)[torch.arange(BATCH) % CLASSES] if soft else torch.arange(BATCH) % CLASSES
    before = x.clone(), y.clone(), torch.get_rng_state()
    mb.Mixup(num_classes=CLASSES, generator=seeded())(x, y)
    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])
    assert torch.equal(torch.get_rng_state(), before[2])


def test_the_generator_alone_decides():
    x, y = torch.rand(BATCH, 3), torch.arange(BATCH) % CLASSES
    runs = []
    for global_seed in (0, 1):
        with torch.random.fork_rng():
            torch.manual_seed(global_seed)
            runs.append(mb.Mixup(num_classes=CLASSES, generator=seeded(9))(x, y))
    assert torch.equal(runs[0][0], runs[1][0])
    assert torch.equal(runs[0][1], runs[1][1])


def test_without_a_generator_the_default_one_is_used():
    x, y = torch.rand(BATCH, 3), torch.arange(BATCH) % CLASSES
    mix = mb.Mixup(num_classes=CLASSES)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        first = mix(x, y)[0]
        torch.manual_seed(3)
        assert torch.equal(mix(x, y)[0], first)


@pytest.mark.parametrize("alpha", [1e-6, 0.2, 1.0, 4.0, 1e3])
def test_folded_coefficients_follow_the_beta_law(alpha):
    # With the partner's example at 0 and one's own at 1, the mixed feature is lambda itself.
    count = 20_000
    mix = mb.Mixup(alpha, num_classes=2, per_sample=True, generator=seeded())
    lam, label_lam, _ = mix._draw(torch.zeros(count, 1))
    assert torch.equal(lam, label_lam)
    assert (lam >= 0.5).all()
    assert (lam <= 1).all()
    # Var(Beta(a, a)) = 1 / (4 (2a + 1)), and folding about 1/2 keeps (lambda - 1/2)^2.
    second_moment = ((lam.double() - 0.5) ** 2).mean().item()
    assert math.isclose(second_moment, 1 / (4 * (2 * alpha + 1)), rel_tol=0.03)


@pytest.mark.parametrize(("alpha", "limit"), [(1e-39, 1.0), (1e39, 0.5)])
def test_extreme_alpha_gives_its_limit(alpha, limit):
    mix = mb.Mixup(alpha, num_classes=2, per_sample=True, generator=seeded())
    lam, label_lam, _ = mix._draw(torch.zeros(1000, 1))
    assert (lam == limit).all()
    assert (label_lam == limit).all()


def test_independent_labels_share_the_law_and_nothing_else():
    mix = mb.Mixup(num_classes=2, label_map="independent", per_sample=True, generator=seeded())
    lam, label_lam, _ = mix._draw(torch.zeros(20_000, 1))
    assert abs(torch.corrcoef(torch.stack([lam, label_lam]))[0, 1]) < 0.03
    assert abs(lam.mean() - label_lam.mean()) < 0.01


def test_per_batch_draws_one_coefficient_and_per_sample_many():
    x, y = torch.rand(BATCH, 1), torch.arange(BATCH) % CLASSES
    for per_sample in (False, True):
        lam, _, _ = mb.Mixup(num_classes=CLASSES, per_sample=per_sample)._draw(x)
        assert lam.shape == ((BATCH,) if per_sample else ())
        mb.Mixup(num_classes=CLASSES, per_sample=per_sample)(x, y)


def test_schedule_early_stop_and_late_start():
    x, y = torch.rand(BATCH, 3, generator=seeded()), torch.arange(BATCH) % CLASSES
    mix = mb.Mixup(num_classes=CLASSES, start_epoch=2, stop_epoch=4, generator=seeded())
    mixed_in = []
    for epoch in range(6):
        mix.set_epoch(epoch)
        mixed, targets = mix(x, y)
        if torch.equal(mixed, x):
            assert torch.equal(targets, one_hot(y).float())
        else:
            mixed_in.append(epoch)
    assert mixed_in == [2, 3]


def test_stop_epoch_zero_never_mixes():
    x, y = torch.rand(BATCH, 3), torch.arange(BATCH) % CLASSES
    assert torch.equal(mb.Mixup(num_classes=CLASSES, stop_epoch=0)(x, y)[0], x)


def test_with_generator_leaves_the_original_alone():
    mix = mb.Mixup(num_classes=CLASSES, label_map="cubic", stop_epoch=3)
    twin = mix.with_generator(seeded(1))
    twin.set_epoch(5)
    assert mix.epoch == int(mix._epoch_of_workers) == 0
    assert mix.generator is None
    assert repr(mix) == repr(twin)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_compiled_mixup_draws_and_mixes_the_same():
    x, y = torch.rand(BATCH, 3, 4, generator=seeded()), torch.arange(BATCH) % CLASSES
    plain = mb.Mixup(num_classes=CLASSES, generator=seeded(1))(x, y)
    compiled = torch.compile(mb.Mixup(num_classes=CLASSES, generator=seeded(1)))(x, y)
    torch.testing.assert_close(compiled[0], plain[0])
    torch.testing.assert_close(compiled[1], plain[1])


def test_copies_and_pickles():
    mix = mb.Mixup(num_classes=CLASSES, label_map="sqrt", stop_epoch=2)
    for twin in (copy.deepcopy(mix), pickle.loads(pickle.dumps(mix))):
        assert repr(twin) == repr(mix)


def test_collate_in_a_loader_with_an_odd_last_batch():
    dataset = TensorDataset(torch.rand(11, 3), torch.arange(11) % CLASSES)
    mix = mb.Mixup(num_classes=CLASSES, generator=seeded())
    loader = DataLoader(dataset, batch_size=4, collate_fn=mix.collate)
    assert [x.shape[0] for x, _ in loader] == [4, 4, 3]


@pytest.mark.parametrize("sample", [(torch.zeros(2), 0, 5), {"x": 1, "y": 0}, torch.zeros(2)])
def test_collate_takes_pairs_only(sample):
    with pytest.raises(TypeError, match=r"samples must be pairs \(x, y\)"):
        mb.Mixup(num_classes=2).collate([sample])


def test_collate_in_workers_draws_differently_in_each():
    dataset = TensorDataset(torch.eye(8), torch.arange(8))
    mix = mb.Mixup(num_classes=8, per_sample=True, generator=seeded())

    def batches(seed):
        loader = DataLoader(
            dataset, 4, collate_fn=mix.collate, num_workers=2, generator=seeded(seed)
        )
        return [targets for _, targets in loader]

    first, second = batches(0)
    assert not torch.equal(first.max(1).values, second.max(1).values)
    assert torch.equal(first, batches(0)[0])
    assert not torch.equal(first, batches(1)[0])


@pytest.mark.parametrize("context", ["fork", "spawn"])
@pytest.mark.parametrize("persistent", [False, True])
def test_workers_hear_of_the_epoch(context, persistent):
    dataset = TensorDataset(torch.eye(8), torch.arange(8))
    mix = mb.Mixup(num_classes=8, start_epoch=1, stop_epoch=2)
    loader = DataLoader(
        dataset,
        4,
        collate_fn=mix.collate,
        num_workers=1,
        persistent_workers=persistent,
        multiprocessing_context=context,
    )
    mixed = []
    for epoch in range(4):
        mix.set_epoch(epoch)
        mixed.append(any(not targets.equal(targets.round()) for _, targets in loader))
    assert mixed == [False, True, False, False]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda mix: pickle.loads(pickle.dumps(mix))])
def test_a_copy_has_an_epoch_of_its_own(copied):
    mix = mb.Mixup(num_classes=CLASSES, stop_epoch=2)
    mix.set_epoch(1)
    twin = copied(mix)
    twin.set_epoch(5)
    assert (mix.active, twin.active) == (True, False)
    assert (int(mix._epoch_of_workers), int(twin._epoch_of_workers)) == (1, 5)
    assert twin._epoch_of_workers.is_shared()


def test_collate_needs_a_sample():
    with pytest.raises(ValueError, match="at least one pair"):
        mb.Mixup(num_classes=2).collate([])


def test_a_generators_state_is_pickled_as_plain_numbers():
    """Torch would send a tensor to another process through shared memory."""
    mix = mb.Mixup(num_classes=CLASSES, generator=seeded(7))
    x, y = torch.rand(BATCH, 3), torch.arange(BATCH) % CLASSES
    mix(x, y)
    state = mix.__getstate__()
    assert not any(isinstance(part, torch.Tensor | torch.Generator) for part in state.values())
    twin = pickle.loads(pickle.dumps(mix))
    assert twin.generator.initial_seed() == mix.generator.initial_seed()
    assert torch.equal(twin(x, y)[0], mix(x, y)[0])


FLOATING = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@pytest.mark.parametrize("x_dtype", FLOATING)
@pytest.mark.parametrize("y_dtype", FLOATING)
def test_soft_labels_of_every_precision(x_dtype, y_dtype):
    x = torch.rand(65, 3, generator=seeded()).to(x_dtype)
    y = torch.randn(65, 10, generator=seeded(1)).mul(2).softmax(dim=1).to(y_dtype)
    mixed, targets = mb.Mixup(num_classes=10, generator=seeded(2))(x, y)
    assert (mixed.dtype, targets.dtype) == (x_dtype, y_dtype)


def test_a_label_map_that_works_in_place_leaves_the_features_alone():
    x, y = torch.rand(BATCH, 3), torch.arange(BATCH)
    settings = {"num_classes": BATCH, "per_sample": True}
    in_place = mb.Mixup(**settings, label_map=lambda lam: lam.mul_(0.6), generator=seeded())
    pure = mb.Mixup(**settings, label_map=lambda lam: lam * 0.6, generator=seeded())
    for got, expected in zip(in_place(x, y), pure(x, y), strict=True):
        assert torch.equal(got, expected)


class ReadsValues(TorchDispatchMode):
    """Fails on what would make the processor wait for a GPU."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert "_local_scalar_dense" not in str(function)
        assert "nonzero" not in str(function)
        assert "equal" not in str(function)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"per_sample": True},
        {"label_map": "independent"},
        {"label_map": 0.75},
        {"label_map": lambda lam: lam**2},
        {"label_map": lambda lam: 0.75},
        {"stop_epoch": 0},
    ],
)
def test_off_the_cpu_no_value_is_read(settings):
    x = torch.rand(BATCH, 3, 4, device="meta")
    y = torch.zeros(BATCH, dtype=torch.int64, device="meta")
    mix = mb.Mixup(num_classes=CLASSES, **settings)
    with ReadsValues():
        mixed, targets = mix(x, y)
        mb.mix_pairs(x, targets, 0.7, permutation=torch.zeros_like(y))
    assert mixed.device == targets.device == x.device


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_compiled_pairs_are_one_graph():
    x, y = torch.rand(BATCH, 3, generator=seeded()), torch.eye(BATCH)
    permutation = torch.randperm(BATCH, generator=seeded())
    mix = torch.compile(mb.mix_pairs, fullgraph=True, backend="aot_eager")
    mixed, targets = mix(x, y, 0.7, permutation=permutation)
    expected = mb.mix_pairs(x, y, 0.7, permutation=permutation)
    torch.testing.assert_close(mixed, expected[0])
    torch.testing.assert_close(targets, expected[1])


LAM = torch.linspace(0, 1, 21, dtype=torch.float64)


@pytest.mark.parametrize(
    "label_map", ["identity", "cubic", "sqrt", "hard", 0.75, lambda lam: lam**2]
)
def test_label_maps_are_extended_by_reflection(label_map):
    away_from_half = LAM[(LAM - 0.5).abs() > 1e-9]
    mirrored = mb.label_coefficient(label_map, 1 - away_from_half)
    torch.testing.assert_close(mb.label_coefficient(label_map, away_from_half), 1 - mirrored)


def test_label_maps_by_their_formulas():
    lam = LAM[LAM >= 0.5]
    expected = {
        "identity": lambda v: v,
        "cubic": lambda v: 0.5 + 4 * (v - 0.5) ** 3,
        "sqrt": lambda v: 0.5 + math.sqrt((v - 0.5) / 2),
        "hard": lambda v: 1.0,
    }
    for name, formula in expected.items():
        by_hand = torch.tensor([formula(v) for v in lam.tolist()], dtype=torch.float64)
        torch.testing.assert_close(mb.label_coefficient(name, lam), by_hand)


def test_label_map_reaches_the_targets():
    x, y = torch.rand(BATCH, 3), torch.arange(BATCH)
    for label_map, own in [("hard", 1.0), (0.75, 0.75), (lambda lam: 0.6, 0.6)]:
        _, targets = mb.Mixup(num_classes=BATCH, label_map=label_map, generator=seeded(4))(x, y)
        moved = targets.diagonal()[targets.diagonal() < 1]
        assert ((moved - own).abs() < 1e-6).all()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"alpha": 0}, ValueError, "alpha.*got 0"),
        ({"alpha": -1.0}, ValueError, "alpha.*got -1"),
        ({"alpha": math.nan}, ValueError, "alpha.*finite"),
        ({"alpha": math.inf}, ValueError, "alpha.*finite"),
        ({"alpha": "1"}, TypeError, "alpha.*real number"),
        ({"alpha": True}, TypeError, "alpha"),
        ({"alpha": 10**400}, ValueError, "alpha.*finite"),
        ({"label_map": "cubik"}, ValueError, "did you mean 'cubic'"),
        ({"label_map": "nothing like it"}, ValueError, "label_map must be one of"),
        ({"label_map": 0.3}, ValueError, r"label_map.*\[0.5, 1\].*0.3"),
        ({"label_map": "SQRT"}, ValueError, "number in .*, or a callable.*did you mean 'sqrt'"),
        ({"label_map": None}, TypeError, "label_map must be one of .*, or a callable, got None"),
        ({"label_map": torch.tensor([0.6, 0.7])}, TypeError, "label_map"),
        ({"label_map": lambda lam: 2 * lam}, ValueError, r"label_map must stay in \[0, 1\]"),
        ({"label_map": lambda lam: lam * math.nan}, ValueError, "label_map must stay"),
        ({"label_map": lambda lam: -0.1}, ValueError, "label_map must stay"),
        ({"label_map": lambda lam: lam[:2]}, TypeError, "label_map must take"),
        ({"label_map": lambda lam: "half"}, TypeError, "label_map must take"),
        ({"num_classes": 1}, ValueError, "num_classes.*at least 2"),
        ({"num_classes": 2.0}, TypeError, "num_classes"),
        ({"stop_epoch": -1}, ValueError, "stop_epoch"),
        ({"stop_epoch": 2.5}, TypeError, "stop_epoch"),
        ({"start_epoch": 4, "stop_epoch": 4}, ValueError, "start_epoch must be below stop_epoch"),
        ({"per_sample": 1}, TypeError, "per_sample"),
        ({"generator": 0}, TypeError, "generator"),
    ],
)
def test_bad_settings_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        mb.Mixup(**{"num_classes": CLASSES, **settings})


X, Y = torch.rand(BATCH, 3), torch.arange(BATCH) % CLASSES


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (X.long(), Y, TypeError, "x must be floating"),
        (X.numpy(), Y, TypeError, "x must be a torch.Tensor"),
        (torch.zeros(0, 3), Y[:0], ValueError, "x must hold at least one example"),
        (torch.tensor(1.0), Y, ValueError, "x must hold"),
        (X, Y + 1, ValueError, r"y must lie in 0\.\.4.*to 5"),
        (X, Y - 1, ValueError, r"y must lie in 0\.\.4.*from -1"),
        (X, Y[:-1], ValueError, "y must have one integer label for each of the 7"),
        (X, Y.float(), TypeError, "y must be integers"),
        (X, Y.bool(), TypeError, "y must be integers"),
        (X, Y.tolist(), TypeError, "y must be a torch.Tensor"),
        (X, torch.eye(BATCH), ValueError, "num_classes = 5 columns, got 7"),
        (X, torch.full((BATCH, CLASSES), 0.5), ValueError, "sum to one.*row 0"),
        (X, torch.full((BATCH, CLASSES), math.nan), ValueError, "sum to one"),
        (X, torch.full((3, CLASSES), 0.2), ValueError, r"y must have shape \(7, K\)"),
        (X, torch.ones(BATCH, CLASSES).long(), ValueError, "one integer label"),
    ],
)
def test_bad_batches_are_named(x, y, error, message):
    with pytest.raises(error, match=message):
        mb.Mixup(num_classes=CLASSES)(x, y)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"lam": 1.1}, ValueError, r"lam must lie in \[0, 1\].*1.1"),
        ({"lam": math.nan}, ValueError, "lam must be finite"),
        ({"lam": torch.tensor([0.5, -0.1])}, ValueError, "lam must lie in"),
        (
            {"lam": torch.full((3,), 0.5)},
            ValueError,
            r"lam must be one number or have shape \(7,\)",
        ),
        ({"lam": torch.tensor(1)}, TypeError, "lam must be a number or a floating tensor"),
        ({"label_lam": 2}, ValueError, "label_lam must lie in"),
        ({"permutation": torch.zeros(BATCH).long()}, ValueError, "each of 0..6 once"),
        ({"permutation": torch.arange(3)}, ValueError, "permutation must have shape"),
        ({"permutation": torch.rand(BATCH)}, TypeError, "permutation must be an integer"),
        ({"permutation": [0, 1]}, TypeError, "permutation must be an integer"),
        ({"y": Y}, TypeError, "y must be floating rows"),
        ({"y": torch.full((BATCH, 2), -0.5)}, ValueError, "sum to one"),
    ],
)
def test_bad_pairs_are_named(change, error, message):
    good = {"x": X, "y": torch.eye(BATCH), "lam": 0.5, "permutation": torch.arange(BATCH)}
    with pytest.raises(error, match=message):
        mb.mix_pairs(**{**good, **change})


def test_label_coefficient_refuses_the_independent_draw():
    with pytest.raises(ValueError, match="second draw"):
        mb.label_coefficient("independent", 0.7)


def test_set_epoch_is_checked():
    with pytest.raises(ValueError, match="epoch"):
        mb.Mixup(num_classes=2).set_epoch(-1)

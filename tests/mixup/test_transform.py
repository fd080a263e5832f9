"""Mixup: the law of its draws, its schedule, its settings, its copies, and the state around it."""

import contextlib
import copy
import math
import pickle

import pytest
import torch
from mixup.mixup_reference import (
    BATCH,
    CLASSES,
    SETTINGS,
    images,
    labels,
    one_hot,
    seeded,
    slow_mix,
)

import mixupbook as mb


def made(settings, seed=5, epoch=2):
    mix = mb.Mixup(num_classes=CLASSES, generator=seeded(seed), **settings)
    mix.set_epoch(epoch)
    return mix


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def behaves_alike(first, second, batches=3):
    """Whether two Mixups give the same batches from here on."""
    x, y = images(), labels()
    return all([same(first(x, y), second(x, y)) for _ in range(batches)])


# The draw.


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("batch", [1, 2, 7])
def test_calling_is_drawing_mixing_and_mixing_the_labels(settings, batch):
    x, y = images(batch), labels(batch)
    draw = made(settings).draw(x, y)
    mixed, targets = made(settings)(x, y)
    torch.testing.assert_close(mixed, slow_mix(x, draw.lam, draw.partner))
    expected = slow_mix(one_hot(y), draw.label_lam, draw.partner).float()
    torch.testing.assert_close(targets, expected)
    assert same((mixed, targets), (draw.mix(x), draw.targets(y)))


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_draw_for_a_number_of_examples_or_a_container_is_that_for_a_batch(settings):
    by_batch = made(settings).draw(images(), labels())
    for x in (BATCH, torch.tensor(BATCH).numpy()[()], {"a": [(images(),)]}, torch.zeros(7).int()):
        draw = made(settings).draw(x, labels())
        for name in ("lam", "label_lam", "partner"):
            assert torch.equal(getattr(draw, name), getattr(by_batch, name))
        assert draw.num_classes == CLASSES
        assert draw.mixes is True


@pytest.mark.parametrize(("per_sample", "shape"), [(False, ()), (True, (BATCH,))])
@pytest.mark.parametrize("idle", [{"alpha": 0}, {"alpha": 0.0}, {"stop_epoch": 2}])
def test_where_nothing_is_mixed_everyone_is_their_own_partner(per_sample, shape, idle):
    mix = made({"per_sample": per_sample, "label_map": 0.75, **idle})
    draw = mix.draw(BATCH)
    assert torch.equal(draw.lam, torch.ones(shape))
    assert torch.equal(draw.label_lam, torch.ones(shape))
    assert draw.partner.tolist() == list(range(BATCH))
    assert draw.mixes is False
    assert mix.active is False
    x, y = images(), labels()
    x[0, 0, 0, 0] = math.inf
    mixed, targets = mix(x, y)
    assert mixed is x
    assert torch.equal(targets, one_hot(y).float())
    assert torch.equal(mix.generator.get_state(), seeded(5).get_state())
    with pytest.raises(TypeError, match="x must be floating"):
        mix(x.long(), y)


@pytest.mark.parametrize("alpha", [1e-6, 0.2, 1.0, 4.0, 1e3])
def test_folded_coefficients_follow_the_beta_law(alpha):
    draw = mb.Mixup(alpha, per_sample=True, generator=seeded()).draw(20_000)
    assert torch.equal(draw.lam, draw.label_lam)
    assert (draw.lam >= 0.5).all()
    assert (draw.lam <= 1).all()
    # Var(Beta(a, a)) = 1 / (4 (2a + 1)), and folding about 1/2 keeps (lambda - 1/2)^2.
    second_moment = ((draw.lam.double() - 0.5) ** 2).mean().item()
    assert math.isclose(second_moment, 1 / (4 * (2 * alpha + 1)), rel_tol=0.03)


@pytest.mark.parametrize(("alpha", "limit"), [(1e-39, 1.0), (1e-320, 1.0), (1e39, 0.5)])
def test_extreme_alpha_gives_its_limit(alpha, limit):
    draw = mb.Mixup(alpha, per_sample=True, generator=seeded()).draw(1000)
    assert (draw.lam == limit).all()
    assert (draw.label_lam == limit).all()


def test_independent_labels_share_the_law_and_nothing_else():
    draw = made({"label_map": "independent", "per_sample": True}).draw(20_000)
    assert abs(torch.corrcoef(torch.stack([draw.lam, draw.label_lam]))[0, 1]) < 0.03
    assert abs(draw.lam.mean() - draw.label_lam.mean()) < 0.01


def test_per_batch_draws_one_coefficient_and_per_sample_many():
    for label_map in ("identity", "independent"):
        for per_sample, shape in ((False, ()), (True, (BATCH,))):
            draw = made({"per_sample": per_sample, "label_map": label_map}).draw(BATCH)
            assert draw.lam.shape == draw.label_lam.shape == shape
            assert draw.lam.dtype == draw.label_lam.dtype == torch.float32


def test_all_partners_are_a_permutation():
    draw = made({}).draw(50)
    assert draw.partner.sort().values.tolist() == list(range(50))
    assert draw.partner.dtype == torch.int64


def test_seeded_draws_are_those_of_version_0_1():
    """The chapters' numbers rest on them."""
    x = torch.arange(5.0)
    mix = mb.Mixup(num_classes=5, label_map="cubic", generator=torch.Generator().manual_seed(0))
    mixed, targets = mix(x, torch.arange(5))
    expected = torch.tensor([0.1805256, 1.3610512, 2.0, 3.1805255, 3.2778976])
    torch.testing.assert_close(mixed, expected, rtol=1e-6, atol=0)
    own = torch.tensor([0.6304272, 0.6304272, 1.0, 0.6304272, 0.6304272])
    torch.testing.assert_close(targets.diagonal(), own, rtol=1e-6, atol=0)


def test_inputs_and_global_random_state_are_untouched():
    x, y = images(), labels()
    before = x.clone(), y.clone(), torch.get_rng_state()
    made({"partners": "same_label"})(x, y)
    assert same((x, y, torch.get_rng_state()), before)


def test_without_a_generator_the_default_one_is_used():
    mix = mb.Mixup(num_classes=CLASSES)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        first = mix(images(), labels())
        torch.manual_seed(3)
        assert same(mix(images(), labels()), first)
        assert not same(mix(images(), labels()), first)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(0, 3), ValueError, r"^x must hold at least one example, got shape \(0, 3\)$"),
        (torch.tensor(1.0), ValueError, r"^x must hold at least one example, got shape \(\)$"),
        ({"a": torch.zeros(0)}, ValueError, r"^x\['a'\] must hold at least one example"),
        ({}, ValueError, r"^x must hold at least one tensor, got {}$"),
        ([(), {}], ValueError, r"^x must hold at least one tensor, got \[\(\), {}\]$"),
        ([{}, ["a"]], TypeError, r"^x\[1\]\[0\] must be a torch.Tensor, got str$"),
        (0, ValueError, "^the number of examples must be at least 1, got 0$"),
        (True, TypeError, "^the number of examples must be an integer, got True$"),
        (
            torch.zeros(3).numpy(),
            TypeError,
            "^x must be a torch.Tensor, or a dict, list or tuple of them, got ndarray$",
        ),
        (2.0, TypeError, "or a dict, list or tuple of them, got float$"),
        (None, TypeError, "or a dict, list or tuple of them, got NoneType$"),
    ],
)
def test_bad_batches_are_named(x, error, message):
    with pytest.raises(error, match=message):
        mb.Mixup().draw(x)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (
            images().long(),
            TypeError,
            r"^x must be floating \(convert images with x.float\(\) / 255",
        ),
        ({"a": images(), "b": images(3)}, ValueError, r"^x\['b'\] must hold 7 examples"),
        ({"a": images(), "b": 3}, TypeError, r"^x\['b'\] must be a torch.Tensor, got int$"),
        (BATCH, TypeError, "^x must be a torch.Tensor, got int$"),
        (images(3), ValueError, "^y must have one label for each of the 3 examples"),
    ],
)
def test_bad_examples_are_named(x, error, message):
    with pytest.raises(error, match=message):
        made({})(x, labels())


# The schedule.


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"start_epoch": 2, "stop_epoch": 4}, [2, 3]),
        ({"start_epoch": 4}, [4, 5]),
        ({"start_epoch": 0}, [0, 1, 2, 3, 4, 5]),
        ({"stop_epoch": 1}, [0]),
        ({"stop_epoch": 0}, []),
    ],
)
def test_the_schedule_says_in_which_epochs_batches_are_mixed(schedule, expected):
    mix = made({**schedule, "label_map": 0.75})
    mixed_in = []
    for epoch in range(6):
        mix.set_epoch(epoch)
        assert mix.epoch == epoch
        assert mix.active == mix.draw(3).mixes
        if not torch.equal(mix(images(), labels())[0], images()):
            mixed_in.append(epoch)
    assert mixed_in == expected


@pytest.mark.parametrize("schedule", [{"stop_epoch": 5}, {"start_epoch": 2}, {"stop_epoch": 0}])
def test_a_schedule_that_hears_of_no_epoch_is_an_error(schedule):
    mix = mb.Mixup(num_classes=CLASSES, **schedule)
    shown = (
        f"start_epoch={schedule.get('start_epoch')} and stop_epoch={schedule.get('stop_epoch')} "
        r"need to know the epoch: call mix.set_epoch\(epoch\) before the loop over the "
        "batches of each epoch$"
    )
    for attempt in (
        lambda: mix(images(), labels()),
        lambda: mix.draw(BATCH),
        lambda: mix.collate([(images()[0], 1)]),
        lambda: mix.active,
        lambda: copy.copy(mix).draw(BATCH),
        lambda: pickle.loads(pickle.dumps(mix)).draw(BATCH),
        lambda: mix.with_generator(None).draw(BATCH),
    ):
        with pytest.raises(RuntimeError, match=shown):
            attempt()
    mix.set_epoch(0)
    mix(images(), labels())


def test_without_a_schedule_no_epoch_is_needed():
    mix = mb.Mixup(num_classes=CLASSES)
    assert mix.epoch is None
    assert mix.active is True
    mix(images(), labels())
    mix.set_epoch(7)
    assert mix.epoch == 7


@pytest.mark.parametrize(
    ("epoch", "error", "message"),
    [
        (-1, ValueError, "^epoch must be at least 0, got -1$"),
        (1.5, TypeError, "^epoch must be an i"),
    ],
)
def test_set_epoch_is_checked(epoch, error, message):
    mix = mb.Mixup(stop_epoch=2)
    with pytest.raises(error, match=message):
        mix.set_epoch(epoch)
    assert mix.epoch is None


# Settings.


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"alpha": -1.0}, ValueError, r"^alpha must lie in \[0, inf\), got -1.0$"),
        ({"alpha": math.nan}, ValueError, "^alpha must be finite, got nan$"),
        ({"alpha": math.inf}, ValueError, "^alpha must be finite, got inf$"),
        ({"alpha": "1"}, TypeError, "^alpha must be a real number, got '1'$"),
        ({"alpha": True}, TypeError, "^alpha must be a real number, got True$"),
        ({"alpha": 10**400}, ValueError, "^alpha must be finite"),
        ({"num_classes": 1}, ValueError, "^num_classes must be at least 2, got 1$"),
        ({"num_classes": 2.0}, TypeError, "^num_classes must be an integer, got 2.0$"),
        ({"stop_epoch": -1}, ValueError, "^stop_epoch must be at least 0, got -1$"),
        ({"start_epoch": -1}, ValueError, "^start_epoch must be at least 0, got -1$"),
        ({"stop_epoch": 2.5}, TypeError, "^stop_epoch must be an integer, got 2.5$"),
        (
            {"start_epoch": 4, "stop_epoch": 4},
            ValueError,
            "^start_epoch must be below stop_epoch 4, got 4$",
        ),
        ({"per_sample": 1}, TypeError, "^per_sample must be True or False, got 1$"),
        ({"generator": 0}, TypeError, "^generator must be a torch.Generator or None, got 0$"),
    ],
)
def test_bad_settings_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        mb.Mixup(**settings)


def test_defaults():
    assert repr(mb.Mixup()) == (
        "Mixup(alpha=1.0, label_map='identity', num_classes=None, start_epoch=None, "
        "stop_epoch=None, per_sample=False, partners='all')"
    )
    assert mb.Mixup().generator is None
    assert mb.Mixup(num_classes=2).num_classes == 2


def test_the_representation_makes_a_mixup_that_behaves_alike():
    for settings in SETTINGS:
        mix = made(settings)
        twin = eval(repr(mix), {"Mixup": mb.Mixup}).with_generator(seeded(5))
        twin.set_epoch(2)
        assert behaves_alike(mix, twin)


def test_functions_are_shown_by_their_names():
    class Everyone:
        def __call__(self, y):
            return torch.ones(len(y), len(y), dtype=torch.bool)

    shown = repr(mb.Mixup(label_map=copy.copy, partners=Everyone()))
    assert "label_map='copy'" in shown
    assert shown.endswith("Everyone')")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha", 0.2),
        ("label_map", "hard"),
        ("num_classes", 7),
        ("start_epoch", 1),
        ("stop_epoch", 9),
        ("per_sample", True),
        ("partners", "same_label"),
    ],
)
def test_settings_are_read_only(name, value):
    mix, untouched = made({}), made({})
    before = getattr(mix, name)
    message = (
        f"^{name} of a Mixup cannot be changed: make another, Mixup\\(..., {name}={value!r}\\)$"
    )
    with pytest.raises(AttributeError, match=message):
        setattr(mix, name, value)
    with pytest.raises(AttributeError, match=f"^{name} of a Mixup .*: make another Mixup$"):
        delattr(mix, name)
    assert getattr(mix, name) == before
    assert behaves_alike(mix, untouched)


def test_what_is_no_setting_but_fixed_says_how_it_changes():
    mix = made({})
    for name, instead in [
        ("generator", r"mix.with_generator\(generator\) is a copy that draws from another$"),
        ("epoch", r"call mix.set_epoch\(epoch\)$"),
        ("active", r"call mix.set_epoch\(epoch\)$"),
    ]:
        with pytest.raises(
            AttributeError, match=f"^{name} of a Mixup cannot be changed: {instead}"
        ):
            setattr(mix, name, None)
        with pytest.raises(AttributeError, match=f"^{name} of a Mixup cannot be changed"):
            delattr(mix, name)


def test_a_subclass_may_keep_things_of_its_own():
    class Counting(mb.Mixup):
        def __init__(self, **settings):
            super().__init__(**settings)
            self.count = 0

        def __call__(self, x, y):
            self.count += 1
            return super().__call__(x, y)

    mix = Counting(num_classes=CLASSES)
    mix(images(), labels())
    twin = copy.copy(mix)
    twin(images(), labels())
    assert (type(twin), mix.count, twin.count) == (Counting, 1, 2)
    del twin.count
    assert mix.count == 1


# Copies.

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda mix: pickle.loads(pickle.dumps(mix)),
}
copies = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)


@copies
@pytest.mark.parametrize("settings", SETTINGS)
def test_a_copy_behaves_like_the_original(settings, copied):
    mix = made(settings)
    mix(images(), labels())  # a generator in the middle of its draws
    twin, again = copied(mix), copied(mix)
    assert behaves_alike(mix, twin)
    assert behaves_alike(mix, twin)  # two generators, not one that both use
    assert not behaves_alike(twin, again)
    assert twin.generator.initial_seed() == mix.generator.initial_seed()


@copies
def test_a_copy_without_a_generator_uses_the_default_one(copied):
    assert copied(mb.Mixup()).generator is None


@copies
def test_a_copy_has_an_epoch_of_its_own(copied):
    mix = mb.Mixup(num_classes=CLASSES, stop_epoch=2)
    mix.set_epoch(1)
    twin = copied(mix)
    assert twin.epoch == 1
    twin.set_epoch(5)
    assert (mix.active, twin.active) == (True, False)
    mix.set_epoch(0)
    assert (mix.epoch, twin.epoch) == (0, 5)
    # What the workers of each would hear.
    for either in (mix, twin):
        either._schedule.hear()
    assert (mix.epoch, twin.epoch) == (0, 5)
    assert twin._schedule._shared.is_shared()


@copies
def test_a_copy_made_before_the_first_epoch_still_asks_for_one(copied):
    twin = copied(mb.Mixup(stop_epoch=2))
    twin._schedule.hear()
    with pytest.raises(RuntimeError, match="need to know the epoch"):
        twin.draw(2)


def test_with_generator_leaves_the_original_alone():
    mix = made({"label_map": "cubic", "stop_epoch": 3})
    twin = mix.with_generator(seeded(1))
    assert behaves_alike(twin, made({"label_map": "cubic", "stop_epoch": 3}, seed=1))
    twin.set_epoch(5)
    assert (mix.epoch, twin.epoch) == (2, 5)
    assert mix.with_generator(None).generator is None
    with pytest.raises(
        TypeError, match=r"^generator must be a torch.Generator or None, got 'cpu'$"
    ):
        mix.with_generator("cpu")


def test_a_generators_state_is_pickled_as_plain_numbers():
    """Torch would send a tensor to another process through shared memory."""
    state = made({}).__getstate__()
    assert not any(isinstance(part, torch.Tensor | torch.Generator) for part in state.values())


# The state around it.


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
        assert torch.get_default_dtype() == dtype
    finally:
        torch.set_default_dtype(before)


SURROUNDINGS = {
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "device": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference": torch.inference_mode,
}


def results(settings, x, y):
    """One of everything that Mixup does."""
    mix = made(settings)
    samples = [(image, int(label)) for image, label in zip(x, y, strict=True)]
    draw = mix.draw(BATCH, y)
    twins = [copied(mix) for copied in COPIES.values()]
    return [
        *mix(x, y),
        *mix.collate(samples),
        draw.lam,
        draw.label_lam,
        draw.partner,
        draw.loss(torch.nn.CrossEntropyLoss(reduction="none"), x.flatten(1), y),
        *(twin.draw(x, y).lam for twin in twins),
        *mb.mix_pairs(x, x.double(), 0.7, partner=draw.partner),
        mb.label_coefficient("cubic", 0.7),
        mb.Mixup(alpha=0, num_classes=CLASSES).draw(BATCH).lam,
        mb.Mixup(alpha=0, num_classes=CLASSES)(x, y)[1],
    ]


@pytest.mark.parametrize("surroundings", SURROUNDINGS.values(), ids=SURROUNDINGS)
@pytest.mark.parametrize("settings", SETTINGS)
def test_the_state_around_it_plays_no_part(settings, surroundings):
    x, y = images(), labels()
    expected = results(settings, x, y)
    with surroundings():
        got = results(settings, x, y)
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


def test_a_batch_without_labels_says_how_a_loader_mixes():
    with pytest.raises(
        TypeError, match=r"^y must be given, as in mix\(x, y\); a DataLoader takes "
    ):
        mb.Mixup(num_classes=3)([(torch.zeros(2), 0), (torch.ones(2), 1)])

"""Partners from the whole training set."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

import mixupbook as mb
from mixupbook.images.training.augment import crop_flip
from mixupbook.images.training.loop import Training
from mixupbook.images.training.pool import MixupFromPool
from mixupbook.images.training.randomness import streams

CPU = torch.device("cpu")
WITHIN = dict(epochs=3, batch_size=7, lr=0.05, progress=False, device="cpu")
RECIPE = WITHIN | {"partner_pool": "train"}
LABELS = torch.tensor([0, 1, 1, 2, 0, 2, 2, 1])
GROUPS = torch.tensor([0, 0, 1, 0, 1, 1, 0, 0])


def other_group_or_oneself(labels):
    """A rule that knows more of the training set than its labels."""
    return (GROUPS[:, None] != GROUPS) | torch.eye(len(labels), dtype=torch.bool)


RULES = {
    "all": torch.ones(8, 8, dtype=torch.bool),
    "same_label": LABELS[:, None] == LABELS,
    "other_label": LABELS[:, None] != LABELS,
    other_group_or_oneself: other_group_or_oneself(LABELS),
}
BY_RULE = pytest.mark.parametrize(("rule", "allowed"), RULES.items())


@pytest.fixture(scope="module")
def digits():
    data = mb.load_digits(train=30, test=40)
    return replace(data, group_train=torch.arange(30) % 3)


@pytest.fixture
def linear():
    """The least network, whose weights are the same each time."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    with torch.no_grad():
        network[1].weight.copy_(torch.linspace(-1, 1, 640).sin().reshape(10, 64))
        network[1].bias.zero_()
    return network


def losses(run):
    return [epoch["train_loss"] for epoch in run.history]


def seeded(seed=5, **settings):
    return mb.Mixup(num_classes=3, generator=torch.Generator().manual_seed(seed), **settings)


def numbered(chosen):
    """Images that are their own number, so that a mixture tells of what it is one."""
    return chosen.float()[:, None, None, None].clone()


class Fixed(mb.Mixup):
    """l = 3/4 always, and not drawn."""

    def coefficients(self, batch, device):
        return torch.tensor(0.75), torch.tensor(0.75)


def fixed(rule, seed=7):
    return Fixed(num_classes=3, partners=rule, generator=torch.Generator().manual_seed(seed))


def partners_of(pool, chosen):
    """Reads the partners off the mixed numbers of a `Fixed`."""
    mixed, _ = pool.batch(chosen, numbered)
    return (4 * mixed.flatten() - 3 * chosen).round().long()


@BY_RULE
def test_partners_are_uniform_among_those_allowed(rule, allowed):
    pool = MixupFromPool(fixed(rule), LABELS, 3, CPU)
    draws = 4000
    for chosen in range(8):
        drawn = partners_of(pool, torch.full((draws,), chosen))
        counts = torch.bincount(drawn, minlength=8)
        assert not counts[~allowed[chosen]].any()
        expected = draws / allowed[chosen].sum()
        # Five standard deviations of a binomial count.
        assert (counts[allowed[chosen]] - expected).abs().max() < 5 * math.sqrt(expected)


@BY_RULE
def test_each_partner_is_that_of_a_slow_reference(rule, allowed):
    chosen = torch.arange(8).repeat(50)
    generator = torch.Generator().manual_seed(7)
    if rule == "all":
        expected = torch.randint(8, (400,), generator=generator).tolist()
    else:
        uniform = torch.rand(400, generator=generator).tolist()
        expected = []
        for example, u in zip(chosen.tolist(), uniform, strict=True):
            may = [j for j in range(8) if allowed[example, j]]
            expected.append(may[int(u * len(may))])
    assert partners_of(MixupFromPool(fixed(rule), LABELS, 3, CPU), chosen).tolist() == expected


def test_partners_do_not_depend_on_each_other():
    """Two examples of a batch have the same partner as often as by chance."""
    pool = MixupFromPool(fixed("all"), LABELS, 3, CPU)
    pairs = partners_of(pool, torch.zeros(8000, dtype=torch.int64)).reshape(4000, 2)
    alike = int((pairs[:, 0] == pairs[:, 1]).sum())
    assert abs(alike - 500) < 5 * math.sqrt(500 * 7 / 8)


@pytest.mark.parametrize("per_sample", [False, True])
@pytest.mark.parametrize("label_map", ["identity", "hard", "independent"])
def test_a_batch_by_hand(per_sample, label_map):
    mixup = seeded(per_sample=per_sample, label_map=label_map)
    chosen = torch.tensor([3, 0, 5])
    mixed, targets = MixupFromPool(mixup, LABELS, 3, CPU).batch(chosen, numbered)

    generator = torch.Generator().manual_seed(5)
    partner = torch.randint(8, (3,), generator=generator)
    lam, label_lam = mixup.with_generator(generator).coefficients(3, CPU)
    assert lam.shape == label_lam.shape == ((3,) if per_sample else ())
    assert torch.equal(label_lam == 1, torch.full_like(lam, label_map == "hard").bool())
    assert torch.equal(label_lam == lam, torch.full_like(lam, label_map == "identity").bool())
    torch.testing.assert_close(mixed.flatten(), lam * chosen + (1 - lam) * partner)
    own, others = one_hot(LABELS[chosen], 3), one_hot(LABELS[partner], 3)
    share = label_lam.reshape(-1, 1)
    torch.testing.assert_close(targets, share * own + (1 - share) * others)


@pytest.mark.parametrize("pool", ["batch", "train"])
def test_the_first_loss_by_hand(digits, linear, pool):
    """Every draw from its own stream; within the batch, as it has been before there was a pool."""
    mixup = mb.Mixup(num_classes=10, label_map="independent")
    recipe = dict(epochs=1, batch_size=30, lr=0.05, augment="crop_flip", seed=3, device="cpu")
    chosen = {} if pool == "batch" else {"partner_pool": pool}
    run = mb.fit(digits, linear, mixup=mixup, progress=False, **recipe, **chosen)

    seeds = streams(3)
    order, augment, mixing = (
        torch.Generator().manual_seed(seeds[name]) for name in ("order", "augment", "mixup")
    )
    drawing = mixup.with_generator(mixing)
    batch = torch.randperm(30, generator=order)
    x, y = crop_flip(digits.x_train[batch], augment), digits.y_train[batch]
    if pool == "batch":
        x, targets = drawing(x, y)
    else:
        partner = torch.randint(30, (30,), generator=mixing)
        lam, label_lam = drawing.coefficients(30, CPU)
        x = lam * x + (1 - lam) * crop_flip(digits.x_train[partner], augment)
        own, others = one_hot(y, 10), one_hot(digits.y_train[partner], 10)
        targets = label_lam * own + (1 - label_lam) * others
    assert losses(run)[0] == pytest.approx(cross_entropy(linear(x), targets).item(), rel=1e-5)


def test_partners_within_the_batch_are_the_default(digits, linear):
    mixup = mb.Mixup(num_classes=10, partners="same_label")
    runs = [
        mb.fit(digits, linear, mixup=mixup, **WITHIN, **pool)
        for pool in ({}, {"partner_pool": "batch"})
    ]
    assert runs[0].history == runs[1].history
    assert runs[0].config == runs[1].config
    assert runs[0].config["partner_pool"] == "batch"


def test_the_rule_may_look_at_groups(digits, linear):
    groups = digits.group_train
    seen = []

    def other_group(labels):
        seen.append(labels)
        return groups[:, None] != groups

    mixup = mb.Mixup(num_classes=10, partners=other_group)
    run = mb.fit(digits, linear, mixup=mixup, **RECIPE)
    assert run.config["partner_pool"] == "train"
    assert len(seen) == 1
    assert torch.equal(seen[0], digits.y_train)


def test_a_run_repeats_itself_and_differs_from_one_within_the_batch(digits, linear):
    mixup = mb.Mixup(num_classes=10)
    first, again, within = (
        mb.fit(digits, linear, mixup=mixup, **recipe) for recipe in (RECIPE, RECIPE, WITHIN)
    )
    assert first.history == again.history
    for name, weights in first.network.state_dict().items():
        assert torch.equal(weights, again.network.state_dict()[name])
    assert losses(first)[0] != losses(within)[0]


def test_each_seed_draws_its_own(digits, linear):
    runs = mb.fit_seeds(digits, linear, seeds=[0, 1], mixup=mb.Mixup(num_classes=10), **RECIPE)
    alone = mb.fit(digits, linear, seed=1, mixup=mb.Mixup(num_classes=10), **RECIPE)
    assert runs[1].history == alone.history != runs[0].history


@pytest.mark.parametrize("mixup", [mb.Mixup(stop_epoch=0), mb.Mixup(alpha=0), None])
def test_without_mixing_it_is_standard_training(digits, linear, mixup):
    plain = mb.fit(digits, linear, augment="crop_flip", **WITHIN)
    run = mb.fit(digits, linear, mixup=mixup, augment="crop_flip", **RECIPE)
    assert run.history == plain.history


@pytest.mark.parametrize(
    ("schedule", "mixing"),
    [({}, [0, 1, 2]), ({"stop_epoch": 1}, [0]), ({"start_epoch": 2}, [2])],
)
def test_partners_are_augmented_on_their_own_in_epochs_that_mix(digits, linear, schedule, mixing):
    sizes = []

    def counting(images, generator):
        sizes.append(len(images))
        return images

    mixup = mb.Mixup(num_classes=10, **schedule)
    mb.fit(digits, linear, mixup=mixup, augment=counting, **RECIPE)
    batches = [7, 7, 7, 7, 2]
    both = [size for size in batches for _ in range(2)]
    assert sizes == [size for epoch in range(3) for size in (both if epoch in mixing else batches)]


def test_an_augmentation_may_return_memory_that_is_shared(digits, linear):
    def mean(images, generator):
        return images.mean(dim=(1, 2, 3), keepdim=True).expand_as(images)

    run = mb.fit(digits, linear, mixup=mb.Mixup(num_classes=10), augment=mean, **RECIPE)
    assert math.isfinite(losses(run)[-1])


def test_images_of_another_shape_than_their_partners_are_refused(digits):
    def once_smaller(images, generator):
        side = 7 + int(torch.randint(2, (), generator=generator))
        return images[..., :side, :side]

    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 10))
    with pytest.raises(ValueError, match="augment must return images of one shape for a batch"):
        mb.fit(digits, network, mixup=mb.Mixup(num_classes=10), augment=once_smaller, **RECIPE)


def test_batches_of_one_have_partners_too(digits, linear):
    mixup = mb.Mixup(num_classes=10, partners="other_label")
    recipe = RECIPE | {"epochs": 1, "batch_size": 1, "lr": 0.001}
    run = mb.fit(digits, linear, mixup=mixup, **recipe)
    assert math.isfinite(losses(run)[0])


def test_a_run_goes_on_from_a_checkpoint(digits, linear, tmp_path, monkeypatch):
    recipe = RECIPE | {"mixup": mb.Mixup(num_classes=10, partners="same_label")}
    whole = mb.fit(digits, linear, **recipe)
    path = tmp_path / "run.pt"
    run_epoch = Training.run_epoch

    def interrupted(training):
        if len(training.history) == 2:
            raise KeyboardInterrupt
        run_epoch(training)

    monkeypatch.setattr(Training, "run_epoch", interrupted)
    with pytest.raises(mb.TrainingInterrupted):
        mb.fit(digits, linear, checkpoint=mb.Checkpoint(path, every=1), **recipe)
    monkeypatch.setattr(Training, "run_epoch", run_epoch)
    again = mb.fit(digits, linear, checkpoint=path, **recipe)
    assert again.history == whole.history
    for name, weights in whole.network.state_dict().items():
        assert torch.equal(weights, again.network.state_dict()[name])
    with pytest.raises(ValueError, match="partner_pool is 'train' there and 'batch' here"):
        mb.fit(digits, linear, checkpoint=path, **recipe | {"partner_pool": "batch"})


def test_a_rule_of_other_groups_is_another_run(digits, linear, tmp_path):
    def run(groups):
        def same_group(labels):
            return groups[:, None] == groups

        mixup = mb.Mixup(num_classes=10, partners=same_group)
        return mb.fit(digits, linear, mixup=mixup, checkpoint=tmp_path / "run.pt", **RECIPE)

    run(digits.group_train)
    with pytest.raises(ValueError, match="belongs to another run: mixup is"):
        run(1 - digits.group_train.clamp_max(1))


class Own(mb.Mixup):
    """A Mixup that draws in its own way."""

    def draw(self, x, y=None):
        return mb.Draw(0.5, 0.5, torch.arange(len(x)).flip(0), num_classes=10)


@pytest.mark.parametrize(
    "mixup", [mb.CutMix(num_classes=10), Own(num_classes=10), mb.Mixup(num_classes=10).draw]
)
def test_what_is_no_mixup_cannot_draw_from_it(digits, linear, mixup):
    with pytest.raises(ValueError, match="partner_pool must be 'batch' where mixup is not"):
        mb.fit(digits, linear, mixup=mixup, **RECIPE)


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (lambda y: torch.eye(4) > 0, ValueError, r"shape \(30, 30\), got \(4, 4\)"),
        (lambda y: torch.ones(30, 1) > 0, ValueError, r"shape \(30, 30\), got \(30, 1\)"),
        (lambda y: torch.ones(30, 30), TypeError, "must give a bool tensor, got torch.float32"),
        (lambda y: y[:, None] < y, ValueError, "a partner in this training set of 30: give"),
        (
            lambda y: (torch.arange(30) != 17)[:, None].expand(30, 30),
            ValueError,
            r"leaves example 17 \(label \d\)",
        ),
    ],
)
def test_a_wrong_mask_is_refused_before_the_first_epoch(digits, linear, rule, error, message):
    with pytest.raises(error, match=message):
        mb.fit(digits, linear, mixup=mb.Mixup(num_classes=10, partners=rule), **RECIPE)


def test_one_label_has_no_others(digits, linear):
    alike = replace(digits, y_train=torch.full((30,), 4))
    mixup = mb.Mixup(num_classes=10, partners="other_label")
    with pytest.raises(ValueError, match="all training images have the label 4"):
        mb.fit(alike, linear, mixup=mixup, **RECIPE)


@pytest.mark.parametrize("pool", ["everything", None, 1])
def test_another_pool_is_refused(digits, linear, pool):
    with pytest.raises((TypeError, ValueError), match=f"partner_pool must be .*{pool}"):
        mb.fit(digits, linear, **WITHIN, partner_pool=pool)


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode:UserWarning")
@pytest.mark.parametrize("rule", ["all", "same_label", "other_label", "groups"])
def test_no_batch_waits_for_the_gpu(digits, linear, monkeypatch, rule):
    groups = digits.group_train  # on the processor, where a rule may hold them
    partners = (lambda labels: groups[:, None] != groups) if rule == "groups" else rule
    batch = MixupFromPool.batch

    def watched(pool, *arguments):
        try:
            torch.cuda.set_sync_debug_mode("error")
            return batch(pool, *arguments)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(MixupFromPool, "batch", watched)
    mixup = mb.Mixup(num_classes=10, partners=partners, per_sample=True, label_map="independent")
    recipe = RECIPE | {"device": "cuda", "augment": "crop_flip"}
    run = mb.fit(digits, linear, mixup=mixup, **recipe)
    assert math.isfinite(losses(run)[-1])

"""Partners from the whole training set."""

import math
from dataclasses import replace

import pytest
import torch

import mixupbook as mb
from mixupbook.images.training.loop import Training
from mixupbook.images.training.pool import MixupFromPool

RECIPE = dict(epochs=3, batch_size=7, lr=0.05, partner_pool="train", progress=False, device="cpu")
LABELS = torch.tensor([0, 1, 1, 2, 0, 2, 2, 1])


@pytest.fixture(scope="module")
def digits():
    data = mb.load_digits(train=30, test=40)
    return replace(data, group_train=torch.arange(30) % 3)


def seeded(**settings):
    return mb.Mixup(num_classes=3, generator=torch.Generator().manual_seed(5), **settings)


def numbered(chosen):
    """Images that are their own number, so that a mixture tells of what it is one."""
    return chosen.float()[:, None, None, None].clone()


def partners_of(pool, chosen, constant=0.75):
    """Reads the partners off the mixed numbers; l is known."""
    mixed, _ = pool.batch(chosen, numbered)
    return ((mixed.flatten() - constant * chosen) / (1 - constant)).round().long()


class Fixed(mb.Mixup):
    """l = 3/4 always."""

    def coefficients(self, batch, device):
        return torch.tensor(0.75), torch.tensor(0.75)


def fixed(partners):
    generator = torch.Generator().manual_seed(7)
    return Fixed(num_classes=3, partners=partners, generator=generator)


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        ("all", torch.ones(8, 8, dtype=torch.bool)),
        ("same_label", LABELS[:, None] == LABELS),
        ("other_label", LABELS[:, None] != LABELS),
        (lambda y: (y[:, None] == y) & ~torch.eye(8, dtype=torch.bool), None),
    ],
)
def test_partners_are_uniform_among_those_allowed(rule, allowed):
    if allowed is None:
        allowed = rule(LABELS)
    pool = MixupFromPool(fixed(rule), LABELS, 3, torch.device("cpu"))
    draws = 4000
    for chosen in range(8):
        drawn = partners_of(pool, torch.full((draws,), chosen))
        counts = torch.bincount(drawn, minlength=8)
        assert not counts[~allowed[chosen]].any()
        expected = draws / allowed[chosen].sum()
        # Five standard deviations of a binomial count.
        assert (counts[allowed[chosen]] - expected).abs().max() < 5 * math.sqrt(expected)


@pytest.mark.parametrize("per_sample", [False, True])
def test_a_batch_by_hand(per_sample):
    mixup = seeded(per_sample=per_sample, label_map="hard")
    pool = MixupFromPool(mixup, LABELS, 3, torch.device("cpu"))
    chosen = torch.tensor([3, 0, 5])
    mixed, targets = pool.batch(chosen, numbered)
    generator = torch.Generator().manual_seed(5)
    partner = torch.randint(8, (3,), generator=generator)
    twin = mixup.with_generator(generator)
    lam, _ = twin.coefficients(3, torch.device("cpu"))
    assert torch.allclose(mixed.flatten(), lam * chosen + (1 - lam) * partner)
    assert torch.equal(targets, torch.nn.functional.one_hot(LABELS[chosen], 3).float())


def test_the_rule_may_look_at_groups(digits):
    groups = digits.group_train
    seen = []

    def other_group(labels):
        seen.append(labels)
        return groups[:, None] != groups

    recipe = RECIPE | {"epochs": 1}
    mixup = mb.Mixup(num_classes=10, partners=other_group)
    run = mb.fit(digits, "small_convnet", mixup=mixup, **recipe)
    assert run.config["partner_pool"] == "train"
    assert len(seen) == 1
    assert torch.equal(seen[0], digits.y_train)


def test_a_run_repeats_itself_and_differs_from_one_within_the_batch(digits):
    mixup = mb.Mixup(num_classes=10)
    losses = [
        [
            epoch["train_loss"]
            for epoch in mb.fit(digits, "small_convnet", mixup=mixup, **each).history
        ]
        for each in (RECIPE, RECIPE, RECIPE | {"partner_pool": "batch"})
    ]
    assert losses[0] == losses[1] != losses[2]


def test_outside_its_epochs_nothing_is_drawn(digits):
    stopped = mb.Mixup(num_classes=10, stop_epoch=0)
    plain = mb.fit(digits, "small_convnet", **RECIPE)
    run = mb.fit(digits, "small_convnet", mixup=stopped, **RECIPE)
    assert [e["train_loss"] for e in run.history] == [e["train_loss"] for e in plain.history]


def test_partners_are_augmented_on_their_own(digits):
    sizes = []

    def counting(images, generator):
        sizes.append(len(images))
        return images

    mixup = mb.Mixup(num_classes=10)
    recipe = RECIPE | {"epochs": 1, "augment": counting}
    mb.fit(digits, "small_convnet", mixup=mixup, **recipe)
    assert sizes == [7] * 8 + [2] * 2


def test_batches_of_one_have_partners_too(digits):
    mixup = mb.Mixup(num_classes=10, partners="other_label")
    recipe = RECIPE | {"epochs": 1, "batch_size": 1, "lr": 0.001}
    run = mb.fit(digits, "small_convnet", mixup=mixup, **recipe)
    assert math.isfinite(run.history[0]["train_loss"])


def test_a_run_goes_on_from_a_checkpoint(digits, tmp_path, monkeypatch):
    recipe = RECIPE | {"mixup": mb.Mixup(num_classes=10, partners="same_label")}
    whole = mb.fit(digits, "small_convnet", **recipe)
    path = tmp_path / "run.pt"
    run_epoch = Training.run_epoch

    def interrupted(training):
        if len(training.history) == 2:
            raise KeyboardInterrupt
        run_epoch(training)

    monkeypatch.setattr(Training, "run_epoch", interrupted)
    with pytest.raises(mb.TrainingInterrupted):
        mb.fit(digits, "small_convnet", checkpoint=mb.Checkpoint(path, every=1), **recipe)
    monkeypatch.setattr(Training, "run_epoch", run_epoch)
    again = mb.fit(digits, "small_convnet", checkpoint=path, **recipe)
    assert again.history == whole.history
    with pytest.raises(ValueError, match="partner_pool"):
        mb.fit(digits, "small_convnet", checkpoint=path, **recipe | {"partner_pool": "batch"})


@pytest.mark.parametrize(
    ("mixup", "message"),
    [
        (lambda x, y: (x, y), "partner_pool must be 'batch'"),
        (mb.CutMix(num_classes=10), "partner_pool must be 'batch'"),
        (mb.Mixup(num_classes=10, partners=lambda y: torch.eye(4) > 0), r"shape \(30, 30\)"),
        (mb.Mixup(num_classes=10, partners=lambda y: y[:, None] < y), "without a partner"),
    ],
)
def test_what_cannot_draw_from_it_is_refused(digits, mixup, message):
    with pytest.raises(ValueError, match=message):
        mb.fit(digits, "small_convnet", mixup=mixup, **RECIPE)


def test_one_label_has_no_others(digits):
    alike = replace(digits, y_train=torch.full((30,), 4))
    with pytest.raises(ValueError, match="all training images have the label 4"):
        mb.fit(
            alike, "small_convnet", mixup=mb.Mixup(num_classes=10, partners="other_label"), **RECIPE
        )


def test_another_pool_is_refused(digits):
    with pytest.raises(ValueError, match=r"partner_pool must be .*'everything'"):
        mb.fit(digits, "small_convnet", **RECIPE | {"partner_pool": "everything"})

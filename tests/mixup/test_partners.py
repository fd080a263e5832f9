"""Partners by rule: who may be drawn, with which chances, and what is refused."""

import pytest
import torch
from mixup.mixup_reference import images, seeded

import mixupbook as mb

Y = torch.tensor([0, 0, 0, 1, 1, 2])
DRAWS = 3000


def frequencies(partners, y=Y, **settings):
    """How often each example (row) had each partner (column)."""
    mix = mb.Mixup(partners=partners, generator=seeded(), **settings)
    counts = torch.zeros(len(y), len(y))
    for _ in range(DRAWS):
        for i, j in enumerate(mix.draw(len(y), y).partner.tolist()):
            counts[i, j] += 1
    return counts / DRAWS


def band(y):
    return (torch.arange(len(y))[:, None] - torch.arange(len(y))).abs() == 1


@pytest.mark.parametrize(
    ("partners", "allowed"),
    [
        ("same_label", lambda i, j: Y[i] == Y[j]),
        ("other_label", lambda i, j: Y[i] != Y[j]),
        (band, lambda i, j: abs(i - j) == 1),
        ("all", lambda i, j: True),
    ],
)
def test_each_allowed_partner_is_as_likely_as_the_others(partners, allowed):
    count = len(Y)
    mask = torch.tensor([[bool(allowed(i, j)) for j in range(count)] for i in range(count)])
    expected = mask / mask.sum(1, keepdim=True)
    found = frequencies(partners)
    assert (found[~mask] == 0).all()
    assert (found - expected).abs().max() < 4 * (0.25 / DRAWS) ** 0.5


def test_partners_are_drawn_independently():
    """So that two examples may have one partner, as in no permutation."""
    mix = mb.Mixup(partners="same_label", generator=seeded())
    draws = torch.stack([mix.draw(6, Y).partner for _ in range(300)])
    assert (draws[:, 0] == draws[:, 1]).float().mean().sub(1 / 3).abs() < 0.1


def test_alone_with_its_label_an_example_is_its_own_partner():
    mix = mb.Mixup(num_classes=3, partners="same_label", generator=seeded())
    for _ in range(20):
        assert mix.draw(6, Y).partner[5] == 5


@pytest.mark.parametrize("y", [Y.float(), Y == 0, torch.eye(3)[Y], torch.eye(3)[Y].long()])
def test_labels_of_other_kinds_are_the_same_where_they_are_equal(y):
    found = frequencies("other_label", y)
    first = 0 if y.dtype == torch.bool else 1
    assert (found[:3, :3] == 0).all()
    assert (found[3:5, 3:5] == 0).all()
    assert (found[3:5, 5] > 0).all() == bool(first)


def test_the_rules_agree_with_the_theory_wings_masks():
    same = frequencies("same_label") > 0
    other = frequencies("other_label") > 0
    assert torch.equal(same, Y[:, None] == Y)
    assert torch.equal(other, ~same)


def test_calling_the_mixup_draws_by_its_labels():
    mix = mb.Mixup(num_classes=3, partners="other_label", label_map=0.75, generator=seeded())
    _, targets = mix(images(6), Y)
    assert (targets.max(dim=1).values == 0.75).all()
    same = mb.Mixup(num_classes=3, partners="same_label", generator=seeded())
    _, targets = same(images(6), Y)
    assert torch.equal(targets, torch.eye(3)[Y])


def test_coefficients_do_not_depend_on_the_rule():
    draws = [
        mb.Mixup(per_sample=True, partners=partners, generator=seeded()).draw(6, Y)
        for partners in ("all", "same_label", "other_label", band)
    ]
    assert all(torch.equal(draw.lam, draws[0].lam) for draw in draws)


def test_the_labels_reach_the_callable_as_they_are():
    seen = []

    def everyone(y):
        seen.append(y.clone())
        y.zero_()  # which is its own affair
        return torch.ones(len(y), len(y), dtype=torch.bool)

    y = torch.rand(6, 2, 3)
    before = y.clone()
    mb.Mixup(partners=everyone).draw(6, y)
    assert torch.equal(seen[0], before)
    assert torch.equal(y, before)


@pytest.mark.parametrize("partners", [3, None, ["all"], {"all"}, True, torch.ones(2, 2).bool()])
def test_partners_of_another_kind_are_refused(partners):
    message = "^partners must be one of 'all', 'same_label', 'other_label', or a callable, got "
    with pytest.raises(TypeError, match=message):
        mb.Mixup(partners=partners)


def test_an_unknown_rule_is_refused():
    message = (
        "^partners must be one of 'all', 'same_label', 'other_label', got 'same_labels' "
        r"\(did you mean 'same_label'\?\)$"
    )
    with pytest.raises(ValueError, match=message):
        mb.Mixup(partners="same_labels")


def test_rules_need_the_labels():
    for partners in ("same_label", "other_label", band):
        with pytest.raises(TypeError, match=r"y must be given for partners=.* mix.draw\(x, y\)$"):
            mb.Mixup(partners=partners).draw(images(6))
    mb.Mixup(alpha=0, partners="same_label").draw(images(6))
    mb.Mixup().draw(images(6))


@pytest.mark.parametrize(
    ("partners", "y", "message"),
    [
        (
            "other_label",
            torch.full((4,), 2),
            r"^partners='other_label' leaves example 0 \(label 2\) without a partner in this batch "
            "of 4: take larger or mixed batches, or give a callable that lets an example be its "
            "own partner where there is no other$",
        ),
        (
            lambda y: torch.ones(4, 4).tril(-1).bool().flip(0),
            torch.arange(4) + 7,
            r"leaves example 3 \(label 10\) without",
        ),
        (
            lambda y: torch.zeros(4, 4).bool(),
            torch.rand(4, 2),
            "leaves example 0 without a partner",
        ),
    ],
)
def test_an_example_without_a_partner_is_named(partners, y, message):
    with pytest.raises(ValueError, match=message):
        mb.Mixup(partners=partners)(images(4), y)


@pytest.mark.parametrize(
    ("partners", "error", "message"),
    [
        (lambda y: torch.ones(6, 6), TypeError, "^partners must give a bool tensor, got torch.flo"),
        (lambda y: True, TypeError, "^partners must give a bool tensor, got bool from <function"),
        (
            lambda y: torch.ones(6, 5).bool(),
            ValueError,
            r"^partners must give a mask of shape \(6, 6\), got \(6, 5\) from <function",
        ),
    ],
)
def test_a_callables_mask_is_checked(partners, error, message):
    with pytest.raises(error, match=message):
        mb.Mixup(partners=partners).draw(6, Y)


@pytest.mark.parametrize("y", [torch.rand(6, 2, 3), torch.rand(6, 2, 3, 4)])
def test_labels_that_are_not_one_for_an_example_need_a_callable(y):
    message = r"y must be labels \(B,\) or rows \(B, K\) .* got shape .*give a callable as partners"
    with pytest.raises(ValueError, match=message):
        mb.Mixup(partners="same_label").draw(6, y)


def test_labels_of_another_number_are_refused():
    with pytest.raises(ValueError, match="one label for each of the 6 examples"):
        mb.Mixup(partners="same_label").draw(6, Y[:5])
    with pytest.raises(TypeError, match=r"y must be a torch.Tensor, got list"):
        mb.Mixup(partners="same_label").draw(6, Y.tolist())


def test_the_greatest_uniform_number_stays_below_every_count():
    """What `draw_partners` relies on, for batches of up to 20,000."""
    count = torch.arange(1, 20_000)
    assert ((1 - 2**-24) * count.float() < count).all()
    greatest = torch.tensor(1 - 2**-24, dtype=torch.float32)
    assert (greatest < 1).item()
    assert ((greatest * count).to(torch.int64) < count).all()

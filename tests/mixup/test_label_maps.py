"""Label maps: their formulas, their reflection, and what is refused."""

import math

import pytest
import torch
from mixup.mixup_reference import BATCH, images, seeded

import mixupbook as mb

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


@pytest.mark.parametrize("constant", [0.5, 0.75, 1, 1.0])
def test_a_constant_holds_on_the_larger_side(constant):
    assert mb.label_coefficient(constant, torch.tensor([0.5, 0.7, 1.0])).eq(constant).all()
    assert mb.label_coefficient(constant, torch.tensor([0.0, 0.3])).eq(1 - constant).all()


def test_a_number_gives_a_number_in_double_precision():
    value = mb.label_coefficient("cubic", 0.75)
    assert value.dtype == torch.float64
    assert value == 0.5625


@pytest.mark.parametrize(
    ("label_map", "own"),
    [("hard", 1.0), (0.75, 0.75), (lambda lam: 0.6, 0.6), (lambda lam: lam * 0 + 0.9, 0.9)],
)
def test_a_label_map_reaches_the_draw(label_map, own):
    mix = mb.Mixup(label_map=label_map, per_sample=True, generator=seeded(4))
    draw = mix.draw(BATCH)
    assert torch.equal(draw.label_lam, torch.full((BATCH,), own))
    assert not torch.equal(draw.lam, draw.label_lam)


def test_a_label_map_that_works_in_place_leaves_the_features_alone():
    settings = {"num_classes": BATCH, "per_sample": True}
    in_place = mb.Mixup(**settings, label_map=lambda lam: lam.mul_(0.6), generator=seeded())
    pure = mb.Mixup(**settings, label_map=lambda lam: lam * 0.6, generator=seeded())
    y = torch.arange(BATCH)
    for got, expected in zip(in_place(images(), y), pure(images(), y), strict=True):
        assert torch.equal(got, expected)


@pytest.mark.parametrize(
    ("label_map", "error", "message"),
    [
        (
            "cubik",
            ValueError,
            r"^label_map must be one of 'identity', 'cubic', 'sqrt', 'hard', 'independent', a "
            r"number in \[0.5, 1\], or a callable, got 'cubik' \(did you mean 'cubic'\?\)$",
        ),
        ("nothing like it", ValueError, "or a callable, got 'nothing like it'$"),
        ("SQRT", ValueError, r"got 'SQRT' \(did you mean 'sqrt'\?\)$"),
        (0.49, ValueError, "^label_map must be one of .*, got 0.49$"),
        (1.01, ValueError, "^label_map must be one of .*, got 1.01$"),
        (None, TypeError, "^label_map must be one of .*, got None$"),
        (True, TypeError, "^label_map must be one of .*, got True$"),
        (["cubic"], TypeError, "^label_map must be one of .*, got "),
        (torch.tensor([0.6, 0.7]), TypeError, "^label_map must be one of "),
        (
            lambda lam: 2 * lam,
            ValueError,
            r"^label_map must stay in \[0, 1\] for coefficients in \[0.5, 1\], got 1.01",
        ),
        (lambda lam: lam * math.nan, ValueError, "label_map must stay in .*, got nan"),
        (lambda lam: -0.1, ValueError, "label_map must stay in .*, got -0.1"),
        (
            lambda lam: lam[:2],
            TypeError,
            "^label_map must take a tensor of coefficients to one of the same shape or to one "
            "number, got <function .*>, which fails with: ",
        ),
        (lambda lam: "half", TypeError, "label_map must take .*which fails with"),
        (lambda: 0.6, TypeError, "label_map must take .*which fails with"),
    ],
)
def test_other_label_maps_are_refused(label_map, error, message):
    with pytest.raises(error, match=message):
        mb.Mixup(label_map=label_map)


def test_a_map_is_checked_at_every_draw_too():
    limit = [1.0]
    mix = mb.Mixup(label_map=lambda lam: lam * limit[0], per_sample=True)
    mix.draw(BATCH)
    limit[0] = 3.0
    with pytest.raises(ValueError, match="label_map must stay in"):
        mix.draw(BATCH)


def test_the_independent_draw_is_no_function():
    message = "^label_map 'independent' is a second draw, not a function of lam: use Mixup$"
    with pytest.raises(ValueError, match=message):
        mb.label_coefficient("independent", 0.7)


@pytest.mark.parametrize(
    ("lam", "error", "message"),
    [
        (1.5, ValueError, r"^lam must lie in \[0, 1\], got 1.5$"),
        (torch.tensor([0.5, 1.5]), ValueError, r"^lam must lie in \[0, 1\], got 1.5$"),
        (torch.tensor([1]), TypeError, "^lam must be a number or a floating tensor"),
        ("0.5", TypeError, "^lam must be a real number"),
    ],
)
def test_coefficients_are_checked(lam, error, message):
    with pytest.raises(error, match=message):
        mb.label_coefficient("cubic", lam)

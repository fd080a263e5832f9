"""Objectives as values: schedules, quadrature, partners, and what is refused."""

import math

import pytest
import torch
from scipy.special import betainc
from theory.theory_reference import exactly, random_data

import mixupbook as mb


def test_schedules():
    late = mb.PairMixup(0.7, start_step=3)
    early = mb.PairMixup(0.7, stop_step=5)
    both = mb.ExpectedMixup(start_step=3, stop_step=5)
    standard = mb.Standard()
    assert [late.at(step) for step in (0, 2, 3, 99)] == [standard, standard, late, late]
    assert [early.at(step) for step in (0, 4, 5, 99)] == [early, early, standard, standard]
    assert [both.at(step) for step in (2, 3, 4, 5)] == [standard, both, both, standard]
    assert mb.PairMixup(stop_step=0).at(0) == standard
    assert standard.at(7) is standard


def test_objectives_are_values():
    assert mb.PairMixup(0.6) == mb.PairMixup(0.6)
    assert len({mb.Standard(), mb.Standard(), mb.ExpectedMixup()}) == 2


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_quadrature_integrates_the_folded_law(alpha):
    lam, label_lam, weight = mb.ExpectedMixup(alpha).nodes()
    assert weight.sum().item() == pytest.approx(1, abs=1e-13)
    assert ((lam >= 0.5) & (lam <= 1)).all()
    assert torch.equal(lam, label_lam)
    # Moments of Beta(a, a): E[l (1 - l)] = a / (4a + 2), and the fold gives E|l - 1/2| times 2 in
    # closed form: mean of the larger of l and 1 - l.
    assert (weight * lam * (1 - lam)).sum().item() == pytest.approx(alpha / (4 * alpha + 2))
    mean = 2 * 0.5 * (1 - betainc(alpha + 1, alpha, 0.5))
    assert (weight * lam).sum().item() == pytest.approx(mean, abs=1e-11)


def test_label_maps_are_mixups():
    lam, label_lam, _ = mb.ExpectedMixup(label_map="cubic").nodes()
    assert torch.equal(label_lam, mb.label_coefficient("cubic", lam))
    _, constant, _ = mb.ExpectedMixup(label_map=0.8).nodes()
    assert (constant == 0.8).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: mb.Standard(label_smoothing=1.1),
            exactly("label_smoothing must lie in [0, 1], got 1.1"),
        ),
        (lambda: mb.PairMixup(1.2), exactly("lam must lie in [0, 1], got 1.2")),
        (lambda: mb.PairMixup(-0.1), exactly("lam must lie in [0, 1], got -0.1")),
        (lambda: mb.PairMixup(math.nan), exactly("lam must be finite, got nan")),
        (lambda: mb.PairMixup(0.7, 1.2), exactly("label_lam must lie in [0, 1], got 1.2")),
        (lambda: mb.PairMixup(stop_step=-1), exactly("stop_step must be at least 0, got -1")),
        (
            lambda: mb.PairMixup(start_step=5, stop_step=5),
            exactly("start_step must be below stop_step = 5, got 5"),
        ),
        (
            lambda: mb.PairMixup(partners="same_labels"),
            exactly(
                "partners must be one of 'all', 'same_label', 'other_label', 'common_rare', "
                "'not_common_rare', got 'same_labels' (did you mean 'same_label'?)"
            ),
        ),
        (lambda: mb.ExpectedMixup(0), exactly("alpha must lie in (0, inf), got 0")),
        (lambda: mb.ExpectedMixup(math.inf), exactly("alpha must be finite, got inf")),
        (lambda: mb.ExpectedMixup(quadrature=0), exactly("quadrature must be at least 1, got 0")),
        (
            lambda: mb.ExpectedMixup(label_map="linear"),
            exactly(
                "label_map must be one of 'identity', 'cubic', 'sqrt', 'hard', "
                "'independent', a number in [0.5, 1], or a callable, got 'linear'"
            ),
        ),
        (
            lambda: mb.ExpectedMixup(label_map="independent"),
            exactly(
                "label_map must be a function of lambda, got 'independent', a second draw: "
                "use the constant map at the mean of the folded law"
            ),
        ),
        (
            lambda: mb.ExpectedMixup(label_map=0.3),
            exactly(
                "label_map must be one of 'identity', 'cubic', 'sqrt', 'hard', "
                "'independent', a number in [0.5, 1], or a callable, got 0.3"
            ),
        ),
    ],
)
def test_values_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: mb.Standard("little"),
            exactly("label_smoothing must be a real number, got 'little'"),
        ),
        (lambda: mb.PairMixup("half"), exactly("lam must be a real number, got 'half'")),
        (lambda: mb.PairMixup(True), exactly("lam must be a real number, got True")),
        (lambda: mb.PairMixup(stop_step=3.0), exactly("stop_step must be an integer, got 3.0")),
        (
            lambda: mb.PairMixup(partners=3),
            exactly(
                "partners must be one of 'all', 'same_label', 'other_label', 'common_rare', "
                "'not_common_rare', got 3"
            ),
        ),
        (lambda: mb.ExpectedMixup(None), exactly("alpha must be a real number, got None")),
    ],
)
def test_wrong_kinds(make, message):
    with pytest.raises(TypeError, match=message):
        make()


@pytest.mark.parametrize(
    ("partners", "error", "message"),
    [
        (lambda data: None, TypeError, exactly("partners must give a bool tensor, got None")),
        (lambda data: torch.ones(7, 7), TypeError, "partners must give a bool tensor"),
        (
            lambda data: torch.ones(7, dtype=torch.bool),
            ValueError,
            exactly("partners must give a mask of shape (7, 7), got (7,)"),
        ),
        (
            lambda data: torch.zeros(7, 7, dtype=torch.bool),
            ValueError,
            "partners must keep at least one pair",
        ),
    ],
)
def test_masks_that_cannot_be(partners, error, message):
    with pytest.raises(error, match=message):
        mb.PairMixup(partners=partners).mask(random_data(7, 2, 5))


def test_partners_that_do_not_exist_in_the_data():
    data = mb.PatchData(torch.ones(2, 1, 5), torch.tensor([0, 1]), torch.tensor([False, False]))
    with pytest.raises(ValueError, match=r"partners must keep at least one pair.*common_rare"):
        mb.PairMixup(partners="common_rare").mask(data)


@pytest.mark.parametrize(("alpha", "quadrature"), [(0.2, 4), (200.0, 32), (1000.0, 96)])
def test_expected_mixup_refuses_a_law_too_narrow_for_its_nodes(alpha, quadrature):
    with pytest.raises(ValueError, match=rf"alpha = {alpha} needs more nodes than .* {quadrature}"):
        mb.ExpectedMixup(alpha, quadrature=quadrature)
    assert mb.ExpectedMixup(alpha, quadrature=128).nodes()[2].isfinite().all()


@pytest.mark.parametrize(("alpha", "quadrature"), [(1000.0, 400), (2000.0, 32), (1e6, 4)])
def test_expected_mixup_refuses_nodes_that_overflow(alpha, quadrature):
    with pytest.raises(ValueError, match=rf"quadrature = {quadrature} nodes overflow at alpha = "):
        mb.ExpectedMixup(alpha, quadrature=quadrature)

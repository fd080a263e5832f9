"""What the chapter *The atlas* draws, tabulates and foretells."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest

import mixupbook as mb
from mixupbook.pages import atlas_figures, atlas_predictions
from mixupbook.studies.atlas.atlas_methods import WORDS
from mixupbook.studies.atlas.atlas_parts import REFERENCE, noise_std
from mixupbook.studies.atlas.atlas_record import CostRecord, MapRecord

SEEDS = (0, 1, 2)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def a_map(dims, rare, learned=None, steps=(100, 200), common=None):
    """A map of given rare errors, along the dimensions, seeds and steps."""
    rare = np.broadcast_to(rare, (*map(len, dims.values()), len(SEEDS), len(steps)))
    common = np.zeros_like(rare) if common is None else np.broadcast_to(common, rare.shape)
    learned = np.full(rare.shape[:-1], -1) if learned is None else learned

    def plain(errors):
        return tuple(None if np.isnan(e) else float(e) for e in errors.ravel())

    return MapRecord(
        title="made up",
        setting={},
        dims=dims,
        seeds=SEEDS,
        steps=steps,
        common=plain(common),
        rare=plain(rare),
        learned=tuple(np.ravel(learned).tolist()),
        seconds=1.0,
    )


PLANE = {"rho": (0.1, 0.2), "noise-ratio": (0.05, 0.1, 0.2), "lam": (1.0, 0.7)}


def test_errors_are_those_of_the_last_step_over_the_seeds():
    errors = np.zeros((2, 3, 2, 3, 2))
    errors[1, 2, 0, :, 1] = [0.1, 0.2, 0.3]
    found = atlas_figures.mean_errors(a_map(PLANE, errors), "rare")
    assert found[1, 2, 0] == pytest.approx(20)
    assert found.sum() == pytest.approx(20)


def test_the_plane_has_a_panel_for_each_way_and_its_lines():
    lines = {1.0: {"one": (np.array([0.05, 0.2]), np.array([0.1, 0.2]))}, 0.7: {}}
    figure = atlas_figures.plane_figure(a_map(PLANE, 0.3), lines)
    assert [ax.get_title() for ax in figure.axes[:2]] == ["standard training", "Mixup"]
    assert [len(ax.lines) for ax in figure.axes[:2]] == [1, 0]


def test_where_half_is_learned():
    dims = {"kappa": (1.0, 2.0, 3.0), "lam": (1.0, 0.7)}
    errors = np.array([0.5, 0.4, 0.1])[:, None, None, None] * np.ones((3, 2, 3, 2))
    found = atlas_figures.half_learned(a_map(dims, errors), 1.0)
    assert found.mean == pytest.approx(2.5)
    assert found.low == pytest.approx(2.5)


def test_times_and_lines_are_drawn():
    dims = {"lam": (0.6, 0.7), "label-lam": (0.6, 1.0)}
    learned = np.array([[[100] * 3, [-1] * 3], [[200] * 3, [-1, -1, 50]]])
    predicted = np.array([[110.0, np.inf], [190.0, np.inf]])
    figure = atlas_figures.times_figure(a_map(dims, 0.1, learned), predicted)
    assert [text.get_text() for text in figure.axes[0].texts] == ["100", "–", "200", "–"]
    assert [text.get_text() for text in figure.axes[1].texts] == ["110", "–", "190", "–"]
    dims = {"alpha": (0.1, 0.2), "patches": (1.0, 2.0), "lam": (1.0, 0.7)}
    figure = atlas_figures.lines_figure(a_map(dims, 0.1), xlabel="alpha", panels="patches")
    assert [ax.get_title() for ax in figure.axes] == ["b = 1", "b = 2"]
    dims = {"overlap": (0.0, 1.0), "lam": (1.0, 0.7)}
    assert len(atlas_figures.lines_figure(a_map(dims, 0.1), xlabel="overlap").axes) == 1


def test_methods_are_told_of_at_the_last_step_that_they_reach():
    names = ("mixup", "input-noise")
    errors = np.full((2, 3, 2), 0.5)
    errors[0, :, 1] = 0.01
    errors[1, :, 1] = np.nan
    learned = np.array([[150, 200, 150], [-1, -1, -1]])
    record = a_map({"method": names}, errors, learned)
    table = atlas_figures.methods_table(record, names)
    assert table.rows[0] == [WORDS["mixup"], "200", "1.0 [1.0, 1.0]", "0.0", "3 of 3", "150"]
    assert table.rows[1][1:] == ["100", "50.0 [50.0, 50.0]", "0.0", "0 of 3", "–"]


def test_the_slope_of_a_cost_is_its_exponent():
    cost = CostRecord(values=(10, 20, 40, 80), seconds=(5.0, 4.0, 16.0, 64.0))
    assert atlas_figures.cost_slope(cost) == pytest.approx(2)


def test_curves_have_one_line_for_each_size():
    dims = {"kappa": (1.0, 2.0, 3.0), "lam": (1.0, 0.7)}
    figure = atlas_figures.curves_figure({"50, 200": a_map(dims, 0.1), "9, 9": a_map(dims, 0.2)})
    assert [len(ax.lines) for ax in figure.axes] == [2, 2]


def test_a_boundary_is_where_the_error_falls_below_a_quarter():
    errors = np.array([[0.5, 0.5, 0.1], [0.3, 0.5, 0.1], [0.1, 0.5, 0.1]])
    rhos = np.array([0.1, 0.2, 0.4])
    _, found = atlas_predictions.boundary(np.array([1, 2, 3]), rhos, errors)
    assert found[0] == pytest.approx(0.25)
    assert np.isnan(found[1:]).all()


def test_the_plane_is_foretold_by_the_reduced_dynamics():
    found = atlas_predictions.foretold((0.1,), (0.04, 0.2), 0.7, n=60, dimension=200, steps=300)
    model = dataclasses.replace(
        REFERENCE, dimension=200, rare_fraction=0.1, noise_std=noise_std(0.2, 60, 200)
    )
    alone = mb.reduced_dynamics(model, mb.PairMixup(0.7), train=60, width=6, lr=0.4, steps=300)
    assert found["rare"].shape == (1, 2)
    assert found["rare"][0, 1] == pytest.approx(alone.rare_error.values[0, -1])


def test_the_threshold_is_a_line_in_the_plane_as_far_as_it_is_derived():
    found = atlas_predictions.threshold_line((0.02, 0.56), n=60, dimension=200)
    assert 0.02 < found[0] < 0.1
    assert np.isnan(found[1])


def test_who_is_right_and_what_is_more_frequent():
    measured = np.array([0.5, 0.4, 0.1, 0.3])
    share = atlas_predictions.right_share(np.array([0.3, 0.1, 0.2, 0.26]), measured)
    assert (share.successes, share.count, share.side) == (3, 4, "lower")
    assert share.mean == pytest.approx(75)
    assert atlas_predictions.majority(measured) == 75


def test_times_are_foretold_over_the_coefficients():
    dims = {"lam": (0.6, 0.9), "label-lam": (0.6, 1.0)}
    found = atlas_predictions.foretold_times(a_map(dims, 0.1, steps=(200, 400)))
    assert found.shape == (2, 2)
    assert np.isfinite(found[0, 0])
    assert np.isinf(found[1, 1])


def test_rules_that_need_no_dynamics():
    """Four cells, of which two are learned: one of them under Mixup, and one above kappa = 1."""
    kappa = np.array([0.5, 0.5, 2.0, 2.0])
    mixed = np.array([False, True, False, True])
    measured = np.array([0.5, 0.0, 0.0, 0.4])
    found = atlas_predictions.plain_rules(kappa, mixed, measured)
    assert {name: share.successes for name, share in found.items()} == {
        "kappa": 2,
        "mixup": 2,
        "either": 3,
    }
    assert atlas_predictions.majority(measured) == 50
    assert atlas_predictions.plain_rules(kappa, True, measured)["mixup"].successes == 2


def test_kappa_is_rare_examples_of_a_class_over_the_energy_of_a_patch():
    models = atlas_predictions.plane_models([0.1, 0.2], [0.05, 0.3], n=60, dimension=104)
    assert len(models) == 4
    found = atlas_predictions.kappas(models, 60)
    energy = noise_std(0.3, 60, 104) ** 2 * 100
    assert found[3] == pytest.approx(6 / energy)
    assert np.all(np.diff(found.reshape(2, 2), axis=0) > 0)

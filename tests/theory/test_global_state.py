"""No result of the theory's public functions depends on global settings, and none changes them."""

import dataclasses

import pytest
import torch
from global_state import ODD_SETTINGS, assert_same, odd_setting
from theory.theory_reference import random_weights

import mixupbook as mb
from mixupbook.theory import predictions

MODEL = mb.FeatureNoise(23, 4, 0.3, 0.2, 1, 0.3)
TRAIN = MODEL.sample(11, seed=0, rare=3)
TEST = MODEL.sample(31, seed=1, rare=9)
WEIGHTS = random_weights(4, 2, 3, 23).float()
OBJECTIVES = [
    mb.Standard(0.1),
    mb.PairMixup(0.6, 0.9, stop_step=4),
    mb.PairMixup(0.8, partners="same_label"),
    mb.ExpectedMixup(label_map="cubic", quadrature=5),
]


def fresh():
    return [dataclasses.replace(objective) for objective in OBJECTIVES]


def descent():
    settings = {"width": 3, "init_std": 0.3, "lr": 0.1, "steps": 7, "record_every": 3}
    return mb.descend(TRAIN, fresh(), test=TEST, seed=range(4), return_weights=True, **settings)


CALLS = {
    "FeatureNoise": lambda: dataclasses.replace(MODEL, layout="same"),
    "sample": lambda: MODEL.sample(11, seed=0),
    "sample with a number of rare examples": lambda: MODEL.sample(11, seed=0, rare=3),
    "PatchData": lambda: mb.PatchData(TRAIN.x, TRAIN.y, TRAIN.is_rare),
    "objectives": lambda: tuple(fresh()),
    "loss_and_gradient": lambda: mb.loss_and_gradient(WEIGHTS, TRAIN, fresh()),
    "descend": descent,
    "growth_rates": lambda: predictions.growth_rates(MODEL, 11),
    "steps_to_grow": lambda: predictions.steps_to_grow(50.0, 0.3, 0.2),
    "equilibrium_margin": lambda: predictions.equilibrium_margin(0.7, 0.6, overlap=0.3),
    "cross_term_pushes": lambda: predictions.cross_term_pushes(0.7, 900.0),
    "critical_margin": lambda: predictions.critical_margin(1e-9),
}


@pytest.mark.parametrize("setting", ODD_SETTINGS)
@pytest.mark.parametrize("name", CALLS)
def test_global_settings_play_no_part(name, setting):
    expected = CALLS[name]()
    with odd_setting(setting):
        found = CALLS[name]()
    assert_same(found, expected, tolerance=1e-5 if setting == "threads" else 0.0)


def test_where_it_all_comes_together():
    expected = descent()
    with odd_setting("dtype float64"), odd_setting("device meta"), odd_setting("inference mode"):
        assert_same(descent(), expected)


def test_a_setting_of_one_backend_is_left_as_it_was():
    products = getattr(torch.backends.mkldnn, "matmul", None)
    expected = descent()
    if hasattr(products, "fp32_precision"):  # since torch 2.9
        before = products.fp32_precision
        products.fp32_precision = "bf16"
        try:
            found = descent()
            assert products.fp32_precision == "bf16"
        finally:
            products.fp32_precision = before
        assert_same(found, expected)

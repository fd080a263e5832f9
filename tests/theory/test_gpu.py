"""The theory on a GPU: the same as on the processor, whatever the caller lets products be."""

import numpy as np
import pytest
import torch
from theory.theory_reference import SETTINGS, TEST, TRAIN, assert_close, random_weights

import mixupbook as mb

pytestmark = pytest.mark.gpu

OBJECTIVES = [mb.Standard(), mb.PairMixup(0.7, stop_step=4), mb.ExpectedMixup(quadrature=5)]


def descended(device):
    return mb.descend(TRAIN, OBJECTIVES, test=TEST, device=device, return_weights=True, **SETTINGS)


def test_descent_on_a_gpu_is_that_on_the_processor():
    found, expected = descended("auto"), descended("cpu")
    assert found.attrs["device"].startswith("cuda")
    assert isinstance(found.weights.values, np.ndarray)
    for name in ("loss", "rare_error", "feature_alignment", "noise_memorisation", "weights"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_loss_and_gradient_stay_on_the_gpu():
    weights = random_weights(3, 2, 3, 23)
    expected = mb.loss_and_gradient(weights, TRAIN, OBJECTIVES)
    found = mb.loss_and_gradient(weights.cuda(), TRAIN, OBJECTIVES)
    for one, other in zip(found, expected, strict=True):
        assert one.is_cuda
        assert_close(one.cpu(), other)


def test_the_callers_autocast_and_tf32_play_no_part():
    expected = descended("cuda")
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cuda", torch.bfloat16):
            found = descended("cuda")
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    assert np.array_equal(found.weights, expected.weights)

"""Global settings as a caller may have them, and whether a function leaves them alone.

@pytest.mark.parametrize("setting", ODD_SETTINGS)
def test_global_settings_play_no_part(setting):
    expected = function()
    with odd_setting(setting):
        found = function()
    assert_same(found, expected)
"""

from contextlib import contextmanager, nullcontext

import numpy as np
import torch
import xarray as xr


@contextmanager
def _set(setter, value, default):
    setter(value)
    try:
        yield
    finally:
        setter(default)


ODD_SETTINGS = {
    "nothing": nullcontext,
    "dtype float64": lambda: _set(torch.set_default_dtype, torch.float64, torch.float32),
    "dtype bfloat16": lambda: _set(torch.set_default_dtype, torch.bfloat16, torch.float32),
    "device meta": lambda: _set(torch.set_default_device, "meta", None),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "no grad": torch.no_grad,
    "inference mode": torch.inference_mode,
    "deterministic": lambda: _set(torch.set_deterministic_debug_mode, "error", "default"),
    "products in bfloat16": lambda: _set(
        torch.set_float32_matmul_precision, "medium", torch.get_float32_matmul_precision()
    ),
    "threads": lambda: _set(torch.set_num_threads, 3, torch.get_num_threads()),
    "errors of NumPy": lambda: np.errstate(all="raise"),
}


@contextmanager
def odd_setting(name):
    """Sets one of `ODD_SETTINGS`, and asserts that what is done with it changes no global state."""
    with ODD_SETTINGS[name]():
        before = global_state()
        yield
        after = global_state()
        changed = {key: (before[key], after[key]) for key in before if after[key] != before[key]}
        assert not changed, f"before and after: {changed}"


def global_state():
    """All that is global and that a function might change by mistake.

    Less the state of Python's own `random`, from which the type checker of the tests draws.
    """
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "products": torch.get_float32_matmul_precision(),
        "threads": torch.get_num_threads(),
        "errors": np.geterr(),
        "NumPy's random numbers": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "torch's random numbers": torch.get_rng_state().tolist(),
    }


def assert_same(found, expected, tolerance=0.0):
    """The same kinds with the same values: tensors, data sets, and dataclasses or tuples of them.

    A relative tolerance is for other numbers of threads, which add in another order.
    """
    assert type(found) is type(expected)
    if isinstance(expected, torch.Tensor):
        assert found.is_inference() == expected.is_inference()
        assert found.requires_grad == expected.requires_grad
        assert found.device == expected.device
        assert found.dtype == expected.dtype
        assert torch.allclose(found, expected, tolerance, tolerance / 100, equal_nan=True)
    elif isinstance(expected, xr.Dataset):
        assert found.attrs == expected.attrs
        xr.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance / 100)
    elif isinstance(expected, tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other, tolerance)
    elif hasattr(expected, "__dict__"):
        assert_same(tuple(vars(found).items()), tuple(vars(expected).items()), tolerance)
    else:
        assert found == expected

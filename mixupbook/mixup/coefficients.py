"""Mixing coefficients: their law, and the check that they are numbers in [0, 1]."""

from typing import Any

import torch
from torch import Tensor

from mixupbook._arguments import in_interval, is_number
from mixupbook.mixup.nested import values_can_be_read

__all__ = ["coefficients_in_unit_interval", "folded_beta", "in_unit_interval"]

# From here on lambda is 1/2 in every floating dtype.
LARGE_ALPHA = 1e30


def folded_beta(
    alpha: float, count: int, generator: torch.Generator | None, device: torch.device
) -> Tensor:
    """Draws of lambda ~ Beta(alpha, alpha), folded to [0.5, 1]: shape (count,), float32.

    `generator` (torch's default one where it is None) draws on `device`; `alpha` is positive.
    """
    # Gamma(alpha) is distributed as Gamma(alpha + 1) times U^(1/alpha); in logarithms here.
    like: dict[str, Any] = {"dtype": torch.float32, "device": device}
    uniform = torch.rand(2, count, generator=generator, **like)
    shape = torch.full((2, count), min(alpha, LARGE_ALPHA) + 1, **like)
    log_gamma = torch._standard_gamma(shape, generator=generator).log_()
    log_gamma += uniform.neg_().log1p_() / alpha
    lam = (log_gamma[0] - log_gamma[1]).abs_().sigmoid_()
    # For the least alpha even the logarithms overflow.
    return lam.nan_to_num_(nan=1.0)


def coefficients_in_unit_interval(name: str, lam: float | Tensor) -> Tensor:
    """`lam` as a tensor, refused where it is not numbers in [0, 1].

    Where a look would stall a GPU or break a compiled graph, what lies outside becomes NaN.
    """
    if not isinstance(lam, Tensor):
        if not (torch.compiler.is_compiling() and is_number(lam)):
            lam = in_interval(name, lam, 0, 1)  # the compiler may know numbers by symbols alone
        # In float64 a number given as such loses nothing on its way to the dtype of the examples.
        lam = torch.full((), lam, dtype=torch.float64, device="cpu")
    if not lam.is_floating_point():
        raise TypeError(f"{name} must be a number or a floating tensor, got {lam.dtype}")
    return in_unit_interval(f"{name} must lie in [0, 1]", lam)


def in_unit_interval(rule: str, values: Tensor) -> Tensor:
    """`values`, or a ValueError that states `rule` and the first of them outside [0, 1].

    Values that cannot be read come back with NaN in the place of those outside.
    """
    outside = ~((values >= 0) & (values <= 1))
    if not values_can_be_read(values):
        return values.masked_fill(outside, torch.nan)
    if outside.any():
        raise ValueError(f"{rule}, got {values[outside][0].item():g}")
    return values

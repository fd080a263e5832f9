"""Weights as callers give them: a tensor, an array, or the variable of a dataset."""

import numpy as np
import torch
import xarray as xr
from torch import Tensor

__all__ = ["check_weights"]


def check_weights(weights: object) -> Tensor:
    """The weights (..., 2, m, d) as a float64 tensor, on the device they are on.

    Raises:
        TypeError: they are neither a floating tensor nor a floating array or variable.
        ValueError: they have another shape, or are not finite.
    """
    if isinstance(weights, np.ndarray | xr.DataArray) and weights.dtype.kind == "f":
        weights = torch.from_numpy(np.array(weights, dtype=np.float64))
    if not isinstance(weights, Tensor) or not weights.is_floating_point():
        found = weights.dtype if hasattr(weights, "dtype") else type(weights).__name__
        raise TypeError(f"weights must be a floating tensor or array, got {found}")
    if weights.ndim < 3 or weights.shape[-3] != 2 or weights.numel() == 0:
        raise ValueError(f"weights must have shape (..., 2, m, d), got {tuple(weights.shape)}")
    if not weights.isfinite().all():
        raise ValueError("weights must be finite, got NaN or infinite values")
    return weights.detach().double()

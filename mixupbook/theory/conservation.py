"""The conservation law of standard training, which ties a rare feature to the noise beside it.

Along the gradient flow of any loss of the examples' outputs, a filter w of the square network has

    d log|<w, r_k>| / dt = 2 sum_i R_i,      d log|<w, xi_ip>| / dt = 2 R_i ||xi_ip||^2,

where R_i is minus the derivative of the loss in the output F of example i for the filter's class,
the sum runs over the rare examples of class k, and the noise patches xi_ip are orthogonal to all
other patches. With one noise patch for each of these examples, therefore,

    log|<w, r_k>| - sum_i ||xi_ip||^-2 log|<w, xi_ip>|

never changes: whatever the loss, its label smoothing, weights of the examples that change in time,
minibatches or a schedule of the learning rate. What mixes examples breaks it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from scipy.integrate import solve_ivp
from scipy.special import expit
from torch import Tensor

from mixupbook._arguments import in_interval, whole_number
from mixupbook.theory.feature_noise import FEATURES, FeatureNoise, PatchData
from mixupbook.theory.given_weights import check_weights

__all__ = ["conserved_quantity", "gradient_flow", "orthogonal_sample"]


# `| Any`: what else is given is refused by hand, with messages for people.
def conserved_quantity(
    weights: Tensor | np.ndarray | xr.DataArray | Any, train: PatchData | Any
) -> Tensor:
    """What standard gradient flow keeps where noise is orthogonal, for every filter.

    Args:
        weights: (..., 2, m, d), of any class of filters; leading axes are times or runs.
        train: examples; every rare one has equally many noise patches, patches with nothing on the
            four features and something off them.

    Returns:
        log|<w, r_k>| - sum_i ||xi_ip||^-2 log|<w, xi_ip>| over the rare examples i of class k, of
        shape (..., 2, m, 2, b): class of the filter, filter, rare feature k, and p, which of an
        example's b noise patches is taken. Float64. A class without rare examples has no sum.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: shapes that do not fit, or rare examples with different numbers of noise patches
            or none.

    Its drift along a trajectory (T, 2, m, d) is ``(c - c[0]).abs().amax()``: none but the
    integrator's under gradient flow, linear in the step size under gradient descent, and of the
    order of the cosines between patches where noise is not orthogonal.

    Example:
        >>> model = FeatureNoise(504, 4, 0.2, 0.0, 1, 0.1, layout="same")
        >>> train = orthogonal_sample(model, (8, 8, 2, 2))
        >>> conserved_quantity(torch.full((2, 6, 504), 0.01), train).shape
        torch.Size([2, 6, 2, 2])
    """
    if not isinstance(train, PatchData):
        raise TypeError(f"train must be PatchData, got {type(train).__name__}")
    weights, dimension, near = check_weights(weights), train.x.shape[-1], len(FEATURES)
    if weights.shape[-1] != dimension:
        raise ValueError(
            f"weights must have shape (..., 2, m, {dimension}), got {tuple(weights.shape)}"
        )
    kept = weights[..., near - 2 : near].abs().log()[..., None]
    patches = _noise_patches(train)
    kept = kept.repeat(*[1] * weights.ndim, patches.shape[1])
    for label in (0, 1):
        noise = patches[train.y[train.is_rare] == label]
        responses = torch.einsum("...d,ipd->...ip", weights, noise)
        kept[..., label, :] -= (responses.abs().log() / noise.square().sum(dim=-1)).sum(dim=-2)
    return kept


def _noise_patches(train: PatchData) -> Tensor:
    """The noise patches of the rare examples, (rare examples, b, d)."""
    x, near = train.x[train.is_rare].double(), len(FEATURES)
    noisy = (x[..., :near] == 0).all(dim=2) & (x[..., near:] != 0).any(dim=2)
    counts = noisy.sum(dim=1)
    if len(x) == 0 or counts.min() == 0 or counts.min() != counts.max():
        raise ValueError(
            "train must hold rare examples, each with equally many noise patches and at least one, "
            f"got {counts.tolist()}"
        )
    return x[noisy].unflatten(0, (len(x), -1))


# `| Any`: what else is given is refused by hand, with messages for people.
def orthogonal_sample(model: FeatureNoise | Any, counts: Sequence[int] | Any) -> PatchData:
    """Examples of the model as if noise were orthogonal and of one norm; nothing is drawn.

    Every noise patch has an axis of its own, of length sigma sqrt(d - 4); the first patch holds the
    feature, and feature noise is alpha v_0 and alpha v_1 in turn.

    Args:
        model: of layout ``"same"``.
        counts: how many examples of common_0, common_1, rare_0 and rare_1, in this order.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: another layout, counts that are not four or all 0, or more noise patches than
            there are dimensions beyond the four features.

    Example:
        >>> model = FeatureNoise(40, 4, 0.2, 0.2, 1, 0.5, layout="same")
        >>> data = orthogonal_sample(model, (8, 8, 1, 1))
        >>> data.x.shape, f"{data.x[0, 2].norm():.1f}"
        (torch.Size([18, 4, 40]), '3.0')
    """
    if not isinstance(model, FeatureNoise):
        raise TypeError(f"model must be a FeatureNoise, got {type(model).__name__}")
    if model.layout != "same":
        raise ValueError(f"model must have the layout 'same', got {model.layout!r}")
    counts = [whole_number("counts", count) for count in counts]
    if len(counts) != len(FEATURES) or not any(counts):
        raise ValueError(f"counts must be four numbers, not all 0, got {counts!r}")
    n, near = sum(counts), len(FEATURES)
    noise_patches = model.patches - 1 - model.noise_patches
    noise_dimension = model.dimension - near
    if n * noise_patches > noise_dimension:
        raise ValueError(
            f"counts must ask for at most {noise_dimension} noise patches, as many as there are "
            f"dimensions beyond the features, got {n * noise_patches}"
        )
    group = torch.arange(near).repeat_interleave(torch.tensor(counts))
    x = torch.zeros(n, model.patches, model.dimension)
    example = torch.arange(n)
    x[example, 0, group] = 1
    for patch in range(model.noise_patches):
        x[example, 1 + patch, (example + patch) % 2] = model.feature_noise
    for patch in range(noise_patches):
        axis = near + example * noise_patches + patch
        x[example, 1 + model.noise_patches + patch, axis] = model.noise_std * noise_dimension**0.5
    return PatchData(x, group % 2, group >= 2)


# `| Any`: what else is given is refused by hand, with messages for people.
def gradient_flow(
    train: PatchData | Any,
    weights: Tensor | np.ndarray | xr.DataArray | Any,
    times: Sequence[float] | Any,
    *,
    label_smoothing: float | Any = 0.0,
    example_weights: Callable[[float], np.ndarray] | Any | None = None,
    tolerance: float | Any = 1e-12,
) -> Tensor:
    """Standard training as a differential equation, dw/dt = -dL/dw, by an adaptive integrator.

    A step of gradient descent with the rate lr is the time lr. The integrator is SciPy's of order
    8 (``DOP853``), in float64: for small examples that check what is exact.

    Args:
        train: examples.
        weights: where to start, (2, m, d).
        times: at which to return the weights; not negative, rising.
        label_smoothing: as in `Standard`.
        example_weights: weights (n,) of the examples in the mean at a time; all 1 where it is None.
        tolerance: relative tolerance of the integrator; the absolute one is a thousandth of it.

    Returns:
        The weights at these times, (T, 2, m, d), float64.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed, or shapes that do not fit.
        RuntimeError: the integrator gave up; the message is its own.

    Example:
        >>> model = FeatureNoise(40, 4, 0.2, 0.0, 1, 0.5, layout="same")
        >>> data = orthogonal_sample(model, (6, 6, 1, 1))
        >>> path = gradient_flow(data, torch.full((2, 1, 40), 0.01), [0, 1])
        >>> path.shape
        torch.Size([2, 2, 1, 40])
    """
    if not isinstance(train, PatchData):
        raise TypeError(f"train must be PatchData, got {type(train).__name__}")
    weights, dimension = check_weights(weights), train.x.shape[-1]
    if weights.ndim != 3 or weights.shape[2] != dimension:
        raise ValueError(f"weights must have shape (2, m, {dimension}), got {tuple(weights.shape)}")
    in_interval("label_smoothing", label_smoothing, 0, 1)
    in_interval("tolerance", tolerance, 1e-13, 1)
    times = np.asarray(times, dtype=float)
    if times.ndim != 1 or len(times) == 0 or times[0] < 0 or (np.diff(times) <= 0).any():
        raise ValueError(f"times must be rising and not negative, got {times!r:.60}")

    rows = train.x.double().numpy()
    sign = 2.0 * train.y.numpy() - 1
    class_sign = np.array([-1.0, 1.0])[:, None, None]
    shape = tuple(weights.shape)

    def velocity(time: float, flat: np.ndarray) -> np.ndarray:
        filters = flat.reshape(shape)
        responses = np.einsum("kmd,npd->kmnp", filters, rows, optimize=True)
        margin = sign * (class_sign[..., None] * responses**2).sum(axis=(0, 1, 3))
        residual = sign * (expit(-margin) - label_smoothing / 2) / len(rows)
        if example_weights is not None:
            residual = residual * example_weights(time)
        pull = 2 * class_sign[..., None] * residual[:, None] * responses
        return np.einsum("kmnp,npd->kmd", pull, rows, optimize=True).ravel()

    found = solve_ivp(
        velocity,
        (0.0, max(times[-1], np.finfo(float).tiny)),
        weights.numpy().ravel(),
        method="DOP853",
        t_eval=times,
        rtol=tolerance,
        atol=tolerance * 1e-3,
    )
    if not found.success:
        raise RuntimeError(found.message)
    return torch.from_numpy(found.y.T.reshape(len(times), *shape).copy())

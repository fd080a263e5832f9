"""The exact loss and its gradient at given weights."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mixupbook.theory.activations import checked_activation
from mixupbook.theory.any_objective import Objective, check_objectives
from mixupbook.theory.arithmetic import plain_arithmetic
from mixupbook.theory.batches import check_data, stack
from mixupbook.theory.divergence import named_runs
from mixupbook.theory.feature_noise import PatchData
from mixupbook.theory.losses import GroupedLoss
from mixupbook.theory.patch_network import as_columns, as_weights
from mixupbook.theory.patch_objectives import InputNoise
from mixupbook.theory.per_run import spread

__all__ = ["loss_and_gradient"]


# `| Any`: what else is given is refused by hand, with messages for people; the type checker of the
# tests is not to speak first.
def loss_and_gradient(
    weights: Tensor | Any,
    data: PatchData | Sequence[PatchData] | Any,
    objective: Objective | Sequence[Objective] | Any,
    *,
    activation: str | float | Any = "square",
) -> tuple[Tensor, Tensor]:
    """The exact loss at given weights and its gradient: what one step of `descend` is made of.

    A schedule (`start_step`, `stop_step`) plays no part here.

    Args:
        weights: W, shape (2, m, d), floating and finite; or (R, 2, m, d) for R runs at once. The
            computation is in their precision and on their device.
        data: the examples; for R runs, one `PatchData` or one for each run.
        objective: any but `InputNoise`, as in `descend`; for R runs, one or one for each.
        activation: ``"square"``, ``"linear"``, ``"relu"`` or q, as in `descend`.

    Returns:
        ``(loss, gradient)``: the loss without dimensions (or (R,)), the gradient like `weights`.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: shapes that do not fit, weights that are not finite, or data beyond the range of
            their precision.
        FloatingPointError: a loss or gradient beyond that range; the message names the runs.

    Example:
        >>> from mixupbook import PatchData, Standard, loss_and_gradient
        >>> data = PatchData(torch.eye(5)[None, :2], torch.tensor([1]), torch.tensor([False]))
        >>> loss, gradient = loss_and_gradient(torch.zeros(2, 3, 5), data, Standard())
        >>> f"{loss:.4f}", gradient.shape
        ('0.6931', torch.Size([2, 3, 5]))
    """
    if not isinstance(weights, Tensor) or not weights.is_floating_point():
        found = weights.dtype if isinstance(weights, Tensor) else type(weights).__name__
        raise TypeError(f"weights must be a floating tensor, got {found}")
    if weights.ndim not in (3, 4) or weights.shape[-3] != 2 or weights.numel() == 0:
        raise ValueError(
            f"weights must have shape (2, m, d) or (R, 2, m, d), got {tuple(weights.shape)}"
        )
    if weights.is_meta:
        raise ValueError("weights must hold values, got a tensor on the device 'meta'")
    if not weights.isfinite().all():
        raise ValueError("weights must be finite, got NaN or infinite values")
    batch = weights.detach() if weights.ndim == 4 else weights.detach()[None]
    kind = checked_activation(activation)
    runs = spread({"weights": list(batch), "data": data, "objective": objective})
    check_data("data", runs["data"])
    patches, dimension = runs["data"][0].x.shape[1:]
    check_objectives(runs["objective"], patches)
    if any(isinstance(one, InputNoise) for one in runs["objective"]):
        raise TypeError(
            "objective must have an exact loss, which InputNoise, a random draw, has not: add the "
            "noise to the data"
        )
    if weights.shape[-1] != dimension:
        raise ValueError(
            f"weights must have the dimension of the data, {dimension}, got {weights.shape[-1]}"
        )
    train = stack(runs["data"], weights.dtype, weights.device)
    rows = train.x.flatten(1, 2)
    with plain_arithmetic(weights.device):
        responses = torch.bmm(rows, as_columns(batch)).unflatten(1, train.x.shape[1:3])
        loss = GroupedLoss(runs["objective"], train, kind)
        value = loss.value(responses)
        gradient = as_weights(torch.bmm(rows.mT, loss.gradient(responses).flatten(1, 2)))
    _check_finite(value, gradient)
    return (value, gradient) if weights.ndim == 4 else (value[0], gradient[0])


def _check_finite(value: Float[Tensor, " R"], gradient: Float[Tensor, "R 2 m d"]) -> None:
    """Raises a FloatingPointError that names the runs in which either is not finite."""
    finite = value.isfinite() & gradient.isfinite().flatten(1).all(dim=1)
    if not finite.all():
        runs = named_runs([f"run {run}" for run in (~finite).nonzero().flatten().tolist()])
        raise FloatingPointError(
            f"loss or gradient beyond the range of {value.dtype}: {runs}; smaller weights or data, "
            "or torch.float64, may help"
        )

"""How linear a trained network is between two examples."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixupbook.images.isolation import isolated

__all__ = ["distance_from_line", "segment_predictions"]


def segment_predictions(
    network: nn.Module, first: Tensor, second: Tensor, lams: Tensor
) -> Float[Tensor, "L N K"]:
    """Predicted probabilities at lam first + (1 - lam) second, for every pair and every lam.

    Args:
        network: takes examples and returns scores, shape (B, K), on the device of the examples;
            evaluated in the mode it is in (`fit` returns networks in inference mode).
        first: the ends that lam = 1 reaches, shape (N, ...), floating.
        second: the ends that lam = 0 reaches, same shape and dtype.
        lams: positions along the segments, shape (L,), floating, in [0, 1].

    Returns:
        Softmax outputs, shape (L, N, K).

    Raises:
        ValueError: no pairs, ends of different shapes, or positions outside [0, 1].

    Example:
        >>> first, second = torch.tensor([[0.0, 0.0]]), torch.tensor([[20.0, 0.0]])
        >>> lams = torch.tensor([0.0, 0.5, 1.0])
        >>> segment_predictions(nn.Identity(), first, second, lams)[:, 0, 0]
        tensor([1.0000, 1.0000, 0.5000])
    """
    if first.shape != second.shape or first.ndim < 2 or len(first) == 0:
        raise ValueError(
            "first and second must have one shape (N, ...) with at least one example, "
            f"got {tuple(first.shape)} and {tuple(second.shape)}"
        )
    if lams.ndim != 1 or len(lams) == 0 or not ((lams >= 0) & (lams <= 1)).all():
        raise ValueError(f"lams must be a row of numbers in [0, 1], got {lams}")
    # One position at a time: memory for N examples, however finely the segments are divided.
    with isolated(first.device):
        return torch.stack(
            [network(torch.lerp(second, first, lam.to(first))).softmax(dim=1) for lam in lams]
        )


def distance_from_line(
    predictions: Tensor, lams: Tensor, first: Tensor, second: Tensor
) -> Float[Tensor, "L N"]:
    """How far predictions along segments are from a straight line between two ends.

    The distance is the total variation, half the sum over the classes of absolute differences:
    the probability that would have to be moved. It lies in [0, 1]. A network sure of one class
    up to the middle, and of another from there on, is at the distance min(lam, 1 - lam) from the
    line between the two: 1/4 on average over the segment. (On a grid that has the ends, average
    with `torch.trapezoid(distances, lams, dim=0)`: a plain mean gives the ends too much weight.)

    Args:
        predictions: from `segment_predictions`, shape (L, N, K).
        lams: their positions, shape (L,).
        first: probabilities at the end lam = 1, shape (N, K): the network's own, or a label's.
        second: probabilities at the end lam = 0, same shape.

    Returns:
        Distances, shape (L, N).

    Raises:
        ValueError: shapes that do not fit.

    Source: our measure. With the labels as ends, it is the distance from the behaviour that Zhang,
    Cisse, Dauphin and Lopez-Paz (ICLR 2018) hold Mixup to favour.

    Example:
        >>> switch = torch.tensor([[[0.0, 1.0]], [[0.0, 1.0]], [[1.0, 0.0]]])
        >>> lams = torch.tensor([0.0, 0.4, 1.0])
        >>> distance_from_line(switch, lams, switch[-1], switch[0]).squeeze(1)
        tensor([0.0000, 0.4000, 0.0000])
    """
    if predictions.ndim != 3 or lams.shape != predictions.shape[:1]:
        raise ValueError(
            "predictions must have shape (L, N, K) and lams shape (L,), "
            f"got {tuple(predictions.shape)} and {tuple(lams.shape)}"
        )
    if not first.shape == second.shape == predictions.shape[1:]:
        raise ValueError(
            f"first and second must have shape {tuple(predictions.shape[1:])}, "
            f"got {tuple(first.shape)} and {tuple(second.shape)}"
        )
    with isolated(predictions.device, grad=torch.is_grad_enabled()):
        line = torch.lerp(
            second.to(predictions), first.to(predictions), lams[:, None, None].to(predictions)
        )
        return (predictions - line).abs().sum(dim=2) / 2

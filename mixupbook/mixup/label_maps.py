"""Label maps: how the coefficient of the labels follows from the coefficient of the features."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mixupbook._arguments import is_number, nearest_hint
from mixupbook.mixup.coefficients import coefficients_in_unit_interval, in_unit_interval

__all__ = [
    "INDEPENDENT",
    "LABEL_MAPS",
    "LabelMap",
    "as_function",
    "label_coefficient",
    "of_larger_part",
]

LabelMap = str | float | Callable[[Tensor], Tensor]


def _identity(lam: Tensor) -> Tensor:
    return lam


def _cubic(lam: Tensor) -> Tensor:
    return 0.5 + 4 * (lam - 0.5) ** 3


def _sqrt(lam: Tensor) -> Tensor:
    return 0.5 + ((lam - 0.5) / 2).sqrt()


def _constant(lam: Tensor, value: float) -> Tensor:
    return torch.full_like(lam, value)


# Each takes feature coefficients in [0.5, 1] to the label coefficient of the larger part.
LABEL_MAPS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": _identity,
    "cubic": _cubic,
    "sqrt": _sqrt,
    "hard": torch.ones_like,
}

# Not a function of lambda but a second draw of the same law.
INDEPENDENT = "independent"


def label_coefficient(label_map: LabelMap, lam: float | Tensor) -> Tensor:
    """The label coefficient l_y that a label map gives to the feature coefficient lambda.

    A map is defined on [0.5, 1] and extended by l_y(1 - lambda) = 1 - l_y(lambda), so that it does
    not matter which of the two examples is called the first.

    Args:
        label_map: ``"identity"`` (standard Mixup), ``"cubic"`` (0.5 + 4 (lambda - 0.5)^3),
            ``"sqrt"`` (0.5 + sqrt((lambda - 0.5) / 2)), ``"hard"`` (1), a number in [0.5, 1]
            (that constant), or a callable that takes a tensor of coefficients in [0.5, 1] to a
            tensor of the same shape, or to one number, in [0, 1].
        lam: feature coefficients in [0, 1], any shape.

    Returns:
        Label coefficients in [0, 1], with the shape of `lam`.

    Raises:
        TypeError: `label_map` or `lam` is of a kind not listed above.
        ValueError: an unknown name, a constant outside [0.5, 1], or values outside [0, 1].

    The maps are our reconstruction: that features and labels may have different coefficients is
    claimed in the abstract of Zou, Cao, Li and Gu (ICML 2023); which ones were tried is not said.

    Example:
        >>> label_coefficient("cubic", torch.tensor([0.25, 0.5, 0.75, 1.0]))
        tensor([0.4375, 0.5000, 0.5625, 1.0000])
    """
    lam = coefficients_in_unit_interval("lam", lam)
    if isinstance(label_map, str) and label_map == INDEPENDENT:
        raise ValueError(
            "label_map 'independent' is a second draw, not a function of lam: use Mixup"
        )
    return of_larger_part(as_function(label_map), lam)


def of_larger_part(function: Callable[[Tensor], Tensor], lam: Tensor) -> Tensor:
    """`function` of coefficients in [0.5, 1], extended to [0, 1]: f(1 - lam) = 1 - f(lam)."""
    values = function(torch.maximum(lam, 1 - lam))
    return torch.where(lam >= 0.5, values, 1 - values)


def as_function(label_map: LabelMap) -> Callable[[Tensor], Tensor]:
    """The function of coefficients in [0.5, 1] that a name, a constant or a callable stands for.

    Values of a callable are checked at every call; the others cannot go wrong.
    """
    if isinstance(label_map, str) and label_map in LABEL_MAPS:
        return LABEL_MAPS[label_map]
    if callable(label_map):
        return partial(_checked, label_map)
    if is_number(label_map) and 0.5 <= label_map <= 1:
        return partial(_constant, value=float(label_map))
    names = [*LABEL_MAPS, INDEPENDENT]
    message = (
        f"label_map must be one of {', '.join(map(repr, names))}, a number in [0.5, 1], or a "
        f"callable, got {label_map!r}{nearest_hint(label_map, names)}"
    )
    raise (ValueError if isinstance(label_map, str) or is_number(label_map) else TypeError)(message)


def _checked(function: Callable[[Tensor], Tensor], lam: Tensor) -> Tensor:
    """The map at coefficients in [0.5, 1], checked to be of their shape and in [0, 1]."""
    try:
        # A copy: a map that works in place must not change the features' coefficients.
        values = function(lam.clone())
        # A number becomes a tensor where it is needed: copying one to a GPU would stall it.
        values = torch.full_like(lam, values) if is_number(values) else values.to(lam)
        values = values.expand(lam.shape)
    except (AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"label_map must take a tensor of coefficients to one of the same shape or to one "
            f"number, got {function!r}, which fails with: {error}"
        ) from error
    return in_unit_interval("label_map must stay in [0, 1] for coefficients in [0.5, 1]", values)

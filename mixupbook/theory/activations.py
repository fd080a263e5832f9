"""What a filter makes of its response: the square of the model, and others beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mixupbook._arguments import in_interval, is_number, one_of
from mixupbook.theory.run_memory import each_alone

__all__ = ["SQUARE", "Activation", "checked_activation"]


@dataclass(frozen=True)
class Activation:
    """A function of responses, and it with its derivative, which at a kink is 0, as torch has it.

    Both are computed together, as a power of a number costs more than all else.
    """

    name: str | float
    value: Callable[[Tensor], Tensor]
    value_and_slope: Callable[[Tensor], tuple[Tensor, Tensor]]


def positive_part_to_the(degree: float) -> Activation:
    """max(z, 0)^q."""

    def value(z: Tensor) -> Tensor:
        return each_alone(lambda positive: positive.pow_(degree), z.relu())

    def value_and_slope(z: Tensor) -> tuple[Tensor, Tensor]:
        positive = z.relu()
        slope = each_alone(lambda power: power.pow_(degree - 1), positive.clone())
        return positive.mul_(slope), slope.mul_(degree)

    return Activation(degree, value, value_and_slope)


SQUARE = Activation("square", torch.square, lambda z: (z.square(), 2 * z))
LINEAR = Activation("linear", lambda z: z, lambda z: (z, torch.ones_like(z)))
RELU = Activation("relu", torch.relu, lambda z: (z.relu(), (z > 0).to(z)))
NAMED = {"square": SQUARE, "linear": LINEAR, "relu": RELU}


def checked_activation(activation: Any) -> Activation:
    """The activation that a caller names.

    Raises:
        TypeError: neither a name nor a number.
        ValueError: no such name, or a degree below 1 or not finite.
    """
    if isinstance(activation, str):
        return NAMED[one_of("activation", activation, NAMED)]
    if not is_number(activation):
        listed = ", ".join(repr(name) for name in NAMED)
        raise TypeError(
            f"activation must be {listed}, or the degree of max(z, 0)^q, a number of at least 1, "
            f"got {activation!r}"
        )
    degree = in_interval("activation", activation, 1)
    return RELU if degree == 1 else positive_part_to_the(degree)

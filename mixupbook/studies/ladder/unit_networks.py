"""Small networks of many runs at once: one layer of units on every patch, and their sum.

All arms of all seeds are trained in one tensor. As the first layer is linear, the response to a
mixed example is the mixture of the responses: no mixed input is ever made.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import gelu, silu, softplus

from mixupbook._arguments import one_of

__all__ = ["Network", "Parameters", "first_weights", "responses", "scores"]

Parameters = dict[str, Tensor]

SMOOTH: dict[str, Callable[[Tensor], Tensor]] = {"gelu": gelu, "softplus": softplus}
# Products of two responses: gated linear units.
GATED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "glu": torch.mul,
    "swiglu": lambda gate, value: silu(gate) * value,
}


@dataclass(frozen=True)
class Network:
    """F(x) = head(sum over patches of sigma(W x^(p) + b)).

    Attributes:
        units: units of each class under a fixed head, of the whole layer under a trained one.
        activation: as in `descend`, or ``"gelu"``, ``"softplus"``, ``"glu"``,
            ``"swiglu"``.
        bias: whether the first layer has one, initialised as torch does.
        head: ``"fixed"``: the score of a class is the sum of its units; ``"trained"``: a layer
            with bias, initialised as torch does.
        init: standard deviation of the first layer's weights, or ``"torch"``, as torch does.
    """

    units: int = 6
    activation: str | float = "square"
    bias: bool = False
    head: str = "fixed"
    init: float | str = 0.01

    def width(self, classes: int) -> int:
        """The number of units in all."""
        return self.units * (classes if self.head == "fixed" else 1)


def first_weights(network: Network, dimension: int, classes: int, seed: int) -> Parameters:
    """The parameters that a seed starts from, all arms alike."""
    one_of("head", network.head, ("fixed", "trained"))
    generator = torch.Generator().manual_seed(seed)
    width = network.width(classes)
    rows = width * (2 if network.activation in GATED else 1)
    if isinstance(network.init, str):
        first = _uniform((rows, dimension), dimension, generator)
    else:
        first = network.init * torch.randn(rows, dimension, generator=generator)
    parameters = {"first": first}
    if network.bias:
        parameters["bias"] = _uniform((rows,), dimension, generator)
    if network.head == "trained":
        parameters["head"] = _uniform((classes, width), width, generator)
        parameters["head_bias"] = _uniform((classes,), width, generator)
    return parameters


def responses(
    first: Float[Tensor, "S A rows d"], x: Float[Tensor, "S n P d"]
) -> Float[Tensor, "S A n P rows"]:
    """What the first layer makes of the patches, before bias and activation."""
    seeds, arms, rows, dimension = first.shape
    flat = torch.bmm(x.flatten(1, 2), first.reshape(seeds, arms * rows, dimension).mT)
    return flat.view(*x.shape[:3], arms, rows).permute(0, 3, 1, 2, 4)


def scores(
    network: Network, parameters: Parameters, mixed: Float[Tensor, "S A b P rows"], classes: int
) -> Float[Tensor, "S A b K"]:
    """The scores of the classes from (mixed) responses."""
    if network.bias:
        mixed = mixed + parameters["bias"][:, :, None, None]
    units = activated(network.activation, mixed).sum(dim=3)
    if network.head == "fixed":
        return units.unflatten(-1, (classes, -1)).sum(dim=-1)
    return units @ parameters["head"].mT + parameters["head_bias"][:, :, None]


def activated(activation: str | float, z: Tensor) -> Tensor:
    """sigma(z); a gated unit takes two responses."""
    if activation in GATED:
        return GATED[str(activation)](*z.chunk(2, dim=-1))
    if activation in SMOOTH:
        return SMOOTH[str(activation)](z)
    if activation == "linear":
        return z
    if activation == "square":
        return z.square()
    degree = 1.0 if activation == "relu" else float(activation)
    return z.relu() if degree == 1 else z.relu() ** degree


def _uniform(shape: tuple[int, ...], fan_in: int, generator: torch.Generator) -> Tensor:
    """Uniform on [-1, 1]/sqrt(fan_in), as torch initialises a linear layer."""
    return (2 * torch.rand(shape, generator=generator) - 1) / fan_in**0.5

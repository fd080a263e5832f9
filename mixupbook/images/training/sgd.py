"""Stochastic gradient descent with momentum, by the functional form of ``torch.optim.SGD``.

Both compute the same, bit for bit. But to make one of the class imports torch's compiler, which
takes seconds in every process that trains, and its hooks take time in every step.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd

__all__ = ["Descent"]


class Descent:
    """The parameters of a network in training, and their momenta.

    Args:
        parameters: what is trained; one without a gradient stays as it is in that step.
        momentum: in [0, 1).
        weight_decay: at least 0.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, momentum: float, weight_decay: float
    ) -> None:
        self._parameters = list(parameters)
        self._settings: dict[str, Any] = {"momentum": momentum, "weight_decay": weight_decay}
        # The fused step takes momenta of all parameters or of none, and some may get their first
        # gradient late.
        zeros = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._momenta = zeros if momentum > 0 else [None] * len(zeros)

    def step(self, lr: float) -> None:
        """One step with the gradients that have gathered, which are then cleared."""
        moved = [
            (parameter, parameter.grad, momentum)
            for parameter, momentum in zip(self._parameters, self._momenta, strict=True)
            if parameter.grad is not None
        ]
        if not moved:
            return
        parameters, gradients, momenta = (list(column) for column in zip(*moved, strict=True))
        with torch.no_grad():
            sgd(
                parameters,
                gradients,
                momenta,
                fused=parameters[0].device.type != "mps",
                lr=lr,
                dampening=0.0,
                nesterov=False,
                maximize=False,
                **self._settings,
            )
        for parameter in parameters:
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """The momenta."""
        return {"momenta": self._momenta}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to where `state_dict` was taken.

        Raises:
            ValueError: momenta of other parameters.
        """
        for momentum, saved in zip(self._momenta, state["momenta"], strict=True):
            if _form(momentum) != _form(saved):
                raise ValueError(f"momenta must be {_form(momentum)}, got {_form(saved)}")
            if momentum is not None:
                momentum.copy_(saved)


def _form(momentum: Tensor | None) -> tuple[torch.Size, torch.dtype] | None:
    return None if momentum is None else (momentum.shape, momentum.dtype)

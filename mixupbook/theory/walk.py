"""From the initial weights, one step of gradient descent after the other, all runs at once."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mixupbook.theory.input_noise import NoiseSource
from mixupbook.theory.losses import GroupedLoss
from mixupbook.theory.patch_network import as_columns, initial_weights
from mixupbook.theory.run_memory import products
from mixupbook.theory.runs import Runs
from mixupbook.theory.stepping import SplitDescent

__all__ = ["State", "walk"]


class State(NamedTuple):
    """Where all runs stand at a step; to be looked at before the next one, which changes it."""

    step: int
    loss: GroupedLoss  # what is minimised from this step on
    responses: Float[Tensor, "R n P filters"]
    descent: SplitDescent


def walk(runs: Runs) -> Iterator[State]:
    """The states at the steps from 0 to the last one."""
    n, patches, dimension = runs.train.x.shape[1:]
    start = initial_weights(runs.seeds, runs.width, dimension, runs.init_std)
    columns = as_columns(start.to(runs.device, runs.dtype))
    descent = SplitDescent(runs.train.x.flatten(1, 2), columns, runs.steps)
    rate = torch.tensor(runs.rates, dtype=runs.dtype, device=runs.device)[:, None, None]
    changes = {0}.union(*(objective.changes() for objective in runs.objectives))
    noise = NoiseSource(runs.seeds, runs.device, runs.dtype)
    for step in range(runs.steps + 1):
        if step in changes:
            in_force = [objective.at(step) for objective in runs.objectives]
            loss = GroupedLoss(in_force, runs.train, runs.activation)
            noise.follow(in_force)
        responses = descent.responses().unflatten(1, (n, patches))
        yield State(step, loss, responses, descent)
        if step == runs.steps:
            return
        if not noise.stds:
            descent.move(loss.gradient(responses).flatten(1, 2).mul_(rate))
            continue
        noisy, drawn = noise.draw(n * patches, dimension)
        responses[noisy] += products(drawn, descent.columns()[noisy]).unflatten(1, (n, patches))
        change = loss.gradient(responses).flatten(1, 2).mul_(rate)
        descent.move(change)
        # The noise is part of the inputs, and the weights move along it too.
        along = torch.zeros_like(columns)
        along[noisy] = products(drawn.mT, change[noisy])
        descent.shift(-along)

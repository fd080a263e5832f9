"""Trains all arms of all seeds of a rung at once, and measures what each has learned.

Gradient descent moves the first layer within the span of the training patches alone. So it is
trained in coordinates of that span, which has fewer dimensions than the patches, and nothing is
lost.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from mixupbook.studies.ladder.arms import ARMS, PAIRS, floor_of_pairs, partner_masks, smoothing_at
from mixupbook.studies.ladder.examples import Examples, Task
from mixupbook.studies.ladder.unit_networks import (
    Network,
    Parameters,
    first_weights,
    responses,
    scores,
)

__all__ = ["Measured", "Recipe", "train"]

SPANNED = 1e-6  # singular values below so much of the largest are rounding


@dataclass(frozen=True)
class Recipe:
    """Gradient descent on the cross-entropy.

    Attributes:
        lr: learning rate.
        steps: number of steps.
        batch: examples in a step, drawn anew for each; None for all of them.
        momentum: in [0, 1).
        cosine: whether the learning rate falls to 0 along a cosine.
        lam: l; None: drawn for each step, uniform on [1/2, 1].
    """

    lr: float = 0.4
    steps: int = 1500
    batch: int | None = None
    momentum: float = 0.0
    cosine: bool = False
    lam: float | None = 0.7

    def learning_rate(self, step: int) -> float:
        """The learning rate of a step."""
        if not self.cosine:
            return self.lr
        return self.lr * (1 + math.cos(math.pi * step / self.steps)) / 2


@dataclass(frozen=True, eq=False)
class Measured:
    """What a rung's networks do in the end: one row for each seed.

    Attributes:
        common: test error on common examples, one column for each of `ARMS`.
        rare: test error on rare examples.
        train: error on the training examples.
        share: mean margin of the rare test examples over that of the rare training examples, under
            standard training: 1 where the feature alone decides, 0 where examples were memorised.
    """

    common: Float[Tensor, "S A"]
    rare: Float[Tensor, "S A"]
    train: Float[Tensor, "S A"]
    share: Float[Tensor, " S"]


def train(tasks: list[Task], network: Network, recipe: Recipe, seeds: list[int]) -> Measured:
    """Trains every arm under every seed.

    All arms of a seed share the first weights, the batches, l and the random numbers that decide
    on partners. Each example has one partner in each step, uniform among those allowed.

    Raises:
        FloatingPointError: parameters became infinite or NaN.
    """
    classes = tasks[0].classes
    x = torch.stack([task.train.x for task in tasks])
    y = torch.stack([task.train.y for task in tasks])
    parameters = _started(network, x.shape[-1], classes, seeds)
    basis = _span(x)
    started = parameters["first"]
    inner = started @ basis[:, None]
    parameters["first"] = inner.clone().requires_grad_()
    x = x @ basis[:, None]
    velocity = {name: torch.zeros_like(value) for name, value in parameters.items()}
    draws = _Draws(tasks, recipe, seeds)
    for step in range(recipe.steps):
        lam, batch, partner = draws.next()
        of_all = responses(parameters["first"], x)
        mixed = lam[..., None, None] * _rows(of_all, batch)
        mixed = mixed + (1 - lam[..., None, None]) * _rows(of_all, partner)
        targets = draws.targets(y, classes, lam, batch, partner)
        log_probability = scores(network, parameters, mixed, classes).log_softmax(dim=-1)
        # A sum over runs, as each run has parameters of its own.
        loss = -(targets * log_probability).sum() / batch.shape[-1]
        gradients = torch.autograd.grad(loss, list(parameters.values()))
        with torch.no_grad():
            for name, gradient in zip(parameters, gradients, strict=True):
                velocity[name].mul_(recipe.momentum).add_(gradient)
                parameters[name].sub_(velocity[name], alpha=recipe.learning_rate(step))
    if not all(value.isfinite().all() for value in parameters.values()):
        raise FloatingPointError(f"parameters became infinite or NaN: try less than lr={recipe.lr}")
    moved = parameters["first"].detach() - inner
    parameters["first"] = started + moved @ basis.mT[:, None]
    return _measured(tasks, network, parameters)


class _Draws:
    """What is drawn in every step: l, the batch, and each arm's partners."""

    def __init__(self, tasks: list[Task], recipe: Recipe, seeds: list[int]) -> None:
        self._recipe = recipe
        self._examples = len(tasks[0].train.y)
        self._generators = [torch.Generator().manual_seed(2**32 + seed) for seed in seeds]
        masks = [partner_masks(task.train.y, task.train.rare) for task in tasks]
        mixing = torch.stack([torch.stack([mask[kind] for kind in PAIRS]) for mask in masks])
        self._count = mixing.sum(dim=-1)
        if not self._count.all():
            raise ValueError("tasks must leave everyone a partner in each arm")
        # Those allowed first, in order.
        order = mixing.logical_not().byte().sort(dim=-1, stable=True).indices
        self._allowed = order.to(torch.int32)
        self._mixes = torch.tensor([arm in PAIRS for arm in ARMS])
        floors = [floor_of_pairs(task.train.y, recipe.lam) for task in tasks]
        smoothing = [
            smoothing_at(floor, task.classes) for floor, task in zip(floors, tasks, strict=True)
        ]
        self._smoothing = torch.zeros(len(tasks), len(ARMS))
        self._smoothing[:, ARMS.index("smoothing")] = torch.tensor(smoothing)

    def next(self) -> tuple[Tensor, Tensor, Tensor]:
        """l (S, A, 1), and the examples and their partners, each (S, A, b)."""
        recipe, n, arms = self._recipe, self._examples, len(ARMS)
        size = n if recipe.batch is None else recipe.batch
        drawn = torch.stack([torch.rand(1 + size, generator=g) for g in self._generators])
        lam = torch.full((len(drawn), 1), recipe.lam) if recipe.lam else 1 - drawn[:, :1] / 2
        if recipe.batch is None:
            batch = torch.arange(n).expand(len(drawn), n)
        else:
            orders = [torch.randperm(n, generator=g)[:size] for g in self._generators]
            batch = torch.stack(orders)
        seed = torch.arange(len(drawn))[:, None, None]
        kind = torch.arange(len(PAIRS))[:, None]
        rank = (drawn[:, None, 1:] * self._count[seed, kind, batch[:, None]]).long()
        partner = batch[:, None].repeat(1, arms, 1)
        partner[:, self._mixes] = self._allowed[seed, kind, batch[:, None], rank].long()
        lams = torch.where(self._mixes, lam, 1.0)[..., None]
        return lams, batch[:, None].expand(-1, arms, -1), partner

    def targets(
        self,
        y: Int[Tensor, "S n"],
        classes: int,
        lam: Float[Tensor, "S A 1"],
        batch: Int[Tensor, "S A b"],
        partner: Int[Tensor, "S A b"],
    ) -> Float[Tensor, "S A b K"]:
        """Mixed labels; those of the arm "smoothing" smoothed."""
        labels = one_hot(y, classes).float()
        seed = torch.arange(len(y))[:, None, None]
        lam = lam[..., None]
        mixed = lam * labels[seed, batch] + (1 - lam) * labels[seed, partner]
        smoothing = self._smoothing[:, :, None, None]
        return (1 - smoothing) * mixed + smoothing / classes


def _started(network: Network, dimension: int, classes: int, seeds: list[int]) -> Parameters:
    of_seeds = [first_weights(network, dimension, classes, seed) for seed in seeds]
    parameters = {}
    for name in of_seeds[0]:
        stacked = torch.stack([each[name] for each in of_seeds])[:, None]
        parameters[name] = stacked.repeat(1, len(ARMS), *[1] * (stacked.ndim - 2))
        parameters[name].requires_grad_(name != "first")
    return parameters


def _span(x: Float[Tensor, "S n P d"]) -> Float[Tensor, "S d r"]:
    """Orthonormal columns that span each seed's patches; zeros where others need more."""
    columns, sizes, _ = torch.linalg.svd(x.flatten(1, 2).mT.double(), full_matrices=False)
    needed = sizes > SPANNED * sizes[:, :1]
    columns *= needed[:, None]
    return columns[..., : int(needed.sum(dim=1).max())].float()


def _rows(
    of_all: Float[Tensor, "S A n P rows"], chosen: Int[Tensor, "S A b"]
) -> Float[Tensor, "S A b P rows"]:
    """Those of the examples chosen for each run."""
    seeds, arms, n = of_all.shape[:3]
    first = n * torch.arange(seeds * arms).view(seeds, arms, 1)
    flat = of_all.reshape(seeds * arms * n, *of_all.shape[3:])
    return flat.index_select(0, (first + chosen).flatten()).view(*chosen.shape, *of_all.shape[3:])


@torch.no_grad()
def _measured(tasks: list[Task], network: Network, parameters: Parameters) -> Measured:
    classes = tasks[0].classes

    def of(examples: list[Examples]) -> tuple[list[Tensor], ...]:
        """Mistakes and margins (A, n), and who is rare (n), of each seed: sizes may differ."""
        wrong, margin, rare = list[Tensor](), list[Tensor](), list[Tensor]()
        for seed, each in enumerate(examples):
            own = {name: value[seed : seed + 1] for name, value in parameters.items()}
            score = scores(network, own, responses(own["first"], each.x[None]), classes)[0]
            is_own = one_hot(each.y, classes).bool()
            right = score.masked_select(is_own).view(len(ARMS), -1)
            best_other = score.masked_fill(is_own, -torch.inf).amax(dim=-1)
            wrong.append(right <= best_other)
            margin.append(right - best_other)
            rare.append(each.rare)
        return wrong, margin, rare

    wrong, margin, rare = of([task.test for task in tasks])
    train_wrong, train_margin, train_rare = of([task.train for task in tasks])
    standard = ARMS.index("standard")

    def error(wrong: list[Tensor], among: list[Tensor]) -> Tensor:
        rows = [
            each[:, chosen].float().mean(dim=1) for each, chosen in zip(wrong, among, strict=True)
        ]
        return torch.stack(rows)

    share = [
        one[standard, among].mean() / other[standard, train_among].mean()
        for one, among, other, train_among in zip(
            margin, rare, train_margin, train_rare, strict=True
        )
    ]
    return Measured(
        common=error(wrong, [~each for each in rare]),
        rare=error(wrong, rare),
        train=error(train_wrong, [torch.ones_like(each) for each in train_rare]),
        share=torch.stack(share),
    )

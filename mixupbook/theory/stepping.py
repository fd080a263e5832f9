"""Steps of gradient descent on the weights, at a cost of min(d, nP) per patch and filter.

Directly, a step needs the responses X W of the patches X and the product X^T G with their gradient.
In Gram space it needs K G alone, K = X X^T: the weights move within the span of the patches,
W_t = W_0 - X^T S_t with S_t the sum of the scaled gradients, so that X W_t = X W_0 - K S_t. The
cost of a step then no longer depends on the dimension, and weights are recovered only where asked.

Patches that hold a feature have no noise, and their rows of X vanish off the four features. So
the four coordinates of the features are kept directly, for all patches, and the rest, direct or
in Gram space, for those patches alone that have a rest.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixupbook.theory.feature_noise import FEATURES
from mixupbook.theory.run_memory import apart, products, room_for_runs


class DirectDescent:
    """The weights as the state: two products of patches x d per step."""

    def __init__(
        self, rows: Float[Tensor, "R rows d"], columns: Float[Tensor, "R d filters"]
    ) -> None:
        self.rows = rows
        self.weights = apart(columns)

    def responses(self) -> Float[Tensor, "R rows filters"]:
        """The responses of all patches."""
        return products(self.rows, self.weights)

    def move(self, change: Float[Tensor, "R rows filters"]) -> None:
        """Moves against a gradient in the responses, scaled by the learning rate."""
        self.weights.baddbmm_(self.rows.mT, change, alpha=-1)

    def shift(self, change: Float[Tensor, "R d filters"]) -> None:
        """Moves the weights by a change of their own."""
        self.weights += change

    def columns(self) -> Float[Tensor, "R d filters"]:
        """The weights as columns."""
        return self.weights


class GramDescent:
    """The sum of the gradients as the state: one product of patches x patches per step."""

    def __init__(
        self, rows: Float[Tensor, "R rows d"], columns: Float[Tensor, "R d filters"]
    ) -> None:
        self.rows = rows
        self.start = apart(columns)
        # Transposed, for a product with few rows is faster than one with few columns.
        self.start_responses = products(self.start.mT, rows.mT)
        distinct = _distinct(rows)
        self.gram = products(distinct, distinct.mT).expand(len(rows), -1, -1)
        self.moved = room_for_runs(columns, rows.shape[1], columns.shape[2]).zero_()

    def responses(self) -> Float[Tensor, "R rows filters"]:
        """The responses of all patches."""
        return products(self.moved.mT, self.gram, start=self.start_responses).mT

    def move(self, change: Float[Tensor, "R rows filters"]) -> None:
        """Moves against a gradient in the responses, scaled by the learning rate."""
        self.moved += change

    def shift(self, change: Float[Tensor, "R d filters"]) -> None:
        """Moves the weights by a change of their own."""
        self.start += change
        self.start_responses.baddbmm_(change.mT, self.rows.mT)

    def columns(self) -> Float[Tensor, "R d filters"]:
        """The weights as columns."""
        return products(self.rows.mT, self.moved, start=self.start)


class SplitDescent:
    """The features' coordinates directly; the rest in the cheaper way, where there is a rest.

    Args:
        rows: the patches X of each run; runs that share their data have stride 0 between them.
        columns: the weights to start from.
        steps: how many steps are to come: the Gram matrix has to be worth its making.
    """

    def __init__(
        self, rows: Float[Tensor, "R rows d"], columns: Float[Tensor, "R d filters"], steps: int
    ) -> None:
        near = len(FEATURES)
        self.near_rows = rows[..., :near].contiguous()
        # In float64 always: over thousands of small steps, rounding them to float32 would add up.
        self.near_weights = columns[:, :near].to(torch.float64, copy=True)
        distinct = _distinct(rows)[..., near:]
        index = _noisy_rows((distinct != 0).any(dim=2))
        far = apart(distinct.gather(1, index[..., None].expand(-1, -1, distinct.shape[2])))
        kind = cheaper(far.shape[1], far.shape[2], columns.shape[2], steps)
        self.far = kind(far.expand(len(rows), -1, -1), columns[:, near:])
        first_row = torch.arange(len(rows), device=rows.device) * rows.shape[1]
        # Rows of all runs in one axis: indexing along it is several times as fast as gather.
        self.index = (first_row[:, None] + index).flatten()

    def responses(self) -> Float[Tensor, "R rows filters"]:
        """The responses of all patches."""
        # In the model's data a row has one entry there: the product is exact, wherever it lies.
        responses = torch.bmm(self.near_rows, self.near_weights.to(self.near_rows))
        responses.flatten(0, 1).index_add_(0, self.index, self.far.responses().flatten(0, 1))
        return responses

    def move(self, change: Float[Tensor, "R rows filters"]) -> None:
        """Moves against a gradient in the responses, scaled by the learning rate."""
        self.near_weights -= products(self.near_rows.mT, change)
        far_change = change.flatten(0, 1).index_select(0, self.index)
        self.far.move(far_change.unflatten(0, (len(change), -1)))

    def shift(self, change: Float[Tensor, "R d filters"]) -> None:
        """Moves the weights by a change of their own."""
        near = len(FEATURES)
        self.near_weights += change[:, :near]
        self.far.shift(change[:, near:])

    def columns(self) -> Float[Tensor, "R d filters"]:
        """The weights as columns."""
        near, far = self.near_weights.to(self.near_rows), self.far.columns()
        together = room_for_runs(far, near.shape[1] + far.shape[1], far.shape[2])
        together[:, : near.shape[1]] = near
        together[:, near.shape[1] :] = far
        return together


def cheaper(
    rows: int, dimension: int, filters: int, steps: int
) -> type[DirectDescent] | type[GramDescent]:
    """The kind of descent with fewer multiplications over the steps to come."""
    direct = 2 * steps * rows * dimension * filters
    gram = rows**2 * dimension + steps * rows**2 * filters
    return GramDescent if gram < direct else DirectDescent


def _distinct(rows: Float[Tensor, "R rows d"]) -> Float[Tensor, "runs rows d"]:
    """One run's rows where all runs share them."""
    return rows[:1] if rows.stride(0) == 0 else rows


def _noisy_rows(noisy: Bool[Tensor, "R rows"]) -> Int[Tensor, "R some"]:
    """The indices of the rows marked; with others, where a run has fewer of them than another."""
    most = int(noisy.sum(dim=1).max())
    marked_first = noisy.to(torch.uint8).argsort(dim=1, descending=True, stable=True)
    return marked_first[:, :most].sort(dim=1).values

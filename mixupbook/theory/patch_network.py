"""The two-layer network on patches.

F_k(x) = sum over filters r < m and patches p < P of sigma(<w_{k,r}, x^(p)>), for classes k = 0, 1;
in the model sigma is the square.

Between the classes only the margin F_1 - F_0 matters, and it is one signed sum over the filters of
both. Computations therefore keep all 2m filters in one axis, class 0 first: weights
(2, m, d) are handled as columns (d, 2m), and responses <w_{k,r}, x^(p)> as (n, P, 2m).
"""

import functools
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from mixupbook.theory.activations import SQUARE, Activation


def initial_weights(
    seeds: Sequence[int], width: int, dimension: int, init_std: float
) -> Float[Tensor, "R 2 m d"]:
    """Weights N(0, init_std^2), one network for each seed.

    Drawn in float32 on the CPU whatever is computed with later, so that every precision and every
    device starts from the same point.
    """
    return torch.stack(
        [
            torch.randn(
                2,
                width,
                dimension,
                dtype=torch.float32,
                device="cpu",
                generator=torch.Generator("cpu").manual_seed(seed),
            )
            for seed in seeds
        ]
    ).mul_(init_std)


def as_columns(weights: Float[Tensor, "R 2 m d"]) -> Float[Tensor, "R d filters"]:
    """The filters of both classes as columns, class 0 first."""
    return weights.flatten(1, 2).mT


def as_weights(columns: Float[Tensor, "R d filters"]) -> Float[Tensor, "R 2 m d"]:
    """The inverse of `as_columns`."""
    return columns.mT.unflatten(1, (2, -1))


def class_signs(responses: Float[Tensor, "*shape filters"]) -> Float[Tensor, " filters"]:
    """-1 for the filters of class 0, 1 for those of class 1."""
    filters = responses.shape[-1]
    return _signs(filters, responses.dtype, responses.device)


@functools.lru_cache(maxsize=8)
def _signs(filters: int, dtype: torch.dtype, device: torch.device) -> Float[Tensor, " filters"]:
    signs = torch.ones(filters, dtype=dtype, device=device)
    signs[: filters // 2] = -1
    return signs


def margins(
    responses: Float[Tensor, "R n P filters"], activation: Activation = SQUARE
) -> Float[Tensor, "R n"]:
    """F_1 - F_0 of each example."""
    by_class = activation.value(responses).unflatten(-1, (2, -1)).sum(dim=(2, 4))
    return by_class[..., 1] - by_class[..., 0]


def mistakes(margin: Float[Tensor, "R n"], y: Float[Tensor, "R n"]) -> Float[Tensor, "R n"]:
    """1 where the larger output is another class's, else 0 (on a tie the network says class 0).

    NaN where the margin is, as the difference of two outputs out of range: nobody can tell.
    """
    wrong = ((margin > 0) != (y == 1)).double()
    return wrong.masked_fill_(margin.isnan(), torch.nan)

"""Memory and arithmetic by which each run ends where it ends alone.

Functions such as the exponential are rounded otherwise at the end of a tensor, and products of
several matrices at once otherwise than each of them by itself: by where they begin in a line of the
cache, and by how they are divided among threads. Where runs lie one after another without a gap,
both would depend on the runs that are computed together. With gaps, and with products of one run at
a time, each ends bit for bit where it ends alone. For products that is so in float64, as one call
for all of them is faster where runs are small, which float32 is for.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["WHOLE", "apart", "each_alone", "products", "room_for_runs"]

# Numbers that fill whole registers, and whole lines.
WHOLE = 64


def room_for_runs(like: Tensor, *shape: int, leading: tuple[int, ...] = ()) -> Tensor:
    """Uninitialised memory of shape (*leading, R, *shape).

    Args:
        like: of R runs, in whose precision and on whose device the memory is.
        shape: for each run.
        leading: how many times.
    """
    wanted = math.prod(shape)
    whole = like.new_empty(*leading, len(like), _padded(wanted, like))
    return whole[..., :wanted].unflatten(-1, shape)


def apart(values: Tensor) -> Tensor:
    """A copy of values (R, ...) in such memory."""
    return room_for_runs(values, *values.shape[1:]).copy_(values)


def products(
    left: Float[Tensor, "R rows inner"],
    right: Float[Tensor, "R inner columns"],
    *,
    start: Float[Tensor, "R rows columns"] | None = None,
    out: Float[Tensor, "R rows columns"] | None = None,
) -> Float[Tensor, "R rows columns"]:
    """The product of two matrices for each run, or `start` less that product.

    Args:
        left: the first matrices.
        right: the second ones.
        start: what they are taken from.
        out: such memory, for the result.
    """
    if _each_by_itself(left):
        left, right = _on_lines(left), _on_lines(right)
        out = room_for_runs(left, left.shape[1], right.shape[2]) if out is None else out
    if start is None:
        return torch.bmm(left, right, out=out)
    return torch.baddbmm(start, left, right, alpha=-1, out=out)


def each_alone(
    function: Callable[[Tensor], Tensor], values: Float[Tensor, "R ..."]
) -> Float[Tensor, "R ..."]:
    """Values after a function that changes each of them in place; their own memory where it suits.

    The function sees whole registers alone, with what lies between the runs.
    """
    own = values[0].numel()
    if values.is_cuda or (own % WHOLE == 0 and values.is_contiguous()):
        return function(values)
    padded = _padded(own, values)
    whole = len(values) * padded
    left = values.untyped_storage().nbytes() // values.element_size() - values.storage_offset()
    apart_already = len(values) == 1 or values.stride(0) == padded
    if values[0].is_contiguous() and apart_already and left >= whole:
        function(values.as_strided((whole,), (1,)))
        return values
    room = room_for_runs(values, own)
    room.copy_(values.flatten(1))
    function(room.as_strided((whole,), (1,)))
    return room.unflatten(1, values.shape[1:])


def _padded(wanted: int, like: Tensor) -> int:
    """A run's numbers up to whole lines: where products need it, with a gap in any case."""
    if _each_by_itself(like):
        return (wanted // WHOLE + 1) * WHOLE
    return -(-wanted // WHOLE) * WHOLE


def _each_by_itself(like: Tensor) -> bool:
    """Whether runs are multiplied one at a time: torch does so where there are gaps between."""
    return like.dtype == torch.float64 and not like.is_cuda


def _on_lines(matrices: Float[Tensor, "R rows columns"]) -> Float[Tensor, "R rows columns"]:
    """Matrices each of which begins a line: copies, laid out alike, where they do not."""
    if len(matrices) == 1 or matrices.stride(0) % WHOLE == 0:
        return matrices
    return apart(matrices) if matrices.stride(2) == 1 else apart(matrices.mT).mT

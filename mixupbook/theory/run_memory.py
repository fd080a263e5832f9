"""Memory in which each run has whole lines of the cache to itself.

Libraries round sums otherwise where a product begins inside a line, and functions such as the
exponential otherwise at the end of a tensor. Where runs lie one after another without a gap, both
would depend on the runs that are computed together; with gaps each ends, bit for bit, where it ends
alone.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["WHOLE", "apart", "each_alone", "lines_for_runs", "products", "room_for_runs"]

# Numbers that fill whole registers, and whole lines.
WHOLE = 64
LINE = 64  # bytes


def room_for_runs(like: Tensor, *shape: int, leading: tuple[int, ...] = ()) -> Tensor:
    """Uninitialised memory of shape (*leading, R, *shape).

    Args:
        like: of R runs, in whose precision and on whose device the memory is.
        shape: for each run.
        leading: how many times.
    """
    return _room(like, shape, WHOLE, leading)


def lines_for_runs(like: Tensor, *shape: int) -> Tensor:
    """As `room_for_runs`, but whole lines alone: products need no more, and gaps cost them time."""
    return _room(like, shape, LINE // like.element_size())


def apart(values: Tensor) -> Tensor:
    """A copy of values (R, ...), each run of which begins a line."""
    return lines_for_runs(values, *values.shape[1:]).copy_(values)


def _room(
    like: Tensor, shape: tuple[int, ...], unit: int, leading: tuple[int, ...] = ()
) -> Tensor:
    wanted = math.prod(shape)
    padded = -(-wanted // unit) * unit
    whole = like.new_empty(*leading, len(like), padded)
    return whole[..., :wanted].unflatten(-1, shape)


def products(
    left: Float[Tensor, "R rows inner"],
    right: Float[Tensor, "R inner columns"],
    out: Float[Tensor, "R rows columns"] | None = None,
) -> Float[Tensor, "R rows columns"]:
    """The product of two matrices for each run, in such memory, from such memory."""
    if out is None:
        out = lines_for_runs(left, left.shape[1], right.shape[2])
    return torch.bmm(_on_lines(left), _on_lines(right), out=out)


def _on_lines(matrices: Float[Tensor, "R rows columns"]) -> Float[Tensor, "R rows columns"]:
    """Matrices each of which begins a line: copies, laid out alike, where they do not."""
    if len(matrices) == 1 or matrices.stride(0) * matrices.element_size() % LINE == 0:
        return matrices
    return apart(matrices) if matrices.stride(2) == 1 else apart(matrices.mT).mT


def each_alone(
    function: Callable[[Tensor], Tensor], values: Float[Tensor, "R ..."]
) -> Float[Tensor, "R ..."]:
    """Values after a function that changes each of them in place; their own memory where it suits.

    The function sees whole registers alone, with what lies between the runs.
    """
    own = values[0].numel()
    padded = -(-own // WHOLE) * WHOLE
    if values.is_cuda or (own == padded and values.is_contiguous()):
        return function(values)
    dense = values[0].is_contiguous()
    whole = len(values) * padded
    left = values.untyped_storage().nbytes() // values.element_size() - values.storage_offset()
    apart_already = len(values) == 1 or values.stride(0) == padded
    if dense and apart_already and left >= whole:
        function(values.as_strided((whole,), (1,)))
        return values
    room = room_for_runs(values, own)
    room.copy_(values.flatten(1))
    function(room.as_strided((whole,), (1,)))
    return room.unflatten(1, values.shape[1:])

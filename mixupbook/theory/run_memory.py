"""Memory in which each run has whole lines of the cache to itself.

Libraries round sums otherwise where a matrix begins inside a line, and functions such as the
exponential otherwise at the end of a tensor. Where runs lie one after another without a gap, both
would depend on the runs that are computed together; with gaps each ends, bit for bit, where it ends
alone.
"""

import math

from torch import Tensor

__all__ = ["WHOLE", "apart", "room_for_runs"]

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
    padded = -(-wanted // WHOLE) * WHOLE
    whole = like.new_empty(*leading, len(like), padded)
    return whole[..., :wanted].unflatten(-1, shape)


def apart(values: Tensor) -> Tensor:
    """A copy of values (R, ...) in such memory."""
    return room_for_runs(values, *values.shape[1:]).copy_(values)

"""The epochs in which batches are mixed, and the word of them that worker processes hear."""

import contextlib
from typing import Any

import torch
from torch import Tensor

from mixupbook._arguments import whole_number

__all__ = ["Schedule"]

NOT_TOLD = -1


class Schedule:
    """Mixing from epoch `start` on and before epoch `stop`, each None where there is no such bound.

    Where there is a bound, the epoch lies in shared memory too, if the system grants it: then
    worker processes that hold a copy `hear` of it. A copy for other uses has an epoch of its own.

    Raises:
        TypeError: a bound that is not an integer.
        ValueError: a negative bound, or a start that is not below the stop.
    """

    def __init__(self, start: int | None, stop: int | None) -> None:
        self.start = None if start is None else whole_number("start_epoch", start)
        self.stop = None if stop is None else whole_number("stop_epoch", stop)
        if start is not None and stop is not None and start >= stop:
            raise ValueError(f"start_epoch must be below stop_epoch {stop!r}, got {start!r}")
        self.epoch: int | None = None
        self._shared = None if start is None and stop is None else _shared_number(NOT_TOLD)

    def set_epoch(self, epoch: int) -> None:
        """Says which epoch begins, here and to the workers."""
        self.epoch = whole_number("epoch", epoch)
        if self._shared is not None:
            self._shared.fill_(self.epoch)

    def hear(self) -> None:
        """Takes over, in a worker process, the epoch that was set in the process it works for."""
        if self._shared is not None:
            epoch = int(self._shared)
            self.epoch = None if epoch == NOT_TOLD else epoch

    @property
    def active(self) -> bool:
        """Whether the current epoch is one in which batches are mixed.

        Raises:
            RuntimeError: it depends on the epoch, which nobody has set.
        """
        if self._shared is None:
            return True
        if self.epoch is None:
            raise RuntimeError(
                f"start_epoch={self.start} and stop_epoch={self.stop} need to know the epoch: "
                "call mix.set_epoch(epoch) before the loop over the batches of each epoch"
            )
        started = self.start is None or self.epoch >= self.start
        stopped = self.stop is not None and self.epoch >= self.stop
        return started and not stopped

    def __copy__(self) -> "Schedule":
        twin = Schedule(self.start, self.stop)
        if self.epoch is not None:
            twin.set_epoch(self.epoch)
        return twin

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._shared is not None and not self._shared.is_shared():  # no loader's worker
            self._shared = _shared_number(int(self._shared))


def _shared_number(value: int) -> Tensor:
    """A number that worker processes see change, where the system grants shared memory."""
    number = torch.tensor(value, device="cpu")
    with contextlib.suppress(RuntimeError, OSError):
        number.share_memory_()
    return number

"""A run and its checkpoint: taken up where the file leaves it, and kept as it goes."""

import copy
from dataclasses import dataclass
from typing import Any

from mixupbook.images.training.checkpoint import Checkpoint
from mixupbook.images.training.identity import Identity
from mixupbook.images.training.loop import Training

__all__ = ["Kept"]


@dataclass(frozen=True)
class Kept:
    """The checkpoint of one run.

    Attributes:
        checkpoint: the file, held for this run alone.
        identity: what tells the run from others.
    """

    checkpoint: Checkpoint
    identity: Identity

    def take_up(self, training: Training) -> None:
        """Goes on from the file, or begins it.

        Raises:
            ValueError: the file holds something else, or the network's state cannot be kept.
            OSError: it could not be written.
        """
        state = self.checkpoint.read(self.identity)
        if state is None:
            _check_that_it_takes_its_own_state(training)
            self.checkpoint.write(self.identity, training.state_dict())
        else:
            _go_on(training, state, str(self.checkpoint.path))

    def epoch_done(self, training: Training) -> None:
        """Writes the file where a state is due.

        Raises:
            OSError: it could not be written.
        """
        done = len(training.history)
        if done % self.checkpoint.every == 0 or done == training.settings.epochs:
            self.checkpoint.write(self.identity, training.state_dict())


def _check_that_it_takes_its_own_state(training: Training) -> None:
    try:
        # A copy: a state that is put back into its own memory always fits.
        training.load_state_dict(copy.deepcopy(training.state_dict()))
    except Exception as error:  # a module may raise anything
        raise ValueError(
            "network must take back the state that it gives (set_extra_state after "
            f"get_extra_state), or no checkpoint can be kept of it: {error}"
        ) from error


def _go_on(training: Training, state: dict[str, Any], path: str) -> None:
    try:
        training.load_state_dict(state)
        epochs = [record["epoch"] for record in training.history]
    except Exception as error:
        raise ValueError(
            f"checkpoint {path!r} does not hold the state of a run ({error!r}): delete it to start "
            "anew"
        ) from error
    if epochs != list(range(len(epochs))) or len(epochs) > training.settings.epochs:
        raise ValueError(
            f"checkpoint {path!r} must hold the epochs 0, 1, ... of a run, "
            f"got {epochs}: delete it to start anew"
        )

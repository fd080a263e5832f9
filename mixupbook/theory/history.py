"""What is measured of many runs over the steps, as a dataset: NaN from where a run diverged."""

from typing import Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from mixupbook.theory.attributes import attributes
from mixupbook.theory.feature_noise import FEATURES
from mixupbook.theory.measures import measure
from mixupbook.theory.patch_network import as_weights
from mixupbook.theory.runs import Runs
from mixupbook.theory.walk import State

__all__ = ["History"]

EXTRA_DIMS = {"feature_alignment": ("feature",), "noise_memorisation": ("example",)}
# Steps whose sums are kept before they are looked at.
MANY = 64


class History:
    """Collects what is measured of runs, and knows which of them still hold finite numbers.

    A run has diverged at the first step whose responses, or recorded loss, are not finite: from
    there on they never are again, so counting the finite steps is enough, and needs no look at the
    numbers (which would stall a GPU) before they are recorded. Sums tell, and are looked at many
    steps at a time.
    """

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.steps: list[int] = []
        self.found: dict[str, list[Tensor]] = {}
        self.sums: list[Tensor] = []
        self.finite_steps = torch.zeros(len(runs), dtype=torch.int64, device=runs.device)
        self.diverged_at = torch.full((len(runs),), -1, dtype=torch.int64, device="cpu")
        self.all_diverged = False  # whether no run is worth going on with, as of the last record

    def follow(self, state: State) -> None:
        """To be called with the state of every step, in order: measures it where one is due."""
        self.watch(state.responses)
        if state.step % self.runs.record_every == 0 or state.step == self.runs.steps:
            self._record(state)

    def watch(self, responses: Float[Tensor, "R n P filters"]) -> None:
        """Notes whether the responses of a step are finite."""
        self.sums.append(responses.flatten(1).sum(dim=1))
        if len(self.sums) == MANY:
            self._count()

    def _count(self) -> None:
        """Counts the finite steps among those watched since it was last called."""
        if self.sums:
            self.finite_steps += torch.stack(self.sums).isfinite().sum(dim=0)
            self.sums.clear()

    def _record(self, state: State) -> None:
        """Measures a state, and finds out which runs have diverged by it."""
        loss = state.loss.value(state.responses)
        columns = state.descent.columns()
        found = measure(
            self.runs.train, self.runs.test, state.responses, columns, self.runs.activation
        )
        self._count()
        lost = self.finite_steps.where(loss.isfinite(), self.finite_steps.clamp(max=state.step))
        lost = lost.cpu()
        newly = (lost <= state.step) & (self.diverged_at < 0)
        self.diverged_at = torch.where(newly, lost, self.diverged_at)
        self.all_diverged = bool((self.diverged_at >= 0).all())
        self.steps.append(state.step)
        for name, value in {"loss": loss, **found}.items():
            value = value.double().cpu()
            value[self.diverged_at >= 0] = torch.nan
            self.found.setdefault(name, []).append(value)

    def dataset(self, last: State, *, weights: bool) -> xr.Dataset:
        """All that was recorded, with dimensions run and step, and the weights of the last state.

        Args:
            last: the state at which the runs ended.
            weights: whether its weights are wanted.
        """
        variables: dict[str, tuple[Any, np.ndarray]] = {
            name: (("run", "step", *EXTRA_DIMS.get(name, ())), torch.stack(values, dim=1).numpy())
            for name, values in self.found.items()
        }
        variables["diverged_at"] = ("run", self.diverged_at.numpy())
        if weights:
            found = as_weights(last.descent.columns()).cpu()
            found[self.diverged_at >= 0] = torch.nan
            variables["weights"] = (("run", "class", "filter", "dimension"), found.numpy())
        coordinates = {
            "run": np.arange(len(self.runs)),
            "seed": ("run", np.asarray(self.runs.seeds)),
            "step": self.steps,
            "feature": list(FEATURES),
        }
        attrs = {**attributes(self.runs), "descent": type(last.descent.far).__name__}
        return xr.Dataset(variables, coordinates, attrs)

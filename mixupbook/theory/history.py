"""Records of many runs over the steps, as a dataset; diverged runs are NaN from then on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from mixupbook.theory.feature_noise import FEATURES

__all__ = ["Records"]

EXTRA_DIMS = {"feature_alignment": ("feature",), "noise_memorisation": ("example",)}
# Steps whose sums are kept before they are looked at.
MANY = 64


class Records:
    """Collects what is measured of runs, and knows which of them still hold finite numbers.

    A run has diverged at the first step whose responses, or recorded loss, are not finite: from
    there on they never are again, so counting the finite steps is enough, and needs no look at the
    numbers (which would stall a GPU) before they are recorded. Sums tell, and are looked at many
    steps at a time.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self.seeds = seeds
        self.steps: list[int] = []
        self.found: dict[str, list[Tensor]] = {}
        self.sums: list[Tensor] = []
        self.finite_steps = torch.zeros(len(seeds), dtype=torch.int64, device=device)
        self.diverged_at = torch.full((len(seeds),), -1, device="cpu")

    def watch(self, responses: Float[Tensor, "R n P filters"]) -> None:
        """To be called with the responses of every step, in order."""
        self.sums.append(responses.flatten(1).sum(dim=1))
        if len(self.sums) == MANY:
            self._count()

    def take(self, step: int, found: Mapping[str, Tensor]) -> None:
        """Records tensors (R, ...) measured at a step, a loss among them."""
        self._count()
        lost = self.finite_steps.where(found["loss"].isfinite(), self.finite_steps.clamp(max=step))
        lost = lost.cpu()
        newly = (lost <= step) & (self.diverged_at < 0)
        self.diverged_at = torch.where(newly, lost, self.diverged_at)
        self.steps.append(step)
        for name, value in found.items():
            value = value.detach().double().cpu()
            value[self.diverged_at >= 0] = torch.nan
            self.found.setdefault(name, []).append(value)

    def _count(self) -> None:
        """Counts the finite steps among those watched since it was last called."""
        if self.sums:
            self.finite_steps += torch.stack(self.sums).isfinite().sum(dim=0)
            self.sums.clear()

    def all_diverged(self) -> bool:
        """Whether no run is worth going on with, as of the last record."""
        return bool((self.diverged_at >= 0).all())

    def dataset(self, attrs: Mapping[str, Any]) -> xr.Dataset:
        """All that was recorded, with dimensions run and step."""
        variables = {
            name: (("run", "step", *EXTRA_DIMS.get(name, ())), torch.stack(values, dim=1).numpy())
            for name, values in self.found.items()
        }
        variables["diverged_at"] = ("run", self.diverged_at.numpy())
        coordinates = {
            "run": np.arange(len(self.seeds)),
            "seed": ("run", np.asarray(self.seeds)),
            "step": self.steps,
            "feature": list(FEATURES),
        }
        return xr.Dataset(variables, coordinates, dict(attrs))

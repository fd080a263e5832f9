"""Fresh Gaussian noise on the inputs of those runs that ask for it, step by step."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mixupbook.theory.any_objective import Objective
from mixupbook.theory.patch_objectives import InputNoise

__all__ = ["NoiseSource"]

# Apart from the initial weights, which the same seed decides.
STREAM = 1


class NoiseSource:
    """Draws the noise of one step after another, each run from a stream of its own.

    Args:
        seeds: of the runs.
        device: where noise is wanted.
        dtype: in which precision.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device, dtype: torch.dtype) -> None:
        self.device, self.dtype = device, dtype
        self.generators = [torch.Generator("cpu").manual_seed(_own(seed)) for seed in seeds]
        self.stds: dict[int, float] = {}

    def follow(self, objectives: Sequence[Objective]) -> None:
        """Takes note of what is in force from now on."""
        self.stds = {
            run: float(one.std)
            for run, one in enumerate(objectives)
            if isinstance(one, InputNoise) and one.std > 0
        }

    def draw(self, rows: int, dimension: int) -> tuple[Tensor, Float[Tensor, "noisy rows d"]]:
        """The runs that have noise at this step, and their noise."""
        drawn = torch.stack(
            [
                torch.randn(
                    rows,
                    dimension,
                    dtype=torch.float32,
                    device="cpu",
                    generator=self.generators[run],
                ).mul_(std)
                for run, std in self.stds.items()
            ]
        )
        return torch.tensor(list(self.stds), device=self.device), drawn.to(self.device, self.dtype)


def _own(seed: int) -> int:
    return int(np.random.SeedSequence([seed, STREAM]).generate_state(1, np.uint64)[0])

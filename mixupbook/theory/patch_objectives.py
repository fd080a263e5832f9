"""Objectives that act on patches: controls, which no cross term of a mixture is part of.

All pairs of `PairCutMix`, with all masks of its size, and all masks of `PatchDropping` are taken
exactly: a margin is a sum over patches, so that a patch counts or does not. `InputNoise` draws.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mixupbook._arguments import in_interval, one_of, whole_number
from mixupbook.theory.feature_noise import PatchData
from mixupbook.theory.objectives import ALL, PARTNERS, Partners, Scheduled, mask_of

__all__ = ["InputNoise", "PairCutMix", "PatchDropping"]

MOST_MASKS = 4096


# `| Any`, here and below: what else is given is refused by hand, with messages for people.
@dataclass(frozen=True)
class PairCutMix(Scheduled):
    """CutMix over patches: `keep` patches of one example, the others of a second one.

    The mean is over all ordered pairs of examples and all sets of `keep` patches:

        1/n^2 sum_{i,j} mean_S CE(F(patches S of x_i, the others of x_j), l_y e_{y_i} + (1 - l_y)
        e_{y_j}).

    Args:
        keep: how many patches stay, at least 1; all P of them is standard training.
        label_lam: label coefficient l_y in [0, 1]; by area, keep/P, where it is None.
        start_step: standard training before this step.
        stop_step: standard training from this step on.
        partners: the pairs that stay in the mean, as in `PairMixup`.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed; where it is used, more patches kept than there
            are, or more than 4096 sets of patches.

    Sources: CutMix is of Yun et al. (ICCV 2019), who cut one rectangle; sets of patches, and the
    exact mean over them, are ours.

    Example:
        >>> from mixupbook import FeatureNoise, descend
        >>> train = FeatureNoise(50, 4, 0.1, 0.2, 1, 0.15).sample(20, seed=0, rare=2)
        >>> result = descend(train, PairCutMix(keep=3), steps=10)
        >>> bool(result.loss[0, -1] < result.loss[0, 0])
        True
    """

    keep: int | Any
    label_lam: float | Any | None = None
    start_step: int | Any | None = None
    stop_step: int | Any | None = None
    partners: Partners | Any = ALL

    def __post_init__(self) -> None:
        whole_number("keep", self.keep, at_least=1)
        if self.label_lam is not None:
            in_interval("label_lam", self.label_lam, 0, 1)
        self._check_schedule()
        if not callable(self.partners):
            one_of("partners", self.partners, [ALL, *PARTNERS])

    def mask(self, data: PatchData) -> Tensor | None:
        """The pairs kept, (n, n) bool, or None where all are; raises as that of `PairMixup`."""
        return mask_of(self, self.partners, data)

    def patch_sets(self, patches: int) -> Tensor:
        """All sets of `keep` of so many patches, (sets, patches), 1 for what stays.

        Raises:
            ValueError: fewer patches than are kept, or too many sets.
        """
        if self.keep > patches:
            raise ValueError(
                f"keep must be at most the number of patches, {patches}, got {self.keep!r}"
            )
        _check_number_of_sets(f"keep = {self.keep!r}", math.comb(patches, self.keep), patches)
        sets = torch.zeros(math.comb(patches, self.keep), patches, dtype=torch.float64)
        for row, chosen in enumerate(itertools.combinations(range(patches), self.keep)):
            sets[row, list(chosen)] = 1
        return sets


@dataclass(frozen=True)
class PatchDropping(Scheduled):
    """Standard training where each patch is set to zero with probability `drop`, on its own.

    The mean is over all 2^P sets of patches, exactly. What stays is not scaled up.

    Args:
        drop: probability in [0, 1).
        start_step: standard training before this step.
        stop_step: standard training from this step on.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed; where it is used, more than 12 patches.

    Sources: it is dropout (Srivastava et al., JMLR 2014) of whole input patches; the exact mean
    over all sets of them is ours.

    Example:
        >>> sets, weights = PatchDropping(0.25).patch_sets(2)
        >>> sets.shape, f"{weights.max():.4f}"
        (torch.Size([4, 2]), '0.5625')
    """

    drop: float | Any = 0.5
    start_step: int | Any | None = None
    stop_step: int | Any | None = None

    def __post_init__(self) -> None:
        in_interval("drop", self.drop, 0, 1, open_high=True)
        self._check_schedule()

    def patch_sets(self, patches: int) -> tuple[Tensor, Tensor]:
        """All sets of so many patches, (2^P, P), 1 for what stays, and their probabilities.

        Raises:
            ValueError: too many sets.
        """
        _check_number_of_sets("PatchDropping", 2**patches, patches)
        sets = torch.tensor(
            list(itertools.product((0.0, 1.0), repeat=patches)), dtype=torch.float64
        )
        kept = sets.sum(dim=1)
        return sets, (1 - self.drop) ** kept * self.drop ** (patches - kept)


@dataclass(frozen=True)
class InputNoise(Scheduled):
    """Standard training on examples with fresh Gaussian noise in every coordinate, at every step.

    Each run draws its own noise, which its seed decides, on the processor and in float32 whatever
    is computed with, so that it is the same everywhere. The loss that `descend` records is that of
    the examples without noise.

    Args:
        std: standard deviation of the noise, not negative.
        start_step: standard training before this step.
        stop_step: standard training from this step on.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed.

    Sources: Bishop, "Training with noise is equivalent to Tikhonov regularization" (Neural
    Computation 1995). Here it is a control, with the feature and its example's noise treated alike.

    Example:
        >>> InputNoise(0.05, stop_step=100).at(100)
        Standard(label_smoothing=0.0)
    """

    std: float | Any
    start_step: int | Any | None = None
    stop_step: int | Any | None = None

    def __post_init__(self) -> None:
        in_interval("std", self.std, 0)
        self._check_schedule()


def _check_number_of_sets(what: str, sets: int, patches: int) -> None:
    if sets > MOST_MASKS:
        raise ValueError(
            f"{what} takes all {sets} sets of {patches} patches exactly, and at most {MOST_MASKS} "
            "can be taken: fewer patches, please"
        )

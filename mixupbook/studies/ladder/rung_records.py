"""What the ladder's record consists of: for each rung its settings, and every seed's errors."""

from typing import Annotated, Any

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator

from mixupbook._arguments import one_of
from mixupbook.studies.record import Fraction, Name, Part, Provenance

__all__ = ["LadderRecord", "RungRecord"]

BySeed = Annotated[tuple[Fraction, ...], Field(min_length=2)]


class RungRecord(Part):
    """One rung: errors are fractions of the test examples, by arm and then by seed."""

    setting: dict[str, Any]  # all that decides the numbers, beside the source
    seeds: Annotated[tuple[int, ...], Field(min_length=2)]
    common: dict[Name, BySeed]
    rare: dict[Name, BySeed]
    train: dict[Name, BySeed] = Field(default_factory=dict)  # errors on training examples, or empty
    validation: dict[Name, BySeed] = Field(default_factory=dict)  # rare, on other test images
    share: tuple[float, ...] = ()  # mean rare margin, test over training; standard training
    seconds: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _check_lengths(self) -> "RungRecord":
        columns = [*self.common.values(), *self.rare.values(), *self.train.values()]
        columns += self.validation.values()
        columns += [self.share] if self.share else []
        if {len(column) for column in columns} != {len(self.seeds)}:
            raise ValueError(f"each arm must have {len(self.seeds)} numbers, one for each seed")
        if self.common.keys() != self.rare.keys():
            raise ValueError("common and rare must have the same arms")
        return self

    def points(self, group: str, arm: str) -> Float[np.ndarray, " seeds"]:
        """Errors of an arm in per cent, by seed.

        Args:
            group: ``"common"``, ``"rare"``, ``"train"`` or ``"validation"``.
            arm: one of those recorded.

        Raises:
            ValueError: another group or arm.
        """
        one_of("group", group, ("common", "rare", "train", "validation"))
        errors = getattr(self, group)
        return 100 * np.array(errors[one_of("arm", arm, errors)])

    def need(self) -> Float[np.ndarray, " seeds"]:
        """What is lost without same-label common-rare pairs: points of rare error, by seed."""
        return self.points("rare", "all-but-those") - self.points("rare", "all")


class LadderRecord(Provenance):
    """The rungs that have been trained."""

    rungs: dict[Name, RungRecord] = Field(default_factory=dict)

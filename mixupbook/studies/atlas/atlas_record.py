"""What the atlas's record consists of: for each map its settings, and every network's errors."""

import math
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator

from mixupbook._arguments import one_of
from mixupbook.studies.record import Count, Name, NotNegative, Part, Provenance, Seed, Text

__all__ = ["AtlasRecord", "CostRecord", "MapRecord"]

Value = float | Text


class MapRecord(Part):
    """One map: a network for each combination of values, and each seed.

    Errors are fractions of test examples, to three decimals, in the order of the dimensions, with
    seed and step last. `learned` is the first recorded step from which on the rare error is below
    5 %, -1 where there is none. A missing error, of a run that left the range of numbers, is null.
    """

    title: Text
    setting: dict[str, Any]  # all that decides the numbers, beside the source
    dims: dict[Name, tuple[Value, ...]]
    seeds: Annotated[tuple[Seed, ...], Field(min_length=2)]
    steps: Annotated[tuple[Count, ...], Field(min_length=1)]
    common: tuple[float | None, ...]
    rare: tuple[float | None, ...]
    learned: tuple[int, ...]
    seconds: NotNegative  # of processor time, all seeds together

    @model_validator(mode="after")
    def _check_lengths(self) -> "MapRecord":
        runs = math.prod(self.shape)
        lengths = (len(self.common), len(self.rare), len(self.learned))
        wanted = (runs * len(self.steps), runs * len(self.steps), runs)
        if lengths != wanted:
            raise ValueError(f"common, rare and learned must have {wanted} numbers, got {lengths}")
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the dimensions, with the seeds last."""
        return (*map(len, self.dims.values()), len(self.seeds))

    def axes(self) -> list[tuple[float, ...]]:
        """The values of the dimensions, where all are numbers."""
        return [tuple(map(float, values)) for values in self.dims.values()]

    def errors(self, group: str) -> Float[np.ndarray, "*shape steps"]:
        """Errors as fractions, along the dimensions, seed and step; NaN where one is missing.

        Args:
            group: ``"common"`` or ``"rare"``.

        Raises:
            ValueError: another group.
        """
        values = getattr(self, one_of("group", group, ("common", "rare")))
        return np.array(values, dtype=float).reshape(*self.shape, len(self.steps))

    def time_to_learn(self) -> Float[np.ndarray, "*shape"]:
        """Steps until the rare error stays below 5 %; infinite where it never does."""
        found = np.array(self.learned, dtype=float).reshape(self.shape)
        return np.where(found < 0, np.inf, found)


class CostRecord(Part):
    """Seconds, for each value of what varies."""

    values: Annotated[tuple[Count, ...], Field(min_length=1)]
    seconds: tuple[NotNegative, ...]


class AtlasRecord(Provenance):
    """The maps that have been made, and what sweeps cost on the machine that made them."""

    maps: dict[Name, MapRecord] = Field(default_factory=dict)
    costs: dict[Name, CostRecord] = Field(default_factory=dict)

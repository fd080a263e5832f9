"""What a recorded result consists of: finished runs, and all that is needed to judge them."""

import datetime
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mixupbook._arguments import one_of

__all__ = ["Acknowledgement", "Images", "Part", "Provenance", "Recipe", "Record", "SeedRun"]

Text = Annotated[str, Field(pattern=r"\S")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]


class Part(BaseModel):
    """Takes what it declares and no more; a number is not read from text."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class SeedRun(Part):
    """One finished run: an arm under a seed. Errors are fractions of the test images."""

    arm: Name
    seed: Seed
    train_loss: tuple[NotNegative, ...]  # nats, one number per epoch
    test_error: tuple[Fraction, ...]  # one number per epoch
    final_error: Fraction  # at the end, in float32
    recalibrated_error: Fraction | None  # after re-estimating batch norm; None without it
    seconds: NotNegative | None  # wall time; None for a run that was taken up again

    def __str__(self) -> str:
        clean = self.recalibrated_error
        recalibrated = "" if clean is None else f", recalibrated {clean:.2%}"
        return f"test error {self.final_error:.2%}{recalibrated}"


Edition = Literal["official", "jpeg", "other"]


class Images(Part):
    """What was trained and tested on: edition of CIFAR-10, numbers of images, and their digest."""

    edition: Edition
    train: Count
    test: Count
    digest: Text


class Recipe(Part):
    """What the arms have in common, as `fit` takes it, and the planned seeds."""

    network: Text
    epochs: Count
    batch_size: Count
    lr: float
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: Text
    augment: Text | None = None
    precision: Text = "auto"
    compile: bool = False
    test_every: Count = 1
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0, 1, 2)


class Acknowledgement(Part):
    """Why results stand although modules have changed since: their digests then, and a reason."""

    sources: dict[str, Text]
    reason: Text


class Provenance(Part):
    """What every record says of itself, and of what made it."""

    name: Name
    title: Text
    note: str  # what a reader must know
    sources: Annotated[dict[str, Text], Field(min_length=1)]  # digests of what decides the numbers
    package_version: str
    environment: dict[str, str]
    device: Text  # the processor's name
    date: datetime.date  # in UTC
    acknowledged: Acknowledgement | None = None


class Record(Provenance):
    """Recorded results. Each arm has the keywords of its `Mixup`, or None for standard training.

    What is missing, unknown, out of range or contradictory is a ValueError that names the place.
    """

    data: Images
    settings: Recipe
    arms: dict[Name, dict[str, str | int | float] | None]
    runs: tuple[SeedRun, ...] = ()

    @model_validator(mode="after")
    def _check_runs(self) -> "Record":
        for run in self.runs:
            if run.arm not in self.arms or run.seed not in self.settings.seeds:
                raise ValueError(f"{run.arm!r} under seed {run.seed} must be a planned run")
            if {len(run.train_loss), len(run.test_error)} != {self.settings.epochs}:
                raise ValueError(f"{run.arm!r} must have {self.settings.epochs} epochs in each run")
        if len({(run.arm, run.seed) for run in self.runs}) < len(self.runs):
            raise ValueError("runs must hold each run once")
        return self

    def of(self, arm: str) -> list[SeedRun]:
        """The finished runs of an arm in order of seed; a ValueError if there is no such arm."""
        one_of("arm", arm, self.arms)
        return sorted((run for run in self.runs if run.arm == arm), key=lambda run: run.seed)

    def errors(self, arm: str, *, recalibrated: bool = False) -> Float[np.ndarray, " seeds"]:
        """Test errors of an arm at the end of training, in order of seed, as fractions.

        A network without batch norm has no `recalibrated` errors: a ValueError.
        """
        kind = "recalibrated_error" if recalibrated else "final_error"
        errors = [getattr(run, kind) for run in self.of(arm)]
        if None in errors:
            raise ValueError(f"record {self.name!r} holds no recalibrated error of {arm!r}")
        return np.array(errors)

    def curves(self, arm: str, column: str) -> Float[np.ndarray, "seeds epochs"]:
        """``"train_loss"`` or ``"test_error"`` of an arm over the epochs, one row per seed."""
        one_of("column", column, ("train_loss", "test_error"))
        curves = [getattr(run, column) for run in self.of(arm)]
        return np.array(curves).reshape(-1, self.settings.epochs)

    def missing(self) -> list[tuple[str, int]]:
        """The planned runs that are not here, as (arm, seed): seed by seed, arms in order."""
        done = {(run.arm, run.seed) for run in self.runs}
        planned = [(arm, seed) for seed in self.settings.seeds for arm in self.arms]
        return [pair for pair in planned if pair not in done]

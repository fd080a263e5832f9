"""A schedule that fits into so many minutes, by what an epoch takes on the device that is here."""

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mixupbook._devices import resolve_device
from mixupbook.images.data.images import ImageData
from mixupbook.studies import store
from mixupbook.studies.catalogue import Study, possible_epochs, scaled
from mixupbook.studies.plan import differences, plan_record
from mixupbook.studies.record import Images, Record
from mixupbook.studies.run import run_seed

__all__ = ["Fitted", "Pace", "begun", "fitted", "longest_schedule", "measured_pace"]

# From so many epochs on another seed is preferred to a longer schedule. A judgement: one seed has
# no interval, and a few epochs are no training.
ENOUGH = 20
# The part of the time left that is not planned: for checkpoints, and for runs that take longer.
SPARE = 0.1
# What is measured on so few images is rough: far too slow is what takes so many times too long.
FEW, FAR = 32, 3


@dataclass(frozen=True)
class Pace:
    """What a run takes: seconds for each epoch, and seconds once, for all that is not training."""

    epoch: float
    once: float

    def run(self, epochs: int) -> float:
        """Seconds that a run of so many epochs takes."""
        return self.once + epochs * self.epoch


@dataclass(frozen=True)
class Fitted:
    """A study whose schedule fits, a sentence that says why, and the seconds expected of a run."""

    study: Study
    sentence: str = ""
    seconds: float = 0.0


def begun(study: Study, images: Images, device: str, work: Path) -> Fitted | None:
    """What is under way of a study in a work folder, under any number of epochs; else None.

    Of several the one with the most runs. One whose runs are all made, or were made otherwise than
    they would be made now, is none.
    """
    name = re.compile(rf"{re.escape(study.name)}(-\d+-epochs)?")
    found = [store.load(each, work) for each in store.names(work) if name.fullmatch(each)]
    for record in sorted(found, key=lambda record: len(record.runs), reverse=True):
        same = study if record.name == study.name else scaled(study, record.settings.epochs)
        planned = plan_record(same, images, device)
        if record.missing() and not differences(planned, record):
            return Fitted(
                study=same,
                sentence=record.note.removeprefix(planned.note).strip(),
                seconds=max((run.seconds or 0.0 for run in record.runs), default=0.0),
            )
    return None


def fitted(
    study: Study,
    plan: Record,
    data: ImageData,
    *,
    device: str,
    minutes: float,
    left: Callable[[], float],
) -> Fitted:
    """Measures what an epoch takes, and shortens the study so that it fits.

    First on a few images, which loads what a device's first runs load, and by which a processor
    that is far too slow is found out at once; then on all of them. The runs are thrown away.

    Args:
        study: the study at its whole length.
        plan: its record before the first run.
        data: its images.
        device: as `fit` takes it.
        minutes: what was asked for; for messages.
        left: the seconds that are left, at the time of the call.

    Raises:
        ValueError: the most telling arms under one seed do not fit, however short.
    """
    on_processor = resolve_device(device).type == "cpu"
    batch = FEW if on_processor else plan.settings.batch_size
    few = data.first(min(batch, len(data.x_train)), 1)
    rough = measured_pace(plan, few, device).epoch * len(data.x_train) / len(few.x_train)
    if on_processor:  # where an image takes as long in a small batch as in a large one
        lower = Pace(rough, once=0.0)
        if longest_schedule(study, lower, FAR * left()) is None:
            raise ValueError(_too_short(study, lower, minutes, minutes - left() / 60))
    pace = measured_pace(plan, data, device)
    found = longest_schedule(study, pace, (1 - SPARE) * left())
    if found is None:
        raise ValueError(_too_short(study, pace, minutes, minutes - left() / 60))
    epochs, seeds = found
    whole = epochs == study.recipe.epochs
    return Fitted(
        study=study if whole else scaled(study, epochs),
        sentence=_sentence(study, pace, minutes, epochs, seeds),
        seconds=pace.run(epochs),
    )


def measured_pace(plan: Record, data: ImageData, device: str) -> Pace:
    """What runs of a plan's Mixup arm take on these images, by one of one epoch and one of three.

    They are made as runs of the study are, with all that comes before and after training, but at a
    learning rate so low that no short schedule diverges.
    """
    one, three = (_seconds(plan, epochs, data, device) for epochs in (1, 3))
    epoch = max(three - one, 0.0) / 2  # a busy moment can make the shorter run take longer
    return Pace(epoch=epoch, once=max(one - epoch, 0.0))


def longest_schedule(study: Study, pace: Pace, seconds: float) -> tuple[int, int] | None:
    """Epochs and seeds with which a study's most telling arms take at most so many seconds.

    As many of the planned seeds as leave each run `ENOUGH` epochs, or the study's own number where
    that is less; otherwise one seed. Then as many epochs as fit, at most the study's own. None
    where not even the fewest epochs that keep the stops apart do.

    Example:
        >>> from mixupbook.studies.catalogue import STUDIES
        >>> longest_schedule(STUDIES["cifar10-resnet18"], Pace(epoch=1.0, once=2.0), 400)
        (26, 2)
    """
    possible = possible_epochs(study)
    for seeds in range(len(study.recipe.seeds), 0, -1):
        share = seconds / (seeds * len(study.telling))
        epochs = max((each for each in possible if pace.run(each) <= share), default=0)
        if epochs >= min(ENOUGH, study.recipe.epochs) or (seeds == 1 and epochs):
            return epochs, seeds
    return None


def _seconds(plan: Record, epochs: int, data: ImageData, device: str) -> float:
    short = plan.settings.model_copy(update={"epochs": epochs, "lr": 1e-4 * plan.settings.lr})
    start = time.perf_counter()
    run_seed(plan.model_copy(update={"settings": short}), "mixup", 0, data, device=device)
    return time.perf_counter() - start


def _sentence(study: Study, pace: Pace, minutes: float, epochs: int, seeds: int) -> str:
    plural = "" if seeds == 1 else "s"
    return (
        f"The schedule was chosen for {minutes:g} minutes: {epochs} of {study.recipe.epochs} "
        f"epochs, with which the {len(study.telling)} most telling arms fit under {seeds} "
        f"seed{plural}. Measured before the first run, an epoch took {pace.epoch:.3g} s, and all "
        f"else of a run {pace.once:.3g} s."
    )


def _too_short(study: Study, pace: Pace, minutes: float, spent: float) -> str:
    fewest = possible_epochs(study)[0]
    needed = spent + len(study.telling) * pace.run(fewest) / (1 - SPARE) / 60
    return (
        f"minutes must be at least {math.ceil(10 * needed) / 10:g} here, got {minutes:g}: an epoch "
        f"takes about {float(f'{pace.epoch:.2g}'):g} s, and the {len(study.telling)} most telling "
        f"arms need {fewest} each, the fewest that keep the stops apart"
    )

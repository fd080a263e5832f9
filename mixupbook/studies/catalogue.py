"""What is recorded: the studies on CIFAR-10.

A study compares ways to train one network that differ in Mixup alone. `mixupbook.studies.plan`
plans its runs, `mixupbook.studies.run` makes them, ``python -m mixupbook.studies`` writes the
record, and `mixupbook.studies.store` reads it.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from mixupbook._arguments import one_of, whole_number
from mixupbook.studies import store
from mixupbook.studies.store import Arm, Record

__all__ = ["STUDIES", "Study", "find_study", "scaled", "status"]


@dataclass(frozen=True)
class Study:
    """A comparison to be recorded.

    Attributes:
        name: of the study and its record.
        title: one line that says what is compared.
        network: a name that `fit` knows.
        label_maps: of the arms that use Mixup throughout, beside standard training.
        stops: epochs at which an early-stopped arm stops mixing.
        start: epoch at which the late-started control begins to mix.
        epochs, batch_size, lr, schedule, weight_decay, augment: as `fit` takes them.
        seeds: one run of every arm under each.
        train, test: numbers of images, the first of the data's; None for all.
    """

    name: str
    title: str
    network: str
    label_maps: tuple[str | float, ...]
    stops: tuple[int, ...]
    start: int
    epochs: int
    batch_size: int
    lr: float
    schedule: str
    weight_decay: float
    augment: str | None
    seeds: tuple[int, ...]
    train: int | None = None
    test: int | None = None

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms without runs, in the order in which a seed goes through them.

        The most telling come first, so that a study cut short has compared something. An arm's
        settings hold the keywords of `Mixup`, or None for standard training.
        """
        middle = self.stops[len(self.stops) // 2]
        others = [stop for stop in self.stops if stop != middle]
        return (
            Arm("standard", {"mixup": None}),
            Arm("mixup", {"mixup": {"label_map": "identity"}}),
            _stopped(middle),
            Arm(f"started-{self.start}", {"mixup": {"start_epoch": self.start}}),
            *(_with_label_map(label_map) for label_map in self.label_maps),
            *(_stopped(stop) for stop in others),
        )


def _stopped(epoch: int) -> Arm:
    return Arm(f"stopped-{epoch}", {"mixup": {"stop_epoch": epoch}})


def _with_label_map(label_map: str | float) -> Arm:
    name = label_map if isinstance(label_map, str) else f"constant-{label_map}"
    return Arm(name, {"mixup": {"label_map": label_map}})


def _full_scale(network: str, title: str, augment: str | None) -> Study:
    return Study(
        name=f"cifar10-{network}" + ("-augmented" if augment else ""),
        title=f"{title} on CIFAR-10, {'with' if augment else 'without'} augmentation",
        network=network,
        label_maps=("cubic", "sqrt", "independent", 0.75, "hard"),
        stops=(25, 50, 75, 100, 125, 150),
        start=100,
        epochs=200,
        batch_size=128,
        lr=0.1,
        schedule="cosine",
        weight_decay=5e-4,
        augment=augment,
        seeds=(0, 1, 2),
    )


_SMALL = Study(
    name="cifar10-small-cpu",
    title="A small network with batch norm on 2000 images of CIFAR-10, on a processor",
    network="small_convnet_bn",
    label_maps=("cubic", 0.75, "hard"),
    stops=(8, 15, 23),
    start=15,
    epochs=30,
    batch_size=100,
    lr=0.1,
    schedule="one_cycle",
    weight_decay=5e-4,
    augment=None,
    seeds=(0, 1, 2),
    train=2000,
    test=2000,
)

# For a GPU that is there for minutes: large batches, a schedule that is scaled to the time, and
# only the arms that tell early from late.
_SHORT = Study(
    name="cifar10-resnet18-short",
    title="ResNet-18 on CIFAR-10, without augmentation, on a short schedule",
    network="resnet18",
    label_maps=(0.75, "hard"),
    stops=(50,),
    start=50,
    epochs=100,
    batch_size=512,
    lr=0.2,
    schedule="one_cycle",
    weight_decay=5e-4,
    augment=None,
    seeds=(0, 1, 2),
)

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        _SMALL,
        _SHORT,
        _full_scale("resnet18", "ResNet-18", None),
        _full_scale("resnet18", "ResNet-18", "crop_flip"),
        _full_scale("vgg16", "VGG-16", None),
        _full_scale("vgg16", "VGG-16", "crop_flip"),
    )
}


def find_study(name: str) -> Study:
    """The study of that name, or a ValueError that suggests the nearest.

    Example:
        >>> [arm.name for arm in find_study("cifar10-small-cpu").arms]
        ['standard', 'mixup', 'stopped-15', 'started-15', 'cubic', 'constant-0.75', 'hard', \
'stopped-8', 'stopped-23']
    """
    return STUDIES[one_of("name", name, STUDIES)]


def scaled(study: Study, epochs: int) -> Study:
    """The study with its schedule shortened or stretched to `epochs`, under a name that says so.

    Raises:
        TypeError: `epochs` is not an integer.
        ValueError: too few epochs to keep the stops apart.

    Example:
        >>> short = scaled(find_study("cifar10-resnet18"), 40)
        >>> short.name, short.stops, short.start
        ('cifar10-resnet18-40-epochs', (5, 10, 15, 20, 25, 30), 20)
    """
    whole_number("epochs", epochs, at_least=1)
    stops = tuple(round(stop * epochs / study.epochs) for stop in study.stops)
    if len({0, *stops, epochs}) < len(stops) + 2:
        raise ValueError(f"epochs must be enough to keep {len(stops)} stops apart, got {epochs}")
    return dataclasses.replace(
        study,
        name=f"{study.name}-{epochs}-epochs",
        title=f"{study.title} ({epochs} epochs)",
        stops=stops,
        start=round(study.start * epochs / study.epochs),
        epochs=epochs,
    )


def status(folder: Path = store.FOLDER) -> list[dict[str, str]]:
    """One row for each study, and for each record beside them: what has been made, and when.

    Returns:
        Rows with ``name``, ``title``, ``state`` (see `mixupbook.studies.store.state`,
        or ``"damaged"``), ``runs`` such as ``"45 of 45"``, ``date`` and ``device``; the last three
        are empty where nothing was made, or where it cannot be read.
    """
    further = [name for name in store.names(folder) if name not in STUDIES]
    return [_row(name, folder) for name in [*STUDIES, *further]]


def _row(name: str, folder: Path) -> dict[str, str]:
    try:
        return _made_row(store.load(name, folder), store.state(name, folder))
    except store.NotMade:
        return _unmade_row(name, "not made")
    except ValueError:  # a damaged record, or a file that no record can have
        return _unmade_row(name, "damaged")


def _made_row(record: Record, state: str) -> dict[str, str]:
    done = sum(len(arm.runs) for arm in record.arms)
    return {
        "name": record.name,
        "title": record.title,
        "state": state,
        "runs": f"{done} of {done + len(record.missing())}",
        "date": record.date,
        "device": record.device,
    }


def _unmade_row(name: str, state: str) -> dict[str, str]:
    return {
        "name": name,
        "title": STUDIES[name].title if name in STUDIES else "",
        "state": state,
        "runs": "",
        "date": "",
        "device": "",
    }

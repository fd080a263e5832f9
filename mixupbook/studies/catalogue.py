"""What is recorded: the studies on CIFAR-10, each a comparison that differs in Mixup alone."""

from dataclasses import dataclass, replace
from pathlib import Path

from mixupbook._arguments import whole_number
from mixupbook.studies import store
from mixupbook.studies.record import Recipe

__all__ = ["STUDIES", "Study", "possible_epochs", "scaled", "status"]

TELLING = 7  # so many arms of a study answer the book's questions; the others refine


@dataclass(frozen=True)
class Study:
    """A comparison to be recorded.

    Its arms are in the order in which they are run, the most telling first. Early-stopped Mixup
    and its late-started control come in a row, early: without the second, the first does not say
    that it was the *early* phase that mattered.
    """

    name: str
    title: str
    recipe: Recipe
    label_maps: tuple[str | float, ...]  # of arms that mix throughout, beside standard training
    stops: tuple[int, ...]  # epochs at which an early-stopped arm stops mixing, in order
    start: int  # epoch at which the late-started control begins to mix
    partners: tuple[str, ...] = ("other_label",)  # of arms that mix such pairs alone
    train: int | None = None  # numbers of images, the first of the data's; None for all
    test: int | None = None

    @property
    def arms(self) -> dict[str, dict[str, str | int | float] | None]:
        """Keywords of `Mixup` by arm (None: standard training), the most telling first."""
        middle = self.stops[len(self.stops) // 2]
        mapped = {f"constant-{it}" if isinstance(it, float) else it: it for it in self.label_maps}
        pairs = {partners.replace("_", "-"): partners for partners in self.partners}
        return {
            "standard": None,
            "mixup": {"label_map": "identity"},
            f"stopped-{middle}": {"stop_epoch": middle},
            f"started-{self.start}": {"start_epoch": self.start},
            **{name: {"partners": partners} for name, partners in pairs.items()},
            **{name: {"label_map": label_map} for name, label_map in mapped.items()},
            **{f"stopped-{stop}": {"stop_epoch": stop} for stop in self.stops},
        }

    @property
    def telling(self) -> tuple[str, ...]:
        """The most telling arms, which are run under all seeds before the others."""
        return tuple(self.arms)[:TELLING]


def _full_scale(network: str, title: str, augment: str | None) -> Study:
    return Study(
        name=f"cifar10-{network}" + ("-augmented" if augment else ""),
        title=f"{title} on CIFAR-10, {'with' if augment else 'without'} augmentation",
        recipe=Recipe(
            network=network, epochs=200, batch_size=128, lr=0.1, schedule="cosine", augment=augment
        ),
        label_maps=(0.75, "hard", "cubic", "sqrt", "independent"),
        stops=(25, 50, 75, 100, 125, 150),
        start=100,
    )


STUDIES = {
    study.name: study
    for study in (
        Study(
            name="cifar10-small-cpu",
            title="A small network with batch norm on 2000 images of CIFAR-10, on a processor",
            recipe=Recipe(
                network="small_convnet_bn", epochs=30, batch_size=100, lr=0.1, schedule="one_cycle"
            ),
            label_maps=("cubic", 0.75, "hard"),
            stops=(8, 15, 23),
            start=15,
            partners=(),
            train=2000,
            test=2000,
        ),
        # For a GPU that one has for minutes: large batches, a short schedule and few arms.
        Study(
            name="cifar10-resnet18-short",
            title="ResNet-18 on CIFAR-10, without augmentation, on a short schedule",
            recipe=Recipe(
                network="resnet18", epochs=100, batch_size=512, lr=0.2, schedule="one_cycle"
            ),
            label_maps=(0.75, "hard"),
            stops=(50,),
            start=50,
        ),
        # 500 divides the 50,000 images, so that all batches have one shape. Epochs and batches are
        # those of the published reference for speed (airbench of KellerJordan/cifar10-zoo).
        Study(
            name="cifar10-resnet18-triangular",
            title="ResNet-18 on CIFAR-10, with augmentation, on a triangular schedule",
            recipe=Recipe(
                network="resnet18",
                epochs=80,
                batch_size=500,
                lr=0.2,
                schedule="triangular",
                augment="crop_flip",
            ),
            label_maps=(0.75, "hard", "cubic", "sqrt", "independent"),
            stops=(20, 40, 60),
            start=40,
        ),
        _full_scale("resnet18", "ResNet-18", None),
        _full_scale("resnet18", "ResNet-18", "crop_flip"),
        _full_scale("vgg16", "VGG-16", None),
        _full_scale("vgg16", "VGG-16", "crop_flip"),
    )
}


def scaled(study: Study, epochs: int) -> Study:
    """The study with its schedule shortened or stretched to `epochs`, under a name that says so.

    Too few epochs to keep the stops apart are a ValueError.

    Example:
        >>> short = scaled(STUDIES["cifar10-resnet18"], 40)
        >>> short.name, short.stops, short.start
        ('cifar10-resnet18-40-epochs', (5, 10, 15, 20, 25, 30), 20)
    """
    whole_number("epochs", epochs, at_least=1)
    stops = _scaled_stops(study, epochs)
    if not _apart(stops, epochs):
        raise ValueError(f"epochs must be enough to keep {len(stops)} stops apart, got {epochs}")
    return replace(
        study,
        name=f"{study.name}-{epochs}-epochs",
        title=f"{study.title} ({epochs} epochs)",
        recipe=study.recipe.model_copy(update={"epochs": epochs}),
        stops=stops,
        start=round(study.start * epochs / study.recipe.epochs),
    )


def possible_epochs(study: Study) -> list[int]:
    """The numbers of epochs, ascending, to which `scaled` can shorten a study; the last is its own.

    Example:
        >>> possible_epochs(STUDIES["cifar10-small-cpu"])[:3]
        [4, 5, 6]
    """
    own = study.recipe.epochs
    return [each for each in range(1, own + 1) if _apart(_scaled_stops(study, each), each)]


def _scaled_stops(study: Study, epochs: int) -> tuple[int, ...]:
    return tuple(round(stop * epochs / study.recipe.epochs) for stop in study.stops)


def _apart(stops: tuple[int, ...], epochs: int) -> bool:
    """Whether the stops differ from each other, from the beginning and from the end."""
    return len({0, *stops, epochs}) == len(stops) + 2


def status(folder: Path = store.FOLDER) -> list[dict[str, str]]:
    """One row of text for each study, and for each record beside them: name, title, state.

    The state is what `store.state` says, or ``"not made"``, or ``"damaged"``. Where something was
    made, there are ``runs`` such as ``"45 of 45"``, ``date`` and ``device``, empty otherwise.
    """
    return [_row(name, folder) for name in dict.fromkeys([*STUDIES, *store.names(folder)])]


def _row(name: str, folder: Path) -> dict[str, str]:
    title = STUDIES[name].title if name in STUDIES else ""
    row = {"name": name, "title": title, "state": "not made", "runs": "", "date": "", "device": ""}
    try:
        record = store.load(name, folder)
    except store.NotMade:
        return row
    except store.RecordError:
        return row | {"state": "damaged"}
    runs = f"{len(record.runs)} of {len(record.runs) + len(record.missing())}"
    made = {"runs": runs, "date": record.date.isoformat(), "device": record.device}
    return row | {"title": record.title, "state": store.state(record)} | made

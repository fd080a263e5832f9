"""The plan of a record: its images, every setting, and which runs belong to it."""

from datetime import UTC, datetime
from pathlib import Path

import mixupbook
from mixupbook._devices import device_name
from mixupbook._files import digest
from mixupbook.images.data.images import ImageData
from mixupbook.images.training.settings import Settings
from mixupbook.studies.catalogue import Study
from mixupbook.studies.provenance import SOURCES, environment, source_digests
from mixupbook.studies.record import Edition, Images, Record
from mixupbook.studies.store import state

__all__ = ["describe_images", "differences", "plan_record", "study_images"]

EDITIONS = {
    "official": "CIFAR-10, the official archive.",
    "jpeg": "CIFAR-10, JPEG edition: lossy; not comparable with published accuracies.",
    "other": "Images from a file, no known edition of CIFAR-10: their digest says which.",
}
# Digests of the JPEG edition: the first 2000 images of both parts, and all.
JPEG: dict[str, Edition] = {"e4f02036828c402e": "jpeg", "4ec72e5a0a5ab86f": "jpeg"}


def study_images(
    file: Path | None, train: int | None, test: int | None
) -> tuple[ImageData, Images]:
    """The first images of a file, or of the official CIFAR-10, and what a record says of them."""
    data = mixupbook.load_cifar10() if file is None else mixupbook.load_npz(file)
    data = data.first(train, test)
    return data, describe_images(data, official=file is None)


def describe_images(data: ImageData, *, official: bool = False) -> Images:
    """What a record says of its images; `official` where they come from the verified archive."""
    parts: list[bytes | memoryview] = []
    for part in (data.x_train, data.y_train, data.x_test, data.y_test):
        parts += [str(tuple(part.shape)).encode(), part.contiguous().numpy().data]
    found = digest(*parts)
    edition: Edition = "official" if official else JPEG.get(found, "other")
    return Images(edition=edition, train=len(data.x_train), test=len(data.x_test), digest=found)


def plan_record(study: Study, images: Images, device: str) -> Record:
    """The study's record before its first run; a ValueError for a device that is not here."""
    own = study.recipe.model_dump(exclude={"network", "seeds"})
    settings = Settings(seed=0, device=device, **own)
    other = "Other images, by the recipe of: " if images.edition == "other" else ""
    return Record(
        name=study.name,
        title=other + study.title,
        note=EDITIONS[images.edition],
        data=images,
        settings=study.recipe.model_copy(update={"precision": settings.precision}),
        arms=study.arms,
        sources=source_digests(SOURCES),
        package_version=mixupbook.__version__,
        environment=environment(settings.device),
        device=device_name(settings.device),
        date=datetime.now(UTC).date(),
    )


def differences(planned: Record, begun: Record) -> list[str]:
    """In what a begun record differs from a plan, such as ``"settings.lr"`` or ``"device"``.

    Where it is empty, the runs there are among those planned. A plan may have more seeds and more
    arms. A record that stands in spite of changes (`store.acknowledge`) differs in no source and no
    version.
    """
    new, old = _decisive(planned), _decisive(begun)
    found = [name for name in new | old if new.get(name, ...) != old.get(name, ...)]
    found = [name for name in found if name in old or not name.startswith("arms.")]
    if state(begun) == "acknowledged":
        found = [name for name in found if not name.startswith(("sources.", "package_version"))]
    if {run.seed for run in begun.runs} - set(planned.settings.seeds):
        found.append("settings.seeds")
    return found


def _decisive(record: Record) -> dict[str, object]:
    """What records have in common if their runs may stand together, by dotted names."""
    parts = record.model_dump(include={"arms", "data", "settings", "sources", "environment"})
    fields = {f"{part}.{key}": value for part in parts for key, value in parts[part].items()}
    del fields["settings.seeds"]
    return fields | {"device": record.device, "package_version": record.package_version}

"""Marks a stale record as standing: for a reason, or as arms come out as recorded."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mixupbook._devices import device_name, resolve_device
from mixupbook._files import locked
from mixupbook.studies import store
from mixupbook.studies.plan import study_images
from mixupbook.studies.record import Record, SeedRun
from mixupbook.studies.run import run_seed

__all__ = ["stand"]


def stand(
    name: str,
    folder: Path,
    *,
    arms: Sequence[str],
    reason: str | None,
    file: Path | None,
    device: str,
) -> Iterator[str]:
    """Marks a record, if the first run of each of some arms comes out again as it is recorded.

    Args:
        name: of the record.
        folder: where it is.
        arms: which are run again; none, if there is a reason.
        reason: why it stands; None: that these arms agree.
        file: the images, as `load_npz` reads them; None: the official CIFAR-10.
        device: as `fit` takes it.

    Yields:
        Sentences on what was done, and in the end on the record.

    Raises:
        ValueError: an arm without runs, other images, or a run that comes out otherwise.
    """
    record = store.load(name, folder)
    runs = [run for arm in arms for run in record.of(arm)[:1]]
    if len(runs) < len(arms):
        raise ValueError(f"recheck must name arms that have runs, got {arms}")
    with locked(folder / f"{record.name}.json", "record"):
        if reason is None:
            listed = ", ".join(f"{run.arm} (seed {run.seed})" for run in runs)
            reason = f"Run again with every number as recorded: {listed}."
        # Marked before arms are run, so that the mark is for the source that runs.
        fits = bool(runs) and not store.changed_sources(record)
        marked = record if fits else store.acknowledge(record, reason)
        if runs:
            yield from _run_again(record, runs, file, device)
        if fits:
            yield f"{record.name} fits the source, and comes out as recorded: nothing to mark"
        else:
            yield f"{store.write(marked, folder)} is marked as standing"


def _run_again(
    record: Record, runs: list[SeedRun], file: Path | None, device: str
) -> Iterator[str]:
    """Makes runs again, and refuses the first that comes out otherwise."""
    data, images = study_images(file, record.data.train, record.data.test)
    if images.digest != record.data.digest:
        raise ValueError(f"data must be what {record.name} was made with, and is not")
    here, advice = device_name(resolve_device(device)), f"make {record.name} again"
    if here != record.device:
        advice = (
            f"it was made on {record.device!r}, and this is {here!r}, which may round otherwise; "
            "check it there, or compare the source then and now on one machine"
        )
    for run in runs:
        again = run_seed(record, run.arm, run.seed, data, device=device)
        yield f"{run.arm}, seed {run.seed}: {again}"
        if again.model_copy(update={"seconds": run.seconds}) != run:
            raise ValueError(
                f"{run.arm} under seed {run.seed} does not come out as recorded ({run}): {advice}"
            )

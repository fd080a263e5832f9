"""Makes a recorded result: ``python -m mixupbook.studies NAME``.

Runs go seed by seed through the most telling arms of a study, then through the others. Each is kept
in the work folder at once, the one under way as a checkpoint: started again, the same command goes
on where it was. Runs that a record has already, made as they would be made now, are not made again.

With `--minutes` and no `--epochs` the schedule is shortened to what fits, by a measurement; see
`mixupbook.studies.budget`. As such a command may be cut off, its record is written after every run.
"""

import argparse
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import pooch
import torch

from mixupbook._arguments import in_interval, one_of
from mixupbook._executors import ExecutorError
from mixupbook._files import as_path, locked
from mixupbook.images.data.images import ImageData
from mixupbook.images.training.checkpoint import Checkpoint
from mixupbook.studies import budget, elsewhere, plan, recheck, store
from mixupbook.studies.catalogue import STUDIES, Study, scaled, status
from mixupbook.studies.record import Images, Record
from mixupbook.studies.run import run_seed
from mixupbook.studies.scheduler import workers

# What the package raises with a message for the user; anything else is a fault of ours.
EXPLAINED = (
    ExecutorError,
    FloatingPointError,
    ImportError,
    OSError,
    ValueError,
    store.NotMade,
    torch.OutOfMemoryError,
)

Missing = list[tuple[str, int]]  # runs to be made, arm and seed: the most telling arms first


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    options.start = time.monotonic()
    try:
        if options.list:
            for row in status(options.out):
                what = (row["title"], row["runs"], row["date"], row["device"])
                print(f"{row['name']:36} {row['state']:12}", *filter(None, what), sep="  ")
        elif options.name is None:
            print("which record? --list shows them", file=sys.stderr)
            return 2
        elif options.acknowledge is not None or options.recheck:
            if options.scheduler is not None:
                raise ValueError(
                    "scheduler must be left out here: arms are run again on this machine"
                )
            _stand(options)
        else:
            study = STUDIES[one_of("name", options.name, STUDIES)]
            if options.epochs is not None:
                study = scaled(study, options.epochs)
            (_show_plan if options.dry_run else _make)(study, options)
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    except EXPLAINED as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mixupbook.studies")
    add, path = parser.add_argument, partial(as_path, "path")
    work = pooch.os_cache("mixupbook") / "studies"
    add("name", nargs="?", help="of the record; --list shows them")
    add("--list", action="store_true", help="show what is made, stale or missing")
    add("--dry-run", action="store_true", help="show what is done, and how long runs took")
    add("--data", type=path, help="images as load_npz reads them (the official CIFAR-10)")
    add("--device", default="auto", help="auto (default), cpu, cuda or mps")
    add("--epochs", type=int, help="shorten the schedule to so many; the record's name says so")
    add("--minutes", type=float, help="choose a schedule that fits (or --epochs), and end in time")
    add("--scheduler", help="address of a Dask scheduler: its workers make whole runs, unsaved")
    add("--finished-only", action="store_true", help="run nothing: record the runs that are done")
    add("--note", help="a sentence for the record, such as how it was made")
    add("--recheck", nargs="+", metavar="ARM", help="run arms again; mark a record if they agree")
    add("--acknowledge", metavar="REASON", help="mark a stale record as standing, and say why")
    add("--work", type=path, default=work, help="folder for what is under way (%(default)s)")
    add("--out", type=path, default=store.FOLDER, help="folder of the records (the package's own)")
    return parser


def _make(study: Study, options: argparse.Namespace) -> None:
    if options.minutes is not None:
        in_interval("minutes", options.minutes, 0)
        if options.scheduler is not None:
            raise ValueError(
                "minutes must be left out with a scheduler: an epoch is measured here, not there"
            )
    data, images = plan.study_images(options.data, study.train, study.test)
    fitted = budget.Fitted(study)
    if options.minutes is not None and options.epochs is None:
        fitted = _in_time(study, data, images, options)
    study = fitted.study
    planned = plan.plan_record(study, images, options.device)
    planned = planned.model_copy(update={"note": _joined(planned.note, fitted.sentence)})
    for folder in (options.work, options.out):
        folder.mkdir(parents=True, exist_ok=True)
    with (
        locked(options.work / f"{study.name}.runs", "work folder"),
        locked(options.out / f"{study.name}.json", "record"),
    ):
        there = _kept(study.name, options.out)
        record = _begun(planned, there, options.work)
        note = record.note if options.note is None else _joined(planned.note, options.note)
        record = record.model_copy(update={"note": note, "date": planned.date})
        if not options.finished_only:
            _check_gain(record, there, left=0)
            missing = sorted(record.missing(), key=lambda run: run[0] not in study.telling)
            if options.scheduler is None:
                record = _run_missing(record, missing, there, data, fitted, options)
            elif missing:
                record = _run_elsewhere(record, missing, options)
        _check_gain(record, there, left=len(record.missing()))
        if there and record == there.model_copy(update={"date": planned.date}):
            print(f"{options.out} has these {len(there.runs)} runs of {there.name} already")
        else:
            print(f"wrote {store.write(record, options.out)}")


def _in_time(
    study: Study, data: ImageData, images: Images, options: argparse.Namespace
) -> budget.Fitted:
    """The study, shortened so that it fits: as begun in the work folder, or by a measurement."""
    found = budget.begun(study, images, options.device, options.work)
    if found is not None:
        print(f"going on with {found.study.name}, begun in {options.work}")
        return found
    if options.finished_only:
        return budget.Fitted(study)
    found = budget.fitted(
        study,
        plan.plan_record(study, images, options.device),
        data,
        device=options.device,
        minutes=options.minutes,
        left=partial(_seconds_left, options),
    )
    print(f"{found.study.name}: {found.sentence}", flush=True)
    return found


def _seconds_left(options: argparse.Namespace) -> float:
    return options.start + 60 * options.minutes - time.monotonic()


def _joined(note: str, sentence: str) -> str:
    """The note with a sentence more, unless it is there or empty."""
    return note if sentence in note else f"{note} {sentence}"


def _kept(name: str, folder: Path) -> Record | None:
    return store.load(name, folder) if name in store.names(folder) else None


def _begun(planned: Record, there: Record | None, work: Path) -> Record:
    """The runs that are done, in the work folder or in the record that is there; else the plan."""
    begun = _kept(planned.name, work)
    if begun and not begun.runs:  # a plan alone, perhaps of another day
        begun = None
    if begun and (different := plan.differences(planned, begun)):
        raise store.RecordError(
            f"{work / planned.name}.json holds finished runs that differ from this plan in "
            f"{', '.join(different)}: give another --work folder, or delete the file"
        )
    if there and (different := plan.differences(planned, there)):
        print(f"no run of the record there is used, it differs in {', '.join(different)}")
        there = None
    most = max(filter(None, (there, begun, planned)), key=lambda record: len(record.runs))
    return most.model_copy(update={"settings": planned.settings, "arms": planned.arms})


def _check_gain(record: Record, there: Record | None, left: int) -> None:
    """Refuses what would end without a run, or replace a record by less."""
    runs = len(record.runs) + len(record.missing()) - left
    if runs == 0:
        raise store.RecordError(f"no run of {record.name} is finished: there is nothing to record")
    if there and _is_less(runs, left, there):
        raise store.RecordError(
            f"the record there has {len(there.runs)} runs and lacks {len(there.missing())}; it is "
            f"not replaced by {runs} that lack {left}: give another --out folder"
        )


def _is_less(runs: int, left: int, there: Record) -> bool:
    """Whether so many runs, with so many left to make, would be a loss of what is there."""
    return len(there.runs) > runs or (left > 0 and not there.missing())


def _run_missing(
    record: Record,
    missing: Missing,
    there: Record | None,
    data: ImageData,
    fitted: budget.Fitted,
    options: argparse.Namespace,
) -> Record:
    """The record with its missing runs, as far as there is time."""
    longest = fitted.seconds
    if options.minutes is not None:
        store.write(record, options.work)  # so that the next such command finds the schedule
    for number, (arm, seed) in enumerate(missing, start=1):
        start = time.monotonic()
        if options.minutes is not None and longest > _seconds_left(options):
            print("there is no time for another run")
            break
        path = _checkpoint(record, arm, seed, options)
        checkpoint = Checkpoint(path, every=5)
        run = run_seed(record, arm, seed, data, device=options.device, checkpoint=checkpoint)
        record = record.model_copy(update={"runs": (*record.runs, run)})
        store.write(record, options.work)
        less = there and _is_less(len(record.runs), len(missing) - number, there)
        if options.minutes is not None and not less:
            store.write(record, options.out)
        path.unlink()
        longest = max(longest, time.monotonic() - start)
        print(f"[{number}/{len(missing)}] {arm}, seed {seed}: {run}", flush=True)
    return record


def _run_elsewhere(record: Record, missing: Missing, options: argparse.Namespace) -> Record:
    """The record with its missing runs, which the workers of a scheduler make from the start."""
    ordered = elsewhere.orders(record, missing, options.data, options.device)
    with workers(options.scheduler) as executor:
        for number, run in enumerate(elsewhere.made(ordered, executor), start=1):
            record = record.model_copy(update={"runs": (*record.runs, run)})
            store.write(record, options.work)
            _checkpoint(record, run.arm, run.seed, options).unlink(missing_ok=True)
            print(f"[{number}/{len(missing)}] {run.arm}, seed {run.seed}: {run}", flush=True)
    return record


def _checkpoint(record: Record, arm: str, seed: int, options: argparse.Namespace) -> Path:
    return options.work / f"{record.name}-{arm}-seed{seed}.pt"


def _stand(options: argparse.Namespace) -> None:
    for line in recheck.stand(
        options.name,
        options.out,
        arms=options.recheck or [],
        reason=options.acknowledge,
        file=options.data,
        device=options.device,
    ):
        print(line, flush=True)


def _show_plan(study: Study, options: argparse.Namespace) -> None:
    """Prints what is done, and what the rest would take where such a network is on record."""
    runs, done = len(study.arms) * len(study.recipe.seeds), 0
    for record in filter(None, (_kept(study.name, at) for at in (options.work, options.out))):
        if not plan.differences(plan.plan_record(study, record.data, options.device), record):
            done = max(done, len(record.runs))
    print(f"{study.title}: {', '.join(study.arms)}")
    print(f"  {runs} runs of {study.recipe.epochs} epochs, {done} finished")
    for record in map(store.load, store.names()):
        seconds = [run.seconds for run in record.runs if run.seconds is not None]
        if seconds and record.settings.network == study.recipe.network:
            epoch = statistics.median(seconds) / record.settings.epochs
            left = (runs - done) * study.recipe.epochs * epoch / 60
            print(f"  {left:.1f} minutes are left at {epoch:.2g} s an epoch, as {record.name} took")
            print(f"  for {record.data.train} images on {record.device}")


if __name__ == "__main__":
    sys.exit(main())

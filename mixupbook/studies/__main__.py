"""Makes a recorded result: ``python -m mixupbook.studies NAME``.

Runs go seed by seed through the arms of the study. Each finished run is kept in the work folder
at once, and the one under way has a checkpoint there: started again, the same command goes on
where it was, whatever ended it. The record is written when all runs are done. Runs that a record
has already, made as they would be made now, are not made again.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pooch
import torch

import mixupbook
from mixupbook.images.data.images import ImageData
from mixupbook.images.training.checkpoint import Checkpoint
from mixupbook.studies import plan as recording
from mixupbook.studies import run as measuring
from mixupbook.studies import store
from mixupbook.studies.catalogue import Study, find_study, scaled, status
from mixupbook.studies.store import Record, RecordError

__all__ = ["main"]

CHECKPOINT_EVERY = 5

# What the package raises with a message for the user; anything else is a fault of ours.
_EXPLAINED = (
    FloatingPointError,
    OSError,
    ValueError,
    store.NotMade,
    torch.cuda.OutOfMemoryError,
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.list:
            _print_status(options.out)
        elif options.name is None:
            print("which record? --list shows them", file=sys.stderr)
            return 2
        elif options.acknowledge is not None:
            record = store.load(options.name, options.out)
            marked = store.acknowledge(record, options.acknowledge, recording.SOURCES)
            print(f"{store.write(marked, options.out)} is marked as standing")
        elif options.recheck is not None:
            _recheck(options)
        else:
            study = find_study(options.name)
            if options.epochs is not None:
                study = scaled(study, options.epochs)
            if options.dry_run:
                _print_cost(study, options)
            else:
                _make(study, options)
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    except _EXPLAINED as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mixupbook.studies", description="Make a recorded result."
    )
    parser.add_argument("name", nargs="?", help="of the record; --list shows them")
    parser.add_argument("--list", action="store_true", help="show what is made, stale or missing")
    parser.add_argument(
        "--dry-run", action="store_true", help="show what is done and what the rest would cost"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="NPZ",
        help="images as load_npz reads them; the record says which edition of CIFAR-10 they are, "
        "if any (default: the official archive, downloaded)",
    )
    parser.add_argument("--device", default="auto", help="auto (default), cpu or cuda")
    parser.add_argument(
        "--epochs", type=int, help="shorten the schedule to this many; the record's name says so"
    )
    parser.add_argument(
        "--finished-only",
        action="store_true",
        help="run nothing more: write the record of the runs finished so far",
    )
    parser.add_argument("--note", help="a sentence for the record, such as how it was made")
    parser.add_argument(
        "--recheck",
        nargs="+",
        metavar="ARM",
        help="run these arms of a stale record again, under its first seed; where every number "
        "comes out as recorded, mark the record as standing",
    )
    parser.add_argument(
        "--acknowledge",
        metavar="REASON",
        help="mark a stale record as standing for a reason of your own",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(pooch.os_cache("mixupbook")) / "recording",
        help="folder for what is under way (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=store.FOLDER,
        help="folder of the records (default: the package's own)",
    )
    return parser


def _make(study: Study, options: argparse.Namespace) -> None:
    data, images = _data(options.data, study.train, study.test)
    plan = recording.plan(study, images, device=options.device)
    there = _kept(plan.name, options.out)
    record = _begun(plan, there, options.work)
    _check_gain(record, there, options.finished_only)
    if not options.finished_only:
        record = _run_missing(record, data, options)
    note = record.note if options.note is None else f"{plan.note} {options.note}"
    record = replace(record, note=note, date=plan.date)
    if there is not None and record == replace(there, date=plan.date):
        print(f"{options.out} has these {_count(there)} runs of {there.name} already")
    else:
        print(f"wrote {store.write(record, options.out)}")


def _data(
    path: Path | None, train: int | None, test: int | None
) -> tuple[ImageData, dict[str, Any]]:
    """The images, and what a record says of them."""
    data = mixupbook.load_cifar10() if path is None else mixupbook.load_npz(path)
    data = recording.first_images(data, train, test)
    return data, recording.described(data, official=path is None)


def _kept(name: str, folder: Path) -> Record | None:
    """What a folder holds of a record."""
    path = folder / f"{name}.json"
    return store.read(path) if path.is_file() else None


def _count(record: Record) -> int:
    return sum(len(arm.runs) for arm in record.arms)


def _begun(plan: Record, there: Record | None, work: Path) -> Record:
    """The runs that are done, in the work folder or in the record that is there; else the plan."""
    usable = []
    if there is not None:
        different = recording.differences(plan, there)
        if different:
            print(f"no run of the record there is used, it differs in {', '.join(different)}")
        else:
            usable.append(there)
    begun = _kept(plan.name, work)
    if begun is not None:
        different = recording.differences(plan, begun)
        if different:
            raise RecordError(
                f"{work / plan.name}.json holds finished runs that differ from this plan in "
                f"{', '.join(different)}: give another --work folder, or delete the file to start "
                "anew"
            )
        usable.append(begun)
    return replace(max([*usable, plan], key=_count), settings=plan.settings)


def _check_gain(record: Record, there: Record | None, finished_only: bool) -> None:
    """Refuses what would end without a run, or replace a record by less."""
    left = len(record.missing()) if finished_only else 0
    runs = _count(record) + len(record.missing()) - left
    if runs == 0:
        raise RecordError(f"no run of {record.name} is finished: there is nothing to record")
    if there is not None and (_count(there) > runs or (left and not there.missing())):
        raise RecordError(
            f"the record {there.name} there is has {_count(there)} runs and lacks "
            f"{len(there.missing())}; it is not replaced by {runs} that lack {left}: give another "
            "--out folder"
        )


def _run_missing(record: Record, data: ImageData, options: argparse.Namespace) -> Record:
    missing = record.missing()
    options.work.mkdir(parents=True, exist_ok=True)
    for number, (arm, seed) in enumerate(missing, start=1):
        path = options.work / f"{record.name}-{arm}-seed{seed}.pt"
        checkpoint = Checkpoint(path, every=CHECKPOINT_EVERY)
        run = measuring.run_seed(
            record, arm, seed, data, device=options.device, checkpoint=checkpoint
        )
        record = recording.with_run(record, arm, run)
        store.write(record, options.work)
        path.unlink()
        print(f"[{number}/{len(missing)}] {arm}, seed {seed}: {_described(run)}", flush=True)
    return record


def _recheck(options: argparse.Namespace) -> None:
    record = store.load(options.name, options.out)
    if not store.changed_sources(record):
        print(f"{record.name} fits the source: nothing to check")
        return
    for arm in options.recheck:
        if not record.arm(arm).runs:
            done = ", ".join(repr(each.name) for each in record.arms if each.runs)
            raise RecordError(f"recheck must name arms with runs, {done or 'none'}, got {arm!r}")
    data, images = _data(options.data, record.data["train"], record.data["test"])
    if images["digest"] != record.data["digest"]:
        raise RecordError(f"data must be what {record.name} was made with, and is not")
    recorded = {arm: record.arm(arm).runs[0] for arm in options.recheck}
    runs = ", ".join(f"{arm} (seed {run.seed})" for arm, run in recorded.items())
    # Marked before it is run, so that the mark is for the source that runs.
    reason = f"Run again with every number as recorded: {runs}."
    marked = store.acknowledge(record, reason, recording.SOURCES)
    for arm, before in recorded.items():
        now = measuring.run_seed(record, arm, before.seed, data, device=options.device)
        print(f"{arm}, seed {before.seed}: {_described(now)}", flush=True)
        if replace(now, seconds=None) != replace(before, seconds=None):
            raise RecordError(
                f"{arm} under seed {before.seed} does not come out as recorded "
                f"({_described(before)}): make {record.name} again"
            )
    print(f"as recorded: {store.write(marked, options.out)} is marked as standing")


def _described(run: store.SeedRun) -> str:
    parts = [f"test error {run.test_error:.2%}"]
    if run.recalibrated_error is not None:
        parts.append(f"recalibrated {run.recalibrated_error:.2%}")
    if run.seconds is not None:
        parts.append(f"{run.seconds:.0f} s")
    return ", ".join(parts)


def _print_cost(study: Study, options: argparse.Namespace) -> None:
    planned = len(study.arms) * len(study.seeds)
    done = max(_finished(study, folder, options.device) for folder in (options.work, options.out))
    print(f"{study.name}: {study.title}")
    print(f"  {len(study.arms)} arms x {len(study.seeds)} seeds = {planned} runs of ", end="")
    print(f"{study.epochs} epochs; {done} finished")
    if done == planned:
        print("  nothing is left")
        return
    print("  timing a few steps ...", flush=True)
    seconds = recording.seconds_per_epoch(study, device=options.device)
    run = seconds * study.epochs
    print(f"  about {_duration(seconds)} an epoch and {_duration(run)} a run, measured just now")
    print(f"  what is left: about {_duration(run * (planned - done))}")


def _finished(study: Study, folder: Path, device: str) -> int:
    """How many planned runs a folder has, if made on the images that they would be made on now."""
    record = _kept(study.name, folder)
    if record is None or recording.differences(
        recording.plan(study, record.data, device=device), record
    ):
        return 0
    return _count(record)


def _print_status(folder: Path) -> None:
    for row in status(folder):
        made = f"  {row['runs']} runs, {row['date']}, {row['device']}" if row["runs"] else ""
        print(f"{row['name']:28} {row['state']:12} {row['title']}{made}")


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


if __name__ == "__main__":
    sys.exit(main())

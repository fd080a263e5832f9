"""Makes a recorded result: ``python -m mixupbook.record NAME``.

Runs go seed by seed through the arms of the study. Each finished run is kept in the work folder
at once, and the one under way has a checkpoint there: started again, the same command goes on
where it was, whatever ended it. The record is written when all runs are done.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import pooch
import torch

import mixupbook
from mixupbook import records
from mixupbook.images import recording
from mixupbook.images.checkpoint import Checkpoint
from mixupbook.images.data import ImageData
from mixupbook.images.study import Study, find_study, scaled, status
from mixupbook.records import Record, RecordError

__all__ = ["main"]

CHECKPOINT_EVERY = 5

# What the package raises with a message for the user; anything else is a fault of ours.
_EXPLAINED = (
    FloatingPointError,
    OSError,
    ValueError,
    records.NotMade,
    torch.cuda.OutOfMemoryError,
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.list:
            _print_status()
        elif options.name is None:
            print("which record? --list shows them", file=sys.stderr)
            return 2
        elif options.acknowledge is not None:
            record = records.load(options.name, options.out)
            marked = records.acknowledge(record, options.acknowledge)
            print(f"{records.write(marked, options.out)} is marked as standing")
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
        prog="python -m mixupbook.record", description="Make a recorded result."
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
        help="the JPEG edition of CIFAR-10, unpacked (default: the official archive, downloaded)",
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
        default=records.FOLDER,
        help="folder for the record (default: the package's own)",
    )
    return parser


def _make(study: Study, options: argparse.Namespace) -> None:
    data, edition = _data(options.data)
    data = recording.first_images(data, study.train, study.test)
    plan = recording.plan(study, data, edition=edition, device=options.device)
    record = _begun(plan, options.work)
    if not options.finished_only:
        record = _run_missing(record, data, options)
    if not any(arm.runs for arm in record.arms):
        raise RecordError(f"no run of {study.name} is finished: there is nothing to record")
    note = record.note if options.note is None else f"{record.note} {options.note}"
    path = records.write(replace(record, note=note, date=plan.date), options.out)
    print(f"wrote {path}")


def _data(path: Path | None) -> tuple[ImageData, str]:
    if path is None:
        return mixupbook.load_cifar10(), "official"
    return mixupbook.load_npz(path), "jpeg"


def _begun(plan: Record, work: Path) -> Record:
    """The runs that were finished earlier, else the plan."""
    path = work / f"{plan.name}.json"
    if not path.is_file():
        return plan
    begun = records.read(path)
    different = recording.differences(plan, begun)
    if different:
        raise RecordError(
            f"{path} holds finished runs that differ from this plan in {', '.join(different)}: "
            "give another --work folder, or delete the file to start anew"
        )
    return replace(begun, settings=plan.settings)


def _run_missing(record: Record, data: ImageData, options: argparse.Namespace) -> Record:
    missing = record.missing()
    options.work.mkdir(parents=True, exist_ok=True)
    for number, (arm, seed) in enumerate(missing, start=1):
        path = options.work / f"{record.name}-{arm}-seed{seed}.pt"
        checkpoint = Checkpoint(path, every=CHECKPOINT_EVERY)
        run = recording.run_seed(
            record, arm, seed, data, device=options.device, checkpoint=checkpoint
        )
        record = recording.with_run(record, arm, run)
        records.write(record, options.work)
        path.unlink()
        print(f"[{number}/{len(missing)}] {arm}, seed {seed}: {_described(run)}", flush=True)
    return record


def _recheck(options: argparse.Namespace) -> None:
    record = records.load(options.name, options.out)
    if not records.changed_sources(record):
        print(f"{record.name} fits the source: nothing to check")
        return
    data = recording.first_images(_data(options.data)[0], record.data["train"], record.data["test"])
    if recording.data_digest(data) != record.data["digest"]:
        raise RecordError(f"data must be what {record.name} was made with, and is not")
    recorded = {arm: record.arm(arm).runs[0] for arm in options.recheck}
    runs = ", ".join(f"{arm} (seed {run.seed})" for arm, run in recorded.items())
    # Marked before it is run, so that the mark is for the source that runs.
    marked = records.acknowledge(record, f"Run again with every number as recorded: {runs}.")
    for arm, before in recorded.items():
        now = recording.run_seed(record, arm, before.seed, data, device=options.device)
        print(f"{arm}, seed {before.seed}: {_described(now)}", flush=True)
        if replace(now, seconds=None) != replace(before, seconds=None):
            raise RecordError(
                f"{arm} under seed {before.seed} does not come out as recorded "
                f"({_described(before)}): make {record.name} again"
            )
    print(f"as recorded: {records.write(marked, options.out)} is marked as standing")


def _described(run: records.SeedRun) -> str:
    parts = [f"test error {run.test_error:.2%}"]
    if run.recalibrated_error is not None:
        parts.append(f"recalibrated {run.recalibrated_error:.2%}")
    if run.seconds is not None:
        parts.append(f"{run.seconds:.0f} s")
    return ", ".join(parts)


def _print_cost(study: Study, options: argparse.Namespace) -> None:
    planned = len(study.arms) * len(study.seeds)
    path = options.work / f"{study.name}.json"
    done = planned - len(records.read(path).missing()) if path.is_file() else 0
    seconds = recording.seconds_per_epoch(study, device=options.device)
    run = seconds * study.epochs
    print(f"{study.name}: {study.title}")
    print(f"  {len(study.arms)} arms x {len(study.seeds)} seeds = {planned} runs of ", end="")
    print(f"{study.epochs} epochs; {done} finished")
    print(f"  about {seconds:.2g} s an epoch and {_duration(run)} a run, measured here just now")
    print(f"  what is left: about {_duration(run * (planned - done))}")


def _print_status() -> None:
    for row in status():
        made = f"  {row['runs']} runs, {row['date']}, {row['device']}" if row["runs"] else ""
        print(f"{row['name']:28} {row['state']:12} {row['title']}{made}")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


if __name__ == "__main__":
    sys.exit(main())

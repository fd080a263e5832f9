"""Trains the ladder and records it: ``python -m mixupbook.studies.ladder``.

There are two records: ``which-pairs-teach`` of small networks, many of which are trained at once,
and ``rare-subclasses`` of networks that `fit` trains on images. Each rung is recorded as soon as it
is trained. Rungs that a record has, with the same settings and of the same source, are not trained
again. With ``--again`` the small networks are trained under other seeds, into a record of their
own, by which the verdicts of the first are judged.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from joblib import Parallel, delayed

import mixupbook
from mixupbook._arguments import one_of, whole_number
from mixupbook._devices import device_name
from mixupbook._files import as_path, locked
from mixupbook.studies import store
from mixupbook.studies.ladder.arms import ARMS
from mixupbook.studies.ladder.image_catalogue import IMAGE_RUNGS
from mixupbook.studies.ladder.image_runs import ImageRung, image_setting, run_image_rung
from mixupbook.studies.ladder.rung_parts import OTHER_SEEDS
from mixupbook.studies.ladder.rung_records import LadderRecord, RungRecord
from mixupbook.studies.ladder.rung_runs import run_rung, setting
from mixupbook.studies.ladder.rungs import RUNGS, Rung
from mixupbook.studies.provenance import SOURCES, environment, source_digests
from mixupbook.studies.scheduler import jobs

FOLDER = store.FOLDER / "ladder"


@dataclass(frozen=True)
class Ladder:
    """A record to be made: its rungs, and the modules that decide its numbers."""

    name: str
    title: str
    rungs: Mapping[str, Any]
    setting: Callable[[Any], dict[str, Any]]
    sources: tuple[str, ...]
    again: bool = False


OF_IMAGES = ("images.data.digits", "images.data.fashion_mnist", "images.data.subclasses")
OF_LADDER = tuple(
    f"studies.ladder.{module}" for module in ("arms", "examples", "unit_networks", "training")
)
OF_SMALL = (*OF_LADDER, *OF_IMAGES, "theory.feature_noise")
LADDERS = (
    Ladder(
        "which-pairs-teach",
        "Which pairs teach: from the patch model to images",
        RUNGS,
        setting,
        OF_SMALL,
    ),
    Ladder(
        "which-pairs-teach-again",
        "Which pairs teach, under other seeds",
        {name: replace(rung, seeds=OTHER_SEEDS) for name, rung in RUNGS.items()},
        setting,
        OF_SMALL,
        again=True,
    ),
    Ladder(
        "rare-subclasses",
        "Images with rare subclasses: Mixup by pairs, and what else helps",
        IMAGE_RUNGS,
        image_setting,
        (*SOURCES, *OF_IMAGES, "studies.ladder.arms", "studies.ladder.image_runs"),
    ),
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        ladders = [ladder for ladder in LADDERS if ladder.again == options.again]
        known = [name for ladder in ladders for name in ladder.rungs]
        chosen = [one_of("rung", name, known) for name in options.rungs or known]
        whole_number("workers", options.workers, at_least=1)
        options.out.mkdir(parents=True, exist_ok=True)
        for ladder in ladders:
            rungs = [ladder.rungs[name] for name in chosen if name in ladder.rungs]
            if not rungs:
                continue  # another process may be making that record
            with (
                locked(options.out / f"{ladder.name}.json", "record"),
                jobs(options.workers, options.scheduler) as at_once,
            ):
                _make(ladder, rungs, options, at_once)
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    except (FloatingPointError, ImportError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mixupbook.studies.ladder")
    path = partial(as_path, "path")
    parser.add_argument("rungs", nargs="*", help="names of rungs (all of them)")
    parser.add_argument("--workers", type=int, default=1, help="processes (1)")
    parser.add_argument("--scheduler", help="address of a Dask scheduler, in place of --workers")
    parser.add_argument("--data", type=path, help="CIFAR-10 as load_npz reads it, for its rung")
    parser.add_argument("--again", action="store_true", help="under other seeds (the small ones)")
    parser.add_argument("--out", type=path, default=FOLDER, help="folder (the package's own)")
    return parser


def _make(ladder: Ladder, chosen: list[Any], options: argparse.Namespace, at_once: int) -> None:
    record = _begun(ladder, options.out)
    missing = [rung for rung in chosen if not has(record, rung, ladder.setting(rung))]
    for rung, found in zip(missing, _trained(missing, options, at_once), strict=True):
        rungs = {**record.rungs, rung.name: found}
        in_order = {name: rungs[name] for name in ladder.rungs if name in rungs}
        record = record.model_copy(update={"rungs": in_order})
        store.write(record, options.out)
        gain = found.points("rare", "all") - found.points("rare", "standard")
        print(f"{rung.name:20} {found.seconds:6.0f} s  Mixup {gain.mean():+5.1f} points")


def _trained(rungs: list[Any], options: argparse.Namespace, at_once: int) -> Iterator[RungRecord]:
    """The rungs in order, each as soon as it and those before it are there."""
    if rungs and isinstance(rungs[0], ImageRung):
        for rung in rungs:
            yield run_image_rung(rung, options.data, at_once)
    else:
        pool = Parallel(n_jobs=at_once, return_as="generator")
        yield from pool(delayed(run_rung)(rung) for rung in rungs)


def has(record: LadderRecord, rung: Rung | ImageRung, now: dict[str, Any]) -> bool:
    """Whether the record has a rung with all its arms, settings as in `now`, and the same seeds."""
    found = record.rungs.get(rung.name)
    if found is None or found.setting != now or found.seeds != rung.seeds:
        return False
    return set(found.rare) == set(rung.arms if isinstance(rung, ImageRung) else ARMS)


def _begun(ladder: Ladder, folder: Path) -> LadderRecord:
    """The record that is there, where its source has not changed, or an empty one."""
    try:
        there = store.load_as(LadderRecord, ladder.name, folder)
    except store.NotMade:
        there = None
    if there is not None and store.state(there) != "stale":
        return there
    if there is not None:
        print(f"trained anew, as changed: {', '.join(store.changed_sources(there))}")
    device = torch.device("cpu")
    return LadderRecord(
        name=ladder.name,
        title=ladder.title,
        note="On a processor. Images: digits of scikit-learn, Fashion-MNIST, or a file's.",
        sources=source_digests(ladder.sources),
        package_version=mixupbook.__version__,
        environment=environment(device),
        device=device_name(device),
        date=datetime.now(UTC).date(),
    )


if __name__ == "__main__":
    sys.exit(main())

"""Trains the ladder and records it: ``python -m mixupbook.studies.ladder``.

Each rung is recorded as soon as it is trained. Rungs that the record has, with the same settings
and of the same source, are not trained again.
"""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch
from joblib import Parallel, delayed

import mixupbook
from mixupbook._arguments import one_of, whole_number
from mixupbook._devices import device_name
from mixupbook._files import as_path, locked
from mixupbook.studies import store
from mixupbook.studies.ladder.catalogue import RUNGS, Rung
from mixupbook.studies.ladder.record import LadderRecord, RungRecord
from mixupbook.studies.ladder.run import run_rung, setting
from mixupbook.studies.provenance import environment, source_digests

FOLDER = store.FOLDER / "ladder"
NAME = "which-pairs-teach"
# What decides the numbers.
SOURCES = (
    *(f"studies.ladder.{module}" for module in ("arms", "examples", "networks", "training")),
    "images.data.digits",
    "images.data.fashion_mnist",
    "images.data.subclasses",
    "theory.feature_noise",
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        chosen = [RUNGS[one_of("rung", name, RUNGS)] for name in options.rungs or RUNGS]
        workers = whole_number("workers", options.workers, at_least=1)
        options.out.mkdir(parents=True, exist_ok=True)
        with locked(options.out / f"{NAME}.json", "record"):
            _make(chosen, workers, options.out)
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    except (FloatingPointError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mixupbook.studies.ladder")
    path = partial(as_path, "path")
    parser.add_argument("rungs", nargs="*", help="names of rungs (all of them)")
    parser.add_argument("--workers", type=int, default=1, help="rungs trained at once (1)")
    parser.add_argument("--out", type=path, default=FOLDER, help="folder (the package's own)")
    return parser


def _make(chosen: list[Rung], workers: int, folder: Path) -> None:
    record = _begun(folder)
    missing = [rung for rung in chosen if not has(record, rung)]
    for rung, found in zip(missing, _trained(missing, workers), strict=True):
        rungs = {**record.rungs, rung.name: found}
        in_order = {name: rungs[name] for name in RUNGS if name in rungs}
        record = record.model_copy(update={"rungs": in_order})
        store.write(record, folder)
        print(f"{rung.name:20} {found.seconds:6.0f} s  need {found.need().mean():5.1f} points")


def _trained(rungs: list[Rung], workers: int) -> Iterator[RungRecord]:
    """The rungs in order, each as soon as it and those before it are there."""
    pool = Parallel(n_jobs=workers, return_as="generator")
    yield from pool(delayed(run_rung)(rung) for rung in rungs)


def has(record: LadderRecord, rung: Rung) -> bool:
    """Whether the record has a rung, trained as it would be trained now."""
    found = record.rungs.get(rung.name)
    return found is not None and found.setting == setting(rung) and found.seeds == rung.seeds


def _begun(folder: Path) -> LadderRecord:
    """The record that is there, where its source has not changed, or an empty one."""
    try:
        there = store.load_as(LadderRecord, NAME, folder)
    except store.NotMade:
        there = None
    if there is not None and store.state(there) != "stale":
        return there
    if there is not None:
        print(f"trained anew, as changed: {', '.join(store.changed_sources(there))}")
    device = torch.device("cpu")
    return LadderRecord(
        name=NAME,
        title="Which pairs teach: from the patch model to images",
        note="Trained on a processor; images are digits of scikit-learn, or Fashion-MNIST.",
        sources=source_digests(SOURCES),
        package_version=mixupbook.__version__,
        environment=environment(device),
        device=device_name(device),
        date=datetime.now(UTC).date(),
    )


if __name__ == "__main__":
    sys.exit(main())

"""Makes the atlas and records it: ``python -m mixupbook.studies.atlas``.

Each map is recorded as soon as it is made. Maps that a record has, with the same settings and of
the same source, are not made again. ``--costs`` measures what sweeps cost on this machine, which
should have nothing else to do.
"""

import argparse
import json
import math
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed

import mixupbook
from mixupbook._arguments import one_of, whole_number
from mixupbook._devices import device_name
from mixupbook._files import as_path, locked
from mixupbook._sources import source_digests
from mixupbook.studies import store
from mixupbook.studies.atlas.atlas_costs import costs
from mixupbook.studies.atlas.atlas_maps import MAPS
from mixupbook.studies.atlas.atlas_parts import AtlasMap, Measured
from mixupbook.studies.atlas.atlas_record import AtlasRecord, MapRecord
from mixupbook.studies.provenance import environment
from mixupbook.studies.scheduler import jobs

NAME = "atlas"
# What decides the numbers.
OF_ATLAS = ("atlas_maps", "atlas_methods", "atlas_parts", "many_classes", "special_maps")
SOURCES = (
    "theory",
    "theory.sweeps.sweep_blocks",
    *(f"studies.atlas.{module}" for module in OF_ATLAS),
)
DIGITS = 3  # decimals of errors, of which test samples of 1000 know no more


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        chosen = [MAPS[one_of("map", name, MAPS)] for name in options.maps or MAPS]
        workers = whole_number("workers", options.workers, at_least=1)
        options.out.mkdir(parents=True, exist_ok=True)
        with (
            locked(options.out / f"{NAME}.json", "record"),
            jobs(workers, options.scheduler) as at_once,
        ):
            record = begun(options.out)
            if options.costs:
                store.write(record.model_copy(update={"costs": costs()}), options.out)
                return 0
            for one in chosen:
                if has(record, one):
                    continue
                found = made(one, at_once)
                maps = {**record.maps, one.name: found}
                in_order = {name: maps[name] for name in MAPS if name in maps}
                record = record.model_copy(update={"maps": in_order})
                store.write(record, options.out)
                print(f"{one.name:16} {found.seconds:6.0f} s  {len(found.learned)} networks")
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    except (ImportError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def made(one: AtlasMap, at_once: int) -> MapRecord:
    """A map, its seeds measured in processes of their own."""
    pool = Parallel(n_jobs=at_once)
    found = pool(delayed(_on_one_thread)(one.name, seed) for seed in one.seeds)
    seconds = sum(spent for _, spent in found)
    parts = [part for part, _ in found]
    points = math.prod(map(len, one.dims.values()))
    common, rare, learned = (np.stack(values, axis=1) for values in zip(*parts, strict=True))
    assert learned.shape == (points, len(one.seeds))
    return MapRecord(
        title=one.title,
        setting=one.setting,
        dims=one.dims,
        seeds=one.seeds,
        steps=one.steps,
        common=_rounded(common),
        rare=_rounded(rare),
        learned=tuple(learned.ravel().tolist()),
        seconds=round(seconds, 1),
    )


def has(record: AtlasRecord, one: AtlasMap) -> bool:
    """Whether the record has a map as it would be made now."""
    found = record.maps.get(one.name)
    if found is None:
        return False
    same = (found.dims, found.seeds, found.steps) == (one.dims, one.seeds, one.steps)
    return same and found.setting == json.loads(json.dumps(one.setting))


def begun(folder: Path) -> AtlasRecord:
    """The record that is there, where its source has not changed, or an empty one."""
    try:
        there = store.load_as(AtlasRecord, NAME, folder)
    except store.NotMade:
        there = None
    if there is not None and store.state(there) != "stale":
        return there
    if there is not None:
        print(f"made anew, as changed: {', '.join(store.changed_sources(there))}")
    device = torch.device("cpu")
    return AtlasRecord(
        name=NAME,
        title="The atlas: where Mixup helps, and what else would",
        note="On a processor, each network on one thread.",
        sources=source_digests(SOURCES),
        package_version=mixupbook.__version__,
        environment=environment(device),
        device=device_name(device),
        date=datetime.now(UTC).date(),
    )


def _on_one_thread(name: str, seed: int) -> tuple[Measured, float]:
    """One seed of a map, and the seconds that it took: sums are then rounded alike everywhere."""
    threads = torch.get_num_threads()
    start = time.process_time()
    try:
        torch.set_num_threads(1)
        return MAPS[name].measure(seed), time.process_time() - start
    finally:
        torch.set_num_threads(threads)


def _rounded(errors: np.ndarray) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(e) else round(e, DIGITS) for e in errors.ravel().tolist())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mixupbook.studies.atlas")
    parser.add_argument("maps", nargs="*", help="names of maps (all of them)")
    parser.add_argument("--costs", action="store_true", help="what sweeps cost here, and no map")
    parser.add_argument("--workers", type=int, default=1, help="processes (1)")
    parser.add_argument("--scheduler", help="address of a Dask scheduler, in place of --workers")
    folder = store.FOLDER / NAME
    parser.add_argument(
        "--out",
        type=partial(as_path, "path"),
        default=folder,
        help="folder (the package's own)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

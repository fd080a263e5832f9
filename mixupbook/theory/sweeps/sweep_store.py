"""What a sweep has found so far, in a folder that outlives it.

The folder holds one zarr store for each writer: ``all.zarr``, or ``part-1-of-4.zarr`` and so on.
There, each group of runs of one shape has a zarr group with the variables of `descend` along the
runs, a chunk for each block, and `status`: 1 where a run is done. It is written after all else of
its block, so that a block counts as a whole or not at all; nothing is ever written twice.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mixupbook._files import locked
from mixupbook.theory.sweeps.sweep_blocks import VARIABLES
from mixupbook.theory.sweeps.sweep_grid import Grid

__all__ = ["Store", "opened"]

FINGERPRINT = "fingerprint"


class Store:
    """The results of a grid's groups: kept in arrays of zarr, or of NumPy where there is no folder.

    Args:
        grid: of the sweep.
        groups: numbers of the runs of each shape.
        sizes: for each group, the runs of a block.
        steps: that are recorded.
        names: of the variables that are kept.
        root: a zarr group to write to, or None.
        others: zarr groups of other writers, to read from.
    """

    def __init__(
        self,
        grid: Grid,
        groups: list[list[int]],
        sizes: list[int],
        steps: list[int],
        names: list[str],
        root: Any | None = None,
        others: list[Any] | None = None,
    ) -> None:
        self.sizes = sizes
        self.lasting = root is not None
        lengths = [len(runs) for runs in groups]
        self.found: list[dict[str, Any]] = []
        for group, (runs, size) in enumerate(zip(groups, sizes, strict=True)):
            point, _ = grid.run(runs[0])
            counts = {
                "step": len(steps),
                "feature": 4,
                "example": point.training["examples"],
            }
            shapes = {
                name: (lengths[group], *(counts[dim] for dim in dims))
                for name, dims in VARIABLES.items()
                if name in names
            }
            self.found.append(_arrays(root, group, shapes, size))
        self.others = others or []

    def done(self, group: int) -> np.ndarray:
        """Which runs of a group are done, by this writer or another."""
        theirs = [other[f"shape-{group}"] for other in self.others]
        return np.any([place["status"][:] for place in (self.found[group], *theirs)], axis=0)

    def blocks(self, group: int) -> list[slice]:
        """The blocks of a group."""
        runs, size = len(self.found[group]["status"][:]), self.sizes[group]
        return [slice(start, min(start + size, runs)) for start in range(0, runs, size)]

    def put(self, group: int, block: slice, found: dict[str, np.ndarray]) -> None:
        """Keeps a finished block."""
        arrays = self.found[group]
        for name in arrays.keys() - {"status"}:
            arrays[name][block] = found[name]
        arrays["status"][block] = 1

    def read(self, group: int, name: str) -> np.ndarray:
        """A variable of a group's runs, NaN where they are not done."""
        values = self.found[group][name][:]
        for other in self.others:
            theirs = other[f"shape-{group}"]
            done = theirs["status"][:] == 1
            values[done] = theirs[name][:][done]
        return values


@contextlib.contextmanager
def opened(
    path: Path | None,
    part: tuple[int, int] | None,
    fingerprint: dict[str, Any],
    *,
    read_only: bool,
    **layout: Any,
) -> Iterator[Store]:
    """The store in a folder, made where it is not there, and locked against a second writer.

    Raises:
        ImportError: zarr is not installed.
        ValueError: the folder holds another sweep, or is in use.
        OSError: it cannot be written.
    """
    if path is None:
        yield Store(**layout)
        return
    try:
        import zarr
    except ImportError as error:
        raise ImportError("store needs zarr: pip install 'mixupbook[sweeps]'") from error
    if read_only:
        yield Store(others=_others(zarr, path, fingerprint), **layout)
        return
    path.mkdir(parents=True, exist_ok=True)
    writer = "all" if part is None else f"part-{part[0]}-of-{part[1]}"
    mine = path / f"{writer}.zarr"
    with locked(mine, "store"):
        others = _others(zarr, path, fingerprint, mine)
        root = zarr.open_group(mine, mode="a")
        store = Store(root=root, others=others, **layout)
        root.attrs[FINGERPRINT] = fingerprint
        yield store


def _others(
    zarr: Any, path: Path, fingerprint: dict[str, Any], mine: Path | None = None
) -> list[Any]:
    """What is in a folder but for one's own, after a check that all of it is of the same sweep."""
    others = []
    for folder in sorted(path.glob("*.zarr")):
        there = zarr.open_group(folder, mode="r") if (folder / "zarr.json").exists() else None
        if there is None or FINGERPRINT not in there.attrs:
            continue  # begun, and ended before anything was kept
        _check_same(path, dict(there.attrs[FINGERPRINT]), fingerprint)
        if folder != mine:
            others.append(there)
    return others


def _arrays(
    root: Any | None,
    group: int,
    shapes: dict[str, tuple[int, ...]],
    size: int,
) -> dict[str, Any]:
    """The variables of a group of runs, filled with NaN, and their status, 0."""
    runs = shapes["diverged_at"][0]
    kinds = {name: (np.float64, np.nan) for name in shapes} | {"diverged_at": (np.int64, -1)}
    if root is None:
        arrays = {
            name: np.full(shape, kinds[name][1], kinds[name][0]) for name, shape in shapes.items()
        }
        return {**arrays, "status": np.zeros(runs, np.int8)}
    place = root.require_group(f"shape-{group}")
    found = {}
    for name, shape in {**shapes, "status": (runs,)}.items():
        if name in place:
            found[name] = place[name]
            continue
        kind, fill = (np.int8, 0) if name == "status" else kinds[name]
        found[name] = place.create_array(
            name,
            shape=shape,
            chunks=(min(size, runs), *shape[1:]),
            dtype=kind,
            fill_value=fill,
            dimension_names=("run", *VARIABLES.get(name, ())),
        )
    return found


def _check_same(path: Path, there: dict[str, Any], now: dict[str, Any]) -> None:
    """Raises a ValueError that names what differs between a store's sweep and this one."""
    now = json.loads(json.dumps(now))
    for name in dict.fromkeys([*now, *there]):
        if there.get(name) != now.get(name):
            raise ValueError(
                f"store {str(path)!r} holds another sweep: its {name} is "
                f"{there.get(name)!r:.100}, and here it is {now.get(name)!r:.100}; choose another "
                "folder, or remove this one"
            )

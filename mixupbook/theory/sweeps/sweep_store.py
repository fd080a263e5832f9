"""What a sweep has found so far, in a folder that outlives it.

The folder holds one zarr store for each writer: ``all.zarr``, or ``part-1-of-4.zarr`` and so on.
There, each group of runs of one shape has a zarr group with the variables of `descend` along the
runs, a chunk for each block, and `status`: 1 where a run is done. It is written after all else of
its block, so that a block counts as a whole or not at all; nothing is ever written twice. A chunk
that is gone makes its block count as not done.
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
STATUS = "status"


class Writer:
    """What one writer has of a sweep: arrays in memory, or of zarr where there is a folder.

    Args:
        shapes: for each group of runs, the shape of each variable.
        sizes: for each group, the runs of a block.
        root: a zarr group, or None for arrays in memory.
        folder: that the zarr group lies in.
    """

    def __init__(
        self,
        shapes: list[dict[str, tuple[int, ...]]],
        sizes: list[int],
        root: Any | None = None,
        folder: Path | None = None,
    ) -> None:
        self.sizes, self.folder = sizes, folder
        self.groups: list[dict[str, Any]] = []
        for group, of_group in enumerate(shapes):
            if root is None:
                self.groups.append({name: _empty(name, shape) for name, shape in of_group.items()})
            else:
                place = root.get(f"shape-{group}")
                arrays = {} if place is None else dict(place.arrays())
                # Chunks of nothing but NaN are written too, so that one that is gone is missed.
                whole = {"write_empty_chunks": True}
                self.groups.append({name: one.with_config(whole) for name, one in arrays.items()})

    def done(self, group: int, runs: int) -> np.ndarray:
        """Which of so many runs are done."""
        arrays = self.groups[group]
        if STATUS not in arrays:
            return np.zeros(runs, bool)
        done = self.values(group, STATUS, slice(None)) == 1
        if self.folder is not None:
            for start in range(0, runs, self.sizes[group]):
                chunks = (self._chunk(group, name, start) for name in arrays)
                if done[start] and not all(chunk.exists() for chunk in chunks):
                    done[start : start + self.sizes[group]] = False
        return done

    def values(self, group: int, name: str, block: slice) -> np.ndarray:
        """A variable of some runs.

        Raises:
            ValueError: its file is damaged.
        """
        try:
            return self.groups[group][name][block]
        except Exception as error:  # whatever zarr and its codecs raise
            chunk = self._chunk(group, name, block.start or 0)
            raise ValueError(
                f"store has a damaged file, {str(chunk)!r} ({error}); remove it, and the same call "
                "does its block again"
            ) from error

    def put(self, group: int, block: slice, found: dict[str, np.ndarray]) -> None:
        """Keeps a finished block."""
        arrays = self.groups[group]
        for name in arrays.keys() - {STATUS}:
            arrays[name][block] = found[name]
        arrays[STATUS][block] = 1

    def _chunk(self, group: int, name: str, start: int) -> Path:
        """The file of a variable's block; the chunks of an array are numbered along each axis."""
        assert self.folder is not None
        numbers = [start // self.sizes[group]] + [0] * (self.groups[group][name].ndim - 1)
        return self.folder.joinpath(f"shape-{group}", name, "c", *map(str, numbers))


class Store:
    """The results of a grid's groups, of one writer and of others.

    Args:
        grid: of the sweep.
        groups: numbers of the runs of each shape.
        sizes: for each group, the runs of a block.
        steps: that are recorded.
        names: of the variables that are kept.
        mine: a zarr group to write to and its folder; arrays in memory without one.
        others: those of other writers, to read from.
    """

    def __init__(
        self,
        grid: Grid,
        groups: list[list[int]],
        sizes: list[int],
        steps: list[int],
        names: list[str],
        mine: tuple[Any, Path] | None = None,
        others: list[tuple[Any, Path]] | None = None,
    ) -> None:
        self.sizes, self.lengths = sizes, [len(runs) for runs in groups]
        self.lasting = mine is not None
        self.shapes = []
        for runs in groups:
            examples = grid.run(runs[0])[0].training["examples"]
            counts = {"step": len(steps), "feature": 4, "example": examples}
            of_group = {
                name: (len(runs), *(counts[dim] for dim in dims))
                for name, dims in VARIABLES.items()
                if name in names
            }
            self.shapes.append({**of_group, STATUS: (len(runs),)})
        if mine is not None:
            _make_arrays(mine[0], self.shapes, sizes)
        self.mine = Writer(self.shapes, sizes, *(mine or ()))
        self.writers = [self.mine, *(Writer(self.shapes, sizes, *other) for other in others or [])]

    def done(self, group: int) -> np.ndarray:
        """Which runs of a group are done, by this writer or another."""
        return self.of_whom(group) >= 0

    def of_whom(self, group: int) -> np.ndarray:
        """For each run of a group the number of the first writer that has it, -1 where none has."""
        runs = self.lengths[group]
        found = np.full(runs, -1)
        for number, writer in reversed([*enumerate(self.writers)]):
            found[writer.done(group, runs)] = number
        return found

    def blocks(self, group: int) -> list[slice]:
        """The blocks of a group."""
        runs, size = self.lengths[group], self.sizes[group]
        return [slice(start, min(start + size, runs)) for start in range(0, runs, size)]

    def put(self, group: int, block: slice, found: dict[str, np.ndarray]) -> None:
        """Keeps a finished block."""
        self.mine.put(group, block, found)

    def read(self, group: int, name: str, whom: np.ndarray) -> np.ndarray:
        """A variable of a group's runs from the writers that have them; empty where none has."""
        values = _empty(name, self.shapes[group][name])
        for block in self.blocks(group):
            number = int(whom[block.start])
            if number >= 0:
                values[block] = self.writers[number].values(group, name, block)
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
        ValueError: the folder holds another sweep, or what no sweep wrote, or is in use.
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
        yield Store(others=_there(zarr, path, fingerprint), **layout)
        return
    path.mkdir(parents=True, exist_ok=True)
    writer = "all" if part is None else f"part-{part[0]}-of-{part[1]}"
    mine = path / f"{writer}.zarr"
    with locked(mine, "store"):
        others = [other for other in _there(zarr, path, fingerprint) if other[1] != mine]
        if (mine / "zarr.json").exists():
            root = zarr.open_group(mine, mode="r+")
        else:  # with what it is of from the first moment
            root = zarr.create_group(mine, attributes={FINGERPRINT: fingerprint})
        yield Store(mine=(root, mine), others=others, **layout)


def _there(zarr: Any, path: Path, fingerprint: dict[str, Any]) -> list[tuple[Any, Path]]:
    """What is in a folder, after a check that all of it is of the same sweep."""
    found = []
    for folder in sorted(path.glob("*.zarr")):
        if not (folder / "zarr.json").exists():
            continue  # begun, and ended before anything was kept
        _check_descriptions(folder)
        root = zarr.open_group(folder, mode="r")
        of = root.attrs.get(FINGERPRINT)
        if of is None:
            raise ValueError(
                f"store {str(path)!r} holds {folder.name!r}, which no sweep wrote; choose another "
                "folder"
            )
        _check_same(path, dict(of), fingerprint)
        found.append((root, folder))
    return found


def _check_descriptions(folder: Path) -> None:
    """Raises a ValueError that names a damaged description, of the whole, a group or an array."""
    for pattern in ("zarr.json", "shape-*/zarr.json", "shape-*/*/zarr.json"):
        for file in sorted(folder.glob(pattern)):
            try:
                json.loads(file.read_text("utf-8"))["node_type"]
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"store has a damaged file, {str(file)!r} ({error}); remove it, and the same "
                    "call does again what is lost"
                ) from error


def _empty(name: str, shape: tuple[int, ...]) -> np.ndarray:
    kind, fill = _kind(name)
    return np.full(shape, fill, kind)


def _kind(name: str) -> tuple[type, float | int]:
    """Of a variable's numbers, and what stands where there are none."""
    if name == STATUS:
        return np.int8, 0
    return (np.int64, -1) if name == "diverged_at" else (np.float64, np.nan)


def _make_arrays(root: Any, shapes: list[dict[str, tuple[int, ...]]], sizes: list[int]) -> None:
    """The arrays of all groups, where they are not there, every chunk with a sum to check it by."""
    from zarr.codecs import ZstdCodec

    for group, (of_group, size) in enumerate(zip(shapes, sizes, strict=True)):
        place = root.require_group(f"shape-{group}")
        for name, shape in of_group.items():
            if name in place:
                continue
            kind, fill = _kind(name)
            place.create_array(
                name,
                shape=shape,
                chunks=(min(size, shape[0]), *shape[1:]),
                dtype=kind,
                fill_value=fill,
                dimension_names=("run", *VARIABLES.get(name, ())),
                compressors=[ZstdCodec(level=1, checksum=True)],
            )


def _check_same(path: Path, there: dict[str, Any], now: dict[str, Any]) -> None:
    """Raises a ValueError that names what differs between a store's sweep and this one."""
    now = json.loads(json.dumps(now))
    for name in dict.fromkeys([*now, *there]):
        if there.get(name) == now.get(name):
            continue
        if name == "functions":
            what = "a function of the same name does something else in it"
        else:
            was, now_is = there.get(name), now.get(name)
            what = f"its {name} is {was!r:.300}, and here it is {now_is!r:.300}"
        raise ValueError(
            f"store {str(path)!r} holds another sweep: {what}; choose another folder, or remove "
            "this one"
        )

"""The grid of a sweep: what each of its points trains, checked before anything runs."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixupbook._arguments import in_interval, is_number, nearest_hint, whole_number
from mixupbook.theory.activations import checked_activation
from mixupbook.theory.any_objective import Objective, check_objectives
from mixupbook.theory.feature_noise import FEATURES, FeatureNoise, check_seed
from mixupbook.theory.objectives import ALL
from mixupbook.theory.samples import BALANCED, TEST_SEEDS, rare_examples

__all__ = ["Grid", "Point", "checked_grid"]

# What may vary besides the fields of model and objective, and the check of each.
TRAINING: dict[str, Callable[[Any], Any]] = {
    "examples": lambda value: whole_number("examples", value, at_least=1),
    "test_examples": lambda value: whole_number("test_examples", value, at_least=2),
    "width": lambda value: whole_number("width", value, at_least=1),
    "init_std": lambda value: in_interval("init_std", value, 0),
    "lr": lambda value: in_interval("lr", value, 0, open_low=True),
    "activation": lambda value: checked_activation(value).name,
    "rare": lambda value: value,  # checked with the model, of which it depends
}
WHOLE = ("model", "objective")
ONE_FOR_ALL = ("steps", "record_every", "device", "dtype")


@dataclass(frozen=True)
class Point:
    """What the networks of one point of a grid have in common, but for the seed."""

    model: FeatureNoise
    objective: Objective
    training: dict[str, Any]

    def shape(self) -> tuple:
        """What runs have in common that are computed together."""
        names = ("examples", "test_examples", "width", "init_std", "activation")
        fixed = tuple(self.training[name] for name in names)
        return (self.model.patches, self.model.dimension, *fixed)


@dataclass(frozen=True)
class Grid:
    """The points, in the order of the dimensions of the result, and the seeds of each."""

    start: Point  # where nothing varies
    over: dict[str, list]
    points: list[Point]
    seeds: list[int]

    def __len__(self) -> int:
        return len(self.points) * len(self.seeds)

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the dimensions: one for each name, and the seeds."""
        return (*map(len, self.over.values()), len(self.seeds))

    def run(self, number: int) -> tuple[Point, int]:
        """The point and the seed of a run; runs are numbered along the last dimension first."""
        point, seed = divmod(number, len(self.seeds))
        return self.points[point], self.seeds[seed]

    def points_of(self, numbers: list[int]) -> list[Point]:
        """The points of some runs, each once."""
        return [self.points[n] for n in dict.fromkeys(n // len(self.seeds) for n in numbers)]

    def groups(self) -> list[list[int]]:
        """The numbers of the runs that can be computed together, for each shape."""
        found: dict[tuple, list[int]] = {}
        for number, point in enumerate(self.points):
            first = number * len(self.seeds)
            found.setdefault(point.shape(), []).extend(range(first, first + len(self.seeds)))
        return list(found.values())

    def named(self, number: int) -> str:
        """A run in words."""
        point, seed = divmod(number, len(self.seeds))
        index = np.unravel_index(point, self.shape[:-1])
        chosen = [values[i] for values, i in zip(self.over.values(), index, strict=True)]
        said = [f"{name} = {value!r}" for name, value in zip(self.over, chosen, strict=True)]
        return ", ".join([*said, f"seed {self.seeds[seed]}"])


def checked_grid(
    model: Any, objective: Any, over: Any, seeds: Any, training: Mapping[str, Any]
) -> Grid:
    """The grid, every point of it valid.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a name that cannot vary, no values, or a point that is not valid, named.
    """
    if not isinstance(model, FeatureNoise):
        raise TypeError(f"model must be a FeatureNoise, got {model!r:.60}")
    check_objectives([objective], model.patches)
    seeds = _listed("seeds", seeds, "[0, 1]")
    for seed in seeds:
        if check_seed("seeds", seed) + TEST_SEEDS >= 2**63:
            raise ValueError(f"seeds must be below 2^63 - {TEST_SEEDS}, got {seed!r}")
    if not isinstance(over, Mapping):
        raise TypeError(f"over must be a dict of names and their values, got {over!r:.60}")
    over = {name: _listed(f"over[{name!r}]", values, "[0.6, 0.7]") for name, values in over.items()}
    training = {name: _plain(value) for name, value in training.items()}
    for name, value in training.items():
        if name not in over:
            TRAINING[name](value)
    start = Point(_of_plain(model), _of_plain(objective), training)
    points = [
        _point(start, dict(zip(over, values, strict=True)))
        for values in itertools.product(*over.values())
    ]
    grid = Grid(start, over, points, seeds)
    _check_draws(grid)
    return grid


def _point(start: Point, changes: dict[str, Any]) -> Point:
    """A point with some values changed."""
    try:
        model = changes.get("model", start.model)
        objective = changes.get("objective", start.objective)
        if not isinstance(model, FeatureNoise):
            raise TypeError(f"model must be a FeatureNoise, got {model!r:.60}")
        check_objectives([objective], model.patches)
        fields_of_model = _names(model)
        fields_of_objective = _names(objective)
        for name in changes:
            known = [*fields_of_model, *fields_of_objective, *TRAINING, *WHOLE]
            if name not in known:
                raise ValueError(_unknown(name, known, objective))
        model = dataclasses.replace(model, **_of(changes, fields_of_model))
        objective = dataclasses.replace(objective, **_of(changes, fields_of_objective))
        check_objectives([objective], model.patches)
        training = {**start.training, **_of(changes, TRAINING)}
        training = {name: TRAINING[name](value) for name, value in training.items()}
        _check_rare(model, training["examples"], training["rare"])
    except (TypeError, ValueError) as error:
        if not changes:
            raise
        where = ", ".join(f"{name} = {value!r}" for name, value in changes.items())
        raise type(error)(f"over has an invalid point, {where}: {error}") from None
    return Point(model, objective, training)


def _check_rare(model: FeatureNoise, examples: int, rare: Any) -> None:
    """Raises an error unless so many rare examples can be asked for."""
    if isinstance(rare, str) and rare != BALANCED:
        raise ValueError(f"rare must be a number, a pair of them or 'balanced', got {rare!r}")
    counts = rare_examples(model, examples, rare)
    if isinstance(counts, tuple | list) and len(counts) != 2:
        raise ValueError(f"rare must be a number, or a pair of one for each class, got {rare!r}")
    for count in counts if isinstance(counts, tuple | list) else (counts,):
        if whole_number("rare", count) > examples:
            raise ValueError(f"rare must be at most examples = {examples}, got {rare!r}")


def _check_draws(grid: Grid) -> None:
    """Raises an error where what a seed draws does not suit a point: its rare examples, its pairs.

    Labels, and which examples are rare, come of the seed alone: of the smallest model as of any.
    """
    small = FeatureNoise(len(FEATURES) + 1, 2, 0.0, 0.0, 0, 0.0)
    asked: dict[tuple, tuple[int, Any]] = {}
    for number, point in enumerate(grid.points):
        examples = point.training["examples"]
        rare = rare_examples(point.model, examples, point.training["rare"])
        partners = getattr(point.objective, "partners", ALL)
        partners = ALL if callable(partners) else partners
        if isinstance(rare, tuple) or partners != ALL:
            asked.setdefault((examples, rare, partners), (number, point.objective))
    for (examples, rare, partners), (number, objective) in asked.items():
        for place, seed in enumerate(grid.seeds):
            try:
                data = small.sample(examples, seed=seed, rare=rare)
                if partners != ALL:
                    objective.mask(data)
            except ValueError as error:
                named = grid.named(number * len(grid.seeds) + place)
                raise ValueError(f"over has an invalid point, {named}: {error}") from None


def _unknown(name: str, known: list[str], objective: object) -> str:
    if name in ONE_FOR_ALL:
        more = ": every step on the way is recorded" if name == "steps" else ""
        return f"{name} is the same in all runs{more}"
    kind = type(objective).__name__
    listed = ", ".join(known)
    hint = nearest_hint(name, known)
    return f"no {name!r} among what can vary with {kind}: {listed}{hint}"


def _names(described: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(described)]


def _of(changes: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: changes[name] for name in names if name in changes}


def _listed(name: str, values: Any, example: str) -> list:
    """Several values as a list, NumPy's numbers as Python's."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be several values, such as {example}, got {values!r:.60}")
    if isinstance(values, Iterator) or getattr(values, "ndim", 1) != 1:
        raise TypeError(f"{name} must be a list, or of one dimension, got {values!r:.60}")
    found = [_plain(value) for value in values]
    if not found:
        raise ValueError(f"{name} must hold at least one value, got none")
    for number, value in enumerate(found):
        if value in found[:number]:
            raise ValueError(f"{name} must be all different, got {value!r:.60} twice")
    return found


def _plain(value: Any) -> Any:
    """NumPy's and torch's numbers as Python's, also in a pair."""
    if isinstance(value, tuple | list):
        return tuple(_plain(one) for one in value)
    numbered = hasattr(value, "item") and getattr(value, "ndim", None) == 0
    return value.item() if numbered or (is_number(value) and hasattr(value, "item")) else value


def _of_plain(described: Any) -> Any:
    """A model or an objective with plain numbers in its fields."""
    fields = {name: _plain(getattr(described, name)) for name in _names(described)}
    return dataclasses.replace(described, **fields)

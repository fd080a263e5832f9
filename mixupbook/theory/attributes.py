"""The parameters of runs as attributes of a dataset, in kinds that every file format takes."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from mixupbook.theory.any_objective import Objective
from mixupbook.theory.runs import Runs

__all__ = ["attributes", "described", "shared"]


def attributes(runs: Runs) -> dict[str, Any]:
    """The parameters of `descend`: one value where all runs share it, else the list."""
    examples, patches, dimension = runs.train.x.shape[1:]
    return {
        "objective": shared(described(runs.objectives)),
        "lr": shared(runs.rates),
        "seed": shared(runs.seeds),
        "examples": examples,
        "patches": patches,
        "dimension": dimension,
        "test_examples": 0 if runs.test is None else runs.test.x.shape[1],
        "width": runs.width,
        "init_std": runs.init_std,
        "activation": runs.activation.name,
        "steps": runs.steps,
        "record_every": runs.record_every,
        "device": str(runs.device),
        "dtype": str(runs.dtype).removeprefix("torch."),
    }


def shared(values: Sequence[Any]) -> Any:
    """One value where all runs share it, else the list: of texts as JSON, of numbers as it is."""
    if all(value == values[0] for value in values):
        return values[0]
    return json.dumps(values) if isinstance(values[0], str) else list(values)


def described(objectives: Sequence[Objective]) -> list[str]:
    """Like their reprs, but with functions by name, and numbered where several have one name."""
    namesakes: dict[str, list[object]] = {}

    def shown(value: object) -> str:
        if not callable(value):
            return repr(value.item() if isinstance(value, np.generic) else value)
        name = getattr(value, "__qualname__", type(value).__qualname__)
        known = namesakes.setdefault(name, [])
        if value not in known:
            known.append(value)
        number = known.index(value)
        return f"{name}#{number + 1}" if number else name

    def described_one(objective: Objective) -> str:
        fields = dataclasses.fields(objective)
        listed = (f"{field.name}={shown(getattr(objective, field.name))}" for field in fields)
        return f"{type(objective).__name__}({', '.join(listed)})"

    return [described_one(objective) for objective in objectives]

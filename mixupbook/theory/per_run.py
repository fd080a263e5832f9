"""Arguments that may be given once for all runs, or once for each of them."""

from collections.abc import Collection, Iterable, Mapping, Set
from typing import Any

__all__ = ["spread"]


def spread(arguments: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Each argument as a list with one entry for each run.

    Lists, tuples, ranges, one-dimensional arrays and tensors, pandas' series and the like give one
    value for each run; anything else is shared by all runs. An array or tensor without dimensions
    is the number that it holds.

    Raises:
        TypeError: a generator, a mapping or a set.
        ValueError: sequences of different lengths, an empty one, or a tensor that holds no values.
    """
    given = {name: _one_or_many(name, value) for name, value in arguments.items()}
    lengths = {name: len(values) for name, values in given.items() if isinstance(values, list)}
    if 0 in lengths.values():
        empty = min(lengths, key=lambda name: lengths[name])
        raise ValueError(f"{empty} must hold at least one run, got an empty sequence")
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{length} in {name}" for name, length in lengths.items())
        raise ValueError(
            f"sequences must have one entry for each run, got {listed} (each combination of two "
            "lists is a run of its own: itertools.product lists them)"
        )
    runs = max(lengths.values(), default=1)
    return {
        name: values if isinstance(values, list) else [values] * runs
        for name, values in given.items()
    }


def _one_or_many(name: str, value: Any) -> Any:
    """A list where there is a value for each run, else the one value."""
    if getattr(value, "is_meta", False):
        raise ValueError(f"{name} must hold values, got a tensor on the device 'meta'")
    dimensions = getattr(value, "ndim", 1)
    if dimensions == 0:
        return value.item()
    # Texts and matrices are left to the checks of the argument itself, which say what it may be.
    if isinstance(value, str | bytes) or not isinstance(value, Iterable) or dimensions > 1:
        return value
    if isinstance(value, Mapping | Set) or not isinstance(value, Collection):
        raise TypeError(
            f"{name} must be one value, or a sequence with one for each run, "
            f"got {type(value).__name__} (list(...) makes a sequence)"
        )
    return [entry.item() if getattr(entry, "ndim", None) == 0 else entry for entry in value]

"""Checks of arguments: every message names the argument, the value got, and what is allowed."""

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import TypeGuard

import numpy as np

__all__ = [
    "finite_number",
    "in_interval",
    "is_number",
    "nearest_hint",
    "one_of",
    "true_or_false",
    "whole_number",
]


def is_number(value: object) -> TypeGuard[float]:
    """Whether `value` is a real number; booleans are not numbers here."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def finite_number(name: str, value: object) -> float:
    """`value` as a float, or an error that names the argument.

    Raises:
        TypeError: `value` is not a real number (booleans are not numbers here).
        ValueError: `value` is NaN or infinite.
    """
    if not is_number(value):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return number


def in_interval(
    name: str,
    value: object,
    low: float,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """`value` as a float inside the interval from `low` to `high`.

    Raises:
        TypeError: `value` is not a real number.
        ValueError: `value` is not finite or lies outside the interval.
    """
    number = finite_number(name, value)
    inside_low = low < number if open_low else low <= number
    inside_high = number < high if open_high else number <= high
    if not (inside_low and inside_high):
        left = "(" if open_low or low == -math.inf else "["
        right = ")" if open_high or high == math.inf else "]"
        raise ValueError(f"{name} must lie in {left}{low:g}, {high:g}{right}, got {value!r}")
    return number


def whole_number(name: str, value: object, at_least: int = 0) -> int:
    """`value` as an int not below `at_least`.

    Raises:
        TypeError: `value` is not an integer (3.0 and True are not).
        ValueError: `value` is too small.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {value!r}")
    return int(value)


def one_of(name: str, value: object, choices: Iterable[str]) -> str:
    """`value` where it is one of `choices`, else an error that suggests the nearest.

    Raises:
        TypeError: `value` is not a string.
        ValueError: `value` is not among `choices`.
    """
    allowed = list(choices)
    listed = ", ".join(repr(choice) for choice in allowed)
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {listed}, got {value!r}")
    if value not in allowed:
        hint = nearest_hint(value, allowed)
        raise ValueError(f"{name} must be one of {listed}, got {value!r}{hint}")
    return value


def nearest_hint(value: object, choices: Iterable[str]) -> str:
    """A suggestion for the end of a message: the choice most like `value`, if any is like it."""
    if not isinstance(value, str):
        return ""
    nearest = difflib.get_close_matches(value.lower(), list(choices), n=1, cutoff=0.6)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""


def true_or_false(name: str, value: object) -> bool:
    """`value` as a bool where it is a boolean, Python's or NumPy's.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)

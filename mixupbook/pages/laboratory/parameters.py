"""What may be set in the laboratory: the table of `parameters.js`, for Python."""

from dataclasses import dataclass
from typing import Any

from mixupbook._arguments import in_interval, one_of, true_or_false, whole_number

__all__ = ["CONTROLS", "PARAMETERS", "Parameter", "attributes", "settings"]

CONTROLS = ("full", "few")


@dataclass(frozen=True)
class Parameter:
    """One row of the table.

    Args:
        default: the value where nothing is said; None where it is a word in the address.
        low: the least allowed.
        high: the most allowed.
        whole: whether it is a whole number.
        word: what the address says for None, or None where there is no such word.
    """

    default: float | None
    low: float
    high: float
    whole: bool = False
    word: str | None = None


PARAMETERS = {
    "lam": Parameter(0.7, 0.5, 1),
    "label_lam": Parameter(None, 0.5, 1, word="same"),
    "rho": Parameter(0.1, 0, 0.5),
    "noise": Parameter(0.15, 0, 3),
    "overlap": Parameter(1.0, 0, 1),
    "stop": Parameter(None, 0, 20000, whole=True, word="never"),
    "steps": Parameter(800, 50, 20000, whole=True),
    "seed": Parameter(1, 0, 999999, whole=True),
}


def settings(*, run: bool | Any = False, controls: str | Any = "full", **given: Any) -> dict:
    """All settings by name: those given, checked, and the defaults of the others.

    Raises:
        TypeError: a value of the wrong kind, or a name that is no parameter.
        ValueError: a value outside what is allowed.

    Example:
        >>> settings(stop=75)["stop"], settings()["lam"]
        (75, 0.7)
    """
    if unknown := set(given) - set(PARAMETERS):
        allowed = ", ".join([*PARAMETERS, "run", "controls"])
        raise TypeError(f"{sorted(unknown)[0]!r} is no parameter; there are {allowed}")
    chosen = {name: row.default for name, row in PARAMETERS.items()}
    for name, value in given.items():
        chosen[name] = _checked(name, value)
    return {
        **chosen,
        "run": true_or_false("run", run),
        "controls": one_of("controls", controls, CONTROLS),
    }


def _checked(name: str, value: Any) -> float | None:
    row = PARAMETERS[name]
    if value is None and row.word:
        return None
    inside = in_interval(name, value, row.low, row.high)
    return whole_number(name, value) if row.whole else inside


def attributes(chosen: dict) -> str:
    """The settings that are not defaults, as attributes of the element.

    Example:
        >>> attributes(settings(lam=0.8, stop=75, controls="few"))
        'lam="0.8" stop="75" controls="few"'
    """
    changed = {
        name: row.word if chosen[name] is None else f"{chosen[name]:g}"
        for name, row in PARAMETERS.items()
        if chosen[name] != row.default
    }
    if chosen["run"]:
        changed["run"] = "1"
    if chosen["controls"] != CONTROLS[0]:
        changed["controls"] = chosen["controls"]
    return " ".join(f'{name}="{value}"' for name, value in changed.items())

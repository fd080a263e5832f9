"""Outputs of a cell run again, against those that its notebook holds.

Sums of floating-point numbers depend on the processor: mathematical libraries take other ways on
one maker's than on another's. Training carries a last digit on, until now and then a test image
falls on the other side. So numbers may differ a little, and all else may not: no word, no verdict,
not how many numbers there are.

A plugin of pytest, beside nbval: `-p outputs`, with this folder on Python's path.
"""

import re
from collections.abc import Mapping, Sequence

from nbval.plugin import IPyNbCell

NUMBER = re.compile(r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)
UNITS = 2  # of the last place that is printed
SHARE = 0.2  # of the number in the notebook
OTHER_DIGITS = ("other last digits", True)


def agree(found: str, held: str) -> bool:
    """Whether two texts are the same but for numbers close to each other."""
    if found == held:
        return True
    if NUMBER.sub("#", found) != NUMBER.sub("#", held):
        return False
    pairs = zip(NUMBER.findall(found), NUMBER.findall(held), strict=True)
    return all(close(one, other) for one, other in pairs)


def close(found: str, held: str) -> bool:
    """Whether a number may stand for the one in the notebook.

    >>> close("-0.5", "-0.3"), close("-0.5", "-0.2"), close("41", "36"), close("3", "3.0")
    (True, False, True, False)
    """
    if found == held:
        return True
    if last_place(found) != last_place(held):
        return False
    one, other = value(found), value(held)
    allowed = max(UNITS * last_place(held), SHARE * abs(other))
    return abs(one - other) <= allowed * (1 + 1e-9)


def value(number: str) -> float:
    """The number that a text is."""
    return float(number.replace(",", ""))


def last_place(number: str) -> float:
    """What one unit of its last decimal is worth."""
    mantissa, _, exponent = number.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(f"1e{int(exponent or 0) - decimals}")


def adopt(found: object, held: object) -> object:
    """What was found, with each text that agrees replaced by the one in the notebook."""
    if isinstance(found, str) and isinstance(held, str):
        return held if agree(found, held) else found
    if isinstance(found, Mapping) and isinstance(held, Mapping):
        return type(found)(
            {key: adopt(part, held[key]) if key in held else part for key, part in found.items()}
        )
    if isinstance(found, Sequence) and isinstance(held, Sequence) and len(found) == len(held):
        return [adopt(one, other) for one, other in zip(found, held, strict=True)]
    return found


compare_exactly = IPyNbCell.compare_outputs


def compare(cell, found, held, skip_compare=None):
    """Give numbers some room, and note where they are not the same."""
    same = compare_exactly(cell, adopt(found, held), held, skip_compare)
    if same and not compare_exactly(cell, found, held, skip_compare):
        cell.user_properties.append(OTHER_DIGITS)
    return same


def pytest_configure():
    """Have nbval compare so."""
    IPyNbCell.compare_outputs = compare


def pytest_terminal_summary(terminalreporter):
    """Say which cells gave other digits than the notebook holds."""
    passed = terminalreporter.stats.get("passed", [])
    cells = [report.nodeid for report in passed if OTHER_DIGITS in report.user_properties]
    if cells:
        terminalreporter.section("Other last digits than in the notebook")
        for cell in cells:
            terminalreporter.line(cell)

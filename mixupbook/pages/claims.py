"""The claims ledger: each claim one object, judged by its criterion, collected from the chapters.

A chapter states a claim where it measures it. The verdict is never typed: it follows from where
the measured interval lies with respect to the criterion, and the cell fails if that is not the
verdict the chapter's text states. The ledger page collects what the executed notebooks hold.
"""

import html
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mixupbook._arguments import one_of
from mixupbook.intervals import Interval, Share, share_interval

__all__ = [
    "Claim",
    "ClaimError",
    "Criterion",
    "above",
    "below",
    "between",
    "collect",
    "ledger",
    "seeds_share",
]

SOURCES = ("abstract", "ours", "other paper")
VERDICTS = ("supported", "not supported", "mixed")
# What a reader sees who opens the ledger alone, on Colab say.
NO_CLAIMS = (
    "No claims here: this page collects them from the executed chapters, whose notebooks are not "
    "beside it. Open it in a clone of the book's repository."
)
LEDGER = "claims"  # the page that collects them
MIME = "application/vnd.mixupbook.claim+json"


class ClaimError(AssertionError):
    """A claim's measured verdict is not the one its chapter states."""


@dataclass(frozen=True)
class Criterion:
    """The open range in which the measured value has to lie for a claim to be supported."""

    low: float = -math.inf
    high: float = math.inf

    def verdict(self, measured: Interval) -> str:
        """Supported if the whole interval is inside, not supported if outside, else mixed."""
        if not math.isfinite(measured.low + measured.mean + measured.high):
            raise ValueError(f"measured must be finite to be judged, got {measured}")
        if self.low < measured.low and measured.high < self.high:
            return "supported"
        if measured.high <= self.low or measured.low >= self.high:
            return "not supported"
        return "mixed"

    def __str__(self) -> str:
        if self.low == -math.inf:
            return f"below {self.high:g}"
        if self.high == math.inf:
            return f"above {self.low:g}"
        return f"between {self.low:g} and {self.high:g}"


def below(bound: float) -> Criterion:
    """The measured value must be below `bound`."""
    return Criterion(high=bound)


def above(bound: float) -> Criterion:
    """The measured value must be above `bound`."""
    return Criterion(low=bound)


def between(low: float, high: float) -> Criterion:
    """The measured value must be above `low` and below `high`."""
    if not low < high:
        raise ValueError(f"low must be below high, got {low!r} and {high!r}")
    return Criterion(low, high)


def seeds_share(holds: Sequence[bool] | np.ndarray) -> Share:
    """The share of seeds, in per cent, for which something holds, with what may be said of all.

    Each bound is Clopper and Pearson's one-sided 95 % bound, so that "at least 90 % of seeds" is
    judged by ``above(90)`` whichever way it went: supported if the lower bound is above 90, not
    supported if the upper one is not.

    Args:
        holds: whether it holds, one boolean for each seed; also an array with one axis.

    Raises:
        ValueError: anything but booleans in a row, or none.

    Example:
        >>> share = seeds_share([True] * 30)
        >>> f"{share.successes} of {share.count}, at least {share.low:.1f} %"
        '30 of 30, at least 90.5 %'
    """
    found = np.asarray(holds)
    if found.dtype != bool or found.ndim != 1 or len(found) == 0:
        raise ValueError(f"holds must be a boolean for each of one seed or more, got {holds!r}")
    return share_interval(int(found.sum()), len(found), confidence=0.90).scaled(100)


@dataclass(frozen=True)
class Claim:
    """One claim, what was measured for it, and how it is judged.

    Attributes:
        id: short and unique in the book, such as ``"C1-digits"``.
        sentence: the claim in words.
        source: ``"abstract"`` (of Zou et al., ICML 2023), ``"ours"`` or ``"other paper"``.
        measured: the measured value with its interval and number of seeds.
        unit: what the value is, such as ``"points of test error"``.
        criterion: the range that supports the claim, in the same unit.
        stated: the verdict that the chapter's text states.
        digits: decimals shown and stored.
        horizon: how long was trained before it was measured, where that could matter, such as
            ``"1600 steps"``.
        counted: what the interval is over, where that is not seeds.

    Raises:
        TypeError: a horizon that is no text.
        ValueError: a source or stated verdict that is not one of those allowed.
        ClaimError: the measured verdict is not the stated one.

    Example:
        >>> from mixupbook.intervals import Interval
        >>> claim = Claim("demo", "Two is more than one.", "ours", Interval(2, 2, 2, 1), "pieces",
        ...               above(1), stated="supported")
        >>> claim.verdict
        'supported'
    """

    id: str
    sentence: str
    source: str
    measured: Interval
    unit: str
    criterion: Criterion
    stated: str
    digits: int = 1
    horizon: str = ""
    counted: str = "seeds"

    def __post_init__(self) -> None:
        if not isinstance(self.horizon, str):
            raise TypeError(f"horizon must be a text such as '1600 steps', got {self.horizon!r}")
        one_of("source", self.source, SOURCES)
        one_of("stated", self.stated, VERDICTS)
        if self.verdict != self.stated:
            raise ClaimError(
                f"claim {self.id!r} is stated as {self.stated}, but measured {self.value_text} "
                f"against '{self.criterion}' makes it {self.verdict}"
            )

    @property
    def verdict(self) -> str:
        """The verdict that the measurement gives."""
        return self.criterion.verdict(self.measured)

    @property
    def value_text(self) -> str:
        """The measured value with its interval and seeds, as text."""
        m, d = self.measured, self.digits
        if isinstance(m, Share):
            return f"{m.successes} of {m.count}, {_share_text(m, d)} {self.unit}"
        if m.count == 1:
            return f"{m.mean:z.{d}f} {self.unit}"
        value = f"{m.mean:z.{d}f} [{m.low:z.{d}f}, {m.high:z.{d}f}]"
        return f"{value} {self.unit}, {m.count} {self.counted}"

    def as_row(self) -> dict[str, str]:
        """The claim as the ledger stores it."""
        row = {
            "id": self.id,
            "sentence": self.sentence,
            "source": self.source,
            "measured": self.value_text,
            "criterion": str(self.criterion),
            "verdict": self.verdict,
        }
        return {**row, "horizon": self.horizon} if self.horizon else row

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        row = self.as_row()
        return {
            "text/plain": f"{self.id}: {self.verdict} ({self.value_text}; {self.criterion})",
            "text/html": _card(row),
            MIME: row,
        }


def _share_text(share: Share, digits: int) -> str:
    """What the counted seeds say about all: at least, at most, or from so much to so much."""
    if share.side == "lower" or (share.side == "both" and share.successes == share.count):
        return f"at least {share.low:.{digits}f}"
    if share.side == "upper" or share.successes == 0:
        return f"at most {share.high:.{digits}f}"
    return f"{share.low:.{digits}f} to {share.high:.{digits}f}"


def collect(folder: str | Path) -> list[dict[str, str]]:
    """The claims stored in the executed notebooks of a folder, each with its chapter's name.

    Chapters come in the order of the book's contents, which lie beside the folder (``_toc.yml``).

    Raises:
        ValueError: two claims have the same id.
    """
    rows: list[dict[str, str]] = []
    for notebook in _in_order(Path(folder)):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        found = [output["data"][MIME] for output in outputs if MIME in output.get("data", {})]
        rows.extend({**row, "chapter": notebook.stem} for row in found)
    ids = [row["id"] for row in rows]
    repeated = sorted({claim_id for claim_id in ids if ids.count(claim_id) > 1})
    if repeated:
        raise ValueError(f"claim ids must be unique in the book, got twice: {', '.join(repeated)}")
    return rows


def _in_order(folder: Path) -> list[Path]:
    """The notebooks of a folder; the ledger's own, which may hold claims it collected, is none."""
    contents = folder.resolve().parent / "_toc.yml"
    if not contents.exists():
        return []
    names = re.findall(
        r"^ *- file: .*?([\w-]+)$", contents.read_text(encoding="utf-8"), re.MULTILINE
    )
    notebooks = [folder / f"{name}.ipynb" for name in names if name != LEDGER]
    return [notebook for notebook in notebooks if notebook.exists()]


class Ledger(list):
    """Rows of claims that show themselves as a table."""

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>{NO_CLAIMS}</p>"
        titles = ("Claim", "Measured", "Supported if", "Verdict")
        head = "".join(f"<th>{title}</th>" for title in titles)
        body = "".join(_table_row(row) for row in self)
        return (
            f'<div class="mxb-scroll"><table class="mxb-ledger"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )

    def __repr__(self) -> str:
        if not self:
            return NO_CLAIMS
        return "\n".join(f"{row['id']}: {row['verdict']} ({row['measured']})" for row in self)


def ledger(rows: Sequence[dict[str, str]]) -> Ledger:
    """Rows from `collect` as a table that a notebook shows."""
    return Ledger(rows)


def _table_row(row: dict[str, str]) -> str:
    text = {key: html.escape(value) for key, value in row.items()}
    return (
        f'<tr><td><a href="{text["chapter"]}.html"><strong>{text["id"]}</strong></a> '
        f'{text["sentence"]} <span class="mxb-source">{text["source"]}</span></td>'
        f"<td>{text['measured']}{_horizon(text)}</td>"
        f"<td>{text['criterion']}</td><td>{_badge(text['verdict'])}</td></tr>"
    )


def _card(row: dict[str, str]) -> str:
    text = {key: html.escape(value) for key, value in row.items()}
    return (
        f'<div class="mxb-claim"><p><strong>Claim {text["id"]}.</strong> {text["sentence"]} '
        f"{_badge(text['verdict'])}</p><p>Measured: {text['measured']}{_horizon(text)}. "
        f"Supported if {text['criterion']}. Source: {text['source']}.</p></div>"
    )


def _horizon(text: dict[str, str]) -> str:
    return f" (horizon: {text['horizon']})" if "horizon" in text else ""


def _badge(verdict: str) -> str:
    return f'<span class="mxb-verdict mxb-{verdict.replace(" ", "-")}">{verdict}</span>'

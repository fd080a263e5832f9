"""The timeline: what trained networks had learned at a step that the reader picks with a slider.

Its ES module is `timeline.js`, beside the laboratory's, whose looks it shares.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from mixupbook.pages.theory_figures import strengths

__all__ = ["record", "timeline"]

# Steps in the table that stands where there is no JavaScript, and on paper.
ROWS = 5
COLUMNS = ("step", "rare test error", "common feature", "rare feature", "memorised noise")


def timeline(runs: Mapping[str, xr.Dataset], is_rare: np.ndarray, *, until: int, at: int) -> Any:
    """A slider over the training steps, and what each training had learned there, over its seeds.

    Args:
        runs: for each name what `mixupbook.descend` returned for R runs; the steps are the same.
        is_rare: which training examples are rare, shape (R, n).
        until: the last step, one of those recorded.
        at: the step that it opens with, one of those recorded.

    Returns:
        In a live kernel an anywidget. Where ``MIXUPBOOK_STATIC`` is set to 1, the HTML of the
        element for pages without a kernel, with a table inside.

    Raises:
        ValueError: steps that differ or were not recorded, or an `is_rare` that does not fit.
    """
    from mixupbook.pages.explorers import is_static

    found = record(runs, is_rare, until=until, at=at)
    if is_static():
        from IPython.display import HTML

        return HTML(element(found))
    from mixupbook.pages.timeline_widget import TimelineWidget

    return TimelineWidget(record=found)


def record(runs: Mapping[str, xr.Dataset], is_rare: np.ndarray, *, until: int, at: int) -> dict:
    """Means over the runs, to three digits, as `timeline.js` takes them.

    Args:
        runs: as in `timeline`.
        is_rare: as in `timeline`.
        until: as in `timeline`.
        at: as in `timeline`.

    Raises:
        ValueError: as in `timeline`.
    """
    recorded = [result.step.values.tolist() for result in runs.values()]
    if any(steps != recorded[0] for steps in recorded):
        raise ValueError("runs must be recorded at the same steps")
    for name, step in (("until", until), ("at", at)):
        if step not in recorded[0]:
            raise ValueError(f"{name} must be one of the recorded steps, got {step!r}")
    steps = [step for step in recorded[0] if step <= until]
    if at > until:
        raise ValueError(f"at must not lie after until = {until}, got {at}")
    return {
        "steps": steps,
        "at": steps.index(at),
        "runs": [
            {
                "name": name,
                "which": "mixup" if name.startswith("Mixup") else "standard",
                "error": _rounded(result.rare_error.transpose("run", "step").values, len(steps)),
                **{
                    kind: _rounded(values, len(steps))
                    for kind, values in strengths(result, is_rare).items()
                },
            }
            for name, result in runs.items()
        ],
    }


def _rounded(values: np.ndarray, count: int) -> list[float]:
    """Means over the first axis, for the first steps."""
    return [float(f"{mean:.3g}") for mean in values.mean(axis=0)[:count]]


def element(found: dict) -> str:
    """The element in HTML: its record, and a table of some steps.

    Args:
        found: what `record` returned.
    """
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":")).replace("<", r"\u003c")
    return (
        f'<mixup-timeline><script type="application/json">{text}</script>'
        f"{''.join(_table(found['steps'], run) for run in found['runs'])}</mixup-timeline>"
    )


def _table(steps: list[int], run: dict) -> str:
    chosen = np.linspace(0, len(steps) - 1, ROWS).round().astype(int).tolist()
    rows = [
        (
            f"{steps[k]}",
            f"{100 * run['error'][k]:.0f} %",
            *(f"{run[kind][k]:.2f}" for kind in ("common", "rare", "noise")),
        )
        for k in chosen
    ]
    head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f"<table><caption>{run['name']}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )

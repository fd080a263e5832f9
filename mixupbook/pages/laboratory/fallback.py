"""The laboratory's static figure: the same experiment, run by the package, drawn in SVG.

The sizes are those of `FIXED` in `engine.js`; the draws are the package's own, so that a run in the
browser from the same seed comes out alike, but not the same.
"""

import numpy as np
import xarray as xr

from mixupbook.pages.laboratory.parameters import attributes
from mixupbook.theory.descent import descend
from mixupbook.theory.feature_noise import FeatureNoise, PatchData
from mixupbook.theory.objectives import PairMixup, Standard

__all__ = ["element", "experiment", "picture"]

EXAMPLES, TEST_EXAMPLES, DIMENSION, PATCHES, NOISE_PATCHES = 40, 400, 200, 4, 1
FEATURE_NOISE, WIDTH, LR = 0.2, 4, 0.4
RECORDS = 80

# Measures of the drawing, in its own units; a phone shows it at about four fifths.
BOX, LEFT, RIGHT, TOP, BOTTOM = (400, 230), 48, 384, 40, 186
# Legible on a light page and on a dark one; what else is drawn takes the colour of the text.
MIXUP, STOP = "#2389c9", "#d9661f"


def element(chosen: dict) -> str:
    """The element in HTML, with its static figure inside.

    Args:
        chosen: all settings, as `settings` returns them.
    """
    said = attributes(chosen)
    opening = f"<mixup-laboratory {said}>" if said else "<mixup-laboratory>"
    return f"{opening}{picture(experiment(chosen), chosen)}</mixup-laboratory>"


def experiment(chosen: dict) -> xr.Dataset:
    """Both trainings in the chosen setting: a dataset of `descend`, standard first.

    Args:
        chosen: all settings, as `settings` returns them.
    """
    seed, steps, stop = chosen["seed"], chosen["steps"], chosen["stop"]
    train = _sample(EXAMPLES, _half_and_half(round(chosen["rho"] * EXAMPLES)), 2 * seed, chosen)
    test = _sample(TEST_EXAMPLES, TEST_EXAMPLES // 2, 2 * seed + 1, chosen)
    mixup = PairMixup(
        chosen["lam"],
        label_lam=chosen["label_lam"],
        stop_step=None if stop is None or stop >= steps else stop,
    )
    return descend(
        train,
        [Standard(), mixup],
        test=test,
        width=WIDTH,
        lr=LR,
        steps=steps,
        seed=seed,
        record_every=max(1, steps // RECORDS),
        device="cpu",
    )


def _half_and_half(count: int) -> tuple[int, int]:
    """As many rare examples in one class as in the other, or one more."""
    return count - count // 2, count // 2


def _sample(n: int, rare: int | tuple[int, int], seed: int, chosen: dict) -> PatchData:
    """Examples of which some rare ones have their feature in the common one's place."""
    same, distinct = (
        FeatureNoise(
            DIMENSION, PATCHES, chosen["rho"], FEATURE_NOISE, NOISE_PATCHES, chosen["noise"], layout
        ).sample(n, seed=seed, rare=rare)
        for layout in ("same", "distinct")
    )
    rare_examples = same.is_rare.nonzero().flatten()
    apart = rare_examples[round(chosen["overlap"] * len(rare_examples)) :]
    x = same.x.clone()
    x[apart] = distinct.x[apart]
    return PatchData(x, same.y, same.is_rare)


def picture(result: xr.Dataset, chosen: dict) -> str:
    """The rare error over the steps, in SVG and in a sentence.

    Args:
        result: of `experiment`.
        chosen: the settings that it was run in.
    """
    steps = result.step.to_numpy()
    standard, mixup = result.rare_error.to_numpy()
    stop = chosen["stop"]
    stops = stop is not None and stop < chosen["steps"]
    stopped = f", stopped at step {stop}," if stops else ""
    sentence = (
        f"After {steps[-1]} steps standard training errs on {_percent(standard[-1])} of rare test "
        f"examples, Mixup{stopped} on {_percent(mixup[-1])}."
    )
    top = 1 if np.nanmax([standard, mixup]) > 0.6 else 0.6
    lines = [
        *(_level(error, top) for error in ((0, 0.5, 1) if top == 1 else (0, 0.25, 0.5))),
        *(_step(step, steps[-1]) for step in (0, steps[-1] // 2, steps[-1])),
        _stop(stop, steps[-1]) if stops else "",
        f'<path d="{_path(steps, standard, top)}" stroke="currentColor" stroke-dasharray="6 4"/>',
        f'<path d="{_path(steps, mixup, top)}" stroke="{MIXUP}"/>',
        _text(LEFT, 16, "Errors on new rare examples", weight=600),
        f'<path d="M{LEFT} 27H{LEFT + 24}" stroke="currentColor" stroke-dasharray="6 4"/>',
        _text(LEFT + 30, 32, f"standard {_percent(standard[-1])}"),
        f'<path d="M{LEFT + 160} 27H{LEFT + 184}" stroke="{MIXUP}"/>',
        _text(LEFT + 190, 32, f"Mixup {_percent(mixup[-1])}"),
        _text((LEFT + RIGHT) / 2, BOX[1] - 8, "training steps", anchor="middle"),
    ]
    return (
        f'<svg viewBox="0 0 {BOX[0]} {BOX[1]}" role="img" style="max-width:40rem;width:100%" '
        f'fill="none" stroke-width="2" aria-label="Errors on rare test examples over the training '
        f'steps, two lines. {sentence}">{"".join(lines)}</svg><p>{sentence}</p>'
    )


def _percent(fraction: float) -> str:
    return "–" if np.isnan(fraction) else f"{100 * fraction:.0f} %"


def _x(step: float, last: int) -> float:
    return LEFT + (RIGHT - LEFT) * step / last


def _y(error: float, top: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * error / top


def _path(steps: np.ndarray, errors: np.ndarray, top: float) -> str:
    points = [
        f"{_x(step, steps[-1]):.0f} {_y(error, top):.0f}"
        for step, error in zip(steps, errors, strict=True)
        if np.isfinite(error)
    ]
    return "M" + "L".join(points)


def _level(error: float, top: float) -> str:
    y = _y(error, top)
    line = f'<path d="M{LEFT} {y:.0f}H{RIGHT}" stroke="currentColor" stroke-opacity=".25"/>'
    return line + _text(LEFT - 6, y + 5, f"{100 * error:.0f} %", anchor="end")


def _step(step: int, last: int) -> str:
    return _text(_x(step, last), BOTTOM + 18, f"{step}", anchor="middle")


def _stop(stop: int, last: int) -> str:
    x = _x(stop, last)
    line = f'<path d="M{x:.0f} {TOP}V{BOTTOM}" stroke="{STOP}" stroke-dasharray="4 4"/>'
    left = x > (LEFT + RIGHT) / 2
    where, anchor = (x - 6, "end") if left else (x + 6, "start")
    return line + _text(where, BOTTOM - 62, f"Mixup stops here: {stop}", anchor=anchor)


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: int = 400) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" fill="currentColor" font-size="14" '
        f'font-family="sans-serif" font-weight="{weight}" text-anchor="{anchor}">{text}</text>'
    )

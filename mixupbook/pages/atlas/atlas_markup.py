"""The atlas in HTML: the element with what was measured as JSON, and a static text inside.

What it predicts is computed in the page, by `reduced.js` of the laboratory.
"""

import html
import json
from collections.abc import Mapping, Sequence

__all__ = ["element"]

SETTING = ("lam", "label_lam", "init_std", "n", "d", "steps", "stop")
POINT = ("rho", "noise", "standard", "mixup")
TEXT = (
    "Here stands a map of the rare error over the noise and the share of rare examples, which is "
    "computed in your browser. It needs JavaScript."
)


def element(
    setting: Mapping[str, float | None],
    points: Sequence[Mapping[str, float]],
    *,
    text: str = TEXT,
    laboratory: str = "intro.html",
) -> str:
    """The element ``<mixup-atlas>`` with a static text inside.

    Args:
        setting: where the controls stand at first, and where the points were measured: lam,
            label_lam (None for the same as lam), init_std, n, d, steps, and stop (None for never).
        points: measured rare errors: rho, noise (sigma^2 d / n), standard and mixup.
        text: seen where the page cannot compute.
        laboratory: the page, as seen from this one, whose laboratory a point of the map opens in.

    Raises:
        ValueError: a setting or a point with other names.
    """
    _check("setting", setting, SETTING)
    for point in points:
        _check("each point", point, POINT)
    recorded = {
        "setting": {name: setting[name] for name in SETTING},
        "points": [{name: round(float(point[name]), 6) for name in POINT} for point in points],
    }
    data = json.dumps(recorded, separators=(",", ":"), allow_nan=False)
    return (
        f'<mixup-atlas laboratory="{html.escape(laboratory)}"><p>{html.escape(text)}</p>'
        f'<script type="application/json">{data}</script></mixup-atlas>'
    )


def _check(what: str, given: Mapping[str, object], names: Sequence[str]) -> None:
    if set(given) != set(names):
        raise ValueError(f"{what} must have {', '.join(names)}, got {', '.join(given)}")

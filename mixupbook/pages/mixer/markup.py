"""The mixer in HTML: the element with its two images as numbers, and a static figure inside.

`maps.js` repeats the package's label maps; a test holds the two to each other.
"""

import base64
import html
import io
import json
from collections.abc import Sequence

import numpy as np
from PIL import Image
from torch import Tensor

from mixupbook.mixup.label_maps import INDEPENDENT, label_coefficient

__all__ = ["element", "picture"]

LAMS = (1.0, 0.9, 0.75, 0.6, 0.5)
# Measures of the static figure, in its own units; a phone shows it at about four fifths.
WIDTH, LEFT, COLUMN, SIDE, ROW = 400, 82, 64, 54, 30
BAR = "#2389c9"  # legible on a light page and on a dark one


def element(
    x: Tensor,
    y: Tensor,
    classes: Sequence[str],
    label_maps: Sequence[str | float],
    *,
    curve: bool = False,
) -> str:
    """The element ``<mixup-mixer>`` with its static figure inside.

    Args:
        x: two images, shape (2, C, H, W) with one or three channels, values in [0, 1].
        y: their two integer labels, shape (2,).
        classes: names of the K classes.
        label_maps: what the reader chooses from, the first of them chosen.
        curve: whether to draw the label coefficient over lambda.
    """
    pixels = x.permute(0, 2, 3, 1).double().numpy().round(4)
    names = [classes[int(label)] for label in y]
    examples = {
        "names": names,
        "height": x.shape[2],
        "width": x.shape[3],
        "pixels": pixels.reshape(2, -1).tolist(),
    }
    attributes = {
        "examples": json.dumps(examples, separators=(",", ":")),
        "maps": " ".join(map(str, label_maps)),
    }
    said = " ".join(f'{name}="{html.escape(text)}"' for name, text in attributes.items())
    opening = f"<mixup-mixer {said}{' curve' if curve else ''}>"
    return f"{opening}{picture(pixels, names, label_maps)}</mixup-mixer>"


def picture(pixels: np.ndarray, names: Sequence[str], label_maps: Sequence[str | float]) -> str:
    """Mixed images above the first class's share of their labels, in SVG: a row for each map.

    Args:
        pixels: two images, shape (2, H, W, C), values in [0, 1].
        names: of their classes.
        label_maps: label maps; ``"independent"``, which is no function of lambda, has no row.
    """
    functions = [label_map for label_map in label_maps if label_map != INDEPENDENT]
    parts = [_text(0, 20, "λ")]
    for column, lam in enumerate(LAMS):
        mixed = lam * pixels[0] + (1 - lam) * pixels[1]
        left = LEFT + column * COLUMN
        parts += [_text(left, 20, f"{lam:g}"), _image(left, 28, mixed)]
        for row, label_map in enumerate(functions):
            share = float(label_coefficient(label_map, lam))
            parts.append(_bar(left, 28 + SIDE + 8 + row * ROW, share))
    for row, label_map in enumerate(functions):
        parts.append(_text(0, 28 + SIDE + 26 + row * ROW, str(label_map)))
    height = 28 + SIDE + 12 + ROW * len(functions)
    sentence = (
        f"From left to right “{names[0]}” fades into “{names[1]}”; the numbers are the share that "
        f"“{names[0]}” has of the label under each label map."
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" style="max-width:40rem;width:100%" '
        f'aria-label="Five mixed images above numbers. {html.escape(sentence)}">{"".join(parts)}'
        f"</svg><p>{html.escape(sentence)}</p>"
    )


def _image(left: int, top: int, pixels: np.ndarray) -> str:
    ink = pixels if pixels.shape[-1] == 3 else 1 - pixels[..., 0]
    file = io.BytesIO()
    Image.fromarray((255 * ink).round().astype(np.uint8)).save(file, format="png")
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f'<image x="{left}" y="{top}" width="{SIDE}" height="{SIDE}" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
    )


def _bar(left: int, top: int, share: float) -> str:
    full = f'x="{left}" y="{top + 20}" height="5"'
    return (
        f'<rect {full} width="{SIDE}" fill="currentColor" fill-opacity=".15"/>'
        f'<rect {full} width="{SIDE * share:.1f}" fill="{BAR}"/>'
        + _text(left, top + 16, f"{share:.2f}")
    )


def _text(left: int, bottom: int, text: str) -> str:
    return (
        f'<text x="{left}" y="{bottom}" fill="currentColor" font-size="14" '
        f'font-family="sans-serif">{html.escape(text)}</text>'
    )

"""Boxes of CutMix: drawn, measured, and filled from another image.

A box is (x1, y1, x2, y2) in whole pixels: columns x1 to x2 - 1 of rows y1 to y2 - 1.
"""

from typing import Any

import torch
from torch import Tensor

from mixupbook.mixup.interpolation import gather
from mixupbook.mixup.nested import onto, values_can_be_read

__all__ = ["boxes_about", "draw_boxes", "kept_share", "paste"]

Size = tuple[int, int]  # height and width, as torch has them


def draw_boxes(
    lam: Tensor, size: Size, generator: torch.Generator | None, device: torch.device
) -> Tensor:
    """Boxes whose sides are sqrt(1 - lam) of the image's, about uniform pixels: shape (count, 4).

    `lam`, shape (count,), lies on `device`, where `generator` draws.
    """
    like: dict[str, Any] = {"generator": generator, "device": device}
    rows, columns = (torch.randint(length, lam.shape, **like) for length in size)
    return boxes_about(rows, columns, lam, size)


def boxes_about(rows: Tensor, columns: Tensor, lam: Tensor, size: Size) -> Tensor:
    """The boxes of Yun et al. (ICCV 2019) about given pixels, clipped to the image.

    Their sides are rounded down to whole pixels, so that before clipping a share of at most
    1 - lam lies inside. (Their code rounds half a side down, and so odd sides to even ones.)
    """
    root = (1 - lam.double()).sqrt()

    def ends(middle: Tensor, length: int) -> tuple[Tensor, Tensor]:
        side = (root * length).to(torch.int64)
        return (middle - side // 2).clamp_min(0), (middle + (side + 1) // 2).clamp_max(length)

    height, width = size
    (x1, x2), (y1, y2) = ends(columns, width), ends(rows, height)
    return torch.stack([x1, y1, x2, y2], dim=-1)


def kept_share(box: Tensor, size: Size) -> Tensor:
    """The share of the image's area that lies outside of the box: shape (...) for (..., 4)."""
    x1, y1, x2, y2 = box.unbind(-1)
    area = ((x2 - x1) * (y2 - y1)).double()
    return (1 - area / (size[0] * size[1])).float()


def paste(values: Tensor, box: Tensor, partner: Tensor) -> Tensor:
    """`values`, shape (B, ..., H, W), with each one's box filled from its partner: a new tensor."""
    if box.ndim == 1 and values_can_be_read(box):  # three times faster on a processor
        x1, y1, x2, y2 = box.tolist()
        mixed = values.clone()
        mixed[..., y1:y2, x1:x2] = gather(values[..., y1:y2, x1:x2], partner)
        return mixed
    inside = _inside(onto(box, values.device), (values.shape[-2], values.shape[-1]))
    if inside.ndim == 3:  # a box for each example, the same in all its channels
        inside = inside.reshape(len(values), *[1] * (values.ndim - 3), *inside.shape[1:])
    return torch.where(inside, gather(values, partner), values)


def _inside(box: Tensor, size: Size) -> Tensor:
    """Whether pixels lie in the box: bool, shape (..., H, W) for (..., 4)."""
    x1, y1, x2, y2 = box[..., None].unbind(-2)
    rows, columns = (torch.arange(length, device=box.device) for length in size)
    in_rows = (rows >= y1) & (rows < y2)
    in_columns = (columns >= x1) & (columns < x2)
    return in_rows[..., :, None] & in_columns[..., None, :]

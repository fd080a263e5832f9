"""CutMix: a box of each image is filled from its partner's, and labels follow the area."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from mixupbook.mixup.boxes import draw_boxes, kept_share, paste
from mixupbook.mixup.criteria import Criterion, as_criteria_take
from mixupbook.mixup.draw import Draw, known_draw, unmixed_draw
from mixupbook.mixup.label_maps import of_larger_part
from mixupbook.mixup.mixing import Mixing
from mixupbook.mixup.nested import Batch, Examples, check_number, first_examples, map_examples, onto
from mixupbook.mixup.targets import check_labels

__all__ = ["CutDraw", "CutMix"]


class CutMix(Mixing):
    """CutMix for a training loop, with the settings of `Mixup`.

    Calling it on a batch of images, shape (B, C, H, W), fills a box of each image with what lies
    there in its partner, and mixes the labels: the image's own label has the coefficient l_y that
    the label map gives to lambda, the exact share of the area that stays its own. `draw` gives the
    box, the coefficients and the partners themselves.

    The box has sides of sqrt(1 - b) H and sqrt(1 - b) W, b ~ Beta(alpha, alpha), about a uniform
    pixel, rounded down to whole pixels (so that an image of one row or column is never cut); what
    would lie outside of the image is cut off. Hence lambda >= b. Unlike in `Mixup`, b is not folded
    to [0.5, 1]: there the larger part may be called the first, but a large box in an image is not a
    small one in the other. Where the box is larger than the rest (lambda < 0.5),
    l_y(lambda) = 1 - l_y(1 - lambda): a label map says what the label of the larger part gets.

    Args:
        alpha: parameter of the Beta law, finite, at least 0; 0 is no mixing.
        label_map: how l_y follows from lambda (see `label_coefficient`), or ``"independent"``: what
            the larger part gets is then a draw of its own, of the Beta law folded to [0.5, 1].
        num_classes: K, the number of classes, at least 2; integer labels need it.
        start_epoch: no mixing before this epoch.
        stop_epoch: no mixing from this epoch on (0: never any).
        per_sample: draw a box for each image instead of one for the batch.
        partners: ``"all"``, ``"same_label"``, ``"other_label"`` or a callable, as in `Mixup`.
        generator: source of every draw; where it is None, torch's default generator.

    Pixels are copied as they are, so that images may have any dtype. So are **labels of pixels**:
    what has three or more axes, of which the last two are the images' H and W, is cut by the same
    box, whatever the label map; integer masks too, by calling, by `CutDraw.targets` and in
    `CutDraw.loss`. Settings, schedule, copies, loaders, compilation and processes that train
    together are as in `Mixup`.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed, or a callable map that leaves [0, 1].

    Source: Yun, Han, Oh, Chun, Choe and Yoo (ICCV 2019); label maps and the schedule are of
    `Mixup`.

    Example:
        >>> import torch
        >>> cutmix = CutMix(num_classes=3, generator=torch.Generator().manual_seed(0))
        >>> x_mixed, targets = cutmix(torch.rand(5, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1]))
        >>> x_mixed.shape, targets.shape
        (torch.Size([5, 1, 8, 8]), torch.Size([5, 3]))
    """

    _closed = True

    def draw(self, x: Batch, y: Tensor | None = None) -> "CutDraw":
        """Draws a box, or one for each image, and partners for a batch.

        Args:
            x: images, shape (B, C, H, W), of any dtype; in a dict, list or tuple, the first
                tensor has to be images.
            y: the labels, shape (B, ...), which `partners` other than ``"all"`` need.

        Returns:
            A `CutDraw`, which mixes images, labels or a loss.

        Raises:
            TypeError: `x` is no batch, or `y` missing where it is needed.
            ValueError: no example, no images, or an example without a partner.
            RuntimeError: there is a schedule, and `set_epoch` has never been called.

        Example:
            >>> import torch
            >>> from torch.nn.functional import cross_entropy
            >>> x, y = torch.rand(5, 3, 8, 6), torch.tensor([0, 1, 2, 0, 1])
            >>> draw = CutMix().draw(x)
            >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(144, 3))
            >>> draw.loss(cross_entropy, network(draw.mix(x)), y).shape
            torch.Size([])
        """
        self._hear_as_worker()
        images = _images(x)
        batch, device = len(images), images.device
        size = (images.shape[2], images.shape[3])
        others: dict[str, Any] = {"num_classes": self.num_classes, "size": size}
        if not self.active:
            shape = (batch, 4) if self.per_sample else (4,)
            box = torch.zeros(shape, dtype=torch.int64, device=device)
            return unmixed_draw(
                CutDraw, batch, device, per_sample=self.per_sample, box=box, **others
            )
        generator, place = self._drawing(device)
        share = self._draw_lam(batch, device)
        # Unfolded: Beta(alpha, alpha) is the same to both sides of 1/2.
        swaps = torch.randint(2, share.shape, generator=generator, device=place) == 1
        box = draw_boxes(torch.where(swaps, 1 - share, share), size, generator, place)
        lam, box = onto(kept_share(box, size), device), onto(box, device)
        label_lam = of_larger_part(lambda larger: self._draw_label_lam(larger, device), lam)
        partner = self._draw_partners(batch, y, device)
        if not self.per_sample:
            lam, label_lam, box = lam[0], label_lam[0], box[0]
        return known_draw(CutDraw, lam=lam, label_lam=label_lam, partner=partner, box=box, **others)


@dataclass(frozen=True, eq=False, init=False, kw_only=True)
class CutDraw(Draw):
    """The boxes, coefficients and partners of one batch of images: what `CutMix.draw` returns.

    It has the attributes of a `Draw`, of which `lam` is the share of an image's area that stays its
    own, and two more.

    Attributes:
        box: (x1, y1, x2, y2), columns x1 to x2 - 1 in rows y1 to y2 - 1: integer, shape (4,) or,
            with a box for each image, (B, 4).
        size: (H, W) of the images.

    Raises:
        TypeError: it is called instead of `CutMix.draw`.

    Example:
        >>> import torch
        >>> cutmix = CutMix(generator=torch.Generator().manual_seed(2))
        >>> draw = cutmix.draw(torch.zeros(3, 1, 4, 6))
        >>> draw.box, draw.lam, draw.partner
        (tensor([4, 0, 6, 2]), tensor(0.8333), tensor([1, 2, 0]))
    """

    box: Tensor
    size: tuple[int, int]

    def __init__(self, *_: object, **__: object) -> None:
        raise TypeError("a CutDraw is made by CutMix.draw(x); for coefficients given, take a Draw")

    def mix(self, x: Examples) -> Examples:
        """Fills the boxes of images, or of masks, from their partners.

        Args:
            x: of any dtype, shape (B, ..., H, W), or a dict, list or tuple of such, nested or not.

        Returns:
            New tensors like those of `x`; where nothing is mixed, the same.

        Raises:
            TypeError: something in `x` is not a tensor.
            ValueError: it does not hold B examples, or not of the images' height and width.
        """
        return map_examples(self._mix_one, x)

    def targets(self, y: Tensor, *, dtype: torch.dtype = torch.float32) -> Tensor:
        """Mixes labels, as `Draw.targets` does; masks, shape (B, ..., H, W), are cut as images are.

        Raises:
            TypeError: labels of another kind, as in `Draw.targets`.
            ValueError: as in `Draw.targets`, or masks of another height or width.
        """
        check_labels(y, len(self))
        return self._mix_one("y", y) if _are_masks(y) else super().targets(y, dtype=dtype)

    def loss(self, criterion: Criterion, output: Any, y: Tensor) -> Tensor:
        """The mixed loss of labels, as `Draw.loss` has it; of masks that of the masks cut.

        Masks need no coefficient: `criterion` may average their losses, with a box for each image
        too. Where it does not, the mean is over all of them there, ignored ones as 0.

        Raises:
            TypeError: as in `Draw.loss`.
            ValueError: as in `Draw.loss`, or masks of another height or width.
        """
        check_labels(y, len(self))
        if not _are_masks(y):
            return super().loss(criterion, output, y)
        y = as_criteria_take(criterion, output, self._mix_one("y", y))
        loss = criterion(output, y)
        return loss if self.label_lam.ndim == 0 else loss.mean()

    def _mix_one(self, path: str, values: Tensor) -> Tensor:
        check_number(path, values, len(self))
        if values.ndim < 3 or values.shape[-2:] != self.size:
            height, width = self.size
            raise ValueError(
                f"{path} must be as high and wide as the images, shape ({len(self)}, ..., "
                f"{height}, {width}), got {tuple(values.shape)}: cut what belongs to pixels before "
                "it is scaled"
            )
        return paste(values, self.box, self.partner) if self.mixes else values


def _are_masks(y: Tensor) -> bool:
    return y.ndim > 2


def _images(x: Any) -> Tensor:
    """The images of a batch, shape (B, C, H, W)."""
    if isinstance(x, Integral):
        raise TypeError(
            f"x must be images (B, C, H, W), since a box needs their height and width, got {x!r}"
        )
    path, images = first_examples(x)
    if images.ndim != 4 or 0 in images.shape[2:]:
        raise ValueError(
            f"{path} must be images (B, C, H, W), got shape {tuple(images.shape)}: images without "
            "channels are given as x.unsqueeze(1), and masks after their images"
        )
    return images

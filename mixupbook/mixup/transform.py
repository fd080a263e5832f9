"""Mixup itself: the draw of coefficients and partners."""

from typing import Any

import torch
from torch import Tensor

from mixupbook.mixup.draw import Draw, known_draw, unmixed_draw
from mixupbook.mixup.mixing import Mixing
from mixupbook.mixup.nested import Batch, batch_and_device, onto

__all__ = ["Mixup"]


class Mixup(Mixing):
    """Mixup for a training loop, with decoupled labels and a schedule.

    Calling it on a batch draws lambda ~ Beta(alpha, alpha), folded to [0.5, 1] so that the first
    example is the larger part, the label coefficient l_y, and a random partner for each example;
    it returns mixed examples and soft targets, and leaves its inputs alone. `draw` gives
    coefficients and partners themselves: for a loss of your own (`Draw.loss`), several inputs, or
    hidden activations.

    Args:
        alpha: parameter of the Beta law, finite, at least 0; 0 is no mixing.
        label_map: how l_y follows from lambda (see `label_coefficient`), or ``"independent"`` for
            a second, independent draw of the same law.
        num_classes: K, the number of classes, at least 2; integer labels need it.
        start_epoch: the late-started control: no mixing before this epoch.
        stop_epoch: early-stopped Mixup: no mixing from this epoch on (0: never any).
        per_sample: draw a lambda for each example instead of one for the batch.
        partners: ``"all"``: a random permutation of the batch. ``"same_label"`` (oneself among
            them), ``"other_label"``, or a callable that takes the labels of a batch to a bool
            tensor (B, B) of who (row) may have whom (column) as a partner: for each example one
            partner, uniform among those allowed.
        generator: source of every draw; where it is None, torch's default generator.

    Settings cannot be changed afterwards. With a `start_epoch` or a `stop_epoch`, `set_epoch` has
    to be called before the first batch. Torch's default dtype and device play no part.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed, or a callable map that leaves [0, 1].

    Class weights: for targets, ``cross_entropy(output, targets, weight=w)`` divides by B, for
    integer labels by the sum of their weights. `Draw.loss` mixes the loss of integer labels.

    ``torch.compile(mix)`` breaks its graph at the draw. For one graph (``fullgraph=True``) make the
    draw outside, ``draw = mix.draw(x)``, and compile what uses it.

    Where several processes train together (``DistributedDataParallel``), each draws for its own
    batch. With one seed in all of them they would draw alike: give each
    ``generator=torch.Generator().manual_seed(seed + rank)``.

    Sources: Mixup, Zhang et al. (ICLR 2018); decoupled labels and the early stop, the abstract of
    Zou et al. (ICML 2023); the late start, a control after Golatkar et al. (NeurIPS 2019).

    Example:
        >>> import torch
        >>> mix = Mixup(num_classes=3, label_map="hard", generator=torch.Generator().manual_seed(0))
        >>> x_mixed, targets = mix(torch.rand(5, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1]))
        >>> x_mixed.shape, targets.argmax(dim=1).tolist()
        (torch.Size([5, 1, 8, 8]), [0, 1, 2, 0, 1])
    """

    _closed = True

    def draw(self, x: Batch | int, y: Tensor | None = None) -> Draw:
        """Draws coefficients and partners for a batch.

        Args:
            x: the batch, whose device and number of examples count, or that number alone.
            y: the labels, shape (B, ...), which `partners` other than ``"all"`` need.

        Returns:
            A `Draw`, which mixes examples, labels or a loss.

        Raises:
            TypeError: `x` is no batch or number, or `y` missing where it is needed.
            ValueError: no example, or an example without a partner.
            RuntimeError: there is a schedule, and `set_epoch` has never been called.

        Example:
            >>> import torch
            >>> mix = Mixup(num_classes=3)
            >>> x, y = torch.rand(5, 8), torch.tensor([0, 1, 2, 0, 1])
            >>> network = torch.nn.Linear(8, 3)
            >>> draw = mix.draw(x)
            >>> criterion = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 4.0]))
            >>> draw.loss(criterion, network(draw.mix(x)), y).shape
            torch.Size([])
        """
        self._hear_as_worker()
        batch, device = batch_and_device(x)
        others: dict[str, Any] = {"num_classes": self.num_classes}
        if not self.active:
            return unmixed_draw(Draw, batch, device, per_sample=self.per_sample, **others)
        lam, label_lam = self.coefficients(batch, device)
        partner = self._draw_partners(batch, y, device)
        return known_draw(Draw, lam=lam, label_lam=label_lam, partner=partner, **others)

    def coefficients(self, batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Draws lambda and l_y alone, for who draws partners in another way.

        The schedule is not looked at: where the mixing stops, ask `active`.

        Args:
            batch: B, the number of examples.
            device: where they are to lie.

        Returns:
            Both in [0, 1], of shape (B,) with `per_sample`, else ().

        Example:
            >>> import torch
            >>> mix = Mixup(label_map="hard", per_sample=True)
            >>> lam, label_lam = mix.coefficients(2, torch.device("cpu"))
            >>> lam.shape, label_lam
            (torch.Size([2]), tensor([1., 1.]))
        """
        lam = onto(self._draw_lam(batch, device), device)
        label_lam = self._draw_label_lam(lam, device)
        return (lam, label_lam) if self.per_sample else (lam[0], label_lam[0])

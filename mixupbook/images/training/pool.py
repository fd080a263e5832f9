"""Mixup whose partners come from the whole training set, not from the batch alone."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from mixupbook.mixup.interpolation import broadcast
from mixupbook.mixup.partners import ALL, allowed_pairs, draw_among
from mixupbook.mixup.transform import Mixup

__all__ = ["MixupFromPool"]


class MixupFromPool:
    """Mixes batches with partners from the training set, one for each example.

    Args:
        mixup: whose coefficients, schedule and rule for partners are used, with a generator. A
            callable rule gets the labels of the training set, in its order.
        labels: of the training set, integer, shape (n,).
        classes: K.

    Raises:
        TypeError: a rule that gives no bool tensor.
        ValueError: a rule of another shape, or that leaves a training example without a partner.
    """

    def __init__(self, mixup: Mixup, labels: Int[Tensor, " n"], classes: int) -> None:
        self._mixup = mixup
        self._labels = labels
        self._classes = classes
        self._mask = None
        if callable(mixup.partners):
            self._mask = allowed_pairs(mixup.partners, labels)
        elif mixup.partners == "other_label" and len(labels.unique()) < 2:
            raise ValueError(
                "partners='other_label' leaves everyone without a partner: all training images "
                f"have the label {int(labels[0])}"
            )

    def batch(
        self,
        chosen: Int[Tensor, " b"],
        images: Callable[[Int[Tensor, " _"]], Float[Tensor, "_ C H W"]],
    ) -> tuple[Float[Tensor, "b C H W"], Tensor]:
        """Mixed images and targets, rows (b, K); in an epoch without mixing images and labels.

        Args:
            chosen: the numbers of the batch's images.
            images: gives training images by their numbers, augmented anew.
        """
        x, labels = images(chosen), self._labels[chosen]
        if not self._mixup.active:
            return x, labels
        partner = self._partners(chosen)
        lam, label_lam = self._mixup.coefficients(len(chosen), x.device)
        mixed = images(partner).lerp_(x, broadcast(lam, x))
        own, others = (
            one_hot(each, self._classes).to(x) for each in (labels, self._labels[partner])
        )
        return mixed, others.lerp_(own, broadcast(label_lam, own))

    def _partners(self, chosen: Int[Tensor, " b"]) -> Int[Tensor, " b"]:
        """The numbers of their partners in the training set."""
        rule, labels, generator = self._mixup.partners, self._labels, self._mixup.generator
        device = labels.device if generator is None else generator.device
        if rule == ALL:
            drawn = torch.randint(len(labels), (len(chosen),), generator=generator, device=device)
            return drawn.to(labels.device)
        if self._mask is not None:
            return draw_among(self._mask[chosen], generator, device)
        same = labels[chosen][:, None] == labels
        return draw_among(same if rule == "same_label" else ~same, generator, device)

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

    Each example's partner is uniform among the training images that the rule allows it, and
    independent of the others'. ``"all"`` and ``"same_label"`` allow the example itself, too.

    Args:
        mixup: whose coefficients, schedule and rule for partners are used, with a generator. A
            callable rule is asked here, once: it gets the labels as they are given, and returns a
            mask, bool, shape (n, n).
        labels: of the training set, integer, shape (n,).
        classes: K.
        device: where the images lie.

    Raises:
        TypeError: a rule that gives no bool tensor.
        ValueError: a rule of another shape, or that leaves a training example without a partner.
    """

    def __init__(
        self, mixup: Mixup, labels: Int[Tensor, " n"], classes: int, device: torch.device
    ) -> None:
        self._mixup = mixup
        self._labels = labels.to(device)
        self._classes = classes
        self._mask = None
        if callable(mixup.partners):
            # Asked where the data lie, whose groups it may hold, and only then brought over.
            allowed = allowed_pairs(mixup.partners, labels, whole_set=True)
            self._mask = allowed.to(device)
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

        Raises:
            ValueError: the images of the batch and its partners' are of different shapes.
        """
        x, labels = images(chosen), self._labels[chosen]
        if not self._mixup.active:
            return x, labels
        partner = self._partners(chosen)
        lam, label_lam = self._mixup.coefficients(len(chosen), x.device)
        others = images(partner)
        if others.shape != x.shape:
            raise ValueError(
                "augment must return images of one shape for a batch and for its partners, got "
                f"{tuple(x.shape)} and {tuple(others.shape)}"
            )
        own, other = (
            one_hot(each, self._classes).to(x) for each in (labels, self._labels[partner])
        )
        # Not in place: what an augmentation returns may share memory with something.
        return (
            torch.lerp(others, x, broadcast(lam, x)),
            torch.lerp(other, own, broadcast(label_lam, own)),
        )

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

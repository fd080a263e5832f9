"""Who may be mixed with whom: rules for the partners in a batch, and the draw under a rule."""

from collections.abc import Callable

import torch
from torch import Tensor

from mixupbook._arguments import one_of
from mixupbook.mixup.nested import onto, values_can_be_read
from mixupbook.mixup.targets import check_labels

__all__ = ["ALL", "Partners", "allowed_pairs", "check_partners", "draw_among", "draw_partners"]

Partners = str | Callable[[Tensor], Tensor]

ALL = "all"


def _same_label(y: Tensor) -> Tensor:
    """Pairs (B, B) whose labels are equal, everyone with themselves among them."""
    if y.ndim not in (1, 2):
        raise ValueError(
            "y must be labels (B,) or rows (B, K) for partners by label, got shape "
            f"{tuple(y.shape)}: give a callable as partners"
        )
    same = y[:, None] == y[None, :]
    return same if same.ndim == 2 else same.all(dim=2)


def _other_label(y: Tensor) -> Tensor:
    return ~_same_label(y)


RULES: dict[str, Callable[[Tensor], Tensor]] = {
    "same_label": _same_label,
    "other_label": _other_label,
}


def check_partners(partners: object) -> Partners:
    """`partners` where it is a rule, else an error.

    Raises:
        TypeError: neither a name nor a callable.
        ValueError: an unknown name.
    """
    if callable(partners):
        return partners
    if not isinstance(partners, str):
        names = ", ".join(map(repr, [ALL, *RULES]))
        raise TypeError(f"partners must be one of {names}, or a callable, got {partners!r}")
    return one_of("partners", partners, [ALL, *RULES])


def draw_partners(
    partners: Partners,
    batch: int,
    y: Tensor | None,
    generator: torch.Generator | None,
    device: torch.device,
) -> Tensor:
    """A partner for each example of a batch, shape (B,), integer.

    Args:
        partners: ``"all"``: a random permutation; another name or a callable: one partner among
            those allowed for each example, uniform and independent of the others'.
        batch: B.
        y: the labels, shape (B, ...); not looked at for ``"all"``.
        generator: which draws on `device`; torch's default one where it is None.
        device: of the draw; partners by label lie where the labels do.

    Raises:
        TypeError: no labels where they are needed, or a callable that gives no bool tensor.
        ValueError: labels or a mask of another shape; an example without a partner (where that can
            be seen; elsewhere its index is B, at which torch's own assertion fails).
    """
    if isinstance(partners, str) and partners == ALL:
        return torch.randperm(batch, generator=generator, device=device)
    if y is None:
        raise TypeError(f"y must be given for partners={partners!r}, as in mix.draw(x, y)")
    check_labels(y, batch)
    return draw_among(allowed_pairs(partners, y), generator, device)


def draw_among(allowed: Tensor, generator: torch.Generator | None, device: torch.device) -> Tensor:
    """For each row one of the columns that it allows, uniform and independent of the others'.

    Args:
        allowed: bool, shape (B, N), at least one column in each row.
        generator: which draws on `device`.
        device: of the draw.
    """
    uniform = torch.rand(len(allowed), generator=generator, dtype=torch.float32, device=device)
    # The partner of rank r (from 1) among those allowed is where their running count reaches r.
    # Below 1 by a step of 2^-24, a uniform number times a count never rounds up to the count.
    running = allowed.cumsum(dim=1)
    rank = (onto(uniform, allowed.device) * running[:, -1]).to(running.dtype) + 1
    return torch.searchsorted(running, rank[:, None]).squeeze(1)


def allowed_pairs(partners: Partners, y: Tensor, *, whole_set: bool = False) -> Tensor:
    """Who (row) may have whom (column) as a partner: bool, shape (B, B).

    Args:
        partners: a rule other than ``"all"``.
        y: labels, shape (B, ...).
        whole_set: they are those of a training set, asked about once: values are looked at
            wherever they lie.

    Raises:
        TypeError: a callable that gives no bool tensor.
        ValueError: labels or a mask of another shape; an example without a partner (where that can
            be seen).
    """
    # A copy: a callable that works in place must not change the labels.
    allowed = RULES[partners](y) if isinstance(partners, str) else partners(y.clone())
    if not isinstance(allowed, Tensor) or allowed.dtype != torch.bool:
        got = allowed.dtype if isinstance(allowed, Tensor) else type(allowed).__name__
        raise TypeError(f"partners must give a bool tensor, got {got} from {partners!r}")
    if allowed.shape != (len(y), len(y)):
        raise ValueError(
            f"partners must give a mask of shape ({len(y)}, {len(y)}), got {tuple(allowed.shape)} "
            f"from {partners!r}"
        )
    if whole_set or values_can_be_read(allowed):
        alone = ~allowed.any(dim=1)
        if alone.any():
            raise ValueError(_nobody_for(int(alone.nonzero()[0]), partners, y, whole_set))
    return allowed


def _nobody_for(example: int, partners: Partners, y: Tensor, whole_set: bool) -> str:
    of_label = f" (label {y[example].item()})" if y.ndim == 1 else ""
    among = "training set" if whole_set else "batch"
    larger = "" if whole_set else "take larger or mixed batches, or "
    return (
        f"partners={partners!r} leaves example {example}{of_label} without a partner in this "
        f"{among} of {len(y)}: {larger}give a callable that lets an example be its own partner "
        "where there is no other"
    )

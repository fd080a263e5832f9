"""A draw of Mixup, and what it does to examples, to targets and to a loss."""

import warnings
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

from mixupbook._arguments import whole_number
from mixupbook.mixup.coefficients import coefficients_in_unit_interval
from mixupbook.mixup.criteria import Criterion, as_criteria_take, both_losses
from mixupbook.mixup.interpolation import broadcast, gather, interpolate
from mixupbook.mixup.nested import Examples, check_number, map_examples, values_can_be_read
from mixupbook.mixup.targets import as_targets, check_labels

__all__ = ["Draw", "known_draw", "mix_pairs", "unmixed_draw"]


@dataclass(frozen=True, eq=False)
class Draw:
    """The coefficients and partners of one batch: what `Mixup.draw` returns.

    Example i is mixed with example p(i): lam x[i] + (1 - lam) x[p(i)], and label_lam for labels.

    Attributes:
        lam: feature coefficient in [0, 1]: a number, or a tensor of shape () or (B,).
        label_lam: label coefficient in [0, 1], in the same forms.
        partner: p, shape (B,), integer in 0..B-1.
        num_classes: K, the number of classes, which integer labels need.
        mixes: False where `Mixup` mixes nothing, by its schedule or with alpha = 0: coefficients
            are 1, everyone is their own partner, and examples, targets and loss are the plain ones.

    Numbers become tensors.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: coefficients outside [0, 1], partners outside 0..B-1, or shapes that do not fit.

    Values are checked where they lie on the processor, except under ``torch.compile``: reading them
    would stall a GPU, or break the compiled graph. There a coefficient outside [0, 1] and a label
    outside 0..K-1 turn every target or example they touch into NaN, and a partner outside 0..B-1
    ends in torch's own assertion. ``torch.compile(fullgraph=True)`` takes a function that uses a
    draw; the draw itself, which asks a generator, is made outside of it.

    Example:
        >>> draw = Draw(0.75, 0.5, torch.tensor([1, 0]), num_classes=3)
        >>> draw.mix(torch.tensor([[0.0], [8.0]]))
        tensor([[2.],
                [6.]])
        >>> draw.targets(torch.tensor([0, 2]))
        tensor([[0.5000, 0.0000, 0.5000],
                [0.5000, 0.0000, 0.5000]])
    """

    # `| Any`: numbers, too, and what else is given is refused by hand.
    lam: Tensor | Any
    label_lam: Tensor | Any
    partner: Tensor | Any
    _: KW_ONLY
    num_classes: int | None = None
    mixes: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        partner = _checked_partner(self.partner)
        object.__setattr__(self, "partner", partner)
        for name in ("lam", "label_lam"):
            coefficients = coefficients_in_unit_interval(name, getattr(self, name))
            if coefficients.shape not in [(), partner.shape]:
                raise ValueError(
                    f"{name} must be one number or have shape {tuple(partner.shape)}, "
                    f"got {tuple(coefficients.shape)}"
                )
            object.__setattr__(self, name, coefficients)
        if self.num_classes is not None:
            whole_number("num_classes", self.num_classes, at_least=2)

    def __len__(self) -> int:
        return len(self.partner)

    def mix(self, x: Examples) -> Examples:
        """Mixes examples: a batch of inputs, or of hidden activations.

        Args:
            x: a floating tensor of shape (B, ...), or a dict, list or tuple of such, nested or not.

        Returns:
            New tensors like those of `x`; where nothing is mixed, the same.

        Raises:
            TypeError: something in `x` is not a floating tensor.
            ValueError: it does not hold B examples.

        Example:
            >>> draw = Draw(0.75, 0.75, torch.tensor([1, 0]))
            >>> draw.mix({"pixel_values": torch.tensor([0.0, 4.0])})
            {'pixel_values': tensor([1., 3.])}
        """
        return map_examples(self._mix_one, x)

    def targets(self, y: Tensor, *, dtype: torch.dtype = torch.float32) -> Tensor:
        """Mixes labels.

        Args:
            y: integer labels in 0..K-1, shape (B,); or floating of any shape (B, ...), mixed
                linearly: soft labels, several labels for an example, numbers, one-hot masks.
            dtype: of the targets of integer labels; floating ones keep theirs.

        Returns:
            Rows (B, K) of integer labels, else a tensor like `y`.

        Raises:
            TypeError: labels of another kind: integer rows (give ``y.float()``), integer masks
                (use `loss`), booleans, complex numbers, lists, strings.
            ValueError: not B labels, integer labels without `num_classes` or outside 0..K-1.

        Floating labels (B,) or (B, 1) are numbers: to be predicted, or of one class against none,
        as ``binary_cross_entropy_with_logits`` takes them. Classes are integers, ``y.long()``.

        ``cross_entropy(output, targets)`` is right as it is. With class weights it divides by B
        where for integer labels it divides by the sum of their weights: use `loss` there.

        Example:
            >>> draw = Draw(0.75, 0.75, torch.tensor([1, 0]))
            >>> draw.targets(torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]))
            tensor([[0.7500, 1.0000, 0.0000],
                    [0.2500, 1.0000, 0.0000]])
        """
        return self._mixed(as_targets(y, len(self), self.num_classes, dtype), self.label_lam)

    def loss(self, criterion: Criterion, output: Any, y: Tensor) -> Tensor:
        """The mixed loss, for labels as they are:

        label_lam criterion(output, y) + (1 - label_lam) criterion(output, y[partner]).

        It serves every loss, also those that take integer labels only, and ``cross_entropy`` with
        class weights, label smoothing, ``ignore_index`` or labels of pixels.

        Args:
            criterion: takes (output, labels) to a loss. Where each example has a coefficient of
                its own, it must not average (``reduction="none"``): shape (B, ...).
            output: of the network, for the mixed examples.
            y: labels of any kind that `criterion` takes, shape (B, ...); integers of any width,
                which it gets as int64.

        Returns:
            What `criterion` returns, mixed; with a coefficient for each example, the mean over
            all losses. That mean counts ignored labels as losses of 0 and divides by no weights:
            with ``ignore_index`` or class weights, take one coefficient for the batch.

        Raises:
            TypeError: `y`, or what `criterion` returns, is not a tensor; or labels that cross
                entropy does not take.
            ValueError: not B labels, or not B losses where each example has a coefficient.

        Example:
            >>> from torch.nn.functional import cross_entropy
            >>> draw = Draw(0.75, 0.75, torch.tensor([1, 0]))
            >>> output, y = torch.tensor([[2.0, 0.0], [1.0, 1.0]]), torch.tensor([0, -100])
            >>> round(draw.loss(cross_entropy, output, y).item(), 4)
            0.2685
        """
        check_labels(y, len(self))
        y = as_criteria_take(criterion, output, y)
        if self.mixes:
            own, others = both_losses(criterion, output, y, gather(y, self.partner))
            label_lam = broadcast(self.label_lam, self._checked_loss(own))
            loss = label_lam * own + (1 - label_lam) * others
        else:
            loss = self._checked_loss(criterion(output, y))
        return loss if self.label_lam.ndim == 0 else loss.mean()

    def _checked_loss(self, loss: object) -> Tensor:
        if not isinstance(loss, Tensor):
            raise TypeError(f"criterion must return a torch.Tensor, got {type(loss).__name__}")
        if self.label_lam.ndim == 1 and (loss.ndim == 0 or len(loss) != len(self)):
            raise ValueError(
                "criterion must return one loss for each example where each has a coefficient of "
                f"its own, shape ({len(self)}, ...): give it reduction='none'; "
                f"got shape {tuple(loss.shape)}"
            )
        return loss

    def _mix_one(self, path: str, values: Tensor) -> Tensor:
        if not values.is_floating_point():
            raise TypeError(
                f"{path} must be floating (convert images with {path}.float() / 255), "
                f"got {values.dtype}"
            )
        check_number(path, values, len(self))
        return self._mixed(values, self.lam)

    def _mixed(self, values: Tensor, lam: Tensor) -> Tensor:
        return interpolate(values, lam, self.partner) if self.mixes else values


DrawKind = TypeVar("DrawKind", bound=Draw)


def known_draw(kind: type[DrawKind], *, mixes: bool = True, **attributes: Any) -> DrawKind:
    """A `Draw` of values that are known to be right: the checks would cost a GPU a dozen calls."""
    draw = object.__new__(kind)
    vars(draw).update(mixes=mixes, **attributes)
    return draw


def unmixed_draw(
    kind: type[DrawKind], batch: int, device: torch.device, *, per_sample: bool, **attributes: Any
) -> DrawKind:
    """A `Draw` that mixes nothing."""
    one = torch.ones(batch if per_sample else (), dtype=torch.float32, device=device)
    oneself = torch.arange(batch, device=device)
    return known_draw(kind, lam=one, label_lam=one, partner=oneself, mixes=False, **attributes)


def mix_pairs(
    x: Examples,
    y: Tensor,
    lam: float | Tensor,
    *,
    label_lam: float | Tensor | None = None,
    partner: Tensor | None = None,
    permutation: Tensor | None = None,
) -> tuple[Examples, Tensor]:
    """Mixes each example with a partner: the pure function under `Mixup`.

    x_mixed[i] = lam x[i] + (1 - lam) x[p(i)] and
    targets[i] = label_lam y[i] + (1 - label_lam) y[p(i)], with p the partner.
    Zhang, Cisse, Dauphin and Lopez-Paz (ICLR 2018) have label_lam = lam.

    Args:
        x: examples, shape (B, ...), floating, or a dict, list or tuple of such; never changed.
        y: targets, shape (B, ...), floating; never changed.
        lam: feature coefficient in [0, 1]: one number, or shape (B,).
        label_lam: label coefficient in [0, 1], in the same forms; `lam` where it is None.
        partner: each example's partner, shape (B,), integer in 0..B-1.
        permutation: the name of `partner` in version 0.1.

    Returns:
        ``(x_mixed, targets)`` with the shapes and dtypes of `x` and `y`.

    Raises:
        TypeError: `x` or `y` is not floating, or `partner` is missing or not integer.
        ValueError: shapes that do not fit, coefficients outside [0, 1], partners outside 0..B-1.

    Where values cannot be checked (on a GPU, under ``torch.compile``), see `Draw`.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([[0.0], [8.0]]), torch.eye(2)
        >>> mix_pairs(x, y, 0.75, label_lam=0.5, partner=torch.tensor([1, 0]))
        (tensor([[2.],
                [6.]]), tensor([[0.5000, 0.5000],
                [0.5000, 0.5000]]))
    """
    if permutation is not None:
        if partner is not None:
            raise TypeError("permutation is the old name of partner: give partner alone")
        warnings.warn(
            "permutation is called partner now, and goes with the next version",
            DeprecationWarning,
            stacklevel=2,
        )
        partner = permutation
    draw = Draw(lam, lam if label_lam is None else label_lam, partner)
    if isinstance(y, Tensor) and not y.is_floating_point():
        raise TypeError(f"y must be floating (give labels as one_hot(y, K).float()), got {y.dtype}")
    return draw.mix(x), draw.targets(y)


def _checked_partner(partner: object) -> Tensor:
    if not isinstance(partner, Tensor) or partner.dtype not in (torch.int64, torch.int32):
        got = getattr(partner, "dtype", type(partner).__name__)
        raise TypeError(f"partner must be an integer tensor (int64 or int32), got {got}")
    if partner.ndim != 1 or len(partner) == 0:
        raise ValueError(
            f"partner must hold one index for each example, shape (B,), "
            f"got shape {tuple(partner.shape)}"
        )
    partner, batch = partner.to(torch.int64), len(partner)
    if not values_can_be_read(partner):
        # Torch asserts that indices are below B, but may count negative ones from the end.
        return partner.masked_fill(partner < 0, batch)
    if partner.min() < 0 or partner.max() >= batch:
        raise ValueError(f"partner must lie in 0..{batch - 1}, got {partner.tolist()}")
    return partner

"""Mixup itself: the draw of coefficients and partners, and the schedule."""

import contextlib
import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import default_collate, get_worker_info

from mixupbook._arguments import in_interval, true_or_false, whole_number
from mixupbook.mixup.draw import interpolate
from mixupbook.mixup.label_maps import INDEPENDENT, LabelMap, as_function
from mixupbook.mixup.targets import check_examples, soft_labels

__all__ = ["Mixup"]

# From here on lambda is 1/2 in every floating dtype.
LARGE_ALPHA = 1e30


class Mixup:
    """Mixup for a training loop, with decoupled labels and a schedule.

    Calling it on a batch draws lambda ~ Beta(alpha, alpha), folded to [0.5, 1] so that the first
    example is the larger part, the label coefficient l_y, and a random partner for each example;
    it returns mixed examples and soft targets, and leaves its inputs alone.

    Args:
        alpha: parameter of the Beta law, finite and positive.
        label_map: how l_y follows from lambda (see `label_coefficient`), or ``"independent"`` for
            a second, independent draw of the same law.
        num_classes: K, the number of classes, at least 2.
        start_epoch: the late-started control: no mixing before this epoch.
        stop_epoch: early-stopped Mixup: no mixing from this epoch on (0: never any).
        per_sample: draw a lambda for each example instead of one for the batch.
        generator: source of every draw; where it is None, torch's default generator.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed, or a callable map that leaves [0, 1].

    Sources: Mixup, Zhang et al. (ICLR 2018); decoupled labels and the early stop, the abstract of
    Zou et al. (ICML 2023); the late start, a control after Golatkar et al. (NeurIPS 2019).

    Example:
        >>> mix = Mixup(num_classes=3, label_map="hard", generator=torch.Generator().manual_seed(0))
        >>> x_mixed, targets = mix(torch.rand(5, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1]))
        >>> x_mixed.shape, targets.argmax(dim=1).tolist()
        (torch.Size([5, 1, 8, 8]), [0, 1, 2, 0, 1])
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        label_map: LabelMap = "identity",
        num_classes: int,
        start_epoch: int | None = None,
        stop_epoch: int | None = None,
        per_sample: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        self.alpha = in_interval("alpha", alpha, 0, open_low=True)
        self.label_map = label_map
        self.num_classes = whole_number("num_classes", num_classes, at_least=2)
        self.start_epoch = _optional_epoch("start_epoch", start_epoch)
        self.stop_epoch = _optional_epoch("stop_epoch", stop_epoch)
        if start_epoch is not None and stop_epoch is not None and start_epoch >= stop_epoch:
            raise ValueError(
                f"start_epoch must be below stop_epoch {stop_epoch!r}, got {start_epoch!r}"
            )
        self.per_sample = true_or_false("per_sample", per_sample)
        if generator is not None and not isinstance(generator, torch.Generator):
            raise TypeError(f"generator must be a torch.Generator or None, got {generator!r}")
        self.generator = generator
        self.epoch = 0
        scheduled = start_epoch is not None or stop_epoch is not None
        self._epoch_of_workers = _shared_number(0) if scheduled else None
        self._worker_seed: int | None = None
        independent = isinstance(label_map, str) and label_map == INDEPENDENT
        self._label_function = None if independent else as_function(label_map)
        if self._label_function is not None:
            self._label_function(torch.linspace(0.5, 1, 101))

    def __getstate__(self) -> dict[str, Any]:
        # As plain numbers: where a loader starts its workers anew, torch would send the state as
        # shared memory, which not every system grants.
        state = self.__dict__.copy()
        if self.generator is not None:
            state["generator"] = (self.generator.device, self.generator.get_state().cpu().numpy())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.generator is not None:
            device, numbers = state["generator"]
            self.generator = torch.Generator(device)
            self.generator.set_state(torch.from_numpy(numbers))
        number = self._epoch_of_workers
        if number is not None and not number.is_shared():  # a copy, not a loader's worker
            self._epoch_of_workers = _shared_number(self.epoch)

    def __repr__(self) -> str:
        label_map = self.label_map
        if callable(label_map):
            label_map = getattr(label_map, "__qualname__", type(label_map).__qualname__)
        return (
            f"{type(self).__qualname__}(alpha={self.alpha}, label_map={label_map!r}, "
            f"num_classes={self.num_classes}, start_epoch={self.start_epoch}, "
            f"stop_epoch={self.stop_epoch}, per_sample={self.per_sample})"
        )

    @property
    def active(self) -> bool:
        """Whether the current epoch is one in which batches are mixed."""
        started = self.start_epoch is None or self.epoch >= self.start_epoch
        stopped = self.stop_epoch is not None and self.epoch >= self.stop_epoch
        return started and not stopped

    def set_epoch(self, epoch: int) -> None:
        """Tells the schedule which epoch begins, from 0: to be called before the loop over batches.

        Workers of a loader whose ``collate_fn`` is `collate` hear of it too, also persistent ones
        where the system grants shared memory; with another ``collate_fn``, those that start later.

        Raises:
            TypeError: `epoch` is not an integer.
            ValueError: `epoch` is negative.
        """
        self.epoch = whole_number("epoch", epoch)
        if self._epoch_of_workers is not None:
            self._epoch_of_workers.fill_(self.epoch)

    def with_generator(self, generator: torch.Generator | None) -> "Mixup":
        """A copy with the same settings and epoch that draws from `generator`."""
        if generator is not None and not isinstance(generator, torch.Generator):
            raise TypeError(f"generator must be a torch.Generator or None, got {generator!r}")
        twin = copy.copy(self)
        twin.generator = generator
        if twin._epoch_of_workers is not None:
            twin._epoch_of_workers = _shared_number(twin.epoch)
        twin._worker_seed = None
        return twin

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mixes a batch.

        Args:
            x: examples, shape (B, ...), floating, B >= 1.
            y: labels, shape (B,) integer in 0..K-1, or (B, K) floating rows of probabilities.

        Returns:
            ``(x_mixed, targets)``: `x_mixed` like `x`; `targets` (B, K) rows of probabilities. In
            an epoch without mixing, `x` itself and the targets unmixed.

        Raises:
            TypeError: `x` not floating, or labels neither integer (B,) nor floating (B, K).
            ValueError: an empty batch, wrong shapes, labels out of range, rows that are not
                probabilities, or a label map that leaves [0, 1].
        """
        check_examples(x)
        targets = soft_labels(y, len(x), self.num_classes, _target_dtype(x))
        if not self.active:
            return x, targets
        draw = self._draw
        if torch.compiler.is_compiling():  # which cannot trace a generator
            draw = torch.compiler.disable(draw)
        lam, label_lam, permutation = draw(x)
        return interpolate(x, targets, lam, label_lam, permutation)

    def collate(self, samples: Sequence[Any]) -> tuple[Tensor, Tensor]:
        """A ``collate_fn`` for ``torch.utils.data.DataLoader``: stacks samples, then mixes them.

        Samples are pairs (x, y), else a TypeError is raised. Each worker process holds a copy; with
        a generator given, it draws from one of its own, seeded from that and by the loader, or all
        would mix alike.

        Example:
            >>> mix = Mixup(num_classes=2)
            >>> x, targets = mix.collate([(torch.zeros(3), 0), (torch.ones(3), 1)])
            >>> x.shape, targets.shape
            (torch.Size([2, 3]), torch.Size([2, 2]))
        """
        worker = get_worker_info()
        if worker is not None and self._epoch_of_workers is not None:
            self.epoch = int(self._epoch_of_workers)
        if worker is not None and self.generator is not None and self._worker_seed != worker.seed:
            mixed_seed = (self.generator.initial_seed() + worker.seed) % 2**63
            self.generator = torch.Generator().manual_seed(mixed_seed)
            self._worker_seed = worker.seed
        if len(samples) == 0:
            raise ValueError("samples must hold at least one pair (x, y), got none")
        if not all(isinstance(sample, tuple | list) and len(sample) == 2 for sample in samples):
            raise TypeError(f"samples must be pairs (x, y), got {samples[0]!r:.60}")
        x, y = default_collate(samples)
        return self(x, y)

    def _draw(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Coefficients and partners for one batch, on the device of `x`."""
        count = len(x) if self.per_sample else 1
        lam = self._folded_beta(count, x)
        if self._label_function is None:
            label_lam = self._folded_beta(count, x)
        else:
            label_lam = self._label_function(lam)
        permutation = torch.randperm(
            len(x), generator=self.generator, device=self._draw_device(x)
        ).to(x.device)
        if self.per_sample:
            return lam, label_lam, permutation
        return lam[0], label_lam[0], permutation

    def _folded_beta(self, count: int, x: Tensor) -> Tensor:
        # Gamma(alpha) is distributed as Gamma(alpha + 1) times U^(1/alpha); in logarithms here.
        device = self._draw_device(x)
        uniform = torch.rand(2, count, generator=self.generator, device=device)
        shape = torch.full((2, count), min(self.alpha, LARGE_ALPHA) + 1, device=device)
        log_gamma = torch._standard_gamma(shape, generator=self.generator).log_()
        log_gamma += uniform.neg_().log1p_() / self.alpha
        lam = (log_gamma[0] - log_gamma[1]).abs_().sigmoid_()
        # For the least alpha even the logarithms overflow.
        return lam.nan_to_num_(nan=1.0).to(x.device)

    def _draw_device(self, x: Tensor) -> torch.device:
        if self.generator is not None:
            return self.generator.device
        # Drawing on the GPU spares a transfer that waits for it; other devices lack gamma draws.
        return x.device if x.is_cuda else torch.device("cpu")


def _target_dtype(x: Tensor) -> torch.dtype:
    # Half precision would round 0.7 + 0.3 away from one; cross_entropy takes float32 targets.
    return torch.promote_types(x.dtype, torch.float32)


def _shared_number(value: int) -> Tensor:
    """A number that worker processes see change, where the system grants shared memory."""
    number = torch.tensor(value, device="cpu")
    with contextlib.suppress(RuntimeError, OSError):
        number.share_memory_()
    return number


def _optional_epoch(name: str, epoch: int | None) -> int | None:
    return None if epoch is None else whole_number(name, epoch)

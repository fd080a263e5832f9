"""What Mixup and CutMix share: settings, schedule, copies, and the ways to mix a batch."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, Self

import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from mixupbook._arguments import in_interval, true_or_false, whole_number
from mixupbook.mixup.coefficients import folded_beta
from mixupbook.mixup.collate import Key, MixedCollate, stack_pairs
from mixupbook.mixup.draw import Draw
from mixupbook.mixup.fixed import FixedSettings
from mixupbook.mixup.generators import checked, copied, drawing_device, of_worker, packed, unpacked
from mixupbook.mixup.label_maps import INDEPENDENT, LabelMap, as_function
from mixupbook.mixup.nested import Examples, onto
from mixupbook.mixup.partners import ALL, Partners, check_partners, draw_partners
from mixupbook.mixup.schedule import Schedule

__all__ = ["Mixing"]


class Mixing(FixedSettings, ABC):
    """A base of `Mixup` and `CutMix`, which differ in what they draw; see there for the settings.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed, or a callable map that leaves [0, 1].
    """

    _settings = (
        "alpha",
        "label_map",
        "num_classes",
        "start_epoch",
        "stop_epoch",
        "per_sample",
        "partners",
    )
    _instead = MappingProxyType(
        {
            "generator": "mix.with_generator(generator) is a copy that draws from another",
            "epoch": "call mix.set_epoch(epoch)",
            "active": "call mix.set_epoch(epoch)",
        }
    )

    alpha: float
    label_map: LabelMap
    num_classes: int | None
    start_epoch: int | None
    stop_epoch: int | None
    per_sample: bool
    partners: Partners
    generator: torch.Generator | None
    _schedule: Schedule
    _label_function: Callable[[Tensor], Tensor] | None
    _worker_seed: int | None

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        label_map: LabelMap = "identity",
        num_classes: int | None = None,
        start_epoch: int | None = None,
        stop_epoch: int | None = None,
        per_sample: bool = False,
        partners: Partners = ALL,
        generator: torch.Generator | None = None,
    ) -> None:
        schedule = Schedule(start_epoch, stop_epoch)
        independent = isinstance(label_map, str) and label_map == INDEPENDENT
        label_function = None if independent else as_function(label_map)
        if num_classes is not None:
            num_classes = whole_number("num_classes", num_classes, at_least=2)
        vars(self).update(
            alpha=in_interval("alpha", alpha, 0),
            label_map=label_map,
            num_classes=num_classes,
            start_epoch=schedule.start,
            stop_epoch=schedule.stop,
            per_sample=true_or_false("per_sample", per_sample),
            partners=check_partners(partners),
            generator=checked(generator),
            _schedule=schedule,
            _label_function=label_function,
            _worker_seed=None,
        )
        if label_function is not None:
            label_function(torch.linspace(0.5, 1, 101, dtype=torch.float32, device="cpu"))

    def __getstate__(self) -> dict[str, Any]:
        state = vars(self).copy()
        if self.generator is not None:
            state["generator"] = packed(self.generator)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self.generator is not None:
            vars(self).update(generator=unpacked(state["generator"]))

    def __copy__(self) -> Self:
        return self.with_generator(copied(self.generator))

    @property
    def epoch(self) -> int | None:
        """The epoch that `set_epoch` said, or None."""
        return self._schedule.epoch

    @property
    def active(self) -> bool:
        """Whether batches are mixed in the current epoch.

        Raises:
            RuntimeError: there is a schedule, and `set_epoch` has never been called.
        """
        return self._schedule.active and self.alpha > 0

    def set_epoch(self, epoch: int) -> None:
        """Tells the schedule which epoch begins, from 0: to be called before the loop over batches.

        Workers of a loader whose ``collate_fn`` or data set mixes hear of it too, also persistent
        ones where the system grants shared memory, else those that start later. A copy (by
        `copy`, `pickle` or `with_generator`) has an epoch of its own.

        Raises:
            TypeError: `epoch` is not an integer.
            ValueError: `epoch` is negative.
        """
        self._schedule.set_epoch(epoch)

    def with_generator(self, generator: torch.Generator | None) -> Self:
        """A copy with the same settings and epoch that draws from `generator`."""
        twin = object.__new__(type(self))
        vars(twin).update(
            vars(self),
            generator=checked(generator),
            _schedule=copy.copy(self._schedule),
            _worker_seed=None,
        )
        return twin

    @abstractmethod
    def draw(self, x: Any, y: Tensor | None = None) -> Draw:
        """Draws coefficients and partners for a batch."""

    def __call__(self, x: Examples, y: Tensor | None = None) -> tuple[Examples, Tensor]:
        """Mixes a batch: a draw, for its examples (`Draw.mix`) and its labels (`Draw.targets`).

        Args:
            x: examples, as `draw` takes them: floating, shape (B, ...), B >= 1, for Mixup; images
                of any dtype, shape (B, C, H, W), for CutMix; or a dict, list or tuple of such.
            y: labels, integer (B,) in 0..K-1, or floating of any shape (B, ...); for CutMix also
                masks of any dtype, shape (B, ..., H, W).

        Returns:
            ``(x_mixed, targets)``: `x_mixed` like `x`; `targets` rows (B, K) of integer labels,
            else like `y`. In an epoch without mixing, `x` itself and the targets unmixed.

        Raises:
            TypeError: examples of the wrong kind, or labels missing or of another kind.
            ValueError: an empty batch, wrong shapes, labels out of range, integer labels without
                `num_classes`, an example without a partner, or a label map that leaves [0, 1].
            RuntimeError: there is a schedule, and `set_epoch` has never been called.

        On a GPU, and under ``torch.compile``, a label out of range is not looked for: its target
        is a row of NaN, and so are those of its partners (see `Draw`).
        """
        if y is None:
            raise TypeError(
                "y must be given, as in mix(x, y); a DataLoader takes collate_fn=mix.collate"
            )
        draw = self.draw
        if torch.compiler.is_compiling():  # which cannot trace a generator
            draw = torch.compiler.disable(draw)
        drawn = draw(x, y)
        # Half precision would round 0.7 + 0.3 away from one; cross_entropy takes float32 targets.
        double = isinstance(x, Tensor) and x.dtype == torch.float64
        return drawn.mix(x), drawn.targets(y, dtype=torch.float64 if double else torch.float32)

    def collate(self, samples: Sequence[Any]) -> tuple[Any, Tensor]:
        """A ``collate_fn`` for ``torch.utils.data.DataLoader``: stacks samples, then mixes them.

        Samples are pairs (x, y) of what ``default_collate`` can stack; for others see `after`. Each
        worker process holds a copy; with a generator given, it draws from one of its own, seeded
        from that and by the loader, or all would mix alike.

        Raises:
            TypeError: samples that are not pairs, or as for a batch.
            ValueError: no sample, samples of different shapes, or as for a batch.

        Example:
            >>> from mixupbook import Mixup
            >>> mix = Mixup(num_classes=2)
            >>> x, targets = mix.collate([(torch.zeros(3), 0), (torch.ones(3), 1)])
            >>> x.shape, targets.shape
            (torch.Size([2, 3]), torch.Size([2, 2]))
        """
        return self(*stack_pairs(samples))

    def after(
        self,
        collate_fn: Callable[[Sequence[Any]], Any],
        inputs: Key | Sequence[Key] = "pixel_values",
        labels: Key = "labels",
    ) -> Callable[[Sequence[Any]], Any]:
        """A ``collate_fn`` that mixes what another one returns; it can be pickled if that one can.

        Args:
            collate_fn: takes samples to a dictionary, list or tuple.
            inputs: the name or index of the part to mix, or a list of several.
            labels: the name or index of the labels. Other parts stay as they are.

        Raises:
            TypeError: an argument of the wrong kind; at a batch, as for calling `mix`.
            ValueError: no inputs, or labels among them; at a batch, a part that is missing.

        Example:
            >>> from mixupbook import Mixup
            >>> from torch.utils.data import default_collate
            >>> collate_fn = Mixup(num_classes=2).after(default_collate, inputs="x", labels="y")
            >>> batch = collate_fn([{"x": torch.zeros(3), "y": 0}, {"x": torch.ones(3), "y": 1}])
            >>> batch["x"].shape, batch["y"].shape
            (torch.Size([2, 3]), torch.Size([2, 2]))
        """
        return MixedCollate(self, collate_fn, inputs, labels)

    # What a draw is made of, for the classes derived.

    def _drawing(self, device: torch.device) -> tuple[torch.Generator | None, torch.device]:
        """The generator of a draw for examples on `device`, and where it draws."""
        return self.generator, drawing_device(self.generator, device)

    def _draw_lam(self, batch: int, device: torch.device) -> Tensor:
        """Coefficients in [0.5, 1], shape (B,) or (1,), where they are drawn."""
        return folded_beta(self.alpha, batch if self.per_sample else 1, *self._drawing(device))

    def _draw_label_lam(self, lam: Tensor, device: torch.device) -> Tensor:
        """Label coefficients for feature coefficients in [0.5, 1], on `device`."""
        if self._label_function is not None:
            return self._label_function(lam)
        return onto(folded_beta(self.alpha, len(lam), *self._drawing(device)), device)

    def _draw_partners(self, batch: int, y: Tensor | None, device: torch.device) -> Tensor:
        """A partner for each example, shape (B,), on `device`."""
        return onto(draw_partners(self.partners, batch, y, *self._drawing(device)), device)

    def _hear_as_worker(self) -> None:
        """In a loader's worker: takes over the epoch, and a generator of the worker's own."""
        worker = get_worker_info()
        if worker is None:
            return
        self._schedule.hear()
        if self.generator is not None and self._worker_seed != worker.seed:
            generator = of_worker(self.generator, worker.seed)
            vars(self).update(generator=generator, _worker_seed=worker.seed)

"""The settings of a training run: spelled out and checked here, and shown by what takes them."""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

import torch

from mixupbook._arguments import in_interval, nearest_hint, one_of, true_or_false, whole_number
from mixupbook._devices import resolve_device
from mixupbook.images.training.augment import AUGMENTATIONS, Augmentation

__all__ = ["PRECISIONS", "SCHEDULES", "Settings", "describe", "takes_settings"]

SCHEDULES = ("cosine", "one_cycle", "triangular", "constant")
POOLS = ("batch", "train")
F = TypeVar("F", bound=Callable[..., Any])
PRECISIONS = ("auto", "float32", "bfloat16")
# The part of a schedule in which the learning rate rises, where it does, and where it starts from.
WARM_UP, WARM_UP_START = 0.3, 0.1


# `| Any`: what else is given is refused by hand, with messages for people.
@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a training run, checked.

    After construction numbers are Python's own, `device` is a `torch.device` and `precision` is
    "float32" or "bfloat16".

    Attributes:
        epochs: passes over the training images, at least 1.
        batch_size: images in a step, at least 1; an epoch's last batch may be smaller.
        lr: peak learning rate, positive.
        momentum: in [0, 1).
        weight_decay: at least 0; applied to all parameters.
        schedule: learning rate per step: ``"cosine"`` falls from `lr` to 0; ``"one_cycle"`` rises
            linearly from a tenth of `lr` during the first 30 % of the steps, then falls along a
            cosine to 0; ``"triangular"`` rises likewise, then falls linearly to 0;
            ``"constant"``.
        augment: ``"crop_flip"``, or a function (images, generator) -> images of a batch.
        seed: at least 0.
        device: ``"auto"`` (a GPU where there is one, CUDA's before Apple's), ``"cpu"``,
            ``"cuda"`` or ``"mps"``.
        precision: ``"float32"``; ``"bfloat16"`` (automatic mixed precision); ``"auto"`` is
            bfloat16 on GPUs of CUDA that compute in it, else float32.
        compile: use ``torch.compile`` for the network; worth it for long runs on a GPU.
        test_every: epochs between two measurements of the test error; the last epoch is always
            measured. For tiny networks testing costs more than training.
        partner_pool: where the partners of a `Mixup` come from: ``"batch"``, or ``"train"``, the
            whole training set. There each example of a batch has a partner of its own, uniform
            among the images that the Mixup's `partners` allows it (``"all"``: every one, itself
            too), and augmented on its own. A callable rule is asked once, with the labels of the
            training set in its order, for a mask (n, n); it may hold `ImageData.group_train`.

    Raises:
        TypeError: a setting of the wrong kind.
        ValueError: a value outside what is allowed, or a device that is not here.
    """

    epochs: int | Any
    batch_size: int | Any
    lr: float | Any
    momentum: float | Any = 0.9
    weight_decay: float | Any = 0.0
    schedule: str | Any = "cosine"
    augment: str | Augmentation | Any | None = None
    seed: int | Any = 0
    device: torch.device | Any = "auto"
    precision: str | Any = "auto"
    compile: bool | Any = False
    test_every: int | Any = 1
    partner_pool: str | Any = "batch"

    def __post_init__(self) -> None:
        device = _device(self.device)
        checked = {
            "epochs": whole_number("epochs", self.epochs, at_least=1),
            "batch_size": whole_number("batch_size", self.batch_size, at_least=1),
            "lr": in_interval("lr", self.lr, 0, open_low=True),
            "momentum": in_interval("momentum", self.momentum, 0, 1, open_high=True),
            "weight_decay": in_interval("weight_decay", self.weight_decay, 0),
            "schedule": str(one_of("schedule", self.schedule, SCHEDULES)),
            "augment": _augment(self.augment),
            "seed": whole_number("seed", self.seed),
            "device": device,
            "precision": _precision(self.precision, device),
            "compile": true_or_false("compile", self.compile),
            "test_every": whole_number("test_every", self.test_every, at_least=1),
            "partner_pool": str(one_of("partner_pool", self.partner_pool, POOLS)),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_keywords(cls, function: Callable, keywords: Mapping[str, Any]) -> "Settings":
        """The settings among the keywords of a function that `takes_settings`.

        Raises:
            TypeError: a keyword that the function does not have, or one that it needs.
            Exception: what `Settings` raises.
        """
        known = inspect.signature(function).parameters
        for name in keywords:
            if name not in known:
                taken = ", ".join(each for each in known if each not in ("data", "network"))
                raise TypeError(
                    f"{function.__name__}() has no argument {name!r}{nearest_hint(name, known)}; "
                    f"it trains by SGD and takes {taken}"
                )
        for field in fields(cls):
            if field.default is MISSING and field.name not in keywords:
                raise TypeError(f"{function.__name__}() needs the argument {field.name!r}")
        return cls(**keywords)

    @property
    def augmentation(self) -> Augmentation | None:
        """The augmentation as a function."""
        if isinstance(self.augment, str):
            return AUGMENTATIONS[self.augment]
        return self.augment

    def learning_rate(self, progress: float) -> float:
        """The learning rate after a fraction `progress` in [0, 1) of all steps."""
        if self.schedule == "constant":
            return self.lr
        if self.schedule in ("one_cycle", "triangular"):
            if progress < WARM_UP:
                return self.lr * (WARM_UP_START + (1 - WARM_UP_START) * progress / WARM_UP)
            progress = (progress - WARM_UP) / (1 - WARM_UP)
        if self.schedule == "triangular":
            return self.lr * (1 - progress)
        return self.lr * (1 + math.cos(math.pi * progress)) / 2

    def config(self) -> dict[str, Any]:
        """The settings as plain values, for a record or a checkpoint."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**values, "augment": describe(self.augment), "device": self.device.type}


def takes_settings(function: F) -> F:
    """Shows the fields of `Settings` in a function's signature and help, for its ``**settings``.

    The docstring has the line ``{settings}`` where their meaning belongs. What the function names
    in its docstring as ``seeds`` takes the place of the setting ``seed``.
    """
    own = inspect.signature(function)
    parameters = [each for each in own.parameters.values() if each.kind != each.VAR_KEYWORD]
    left_out = {"seed"} if "seeds" in own.parameters else set()
    shown = [field for field in fields(Settings) if field.name not in left_out]
    parameters += [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=field.type,
        )
        for field in shown
    ]
    function.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    if function.__doc__ is not None:  # it is None under python -OO
        meanings = _meanings(inspect.cleandoc(str(Settings.__doc__)))
        lines = "\n".join(f"        {field.name}: {meanings[field.name]}" for field in shown)
        function.__doc__ = function.__doc__.replace("        {settings}", lines)
    return function


def _meanings(docstring: str) -> dict[str, str]:
    """What a docstring's section on attributes says of each."""
    section = docstring.split("Attributes:\n")[1].split("\n\n")[0]
    entries = re.split(r"^    (\w+): ", section, flags=re.MULTILINE)[1:]
    return {
        name: text.rstrip().replace("\n", "\n    ")
        for name, text in zip(entries[::2], entries[1::2], strict=True)
    }


def describe(part: object) -> str | None:
    """A network, a mixup or an augmentation as text without memory addresses, for people."""
    if part is None or isinstance(part, str):
        return part
    return re.sub(r" at 0x[0-9a-f]+", "", repr(part))


def _augment(augment: object) -> str | Augmentation | None:
    if augment is None or (callable(augment) and not isinstance(augment, type)):
        return augment
    return str(one_of("augment", augment, AUGMENTATIONS))


def _device(device: str | torch.device) -> torch.device:
    resolved = resolve_device(device)
    if resolved.type not in ("cpu", "cuda", "mps"):
        raise ValueError(f"device must be 'auto', 'cpu', 'cuda' or 'mps', got {str(device)!r}")
    return resolved


def _precision(precision: str, device: torch.device) -> str:
    one_of("precision", precision, PRECISIONS)
    if precision != "auto":
        return str(precision)
    # Older GPUs emulate bfloat16, slowly; from compute capability 8 on it is native.
    native = device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= 8
    return "bfloat16" if native else "float32"

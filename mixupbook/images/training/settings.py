"""What a training run is: its settings, checked, with device and precision resolved."""

import hashlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType

import torch
from torch import nn

from mixupbook._arguments import in_interval, one_of, whole_number
from mixupbook.images.training.augment import AUGMENTATIONS, Augmentation

__all__ = ["PRECISIONS", "SCHEDULES", "Settings", "describe"]

SCHEDULES = ("cosine", "one_cycle", "constant")
PRECISIONS = ("auto", "float32", "bfloat16")
# The part of a one-cycle schedule in which the learning rate rises, and where it starts from.
WARM_UP, WARM_UP_START = 0.3, 0.1


@dataclass(frozen=True)
class Settings:
    """The settings of `fit`, whose docstring explains them; see there for what is allowed.

    After construction `device` is a `torch.device` and `precision` is "float32" or "bfloat16".
    """

    epochs: int
    batch_size: int
    lr: float
    momentum: float
    weight_decay: float
    schedule: str
    augment: str | Augmentation | None
    seed: int
    device: str | torch.device
    precision: str
    compile: bool
    test_every: int

    def __post_init__(self) -> None:
        whole_number("epochs", self.epochs, at_least=1)
        whole_number("batch_size", self.batch_size, at_least=1)
        in_interval("lr", self.lr, 0, open_low=True)
        in_interval("momentum", self.momentum, 0, 1, open_high=True)
        in_interval("weight_decay", self.weight_decay, 0)
        one_of("schedule", self.schedule, SCHEDULES)
        if self.augment is not None and not callable(self.augment):
            one_of("augment", self.augment, AUGMENTATIONS)
        whole_number("seed", self.seed)
        whole_number("test_every", self.test_every, at_least=1)
        device = _device(self.device)
        object.__setattr__(self, "device", device)
        object.__setattr__(self, "precision", _precision(self.precision, device))

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
        if self.schedule == "one_cycle":
            if progress < WARM_UP:
                return self.lr * (WARM_UP_START + (1 - WARM_UP_START) * progress / WARM_UP)
            progress = (progress - WARM_UP) / (1 - WARM_UP)
        return self.lr * (1 + math.cos(math.pi * progress)) / 2

    def config(self) -> dict[str, object]:
        """The settings as plain values, for a record or a checkpoint."""
        return {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "lr": self.lr,
            "momentum": self.momentum,
            "weight_decay": self.weight_decay,
            "schedule": self.schedule,
            "augment": describe(self.augment),
            "seed": self.seed,
            "device": self.device.type,
            "precision": self.precision,
            "compile": self.compile,
            "test_every": self.test_every,
        }


def describe(part: str | Callable | None) -> str | None:
    """A setting as text that is the same in every process, and another where the code is another.

    It holds no memory address; a digest of the code tells functions of one name apart, and modules
    of one build whose ``forward`` differs.
    """
    if part is None or isinstance(part, str):
        return part
    text = re.sub(r" at 0x[0-9a-f]+", "", repr(part))
    own = [part]
    if isinstance(part, nn.Module):
        kinds = {type(module) for module in part.modules()}
        own = [kind.forward for kind in kinds if not kind.__module__.startswith("torch.nn.")]
    digests = sorted(_code_digest(each.__code__) for each in own if hasattr(each, "__code__"))
    return " ".join([text, *digests])


def _code_digest(code: CodeType) -> str:
    constants = [_code_digest(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    content = repr((code.co_code, code.co_names, constants))
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def _device(device: str | torch.device) -> torch.device:
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device must be 'auto', 'cpu' or 'cuda', got {device!r}") from error
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"device must be 'auto', 'cpu' or 'cuda', got {str(device)!r}")
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError("device is 'cuda', but torch finds no GPU here; try device='auto'")
        index = torch.cuda.current_device() if device.index is None else device.index
        device = torch.device("cuda", index)
    return device


def _precision(precision: str, device: torch.device) -> str:
    one_of("precision", precision, PRECISIONS)
    if precision != "auto":
        return precision
    # Older GPUs emulate bfloat16, slowly; from compute capability 8 on it is native.
    native = device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= 8
    return "bfloat16" if native else "float32"

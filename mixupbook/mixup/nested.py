"""Batches: a tensor of examples, or a dictionary, list or tuple of such tensors, however nested."""

import numbers
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor

from mixupbook._arguments import whole_number

__all__ = [
    "Batch",
    "Examples",
    "batch_and_device",
    "check_number",
    "first_examples",
    "map_examples",
    "onto",
    "values_can_be_read",
]

Batch = Tensor | Mapping[Any, Any] | list[Any] | tuple[Any, ...]
# A batch, where what is returned is one of the same kind.
Examples = TypeVar("Examples", bound=Batch)


def values_can_be_read(tensor: Tensor) -> bool:
    """Whether a look at the values costs little: on a GPU it waits, and breaks a compiled graph."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def onto(tensor: Tensor, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """`tensor` on `device`. A copy from the processor's memory does not wait for a GPU."""
    dtype = tensor.dtype if dtype is None else dtype
    if tensor.device == device:
        return tensor.to(dtype)
    return tensor.to(device, dtype, non_blocking=tensor.device.type == "cpu")


def batch_and_device(x: Batch | int) -> tuple[int, torch.device]:
    """The number of examples of a batch, and the device of its first tensor.

    Args:
        x: a batch, or the number of its examples alone; the device is the processor then.

    Raises:
        TypeError: neither a batch nor a whole number.
        ValueError: no example in it.
    """
    if isinstance(x, numbers.Integral):
        return whole_number("the number of examples", x, at_least=1), torch.device("cpu")
    _, examples = first_examples(x)
    return len(examples), examples.device


def first_examples(x: object) -> tuple[str, Tensor]:
    """The first tensor of a batch, and the path that leads to it from "x".

    Raises:
        TypeError: no batch.
        ValueError: no example in it.
    """
    if not isinstance(x, Tensor | Mapping | list | tuple):
        raise TypeError(
            f"x must be a torch.Tensor, or a dict, list or tuple of them, got {type(x).__name__}"
        )
    found = _first("x", x)
    if found is None:
        raise ValueError(f"x must hold at least one tensor, got {x!r}")
    path, examples = found
    if not isinstance(examples, Tensor):
        raise TypeError(f"{path} must be a torch.Tensor, got {type(examples).__name__}")
    if examples.ndim == 0 or len(examples) == 0:
        raise ValueError(
            f"{path} must hold at least one example, got shape {tuple(examples.shape)}"
        )
    return path, examples


def _first(path: str, x: Any) -> tuple[str, Any] | None:
    """The first thing in a nested batch that is no container, and the path that leads there."""
    if isinstance(x, Mapping):
        items = list(x.items())
    elif isinstance(x, list | tuple):
        items = list(enumerate(x))
    else:
        return path, x
    for key, value in items:
        found = _first(f"{path}[{key!r}]", value)
        if found is not None:
            return found
    return None


def map_examples(function: Callable[[str, Tensor], Tensor], x: Batch, path: str = "x") -> Any:
    """`x` with each of its tensors replaced by `function` of its path, for messages, and itself.

    Raises:
        TypeError: something else than tensors, named by `path` and its place below it.
    """
    if isinstance(x, Tensor):
        return function(path, x)
    if isinstance(x, Mapping):
        return {key: map_examples(function, value, f"{path}[{key!r}]") for key, value in x.items()}
    if isinstance(x, list | tuple):
        values = [
            map_examples(function, value, f"{path}[{index}]") for index, value in enumerate(x)
        ]
        # A named tuple takes its values one by one.
        return type(x)(*values) if hasattr(x, "_fields") else type(x)(values)
    raise TypeError(f"{path} must be a torch.Tensor, got {type(x).__name__}")


def check_number(path: str, x: Tensor, batch: int) -> None:
    """Refuses what does not hold `batch` examples."""
    if x.ndim == 0 or len(x) != batch:
        raise ValueError(
            f"{path} must hold {batch} examples, as many as have a partner, "
            f"got shape {tuple(x.shape)}"
        )

"""Mixup as a ``collate_fn``: of samples that are pairs, and after another ``collate_fn``."""

import copy
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import default_collate

__all__ = ["MixedCollate", "stack_pairs"]

Key = str | int


def stack_pairs(samples: Sequence[Any]) -> tuple[Any, Any]:
    """Stacks samples (x, y) to a batch of each, numbers on the processor.

    Raises:
        TypeError: samples that are not pairs, or of what cannot be stacked.
        ValueError: no sample, or samples of different shapes.
    """
    if len(samples) == 0:
        raise ValueError("samples must hold at least one pair (x, y), got none")
    first = samples[0]
    if isinstance(first, Mapping):
        raise TypeError(
            f"samples must be pairs (x, y), got dictionaries with {_listed(first)}: use "
            "mix.after(collate_fn, inputs='pixel_values', labels='labels') with your own names, "
            "and torch.utils.data.default_collate where you have no collate_fn"
        )
    if not all(isinstance(sample, tuple | list) and len(sample) == 2 for sample in samples):
        raise TypeError(
            f"samples must be pairs (x, y), got {first!r:.60}: for other samples there is "
            "mix.after(collate_fn, inputs=0, labels=1)"
        )
    try:
        with torch.device("cpu"):  # whatever torch's default device is
            x, y = default_collate(list(samples))
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise (TypeError if isinstance(error, TypeError) else ValueError)(
            f"samples must be tensors or numbers of one shape, to be stacked, but {error}: bring "
            "them to one shape in the data set, or let a function of your own stack them, in "
            "mix.after(collate_fn, inputs=0, labels=1)"
        ) from error
    return x, y


class MixedCollate:
    """A ``collate_fn`` that mixes what another one returns; see `Mixup.after`.

    Raises:
        TypeError: `collate_fn` is no function, or `inputs` or `labels` no names.
        ValueError: no inputs, or labels that are among the inputs.
    """

    def __init__(
        self,
        mixup: Callable[[Any, Any], tuple[Any, Tensor]],
        collate_fn: Callable[[Sequence[Any]], Any],
        inputs: Key | Sequence[Key],
        labels: Key,
    ) -> None:
        if not callable(collate_fn):
            raise TypeError(f"collate_fn must be a function of samples, got {collate_fn!r}")
        names: list[Any] = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        if not all(isinstance(name, Key) for name in names):
            raise TypeError(f"inputs must be a name, an index, or a list of such, got {inputs!r}")
        if not isinstance(labels, Key):
            raise TypeError(f"labels must be a name or an index, got {labels!r}")
        if len(names) == 0 or labels in names:
            raise ValueError(
                f"inputs must name at least one part of the batch, and not the labels {labels!r}, "
                f"got {inputs!r}"
            )
        self.mixup = mixup
        self.collate_fn = collate_fn
        self.inputs = names
        self.labels = labels

    def __call__(self, samples: Sequence[Any]) -> Any:
        """Collates `samples`, and returns the batch with its inputs and labels mixed."""
        batch = self.collate_fn(samples)
        mixed: Any
        if isinstance(batch, Mapping):
            mixed = copy.copy(batch) if isinstance(batch, MutableMapping) else dict(batch)
        elif isinstance(batch, list | tuple):
            mixed = list(batch)
        else:
            raise TypeError(
                f"collate_fn must return a dict, a list or a tuple, got {type(batch).__name__}"
            )
        parts = {name: _part(batch, "inputs", name) for name in self.inputs}
        x, targets = self.mixup(parts, _part(batch, "labels", self.labels))
        for name, values in {**x, self.labels: targets}.items():
            mixed[name] = values
        if not isinstance(batch, tuple):
            return mixed
        return type(batch)(*mixed) if hasattr(batch, "_fields") else tuple(mixed)


def _part(batch: Any, role: str, name: Key) -> Any:
    try:
        return batch[name]
    except (KeyError, IndexError, TypeError):
        has = _listed(batch) if isinstance(batch, Mapping) else f"{len(batch)} parts"
        raise ValueError(
            f"{role} must name a part of the batch, got {name!r}; the batch has {has}"
        ) from None


def _listed(mapping: Mapping[Any, Any]) -> str:
    return ", ".join(map(repr, mapping)) or "nothing in it"

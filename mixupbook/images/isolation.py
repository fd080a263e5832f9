"""Computing as torch does when it starts, whatever its global settings are at the moment."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

__all__ = ["default_states", "isolated", "seed_defaults", "set_default_states"]


@contextlib.contextmanager
def isolated(
    device: torch.device | str = "cpu", *, grad: bool = False, draws: bool = True
) -> Iterator[None]:
    """Torch's global settings at their defaults inside, and as they were outside.

    Inside, new tensors are float32 on the CPU unless said otherwise, nothing is cast automatically,
    no algorithm is ruled out, and convolutions on a GPU take the same algorithm every time. The
    number of threads is the caller's.

    Args:
        device: where the computation is.
        grad: whether gradients are recorded, also within the caller's ``no_grad``.
        draws: whether draws from torch's default generators of the CPU and of `device` leave no
            trace either.
    """
    device = torch.device(device)
    with (
        torch.inference_mode(False),
        torch.set_grad_enabled(grad),
        _default_dtype(torch.float32),
        _on_the_cpu(),
        _no_autocast(device),
        _free_choice_of_algorithms(),
    ):
        states = default_states(device) if draws else None
        try:
            yield
        finally:
            if states is not None:
                set_default_states(states, device)


def seed_defaults(seed: int, device: torch.device) -> None:
    """Seeds the default generators of the CPU and of `device`, no others as torch's own does."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def default_states(device: torch.device) -> dict[str, Tensor]:
    """States of the same default generators."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_default_states(states: dict[str, Tensor], device: torch.device) -> None:
    """Sets them back to what `default_states` returned."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(states["mps"])


@contextlib.contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _on_the_cpu() -> contextlib.AbstractContextManager:
    # Where the CPU is the default already, nothing: a device context slows every call.
    if torch.get_default_device().type == "cpu":
        return contextlib.nullcontext()
    return torch.device("cpu")


@contextlib.contextmanager
def _no_autocast(device: torch.device) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for kind in {"cpu", device.type}:
            # Only then: within an autocast, one that a network uses keeps its casts of weights.
            if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


@contextlib.contextmanager
def _free_choice_of_algorithms() -> Iterator[None]:
    cudnn = torch.backends.cudnn
    convolutions = cudnn.deterministic, cudnn.benchmark
    strict = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn.deterministic, cudnn.benchmark = True, False
    if strict:  # only then: the call imports torch's compiler, which takes seconds
        torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = convolutions
        if strict:
            torch.use_deterministic_algorithms(True, warn_only=warn_only)

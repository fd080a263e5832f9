"""Which device and precision a computation uses."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["device_name", "resolve_device"]


def resolve_device(device: "str | torch.device") -> "torch.device":
    """A device that torch has here, with its index where it is one of several.

    Args:
        device: ``"auto"`` (a GPU where there is one: CUDA before Apple's), or what torch takes.

    Raises:
        TypeError: neither a name nor a `torch.device`.
        ValueError: no device, or one that torch does not have here.

    Example:
        >>> resolve_device("cpu")
        device(type='cpu')
    """
    import torch

    if isinstance(device, str) and device == "auto":
        device = _best()
    if not isinstance(device, str | torch.device):
        raise TypeError(f"device must be 'auto', a torch.device or its name, got {device!r}")
    try:
        probe = torch.zeros(1, device=device, dtype=torch.float32)
        probe.cpu()  # fails where a device holds no values ("meta")
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device must be 'auto' or one that torch has here ({', '.join(_present())}), "
            f"got {str(device)!r}"
        ) from error
    return probe.device


def device_name(device: "torch.device") -> str:
    """What computes: a GPU's name, or the instructions and threads of a processor."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return device.type
    threads = torch.get_num_threads()
    capability = torch.backends.cpu.get_cpu_capability()
    return f"processor with {capability}, {threads} thread" + ("s" if threads > 1 else "")


def _best() -> str:
    return _present()[-1]


def _present() -> list[str]:
    """The kinds of device that are here, the one to prefer last."""
    import torch

    kinds: dict[str, Callable[[], bool]] = {
        "mps": torch.backends.mps.is_available,
        "cuda": torch.cuda.is_available,
    }
    return ["cpu", *(kind for kind, is_here in kinds.items() if is_here())]

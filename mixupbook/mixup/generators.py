"""Torch's generators: checked, copied, packed for a pickle, and made for a loader's worker."""

import torch
from numpy.typing import NDArray

__all__ = ["checked", "copied", "drawing_device", "of_worker", "packed", "unpacked"]

Packed = tuple[torch.device, NDArray]


def checked(generator: object) -> torch.Generator | None:
    """`generator` where it is one or None, else a TypeError."""
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator or None, got {generator!r}")
    return generator


def copied(generator: torch.Generator | None) -> torch.Generator | None:
    """Another generator in the same state."""
    return None if generator is None else unpacked(packed(generator))


def packed(generator: torch.Generator) -> Packed:
    """The state as plain numbers.

    Where a loader starts its workers anew, torch would send a tensor as shared memory, which not
    every system grants.
    """
    return generator.device, generator.get_state().cpu().numpy()


def unpacked(state: Packed) -> torch.Generator:
    """A generator in the state that `packed` gave."""
    device, numbers = state
    generator = torch.Generator(device)
    generator.set_state(torch.from_numpy(numbers))
    return generator


def of_worker(generator: torch.Generator, worker_seed: int) -> torch.Generator:
    """A generator of a worker's own: with copies of one, all workers would draw alike."""
    return torch.Generator("cpu").manual_seed((generator.initial_seed() + worker_seed) % 2**63)


def drawing_device(generator: torch.Generator | None, device: torch.device) -> torch.device:
    """Where to draw for examples on `device`."""
    if generator is not None:
        return generator.device
    # Drawing on the GPU spares a transfer that waits for it; other devices lack gamma draws.
    return device if device.type == "cuda" else torch.device("cpu")

"""Running out of memory, told as such wherever it happens."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mixupbook.images.training.settings import Settings

__all__ = ["is_out_of_memory", "out_of_memory_explained"]


@contextmanager
def out_of_memory_explained(settings: Settings) -> Iterator[None]:
    """Raises a ``torch.OutOfMemoryError`` that names the batch size and the precision."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise torch.OutOfMemoryError(
            f"out of memory on {settings.device} with batch_size={settings.batch_size} in "
            f"{settings.precision}: try a smaller batch size"
            f"{' or bfloat16' if settings.precision == 'float32' else ''} ({error})"
        ) from error


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, on a GPU or a processor."""
    # A processor's allocator, cuBLAS and Apple's have no exception of their own for it.
    said = (
        "DefaultCPUAllocator",
        "CUBLAS_STATUS_ALLOC_FAILED",
        "CUDNN_STATUS_ALLOC_FAILED",
        "MPS backend out of memory",
    )
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in said)

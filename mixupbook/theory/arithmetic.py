"""Arithmetic in which torch's global settings, the caller's to choose, have no say."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["plain_arithmetic"]


@contextmanager
def plain_arithmetic(device: torch.device) -> Iterator[None]:
    """Ordinary tensors, no autograd, and each product in the precision of its factors.

    Autocast and a float32 precision below "highest" would round; in inference mode, tensors would
    come out that no one could train with afterwards.
    """
    with (
        torch.inference_mode(False),
        torch.no_grad(),
        torch.autocast(device.type, enabled=False),
        _exact_products(),
    ):
        yield


@contextmanager
def _exact_products() -> Iterator[None]:
    """Products of float32 numbers in float32; then as it was."""
    # Since torch 2.9 each backend has its own setting, besides the one for all.
    places = (torch.backends.cuda, torch.backends.mkldnn)
    matmuls: list[Any] = [getattr(place, "matmul", None) for place in places]
    own = {matmul: matmul.fp32_precision for matmul in matmuls if hasattr(matmul, "fp32_precision")}
    try:
        common = torch.get_float32_matmul_precision()
    except RuntimeError:  # one cannot ask for it where only a backend's own has been set
        common = "highest"
    if common == "highest" and {*own.values()} <= {"none", "ieee"}:
        yield  # as it mostly is: then nothing is touched that other threads rely on
        return
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(common)
        for matmul, precision in own.items():
            matmul.fp32_precision = precision

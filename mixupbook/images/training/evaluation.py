"""Measuring a trained network: its test error, and batch norm re-estimated on clean images."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mixupbook._arguments import whole_number

__all__ = ["error_rate", "recalibrate"]


@torch.no_grad()
def error_rate(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    batch_size: int = 500,
) -> float:
    """Fraction of images whose highest score is not their label's.

    The network is evaluated in inference mode (``network.eval()``) on the device where its
    parameters lie, and is left as it was.

    Args:
        network: takes images and returns scores, shape (B, K).
        images: shape (N, C, H, W), on any device.
        labels: shape (N,), integer.
        batch_size: images evaluated at once.

    Returns:
        The error in [0, 1].

    Raises:
        ValueError: no images, or another number of labels than of images.
        FloatingPointError: infinite or NaN scores, among which none is highest.

    Example:
        >>> images, labels = torch.eye(4).reshape(4, 1, 2, 2), torch.tensor([0, 1, 2, 0])
        >>> error_rate(nn.Flatten(), images, labels)
        0.25
    """
    batch_size = whole_number("batch_size", batch_size, at_least=1)
    if len(images) == 0 or labels.shape != (len(images),):
        raise ValueError(
            "labels must hold one label for each of at least one image, "
            f"got labels of shape {tuple(labels.shape)} for {len(images)} images"
        )
    device = _device_of(network, images)
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    wrong = torch.zeros((), dtype=torch.int64, device=device)
    finite = torch.ones((), dtype=torch.bool, device=device)
    try:
        for x, y in zip(images.split(batch_size), labels.split(batch_size), strict=True):
            scores = network(x.to(device))
            finite &= scores.isfinite().all()
            wrong += (scores.argmax(dim=1) != y.to(device)).sum()
    finally:
        for module, mode in modes:
            module.training = mode
    if not finite:
        raise FloatingPointError("the network's scores on the images are infinite or NaN")
    return wrong.item() / len(images)


@torch.no_grad()
def recalibrate(network: nn.Module, images: Tensor, *, batch_size: int = 500) -> nn.Module:
    """A copy of the network with its batch-norm statistics re-estimated on the images given.

    Mixed images vary less than clean ones, so statistics gathered under Mixup do not fit clean
    test images. This replaces them by averages over batches of `images`, and changes no weight:
    the difference in test error is what the misfit cost. A network without batch norm has nothing
    to re-estimate, and its copy computes the same.

    Args:
        network: left as it is.
        images: clean training images, shape (N, C, H, W), on any device.
        batch_size: images in a batch; every batch counts alike.

    Raises:
        ValueError: no images.

    Source: our control; ``torch.optim.swa_utils.update_bn`` does the same in place, on a loader.

    Example:
        >>> images = torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1)
        >>> recalibrate(nn.BatchNorm2d(1), images).running_mean
        tensor([2.])
    """
    batch_size = whole_number("batch_size", batch_size, at_least=1)
    if len(images) == 0:
        raise ValueError("images must hold at least one image, got none")
    network = copy.deepcopy(network).eval()
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over batches, not an exponential one
        norm.train()
    device = _device_of(network, images)
    for x in images.split(batch_size):
        network(x.to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return network.eval()


def _device_of(network: nn.Module, images: Tensor) -> torch.device:
    """Where the network computes; the images' device for a network without parameters."""
    parameter = next(network.parameters(), None)
    return images.device if parameter is None else parameter.device

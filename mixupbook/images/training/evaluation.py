"""Measuring a trained network: its errors, and batch norm re-estimated on clean images."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mixupbook._arguments import whole_number
from mixupbook.images.isolation import isolated

__all__ = ["error_rate", "group_errors", "group_fractions", "misclassified", "recalibrate"]

INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


# `| Any`: what else is given is refused by hand, with messages for people.
def error_rate(
    network: nn.Module | Any,
    images: Tensor | Any,
    labels: Tensor | Any,
    *,
    batch_size: int | Any = 500,
) -> float:
    """Fraction of images whose highest score is not their label's.

    The network is evaluated in inference mode (``network.eval()``) on the device where its
    parameters lie, without autocast, and is left as it was.

    Args:
        network: takes images and returns scores, shape (B, K).
        images: shape (N, C, H, W), on any device.
        labels: shape (N,), integer.
        batch_size: images evaluated at once; one more where a single image would be left.

    Returns:
        The error in [0, 1].

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: no images, another number of labels than of images, or scores of another shape.
        FloatingPointError: an image whose highest score is infinite or NaN. Scores of -inf, of
            classes that are masked, may be among the others.

    Example:
        >>> images, labels = torch.eye(4).reshape(4, 1, 2, 2), torch.tensor([0, 1, 2, 0])
        >>> error_rate(nn.Flatten(), images, labels)
        0.25
    """
    _check_kinds(network, images=images, labels=labels)
    with isolated(_device_of(network, images)):
        wrong = misclassified(network, images, labels, batch_size)
    return wrong.sum().item() / len(wrong)


# `| Any`: what else is given is refused by hand, with messages for people.
def group_errors(
    scores: Tensor | Any, labels: Tensor | Any, groups: Tensor | Any
) -> dict[int, float]:
    """For each group, the fraction of its examples whose highest score is not their label's.

    An error over all test examples hides what becomes of a rare subgroup: Mixup may lower the one
    and raise the other.

    Args:
        scores: what a network returned in inference mode, floating, shape (N, K), on any device.
        labels: shape (N,), integer in 0..K-1, on any device.
        groups: which group each example belongs to, shape (N,), any integers, on any device.

    Returns:
        A dictionary from each group that occurs, in increasing order, to its error in [0, 1].

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: no examples, shapes that do not fit, or labels outside 0..K-1.
        FloatingPointError: an example whose highest score is infinite or NaN. Scores of -inf, of
            classes that are masked, may be among the others.

    Source: the subgroup evaluation of Sagawa et al. (ICLR 2020), whose worst-group error is
    ``max(errors.values())``.

    Example:
        >>> scores = torch.tensor([[2.0, 0.0], [2.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
        >>> labels, groups = torch.tensor([0, 1, 1, 0]), torch.tensor([0, 1, 1, 0])
        >>> group_errors(scores, labels, groups)
        {0: 0.0, 1: 0.5}
    """
    if not isinstance(scores, Tensor) or not scores.is_floating_point():
        got = getattr(scores, "dtype", type(scores).__name__)
        raise TypeError(f"scores must be a floating torch.Tensor, got {got}")
    if scores.ndim != 2 or 0 in scores.shape:
        raise ValueError(
            "scores must hold one row for each of at least one example, shape (N, K), "
            f"got {tuple(scores.shape)}"
        )
    for name, values in (("labels", labels), ("groups", groups)):
        dtype = getattr(values, "dtype", type(values).__name__)
        if dtype not in INTEGERS:
            raise TypeError(f"{name} must be a torch.Tensor of integers, got {dtype}")
        if values.shape != scores.shape[:1]:
            raise ValueError(
                f"{name} must have shape ({len(scores)},), one for each row of scores, "
                f"got {tuple(values.shape)}"
            )
    labels = labels.to(scores.device)
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise ValueError(
            f"labels must lie in 0..{scores.shape[1] - 1}, one for each column of scores, "
            f"got {labels.min().item()} to {labels.max().item()}"
        )
    if not scores.amax(dim=1).isfinite().all():
        raise FloatingPointError("the highest scores of some examples are infinite or NaN")
    return group_fractions(scores.argmax(dim=1) != labels, groups)


def group_fractions(wrong: Tensor, groups: Tensor) -> dict[int, float]:
    """`group_errors` of examples that are known to be wrong or not, booleans (N,)."""
    groups = groups.to(wrong.device)
    members = {group: wrong[groups == group] for group in groups.unique().tolist()}
    return {group: found.sum().item() / len(found) for group, found in members.items()}


def misclassified(
    network: nn.Module, images: Tensor, labels: Tensor, batch_size: int | Any = 500
) -> Tensor:
    """Which images `error_rate` counts, booleans (N,); under the caller's settings (autocast)."""
    batch_size = whole_number("batch_size", batch_size, at_least=1)
    if len(images) == 0 or labels.shape != (len(images),):
        raise ValueError(
            "labels must hold one label for each of at least one image, "
            f"got labels of shape {tuple(labels.shape)} for {len(images)} images"
        )
    device = _device_of(network, images)
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    wrong = []
    finite = torch.ones((), dtype=torch.bool, device=device)
    batches = zip(_no_one_alone(images, batch_size), _no_one_alone(labels, batch_size), strict=True)
    try:
        with torch.no_grad():
            for x, y in batches:  # a network may work in place on the images it is given
                scores = _scores(network, x.to(device, copy=True))
                finite &= scores.amax(dim=1).isfinite().all()
                wrong.append(scores.argmax(dim=1) != y.to(device))
    finally:
        for module, mode in modes:
            module.training = mode
    if not finite:
        raise FloatingPointError("the network's highest scores on the images are infinite or NaN")
    return torch.cat(wrong)


def recalibrate(
    network: nn.Module | Any, images: Tensor | Any, *, batch_size: int | Any = 500
) -> nn.Module:
    """A copy of the network with its batch-norm statistics re-estimated on the images given.

    Mixed images vary less than clean ones, so statistics gathered under Mixup do not fit clean
    test images. This replaces them by averages over batches of `images`, and changes no weight:
    the difference in test error is what the misfit cost. A network without batch norm has nothing
    to re-estimate, and its copy computes the same.

    Args:
        network: left as it is.
        images: clean training images, shape (N, C, H, W), on any device.
        batch_size: images in a batch; every batch counts alike. Where a single image would be left
            over, of which batch norm can take no variance, the batches are one fewer, of nearly
            equal size.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: no images, or a single one in a batch for batch norm that needs more.

    Source: our control; ``torch.optim.swa_utils.update_bn`` does the same in place, on a loader.

    Example:
        >>> images = torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1)
        >>> recalibrate(nn.BatchNorm2d(1), images).running_mean
        tensor([2.])
    """
    _check_kinds(network, images=images)
    batch_size = whole_number("batch_size", batch_size, at_least=1)
    if len(images) == 0:
        raise ValueError("images must hold at least one image, got none")
    with isolated(_device_of(network, images)), torch.no_grad():
        network = copy.deepcopy(network).eval()
        norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain average over batches, not an exponential one
            norm.train()
        batches = images.split(batch_size)
        if len(batches[-1]) == 1 and not _takes_one(network, batches[-1]):
            batches = _no_one_alone(images, batch_size)
            if len(batches[-1]) == 1:
                raise ValueError(
                    "batch norm of this network takes no variance of a single image: images must "
                    f"hold at least two and batch_size be at least 2, got {len(images)} and "
                    f"{batch_size}"
                )
        device = _device_of(network, images)
        for x in batches:
            network(x.to(device, copy=True))
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        return network.eval()


def _check_kinds(network: object, **tensors: object) -> None:
    if not isinstance(network, nn.Module):
        raise TypeError(
            "network must be a torch.nn.Module (`build_network` makes one by its name), "
            f"got {network!r}"
        )
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor) or tensor.ndim == 0:
            raise TypeError(f"{name} must be a torch.Tensor, one row each, got {tensor!r:.60}")


def _no_one_alone(examples: Tensor, batch_size: int) -> Sequence[Tensor]:
    """Batches as ``split`` makes them; one fewer where one example would be left over alone."""
    batches = examples.split(batch_size)
    if len(batches[-1]) == 1 and 1 < batch_size < len(examples):
        return examples.tensor_split(len(batches) - 1)
    return batches


def _takes_one(network: nn.Module, image: Tensor) -> bool:
    """Whether the network, as it is, computes on a single image."""
    try:
        copy.deepcopy(network)(image.to(_device_of(network, image), copy=True))
    except ValueError:
        return False
    return True


def _scores(network: nn.Module, images: Tensor) -> Tensor:
    scores = network(images)
    if not isinstance(scores, Tensor) or scores.ndim != 2 or len(scores) != len(images):
        got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ValueError(
            f"network must return one row of scores for each of {len(images)} images, got {got}"
        )
    return scores


def _device_of(network: nn.Module, images: Tensor) -> torch.device:
    """Where the network computes; the images' device for a network without parameters."""
    parameter = next(network.parameters(), None)
    return images.device if parameter is None else parameter.device

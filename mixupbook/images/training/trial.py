"""A network is tried on one batch before it is trained, and refused with the reason."""

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.parameter import UninitializedBuffer, is_lazy

from mixupbook.images.networks import build_network
from mixupbook.images.training.memory import is_out_of_memory

__all__ = ["prepare_network", "trained_layout"]


def prepare_network(
    network: str | nn.Module, sample: Tensor, num_classes: int, device: torch.device
) -> nn.Module:
    """The named network, or a copy of the module given, on the device and ready to be tried.

    Args:
        network: a name (see `build_network`), or a module.
        sample: a few images, shape (n, C, H, W), which give lazy modules their shapes.
        num_classes: number of classes.
        device: where it will be trained.

    Raises:
        ValueError: an unknown name; or the module cannot be copied as it is, or has nothing to
            train, or that not in finite float32.
    """
    if isinstance(network, nn.Module):
        network = _moved(_copied(network), device)
    else:
        network = build_network(network, tuple(sample.shape[1:]), num_classes).to(device)
    if any(is_lazy(parameter) for parameter in network.parameters()):
        _forward(network.eval(), sample.to(device))
    for name, parameter in network.named_parameters():
        _check_parameter(name, parameter)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ValueError("network must have parameters to train (requires_grad), got none")
    return network


def _check_parameter(name: str, parameter: Tensor) -> None:
    if is_lazy(parameter):
        raise ValueError(
            f"network must have a shape for every parameter once it has seen images; {name!r} has "
            "none"
        )
    if not parameter.requires_grad:
        return
    if parameter.dtype != torch.float32:
        raise ValueError(
            "network must have float32 parameters (network.float() makes them so), "
            f"got {parameter.dtype} for {name!r}"
        )
    if not parameter.isfinite().all():
        raise ValueError(f"network must start from finite weights, got infinity or NaN in {name!r}")


def trained_layout(
    network: nn.Module, images: Tensor, labels: Tensor, num_classes: int
) -> torch.memory_format:
    """The memory layout in which the network can be trained, found by a step on a copy.

    It is channels last, in which convolutions are faster, unless the network does not take it: a
    module that reshapes with ``view``, or has five-dimensional weights.

    Args:
        network: from `prepare_network`; left as it is.
        images: the smallest batch of an epoch, shape (B, C, H, W), on the network's device.
        labels: their labels, shape (B,).
        num_classes: number of scores wanted.

    Raises:
        ValueError: the network cannot be trained on such a batch; the message says why.
    """
    layouts = [torch.channels_last, torch.contiguous_format]
    if images.device.type == "mps":  # where channels last is not to be relied on
        layouts.remove(torch.channels_last)
    for layout in layouts:
        try:
            trial = copy.deepcopy(network).to(memory_format=layout)  # type: ignore[call-overload]
            _try_out(trial, images.contiguous(memory_format=layout), labels, num_classes)
        except (ValueError, RuntimeError) as error:
            if layout == layouts[-1] or is_out_of_memory(error):
                raise
        else:
            return layout
    raise AssertionError("the last layout returned or raised")


def _try_out(network: nn.Module, images: Tensor, labels: Tensor, num_classes: int) -> None:
    """One test and one step of training, after which the network is of no more use."""
    registered = {id(parameter) for parameter in network.parameters()}
    with torch.no_grad():
        _check(_forward(network.eval(), images), images, num_classes, "in inference mode")
    try:
        scores = _forward(network.train(), images)
    except ValueError as error:
        if len(images) > 1 or "more than 1 value per channel" not in str(error):
            raise
        raise ValueError(
            "batch_size must not leave a last batch of one image, of which this network's batch "
            f"norm cannot take a variance: {error}"
        ) from error
    _check(scores, images, num_classes, "in training mode")
    if not scores.requires_grad:
        raise ValueError(
            "network must return scores that depend on its parameters with requires_grad, "
            "got scores without a gradient in training mode"
        )
    strays = [each for each in _parameters_behind(scores) if id(each) not in registered]
    if strays:
        raise ValueError(
            "network must have all its parameters registered before it sees images (modules in a "
            "torch.nn.ModuleList, none made in forward), or they would not be trained, got scores "
            f"that depend on another, of shape {tuple(strays[0].shape)}"
        )
    try:
        cross_entropy(scores, labels).backward()
    except Exception as error:
        raise _refusal("must have gradients; the step back failed", error) from error
    for name, parameter in network.named_parameters():
        if parameter.grad is not None and parameter.grad.layout != torch.strided:
            raise ValueError(
                f"network must have plain gradients, got {parameter.grad.layout} for {name!r}"
            )


def _parameters_behind(scores: Tensor) -> Iterator[nn.Parameter]:
    """The parameters that a step back from the scores reaches."""
    nodes: list[Any] = [scores.grad_fn]
    seen: set[Any] = {None}
    while nodes:
        node = nodes.pop()
        if node not in seen:
            seen.add(node)
            nodes += [before for before, _ in node.next_functions]
            if isinstance(getattr(node, "variable", None), nn.Parameter):
                yield node.variable


def _forward(network: nn.Module, images: Tensor) -> Any:
    try:
        return network(images.clone())  # it may work in place
    except Exception as error:  # a module may raise anything
        shape = tuple(images.shape)
        raise _refusal(f"must take images of shape {shape}; it failed", error) from error


def _check(scores: object, images: Tensor, num_classes: int, mode: str) -> None:
    expected = len(images), num_classes
    if not isinstance(scores, Tensor) or tuple(scores.shape) != expected:
        advice = "" if isinstance(scores, Tensor) else ": wrap it in a module that returns those"
        raise ValueError(
            f"network must return one score for each of the {num_classes} classes, a tensor of "
            f"shape {expected} for {len(images)} images, got {_form(scores)} {mode}{advice}"
        )
    dtypes = [torch.float32]
    if torch.is_autocast_enabled(images.device.type):
        dtypes.append(torch.bfloat16)
    if scores.dtype not in dtypes:
        raise ValueError(f"network must return scores in float32, got {scores.dtype} {mode}")


def _form(output: object) -> str:
    """What a network returned, in short."""
    if isinstance(output, Tensor):
        return f"shape {tuple(output.shape)}"
    kind = type(output).__name__
    if isinstance(output, dict):
        return f"{kind} with {', '.join(repr(key) for key in output)}"
    if isinstance(output, tuple | list):
        names = getattr(output, "_fields", None)
        parts = [_form(each) for each in output]
        if names is not None:
            parts = [f"{name}: {part}" for name, part in zip(names, parts, strict=True)]
        return f"{kind} of {', '.join(parts) or 'nothing'}"
    return kind


def _copied(network: nn.Module) -> nn.Module:
    for name, parameter in network.named_parameters():
        if parameter._backward_hooks or parameter._post_accumulate_grad_hooks:
            raise ValueError(
                "network must have no hooks on parameters, which copy.deepcopy leaves out, got one "
                f"on {name!r}: compute with a masked weight in forward instead"
            )
    # Torch copies lazy parameters, but not lazy buffers, such as those of a lazy batch norm.
    buffers = {
        id(buffer): UninitializedBuffer(device=buffer.device, dtype=buffer.dtype)  # type: ignore[call-arg]
        for buffer in network.buffers()
        if is_lazy(buffer)
    }
    try:
        twin = copy.deepcopy(network, buffers)
    except Exception as error:
        raise _refusal("must be a module that copy.deepcopy copies; it failed", error) from error
    for name, parameter in twin.named_parameters():
        if not parameter.is_leaf:  # so copies of TorchScript's are
            raise ValueError(
                "network must be a module whose copy has parameters of its own, which that of "
                f"TorchScript has not, got {name!r} computed from others"
            )
    return twin


def _moved(network: nn.Module, device: torch.device) -> nn.Module:
    for name, tensor in itertools.chain(network.named_parameters(), network.named_buffers()):
        if not is_lazy(tensor) and tensor.is_meta:
            raise ValueError(f"network must hold values, got none (device 'meta') for {name!r}")
    return network.to(device)


def _refusal(what: str, error: Exception) -> Exception:
    """The error to raise in place of one that a module raised."""
    if is_out_of_memory(error):
        return error
    return ValueError(f"network {what}: {error}")

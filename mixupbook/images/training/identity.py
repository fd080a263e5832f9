"""The identity of a run: what a checkpoint tells it from others by."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from mixupbook.identity.parts import Unidentified, digest_of, digest_of_values
from mixupbook.images.data.images import ImageData
from mixupbook.images.training.settings import Settings
from mixupbook.mixup.cutmix import CutMix
from mixupbook.mixup.transform import Mixup

__all__ = ["difference", "identity"]

SEED_FIRST = ". Where the network is a module of your own, seed torch before you build it"

Identity = dict[str, str | int | float | bool | None]


def identity(
    data: ImageData, network: Any, mixup: object, settings: Settings, key: str | None
) -> Identity:
    """Plain values that two calls of `fit` share where they train alike, and no others.

    Args:
        data: its images and labels; the names of the classes say nothing.
        network: a name, or a module before training.
        mixup: before training, or None.
        settings: all that is left.
        key: the user's name for what cannot be told apart.

    Raises:
        Unidentified: there is something that cannot be told apart, and no key.
    """
    vouched = key is not None
    tensors = {name: getattr(data, name) for name in ("x_train", "y_train", "x_test", "y_test")}
    own = isinstance(network, nn.Module)
    weights = [*network.named_parameters(), *network.named_buffers()] if own else []
    return {
        **settings.config(),
        "augment": _named("augment", settings.augment, vouched),
        "data": f"{len(data.classes)} classes, {digest_of_values(tensors.items())}",
        "network": _named("network", network, vouched),
        "group_test": _groups(data),
        "initial_weights": digest_of_values(weights) if own else None,
        "mixup": _named("mixup", _at_the_start(mixup), vouched),
        "key": key,
    }


def difference(there: Mapping[str, Any], here: Identity) -> str:
    """What tells two identities apart, in words; empty where they are the same."""
    differing = [
        f"{name} is {there.get(name)!r} there and {here.get(name)!r} here"
        for name in sorted(there.keys() | here.keys())
        if there.get(name) != here.get(name)
    ]
    weights = there.get("initial_weights") != here.get("initial_weights")
    return "; ".join(differing) + (SEED_FIRST if weights and here["initial_weights"] else "")


def _groups(data: ImageData) -> str | None:
    """The test groups, which train nothing, but whose errors are in a run's history."""
    if data.group_test is None:
        return None
    return digest_of_values([("group_test", data.group_test)])


def _named(name: str, part: object, vouched: bool) -> str | None:
    """A part as its name and, where it is more than a name, its digest."""
    if part is None or isinstance(part, str):
        return part
    # Not every repr is the same in every process; those of Mixup and CutMix are.
    label = repr(part) if type(part) in (Mixup, CutMix) else getattr(part, "__qualname__", None)
    try:
        digest = digest_of(part, name, vouched=vouched)
    except Unidentified as error:
        raise Unidentified(f"{error}, or vouch for it: Checkpoint(path, key='...')") from None
    return f"{label or type(part).__qualname__} {digest}"


def _at_the_start(mixup: object) -> object:
    """As `fit` begins with it: with a generator of the run's, in epoch 0."""
    if not hasattr(mixup, "with_generator"):
        return mixup
    twin = mixup.with_generator(None)
    if hasattr(twin, "set_epoch"):
        twin.set_epoch(0)
    return twin

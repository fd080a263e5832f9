"""What single values hold: plain content, attributes, and a digest of parts."""

import enum
import hashlib
import inspect
import struct
import types
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from mixupbook.identity.reads import by_library

__all__ = [
    "attributes",
    "filled",
    "hashed",
    "hides_state",
    "is_c_function",
    "members",
    "module_attributes",
    "plain",
    "storage",
]

# Of a class: what says nothing about behaviour, or is made anew by every process.
SILENT = {
    "__abstractmethods__",
    "__annotate__",
    "__annotate_func__",
    "__annotations__",
    "__annotations_cache__",
    "__conditional_annotations__",
    "__dataclass_fields__",
    "__dataclass_params__",
    "__dict__",
    "__doc__",
    "__firstlineno__",
    "__match_args__",
    "__module__",
    "__orig_bases__",
    "__parameters__",
    "__qualname__",
    "__static_attributes__",
    "__type_params__",
    "__weakref__",
    "_abc_impl",
}

# C-level functions and descriptors: all there is to know of one is its name and its owner.
C_FUNCTIONS = (
    types.BuiltinFunctionType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.MethodDescriptorType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
)


# A module's hooks, and beside them the numbers of those that want more: torch's own attributes.
HOOKS = {name for name in vars(nn.Module()) if name.endswith("_hooks")}
HOOK_FLAGS = {name for name in vars(nn.Module()) if "_hooks_" in name}


def hashed(*parts: Any) -> bytes:
    """A digest of text, bytes and arrays, each with its length: none runs into the next."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(b"%d:" % len(content))
        digest.update(content)
    return digest.digest()


def plain(value: Any) -> tuple[str, str | bytes] | None:
    """Kind and content of a value that cannot change and holds no other; None for the rest."""
    if isinstance(value, np.generic):
        value = value.item() if value.dtype.kind in "biufcSU" else value
        if isinstance(value, np.generic):  # what Python has no number for, such as long double
            return (value.dtype.str, repr(value)) if value.dtype.kind in "fcmM" else None
    kind = type(value)
    if kind is float:
        return "float", value.hex()
    if kind is complex:
        return "complex", f"{value.real.hex()} {value.imag.hex()}"
    if kind is str:
        return "str", value.encode("utf-8", "surrogatepass")
    if kind is bytes:
        return "bytes", value
    if kind is int:
        return "int", hex(value)
    if kind in (bool, type(None), type(...), type(NotImplemented)):
        return kind.__name__, repr(value)
    if kind in (torch.dtype, torch.device, torch.layout, torch.memory_format):
        return kind.__name__, str(value)
    return None


def attributes(value: object) -> dict[str, Any]:
    """All that an object holds in ``__dict__`` and in slots."""
    found = dict(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        for name, member in vars(kind).items():
            if inspect.ismemberdescriptor(member) and not by_library(kind):
                try:
                    found[f"{kind.__qualname__}.{name}"] = member.__get__(value)
                except AttributeError:  # a slot that is not set
                    continue
    return found


def module_attributes(module: nn.Module) -> dict[str, Any]:
    """What a module holds beside its tensors and its parts; not the mode that it is in now.

    Hooks are in their order, each with its flags: torch numbers them through the process.
    """
    elsewhere = {"_parameters", "_buffers", "_modules", "training", *HOOK_FLAGS}
    found = {name: value for name, value in attributes(module).items() if name not in elsewhere}
    for name in HOOKS & found.keys():
        flags = [vars(module).get(flag, ()) for flag in sorted(HOOK_FLAGS) if flag.startswith(name)]
        found[name] = [
            (hook, *(number in each for each in flags)) for number, hook in found[name].items()
        ]
    return found


def is_c_function(value: object) -> bool:
    """Whether a value is a function or descriptor of C code, with no code to be read."""
    return isinstance(value, C_FUNCTIONS)


def members(kind: type) -> dict[str, object]:
    """What a class adds to its bases, without what every process makes anew."""
    own = {name: member for name, member in vars(kind).items() if name not in SILENT}
    if isinstance(kind, enum.EnumMeta):  # whose tables of members hold nothing more
        methods = {name: each for name, each in own.items() if callable(each)}
        return methods | {name: each.value for name, each in kind.__members__.items()}  # type: ignore[var-annotated]
    return own


def hides_state(kind: type) -> bool:
    """Whether values of a class hold more than Python's attributes: fields of C code."""
    slots = sum(
        inspect.ismemberdescriptor(each)
        for base in kind.__mro__
        if "__slots__" in vars(base)
        for each in vars(base).values()
    )
    pointers = slots + (kind.__dictoffset__ > 0) + (kind.__weakrefoffset__ > 0)
    known = object.__basicsize__ + pointers * struct.calcsize("P")
    return kind.__basicsize__ > known or kind.__itemsize__ > 0


def storage(tensor: Tensor) -> Any:
    """The same for two tensors that are the same values in memory, and for no others."""
    held = not is_lazy(tensor) and tensor.layout == torch.strided and not tensor.is_meta
    if not held or tensor.numel() == 0:
        return id(tensor)
    address = tensor.untyped_storage().data_ptr()
    return address, tensor.storage_offset(), tensor.stride(), tensor.shape, tensor.dtype


def filled(cell: types.CellType) -> bool:
    """Whether a variable of a closure has a value yet."""
    return cell != types.CellType()

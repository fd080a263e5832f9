"""What makes two parts of a run the same: a digest of code and values, equal in every process.

A part is a network, a mixup or an augmentation: a function, an object that can be called, a module.
Its digest covers the code of functions and classes with their defaults, closures and the globals
they read, and whatever objects hold, as deep as it goes. What an installed library defines is taken
by its name. No memory address, hash or order of a set enters.

What cannot be read this way is refused, never guessed, unless the user vouches for it with a key.
"""

import collections.abc
import copyreg
import enum
import functools
import hashlib
import inspect
import struct
import types
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils.hooks import RemovableHandle

from mixupbook.images.training.reads import GlobalRead, by_library, global_reads, qualified_name

__all__ = ["Unidentified", "digest_of", "digest_of_values"]

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
# Builtins by which a function reaches names that its code does not show.
HIDING = {"__import__", "eval", "exec", "globals"}


class Unidentified(ValueError):  # noqa: N818 - says what happened, not that it is an error
    """Something whose identity cannot be told: where it is, and what it is."""


def digest_of(part: object, name: str, *, vouched: bool = False) -> str:
    """A digest that two parts share where they compute the same, in whatever process.

    The values of a module's parameters and buffers are left to `digest_of_values`.

    Args:
        part: a function, a callable object or a module.
        name: how a message calls it.
        vouched: whether what cannot be told apart counts as equal, or is refused.

    Raises:
        Unidentified: the part holds something that cannot be told apart from others of its kind.

    Example:
        >>> powers = [lambda lam, power=power: lam**power for power in (2, 2, 3)]
        >>> digests = [digest_of(power, "label_map") for power in powers]
        >>> digests[0] == digests[1], digests[0] == digests[2]
        (True, False)
    """
    walk = _Walk(vouched=vouched, weights_apart=isinstance(part, nn.Module))
    try:
        return walk.digest(part, name).hex()[:16]
    except RecursionError as error:
        raise Unidentified(f"{name} is nested too deeply to be told from others") from error


def digest_of_values(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """A digest of the names, types, shapes and values of tensors."""
    walk = _Walk(vouched=True, weights_apart=False)
    return walk.digest(tuple(tensors), "tensors").hex()[:16]


class _Walk:
    """One pass over everything that a part holds.

    Every mutable thing gets a number when it is first met, and is that number from then on: cycles
    end, and two attributes that are one object differ from two that are equal.
    """

    def __init__(self, *, vouched: bool, weights_apart: bool) -> None:
        self._vouched = vouched
        self._weights_apart = weights_apart
        # The things are kept too: the address of one that is gone could come back as another.
        self._met: dict[Any, tuple[int, object]] = {}

    def digest(self, value: object, place: str) -> bytes:
        """The digest of a value; `place` is what a refusal calls it."""
        plain = _plain(value)
        if plain is not None:
            return _hash(*plain)
        if type(value) is tuple:
            return self._all("tuple", value, place)
        if type(value) in (set, frozenset):
            return _hash(type(value).__name__, *sorted(self._apart(each, place) for each in value))
        if isinstance(value, types.CodeType):
            return self._code(value, place)
        if isinstance(value, types.ModuleType):
            return self._module(value, place)
        if isinstance(value, C_FUNCTIONS):
            return self._c_function(value, place)
        if by_library(value):
            return _hash("library", qualified_name(value))
        return self._mutable(value, place)

    def _all(self, kind: str, values: Iterable[object], place: str) -> bytes:
        return _hash(kind, *(self.digest(each, f"{place}[{i}]") for i, each in enumerate(values)))

    def _named(self, values: dict[str, object], place: str) -> bytes:
        """Of attributes, whose order says nothing."""
        return _hash(
            *(
                _hash(str(name), self.digest(values[name], f"{place}.{name}"))
                for name in sorted(values, key=str)
            )
        )

    def _apart(self, value: object, place: str) -> bytes:
        """Of an element of a set: numbers given meanwhile would depend on the set's order."""
        met = self._met
        self._met = dict(met)
        try:
            return self.digest(value, place)
        finally:
            self._met = met

    def _mutable(self, value: object, place: str) -> bytes:
        key = _storage(value) if isinstance(value, Tensor) else id(value)
        if key in self._met:
            return _hash("again", str(self._met[key][0]))
        self._met[key] = len(self._met), value
        if isinstance(value, types.FunctionType):
            return self._function(value, place)
        if isinstance(value, types.MethodType):
            return self._all("method", (value.__func__, value.__self__), place)
        if isinstance(value, type):
            return self._class(value, place)
        if isinstance(value, nn.Module):
            return self._network(value, place)
        if isinstance(value, Tensor):
            return self._tensor(value, place, values=True)
        if isinstance(value, np.ndarray):
            return self._array(value, place)
        if type(value) is list:
            return self._all("list", value, place)
        if type(value) is dict:
            return self._all("dict", value.items(), place)
        return self._object(value, place)

    def _code(self, code: types.CodeType, place: str) -> bytes:
        form = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        content = (form, names, code.co_code, code.co_exceptiontable, code.co_consts)
        return self._all("code", content, place)

    def _function(self, function: types.FunctionType, place: str) -> bytes:
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        return _hash(
            "function",
            self.digest(function.__code__, place),
            self.digest(function.__defaults__, f"{place}.__defaults__"),
            self._named(function.__kwdefaults__ or {}, place),
            self._named(vars(function), place),
            self._named(
                {name: cell.cell_contents for name, cell in cells.items() if _filled(cell)}, place
            ),
            *(self._read(read, place) for read in global_reads(function)),
        )

    def _read(self, read: GlobalRead, place: str) -> bytes:
        """Of what a function finds under a name that is not its own."""
        inside = f"{read.name} (used by {place})"

        if read.problem:
            return self._unknown(inside, read.problem)
        if read.builtin and read.name in HIDING:
            return self._unknown(inside, "a way to names that code does not show")
        return _hash("global", read.name, self.digest(read.value, inside))

    def _class(self, kind: type, place: str) -> bytes:
        members = {name: member for name, member in vars(kind).items() if name not in SILENT}
        if isinstance(kind, enum.EnumMeta):  # whose tables of members hold nothing more
            methods = {name: each for name, each in members.items() if callable(each)}
            members = methods | {name: each.value for name, each in kind.__members__.items()}
        return _hash(
            "class",
            self.digest(type(kind), place),
            self._all("bases", kind.__bases__, place),
            self._named(members, place),
        )

    def _network(self, module: nn.Module, place: str) -> bytes:
        if isinstance(module, torch.jit.ScriptModule):
            return self._unknown(place, "a TorchScript module, whose code is not Python's")
        # What a network computes in training, whatever mode it is in now. Hooks are kept under
        # numbers that count all hooks of the process.
        attributes = {
            name: list(value.values()) if name.endswith("_hooks") else value
            for name, value in _attributes(module).items()
            if name not in ("_parameters", "_buffers", "_modules", "training")
            and not (name.startswith("_") and "_hooks_" in name)
        }
        tensors = {**module._parameters, **module._buffers}
        return _hash(
            "module",
            self.digest(type(module), place),
            self._all("submodules", module._modules.items(), place),
            *(
                _hash(name, self._of_module(tensor, f"{place}.{name}"))
                for name, tensor in tensors.items()
            ),
            self._named(attributes, place),
        )

    def _of_module(self, tensor: Tensor | None, place: str) -> bytes:
        if tensor is None:
            return _hash("none")
        key = _storage(tensor)
        if key in self._met:
            return _hash("again", str(self._met[key][0]))
        self._met[key] = len(self._met), tensor
        return self._tensor(tensor, place, values=not self._weights_apart)

    def _tensor(self, tensor: Tensor, place: str, *, values: bool) -> bytes:
        kind = "lazy" if is_lazy(tensor) else type(tensor).__name__
        form = (kind, str(tensor.dtype), str(tensor.requires_grad))
        if is_lazy(tensor):
            return _hash(*form)
        if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized:
            return self._unknown(place, f"a tensor without plain values ({tensor.layout})")
        form += (str(tuple(tensor.shape)),)
        if not values:
            return _hash(*form)
        flat = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
        return _hash(*form, flat.view(torch.uint8).numpy())

    def _array(self, array: np.ndarray, place: str) -> bytes:
        form = (type(array).__name__, array.dtype.str, str(array.shape))
        # Objects, and records, between whose fields lie bytes of no meaning.
        if array.dtype.kind in "OV":
            return _hash(*form, self.digest(array.tolist(), place))
        return _hash(*form, array.tobytes())

    def _c_function(self, function: Any, place: str) -> bytes:
        owner = getattr(function, "__self__", None)
        named = _hash("C", qualified_name(function), getattr(function, "__name__", ""))
        if owner is None or isinstance(owner, types.ModuleType):
            return named
        return _hash(named, self.digest(owner, place))

    def _module(self, module: types.ModuleType, place: str) -> bytes:
        if by_library(module):
            return _hash("module", module.__name__)
        return self._unknown(place, f"the module {module.__name__!r} as a whole")

    def _object(self, value: object, place: str) -> bytes:
        kind = self.digest(type(value), place)
        if isinstance(value, torch.Generator):
            return _hash(kind, str(value.device), value.get_state().numpy().tobytes())
        if isinstance(value, types.MappingProxyType):
            return _hash(kind, self.digest(dict(value), place))
        if isinstance(value, property):
            return self._all("property", (value.fget, value.fset, value.fdel), place)
        if isinstance(value, staticmethod | classmethod | functools._lru_cache_wrapper):
            return _hash(kind, self.digest(value.__wrapped__, place))
        if isinstance(value, functools.cached_property):
            return _hash(kind, self.digest(value.func, place))
        if isinstance(value, types.CellType):
            return _hash(kind, self.digest(value.cell_contents, place) if _filled(value) else "")
        if isinstance(value, RemovableHandle):  # its number counts all hooks of the process
            return kind
        if by_library(type(value)):
            return _hash(kind, self._pickled(value, place))
        content = [kind, self._named(_attributes(value), place)]
        if _hides_state(type(value)):
            content.append(self._pickled(value, place))
        return _hash(*content)

    def _pickled(self, value: object, place: str) -> bytes:
        """Of what C code or a library keeps, which is reached as for a pickle."""
        if isinstance(value, collections.abc.Iterator):
            return self._unknown(place, f"an iterator, {type(value).__qualname__}")
        try:
            reducer = copyreg.dispatch_table.get(type(value))
            reduced = value.__reduce_ex__(4) if reducer is None else reducer(value)
        except Exception:  # whatever a library raises to say that it cannot
            return self._unknown(place, f"a {type(value).__qualname__}")
        if isinstance(reduced, str):  # the name of a global, which no library was found to hold
            return self._unknown(place, f"a {type(value).__qualname__}")
        make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        parts = (make, arguments, state, list(items or ()), list(pairs or ()))
        return self._all("pickled", parts, place)

    def _unknown(self, place: str, what: str) -> bytes:
        if self._vouched:
            return _hash("vouched for")
        raise Unidentified(
            f"{place} is {what}: another one could not be told from it, and a checkpoint not be "
            "known for this run's. Use functions and plain attributes, or vouch for it with a "
            'name of your own, Checkpoint(path, key="...")'
        )


def _hash(*parts: str | bytes | np.ndarray) -> bytes:
    """A digest of several parts, each with its length, so that none runs into the next."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(b"%d:" % len(content))
        digest.update(content)
    return digest.digest()


def _plain(value: object) -> tuple[str, str | bytes] | None:
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


def _attributes(value: object) -> dict[str, object]:
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


def _hides_state(kind: type) -> bool:
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


def _storage(tensor: Tensor) -> Any:
    """The same for two tensors that are the same values in memory, and for no others."""
    held = not is_lazy(tensor) and tensor.layout == torch.strided and not tensor.is_meta
    if not held or tensor.numel() == 0:
        return id(tensor)
    address = tensor.untyped_storage().data_ptr()
    return address, tensor.storage_offset(), tensor.stride(), tensor.shape, tensor.dtype


def _filled(cell: types.CellType) -> bool:
    return cell != types.CellType()

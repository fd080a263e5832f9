"""What makes two parts of a run the same: a digest of code and values, equal in every process.

A part is a network, a mixup, a choice of partners: a function, an object that can be called, a
module.
Its digest covers the code of functions and classes with their defaults, closures and the globals
they read, and whatever objects hold, as deep as it goes. What an installed library defines is taken
by its name. No memory address, hash or order of a set enters.

What cannot be read this way is refused, never guessed, unless the user vouches for it.
"""

import collections.abc
import copyreg
import functools
import types
import weakref
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils.hooks import RemovableHandle

from mixupbook.identity.contents import (
    attributes,
    filled,
    hashed,
    hides_state,
    is_c_function,
    members,
    module_attributes,
    plain,
    storage,
)
from mixupbook.identity.reads import GlobalRead, by_library, global_reads, qualified_name

__all__ = ["Unidentified", "digest_of", "digest_of_values"]


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

    def digest(self, value: Any, place: str) -> bytes:
        """The digest of a value; `place` is what a refusal calls it."""
        content = plain(value)
        if content is not None:
            return hashed(*content)
        if type(value) is tuple:
            return self._all("tuple", value, place)
        if type(value) in (set, frozenset):
            return hashed(type(value).__name__, *sorted(self._apart(each, place) for each in value))
        if isinstance(value, types.CodeType):
            return self._code(value, place)
        if isinstance(value, types.ModuleType):
            return self._module(value, place)
        if is_c_function(value):
            return self._c_function(value, place)
        if by_library(value):
            return hashed("library", qualified_name(value))
        return self._mutable(value, place)

    def _all(self, kind: str, values: Iterable[object], place: str) -> bytes:
        return hashed(kind, *(self.digest(each, f"{place}[{i}]") for i, each in enumerate(values)))

    def _named(self, values: dict[str, object], place: str) -> bytes:
        """Of attributes, whose order says nothing."""
        ordered = sorted(values.items(), key=lambda item: str(item[0]))
        each = [hashed(str(name), self.digest(value, f"{place}.{name}")) for name, value in ordered]
        return hashed(*each)

    def _apart(self, value: object, place: str) -> bytes:
        """Of an element of a set: numbers given meanwhile would depend on the set's order."""
        met = self._met
        self._met = dict(met)
        try:
            return self.digest(value, place)
        finally:
            self._met = met

    def _mutable(self, value: object, place: str) -> bytes:
        key = storage(value) if isinstance(value, Tensor) else id(value)
        if key in self._met:
            return hashed("again", str(self._met[key][0]))
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
        return hashed(
            "function",
            self.digest(function.__code__, place),
            self.digest(function.__defaults__, f"{place}.__defaults__"),
            self._named(function.__kwdefaults__ or {}, place),
            self._named(vars(function), place),
            self._named(
                {name: cell.cell_contents for name, cell in cells.items() if filled(cell)}, place
            ),
            *(self._read(read, place) for read in global_reads(function)),
        )

    def _read(self, read: GlobalRead, place: str) -> bytes:
        """Of what a function finds under a name that is not its own."""
        inside = f"{read.name} (used by {place})"
        if read.problem:
            return self._unknown(inside, read.problem)
        return hashed("global", read.name, self.digest(read.value, inside))

    def _class(self, kind: type, place: str) -> bytes:
        return hashed(
            "class",
            self.digest(type(kind), place),
            self._all("bases", kind.__bases__, place),
            self._named(members(kind), place),
        )

    def _network(self, module: nn.Module, place: str) -> bytes:
        if isinstance(module, torch.jit.ScriptModule):
            return self._unknown(place, "a TorchScript module, whose code is not Python's")
        tensors = {**module._parameters, **module._buffers}
        return hashed(
            "module",
            self.digest(type(module), place),
            self._all("submodules", module._modules.items(), place),
            *(
                hashed(name, self._of_module(tensor, f"{place}.{name}"))
                for name, tensor in tensors.items()
            ),
            self._named(module_attributes(module), place),
        )

    def _of_module(self, tensor: Tensor | None, place: str) -> bytes:
        if tensor is None:
            return hashed("none")
        key = storage(tensor)
        if key in self._met:
            return hashed("again", str(self._met[key][0]))
        self._met[key] = len(self._met), tensor
        return self._tensor(tensor, place, values=not self._weights_apart)

    def _tensor(self, tensor: Tensor, place: str, *, values: bool) -> bytes:
        kind = "lazy" if is_lazy(tensor) else type(tensor).__name__
        form: tuple[str, ...] = (kind, str(tensor.dtype), str(tensor.requires_grad))
        if is_lazy(tensor):
            return hashed(*form)
        if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized:
            where = "device 'meta'" if tensor.is_meta else tensor.layout
            return self._unknown(place, f"a tensor without plain values ({where})")
        form += (str(tuple(tensor.shape)),)
        if not values:
            return hashed(*form)
        flat = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
        return hashed(*form, flat.view(torch.uint8).numpy())

    def _array(self, array: np.ndarray, place: str) -> bytes:
        form = (type(array).__name__, array.dtype.str, str(array.shape))
        # Objects, and records, between whose fields lie bytes of no meaning.
        if array.dtype.kind in "OV":
            return hashed(*form, self.digest(array.tolist(), place))
        return hashed(*form, array.tobytes())

    def _c_function(self, function: Any, place: str) -> bytes:
        owner = getattr(function, "__self__", None)
        named = hashed("C", qualified_name(function), getattr(function, "__name__", ""))
        if owner is None or isinstance(owner, types.ModuleType):
            return named
        return hashed(named, self.digest(owner, place))

    def _module(self, module: types.ModuleType, place: str) -> bytes:
        if by_library(module):
            return hashed("module", module.__name__)
        return self._unknown(place, f"the module {module.__name__!r} as a whole")

    def _object(self, value: object, place: str) -> bytes:
        kind = self.digest(type(value), place)
        if isinstance(value, torch.Generator):
            return hashed(kind, str(value.device), value.get_state().numpy().tobytes())
        if isinstance(value, types.MappingProxyType):
            return hashed(kind, self.digest(dict(value), place))
        if isinstance(value, property):
            return self._all("property", (value.fget, value.fset, value.fdel), place)
        if isinstance(value, staticmethod | classmethod | functools._lru_cache_wrapper):
            return hashed(kind, self.digest(value.__wrapped__, place))
        if isinstance(value, functools.cached_property):
            return hashed(kind, self.digest(value.func, place))
        if isinstance(value, types.CellType):
            return hashed(kind, self.digest(value.cell_contents, place) if filled(value) else "")
        if isinstance(value, weakref.ReferenceType):
            return hashed(kind, self.digest(value(), place))
        if isinstance(value, RemovableHandle):  # its number counts all hooks of the process
            return kind
        if by_library(type(value)):
            return hashed(kind, self._pickled(value, place))
        content = [kind, self._named(attributes(value), place)]
        if hides_state(type(value)):
            content.append(self._pickled(value, place))
        return hashed(*content)

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
            return hashed("vouched for")
        raise Unidentified(
            f"{place} is {what}: another one could not be told from it; use functions and plain "
            "attributes"
        )

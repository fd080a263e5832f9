"""What a function's code reads from outside, and what belongs to installed libraries."""

import builtins
import dis
import functools
import importlib.machinery
import importlib.util
import os
import site
import sys
import sysconfig
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["GlobalRead", "by_library", "global_reads", "qualified_name"]

READS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD"}
MISSING = "nothing of this name"

# By these a function reaches what its code does not show.
HIDING = (
    builtins.__import__,
    builtins.eval,
    builtins.exec,
    builtins.globals,
    importlib.import_module,
    os.environ,
    os.getenv,
    sys.modules,
)


@dataclass(frozen=True)
class GlobalRead:
    """A name that a function looks up outside itself, and what is there.

    Attributes:
        name: the name, dotted where it goes through modules: ``helpers.scale``.
        value: what it is bound to now; a constant where there is nothing.
        problem: why the value cannot be known; empty where it is.
    """

    name: str
    value: Any
    problem: str = ""


def global_reads(function: types.FunctionType) -> list[GlobalRead]:
    """Every global that a function or a function within it reads, each once, in order of name."""
    reads = {read.name: read for read in _reads(function.__code__, function)}
    return [reads[name] for name in sorted(reads)]


def _reads(code: types.CodeType, function: types.FunctionType) -> Iterator[GlobalRead]:
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    for i, step in enumerate(steps):
        if step.opname in READS:
            attributes = []
            for following in steps[i + 1 :]:
                if following.opname not in ATTRIBUTES:
                    break
                attributes.append(following.argval)
            yield _look_up(step.argval, attributes, function)
        elif step.opname == "IMPORT_NAME":
            level = steps[i - 2].argval
            if level != 0 or not _is_library(step.argval):
                problem = "an import inside a function: import it at the top of its file"
                yield GlobalRead(step.argval, None, problem=problem)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _reads(constant, function)


def _look_up(name: str, attributes: list[str], function: types.FunctionType) -> GlobalRead:
    value = function.__globals__.get(name, vars(builtins).get(name, MISSING))
    reached, below = value, list(attributes)
    while isinstance(reached, types.ModuleType) and below:
        reached = getattr(reached, below.pop(0), MISSING)
    if any(reached is each for each in HIDING):
        return GlobalRead(name, None, problem="a way to what its code does not show")
    # Through the user's own modules, down to what is used of them.
    for attribute in attributes:
        if not isinstance(value, types.ModuleType) or by_library(value):
            break
        name, value = f"{name}.{attribute}", getattr(value, attribute, MISSING)
    return GlobalRead(name, value)


def qualified_name(value: Any) -> str:
    """Module and name of a function, a class or a module."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "")
    return f"{getattr(value, '__module__', None)}.{name}"


def by_library(value: Any) -> bool:
    """Whether an installed library holds the value under the name that the value says.

    Then the name stands for it. Of a function made within another, or put into a library's place
    by the user, this is not so.
    """
    if isinstance(value, types.ModuleType):
        return _is_library(value.__name__)
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if not isinstance(module, str) or not isinstance(name, str) or not _is_library(module):
        return False
    found = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is value


@functools.cache
def _is_library(module: str) -> bool:
    """Whether a module is this package's, Python's, or installed beside Python."""
    if module == "__main__":
        return False
    if module.split(".")[0] == __name__.split(".")[0]:
        return True
    spec = _spec(module)
    if spec is None:  # a part of a C library, or one that somebody made by hand
        package, _, name = module.rpartition(".")
        return bool(name and package) and _is_library(package)
    if spec.origin in ("built-in", "frozen"):
        return True
    places = [spec.origin, *(spec.submodule_search_locations or ())]
    return any(place and _installed() & set(Path(place).resolve().parents) for place in places)


def _spec(module: str) -> importlib.machinery.ModuleSpec | None:
    if module in sys.modules:
        return getattr(sys.modules[module], "__spec__", None)
    try:
        return importlib.util.find_spec(module.split(".")[0])
    except (ImportError, ValueError):
        return None


@functools.cache
def _installed() -> frozenset[Path]:
    """The folders of Python's own modules and of installed packages."""
    places = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    places += [*site.getsitepackages(), site.getusersitepackages()]
    return frozenset(Path(place).resolve() for place in places)

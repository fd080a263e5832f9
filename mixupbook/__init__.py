"""Mixup with decoupled labels and early stopping, and exact feature-noise experiments.

Import it as ``import mixupbook as mb``. The public names and their modules stand in the stub
``__init__.pyi``; each is loaded on first use, so that ``import mixupbook`` stays quick.
"""

import importlib
import warnings
from typing import Any

import lazy_loader

__version__ = "0.2.0"

_public, _, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]

# Names of version 0.1, which work for one more version: the name now, ...
_RENAMED = {"test_error": "error_rate"}
# ... or the module of a function that says itself, at every call, what to call instead.
_SUPERSEDED = {"descend_weights": "theory.descent"}


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        message = f"mixupbook.{name} is called {_RENAMED[name]} now"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return _public(_RENAMED[name])
    if name in _SUPERSEDED:
        return getattr(importlib.import_module(f"{__name__}.{_SUPERSEDED[name]}"), name)
    return _public(name)


def __dir__() -> list[str]:
    return __all__

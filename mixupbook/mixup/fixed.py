"""Settings that are fixed once they are made."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, NoReturn

from mixupbook._arguments import nearest_hint

__all__ = ["FixedSettings"]


class FixedSettings:
    """A base of classes whose settings can be read and shown, but not assigned.

    Attributes:
        _settings: names of the settings, in the order of the representation.
        _instead: what to do instead of assigning to other names that are fixed.
        _closed: where the class itself says True, it refuses names that it does not know, a
            setting misspelt, say. What is derived from it may have names of its own.

    A class sets its settings through ``vars(self)``.
    """

    _settings: ClassVar[tuple[str, ...]] = ()
    _instead: ClassVar[Mapping[str, str]] = MappingProxyType({})
    _closed: ClassVar[bool] = False

    def __setattr__(self, name: str, value: object) -> None:
        if name in self._settings:
            self._refuse(name, f"make another, {type(self).__name__}(..., {name}={value!r})")
        if name in self._instead:
            self._refuse(name, self._instead[name])
        if vars(type(self)).get("_closed", False) and not hasattr(self, name):
            kind = type(self).__name__
            hint = nearest_hint(name, [*self._settings, *self._instead])
            raise AttributeError(f"a {kind} has nothing called {name!r}{hint}")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if name in (*self._settings, *self._instead):
            self._refuse(name, f"make another {type(self).__name__}")
        super().__delattr__(name)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={_shown(getattr(self, name))}" for name in self._settings)
        return f"{type(self).__qualname__}({shown})"

    def _refuse(self, name: str, instead: str) -> NoReturn:
        raise AttributeError(f"{name} of a {type(self).__name__} cannot be changed: {instead}")


def _shown(setting: object) -> str:
    """A setting in the representation: a function by its name."""
    if callable(setting):
        setting = getattr(setting, "__qualname__", type(setting).__qualname__)
    return repr(setting)

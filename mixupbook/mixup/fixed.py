"""Settings that are fixed once they are made."""

from collections.abc import Mapping
from typing import ClassVar, NoReturn

__all__ = ["FixedSettings"]


class FixedSettings:
    """A base of classes whose settings can be read and shown, but not assigned.

    Attributes:
        _settings: names of the settings, in the order of the representation.
        _instead: what to do instead of assigning to other names that are fixed.

    A class sets its settings through ``vars(self)``.
    """

    _settings: ClassVar[tuple[str, ...]] = ()
    _instead: ClassVar[Mapping[str, str]] = {}

    def __setattr__(self, name: str, value: object) -> None:
        if name in self._settings:
            self._refuse(name, f"make another, {type(self).__name__}(..., {name}={value!r})")
        if name in self._instead:
            self._refuse(name, self._instead[name])
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

"""Where a recorded result comes from: the source that made it and the versions it ran under."""

import ast
import hashlib
import json
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

__all__ = ["content_digest", "environment", "source_digest", "source_digests"]

_PACKAGE = Path(__file__).parent.parent

# Parts of the syntax tree that cannot change what a finished run computed: annotations, what a
# `raise` would have said, and bookkeeping that differs between versions of Python.
_INERT = frozenset(
    {"annotation", "returns", "exc", "cause", "ctx", "kind", "type_comment", "type_params"}
)


def source_digest(source: str) -> str:
    """A digest of what Python source does: blind to comments, docstrings, layout, annotations.

    The wording of errors does not count either, since a run that ended raised none. The digest is
    the same under every version of Python that the package supports.

    Args:
        source: the text of a module.

    Returns:
        16 hexadecimal digits.

    Raises:
        SyntaxError: `source` is not Python.

    Example:
        >>> tidy = 'def area(r: float) -> float:\\n    "Of a disc."\\n    return 3.14 * r**2'
        >>> source_digest(tidy) == source_digest("def area(r): return (3.14*r ** 2)  # rough")
        True
        >>> source_digest(tidy) == source_digest("def area(r): return 3.1416 * r**2")
        False
    """
    return _short_digest(repr(_meaning(ast.parse(source))))


def source_digests(modules: Iterable[str]) -> dict[str, str]:
    """The `source_digest` of each of the package's modules, as its files stand now.

    A module that is gone has the digest ``"missing"``, which no record was made with.

    Args:
        modules: dotted names below the package, such as ``"images.networks"``.

    Example:
        >>> list(source_digests(["intervals", "no_such_module"]).items())[1]
        ('no_such_module', 'missing')
    """
    return {module: _file_digest(module) for module in modules}


def content_digest(content: object) -> str:
    """A digest of plain values as JSON holds them: blind to layout and to the order of keys.

    Returns:
        16 hexadecimal digits.

    Example:
        >>> content_digest({"a": 1, "b": [0.5]}) == content_digest({"b": [0.5], "a": 1})
        True
        >>> content_digest({"a": 1, "b": [0.5]}) == content_digest({"a": 1, "b": [0.25]})
        False
    """
    return _short_digest(json.dumps(content, sort_keys=True))


def environment() -> dict[str, str]:
    """Versions and platform that a result may depend on, with nothing that names the machine.

    Example:
        >>> sorted(environment())
        ['machine', 'numpy', 'python', 'system', 'torch']
    """
    return {
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "system": platform.system(),
        "machine": platform.machine(),
    }


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _file_digest(module: str) -> str:
    path = _PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    if not path.is_file():
        return "missing"
    return source_digest(path.read_text(encoding="utf-8"))


def _meaning(node: object) -> object:
    """The syntax tree as nested lists, without what is inert."""
    if isinstance(node, ast.AST):
        fields = [
            [name, _meaning(value)]
            for name, value in ast.iter_fields(node)
            if name not in _INERT and value is not None and value != []
        ]
        return [type(node).__name__, *fields]
    if isinstance(node, list):
        return [_meaning(item) for item in node if not _is_bare_string(item)]
    return repr(node)


def _is_bare_string(node: object) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )

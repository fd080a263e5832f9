"""What modules of the package do, as digests of their source that are blind to its wording."""

import ast
from collections.abc import Iterable
from pathlib import Path

from mixupbook._files import digest

__all__ = ["source_digest", "source_digests"]

_PACKAGE = Path(__file__).parent

# Parts of the syntax tree that cannot change what a finished run computed: annotations, what a
# `raise` would have said, and bookkeeping that differs between versions of Python.
_INERT = {"annotation", "returns", "exc", "cause", "ctx", "kind", "type_comment", "type_params"}


def source_digest(source: str) -> str:
    """A digest of what Python source does: blind to comments, docstrings, layout, annotations.

    The wording of errors does not count either, since a run that ended raised none. The digest is
    the same under every version of Python that the package supports.

    Example:
        >>> tidy = 'def area(r: float) -> float:\\n    "Of a disc."\\n    return 3.14 * r**2'
        >>> source_digest(tidy) == source_digest("def area(r): return (3.14*r ** 2)  # rough")
        True
        >>> source_digest(tidy) == source_digest("def area(r): return 3.1416 * r**2")
        False
    """
    return digest(repr(_meaning(ast.parse(source))).encode())


def source_digests(names: Iterable[str]) -> dict[str, str]:
    """The `source_digest` of modules by their dotted names below the package.

    A folder stands for the modules in it. A module that is gone has the digest ``"missing"``, which
    no record was made with.
    """
    digests = {}
    for name in names:
        place = _PACKAGE.joinpath(*name.split("."))
        for path in sorted(place.glob("[!_]*.py")) or [place.with_suffix(".py")]:
            module = ".".join(path.relative_to(_PACKAGE).with_suffix("").parts)
            there = path.is_file()
            digests[module] = source_digest(path.read_text("utf-8")) if there else "missing"
    return digests


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
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return isinstance(node.value.value, str)

"""The rooms of the package and the imports between them, read from the source.

The book's page *How the package is built* draws them, and `tests/test_imports.py` holds them to
`MAY_IMPORT`, where what is allowed is said once.
"""

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "mixupbook"
# What each room may import besides itself and the modules that serve all.
MAY_IMPORT = {
    "mixup": set(),
    "identity": set(),
    "theory": {"mixup", "identity"},
    "images": {"mixup", "identity"},
    "studies": {"mixup", "theory", "images"},
    "pages": {"mixup", "theory", "images", "studies"},
}
GROUND = "ground"  # the modules beside the rooms, which serve all of them


def dotted(path: Path, package: Path = PACKAGE) -> str:
    """The name by which a file is imported."""
    inner = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(inner).removesuffix(".__init__")


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Every module by its dotted name; the front, which loads all others lazily, is left out."""
    paths = sorted(path for path in package.rglob("*.py") if path != package / "__init__.py")
    return {dotted(path, package): path for path in paths}


def room(module: str) -> str:
    """The room that a module of the package lies in."""
    part = module.split(".")[1]
    return part if part in MAY_IMPORT else GROUND


def imported(path: Path, names: set[str]) -> list[str]:
    """Every module that a file imports, at its top or inside a function.

    Args:
        path: the file.
        names: the package's modules, to tell ``from room import module`` from a name inside one.

    Raises:
        ValueError: a relative import, which does not say where it leads.
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path.name}: name the module in full, not relatively")
            inner = [f"{node.module}.{name.name}" for name in node.names]
            found += [name if name in names else node.module for name in inner]
    return found


def arrows(package: Path = PACKAGE) -> dict[str, set[str]]:
    """For each room the other rooms that its modules import."""
    found = modules(package)
    graph: dict[str, set[str]] = {name: set() for name in MAY_IMPORT}
    for name, path in found.items():
        for target in imported(path, set(found)):
            if target.startswith(f"{package.name}.") and room(name) != GROUND:
                graph[room(name)] |= {room(target)} - {room(name), GROUND}
    return graph


def without_detours(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows that no path over another room replaces."""
    return {
        start: {
            end for end in ends if not any(end in beyond(graph, other) for other in ends - {end})
        }
        for start, ends in graph.items()
    }


def beyond(graph: dict[str, set[str]], start: str) -> set[str]:
    """Every room that one comes to from `start`."""
    return graph[start].union(*(beyond(graph, end) for end in graph[start]))


def height(graph: dict[str, set[str]], name: str) -> int:
    """How many rooms lie one below the other under this one."""
    return max((1 + height(graph, below) for below in graph[name]), default=0)


def contents(name: str, package: Path = PACKAGE) -> list[tuple[str, str]]:
    """The modules of a room, each with the first line of its docstring."""
    rows = []
    for module, path in modules(package).items():
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf8"))) or ""
        if room(module) == name and path.name != "__init__.py":
            rows.append((path.relative_to(package).as_posix(), text.split("\n")[0]))
    return rows


def purpose(name: str, package: Path = PACKAGE) -> str:
    """What a room is for: the first line of its docstring."""
    text = (package / name / "__init__.py").read_text(encoding="utf8")
    return (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]

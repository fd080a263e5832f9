"""The package's layers: imports go one way, the wings are strangers, plotting stays outside."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from notebooks import ROOT

PACKAGE = ROOT / "mixupbook"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
# What each layer may import from.
ALLOWED = {
    "ground": {"ground"},
    "mixup": {"ground", "mixup"},
    "theory": {"ground", "mixup", "theory"},
    "images": {"ground", "mixup", "images"},
    "studies": {"ground", "mixup", "theory", "images", "studies"},
    "pages": {"ground", "mixup", "theory", "images", "studies", "pages"},
}
# Where these may be used. Everywhere else they would leak into the numerical modules.
RESTRICTED = {
    "matplotlib": {"pages"},
    "ipywidgets": {"pages"},
    "IPython": {"pages"},
    "tqdm": {"images/training/fit.py", "images/training/seeds.py", "theory/descent.py"},
    "pooch": {"images/data/cifar10.py", "studies/__main__.py"},
    "sklearn": {"images/data/digits.py"},
    "joblib": {"images/training/seeds.py"},
    "xarray": {"theory", "pages"},
}

# What is run as a command (`python -m mixupbook.studies`) may print.
COMMANDS = {"__main__"}

each_module = pytest.mark.parametrize(
    "module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix()
)


def layer(module: str) -> str:
    """The part of the package that a dotted name belongs to."""
    part = module.split(".")[1]
    return part if part in ALLOWED else "ground"


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {dotted(path) for path in MODULES}


def imported(path: Path) -> list[str]:
    """Every module that a file imports, at its top or inside a function."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: name the module in full"
            inner = [f"{node.module}.{name.name}" for name in node.names]
            found += [name if name in NAMES else node.module for name in inner]
    return found


@each_module
def test_imports_go_one_way(module):
    # The front itself is no layer: `import mixupbook` asks for the version or the folder.
    reached = {layer(name) for name in imported(module) if name.startswith("mixupbook.")}
    assert reached <= ALLOWED[layer(dotted(module))]


@each_module
def test_restricted_imports(module):
    place = module.relative_to(PACKAGE).as_posix()
    for name in imported(module):
        allowed = RESTRICTED.get(name.split(".")[0])
        assert allowed is None or place in allowed or place.split("/")[0] in allowed, (
            f"{place} imports {name}"
        )


def test_no_import_goes_in_circles():
    edges = {
        dotted(path): {name for name in imported(path) if name.startswith("mixupbook.")}
        for path in MODULES
    }
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, f"circle: {' -> '.join((*above, name))}"
        if name not in done:
            for following in edges.get(name, ()):
                visit(following, (*above, name))
            done.add(name)

    for name in edges:
        visit(name, ())


def test_training_does_not_import_the_compiler():
    """It takes seconds in every process that trains."""
    code = (
        "import sys, mixupbook as mb; digits = mb.load_digits(20, 20);"
        "mb.fit(digits, 'small_convnet', mixup=mb.Mixup(num_classes=10), augment='crop_flip',"
        "       epochs=1, batch_size=10, lr=0.1, device='cpu', progress=False);"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@each_module
def test_modules_are_small(module):
    assert len(module.read_text(encoding="utf8").splitlines()) <= 300


@pytest.mark.parametrize("module", [path for path in MODULES if path.stem not in COMMANDS])
def test_library_does_not_print(module):
    calls = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
    assert not [call for call in calls if getattr(call.func, "id", "") == "print"]

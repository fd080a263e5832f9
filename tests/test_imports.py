"""The package's layers: imports go one way, the wings are strangers, plotting stays outside."""

import ast
import subprocess
import sys
from pathlib import Path

import architecture
import pytest
from architecture import GROUND, MAY_IMPORT, PACKAGE, arrows, imported, room
from rooms import drawing

NAMES = architecture.modules()
MODULES = list(NAMES.values())
# Where these may be used. Everywhere else they would leak into the numerical modules.
RESTRICTED = {
    "matplotlib": {"pages"},
    "ipywidgets": {"pages"},
    "anywidget": {"pages"},
    "IPython": {"pages"},
    "tqdm": {
        "images/training/fit.py",
        "images/training/seeds.py",
        "theory/descent.py",
        "theory/sweeps/sweep.py",
    },
    "pooch": {"images/data/cifar10.py", "images/data/download.py", "studies/__main__.py"},
    "sklearn": {"images/data/digits.py"},
    "joblib": {
        "images/training/seeds.py",
        "studies/atlas/__main__.py",
        "studies/ladder/__main__.py",
        "studies/ladder/image_runs.py",
        "studies/scheduler.py",
    },
    "xarray": {"theory", "pages"},
    "zarr": {"theory/sweeps/sweep_store.py"},
    "distributed": {"studies"},
}

# What is run as a command (`python -m mixupbook.studies`) may print.
COMMANDS = {"__main__"}

each_module = pytest.mark.parametrize(
    "module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix()
)


def used(path: Path) -> list[str]:
    return imported(path, set(NAMES))


@each_module
def test_imports_go_one_way(module):
    # The front itself is no room: `import mixupbook` asks for the version or the folder.
    here = room(architecture.dotted(module))
    reached = {room(name) for name in used(module) if name.startswith("mixupbook.")}
    assert reached <= {here, GROUND} | MAY_IMPORT.get(here, set())


def test_every_folder_is_a_room():
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(MAY_IMPORT)


def test_rooms_do_not_import_in_circles():
    for name in MAY_IMPORT:
        assert name not in architecture.beyond(MAY_IMPORT, name)


def test_drawing_shows_the_imports_and_no_others():
    """The drawn arrows are few; with the detours they stand for they are the imports."""
    graph = arrows()
    drawn = architecture.without_detours(graph)
    for name in MAY_IMPORT:
        assert drawn[name] <= graph[name] <= MAY_IMPORT[name]
        assert architecture.beyond(drawn, name) == architecture.beyond(graph, name)
    assert drawing(graph).count("marker-end") == sum(map(len, drawn.values()))
    for name in [*MAY_IMPORT, *(path.stem for path in PACKAGE.glob("*.py") if path.stem[1] != "_")]:
        assert f"{name}" in drawing(graph)


@pytest.fixture
def package(tmp_path):
    """A package with one import more than its rooms may have, in a function at that."""
    for folder in MAY_IMPORT:
        (tmp_path / "mixupbook" / folder).mkdir(parents=True)
        (tmp_path / "mixupbook" / folder / "__init__.py").write_text(
            f'"""The {folder}.\n\nIt."""\n'
        )
    inside = tmp_path / "mixupbook" / "theory" / "steps.py"
    inside.write_text('"""Steps."""\n\ndef f():\n    from mixupbook.images import data\n')
    return tmp_path / "mixupbook"


def test_imports_are_read_from_the_source(package):
    assert arrows(package)["theory"] == {"images"}
    assert architecture.contents("theory", package) == [("theory/steps.py", "Steps.")]
    assert architecture.purpose("pages", package) == "The pages."


def test_relative_imports_are_refused(package):
    (package / "theory" / "steps.py").write_text("from . import other\n")
    with pytest.raises(ValueError, match=r"steps\.py: name the module in full"):
        arrows(package)


def test_every_module_has_a_name_of_its_own():
    names = [path.stem for path in MODULES if not path.stem.startswith("__")]
    assert sorted(names) == sorted(set(names))


@each_module
def test_modules_say_what_they_hold_in_one_line(module):
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf8")))
    assert text.split("\n")[0][-1] in ".:`"


@each_module
def test_restricted_imports(module):
    place = module.relative_to(PACKAGE).as_posix()
    for name in used(module):
        allowed = RESTRICTED.get(name.split(".")[0])
        assert allowed is None or place in allowed or place.split("/")[0] in allowed, (
            f"{place} imports {name}"
        )


def test_no_import_goes_in_circles():
    edges = {
        module: {name for name in used(path) if name.startswith("mixupbook.")}
        for module, path in NAMES.items()
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

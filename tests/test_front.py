"""What `import mixupbook as mb` gives: the names of the stub, each loaded on first use."""

import ast
import importlib
import re
import subprocess
import sys

import pytest
from architecture import PACKAGE
from notebooks import ROOT

import mixupbook as mb

STUB = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf8"))
IMPORTS = [node for node in STUB.body if isinstance(node, ast.ImportFrom)]
HOME = {name.name: node.module for node in IMPORTS for name in node.names}


def python(code: str) -> str:
    """What a new process prints."""
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_the_stub_is_the_list_of_public_names():
    assert sorted(mb.__all__) == sorted([*HOME, "__version__"]) == sorted(dir(mb))
    # `as` is what makes an import of a stub public.
    assert all(name.asname == name.name for node in IMPORTS for name in node.names)


@pytest.mark.parametrize("name", HOME)
def test_a_public_name_is_what_its_module_calls_so(name):
    found = getattr(mb, name)
    assert found is getattr(importlib.import_module(f"mixupbook.{HOME[name]}"), name)
    assert found.__module__ == f"mixupbook.{HOME[name]}", "the stub names where it is defined"


def test_the_api_page_documents_each_of_them():
    text = (ROOT / "book" / "api.md").read_text(encoding="utf8")
    blocks = re.findall(r"currentmodule:: mixupbook\n(.*?)```", text, re.DOTALL)
    documented = re.findall(r"^\.\. auto\w+:: (\w+)(?:\(\))?$", "\n".join(blocks), re.MULTILINE)
    assert sorted(documented) == sorted(HOME)


def test_old_names_warn_work_and_are_not_shown():
    with pytest.warns(DeprecationWarning, match="test_error is called error_rate now") as seen:
        assert mb.test_error is mb.error_rate
    assert seen[0].filename == __file__
    assert callable(mb.descend_weights)  # which warns when it is called
    assert not {"test_error", "descend_weights"} & {*dir(mb), *HOME}


def test_a_name_that_is_not_there_is_named():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = mb.no_such_name


def test_importing_the_package_loads_no_module_of_weight():
    """Beside torch, that is; in a process of its own, since here everything is loaded."""
    code = (
        "import sys, torch; before = set(sys.modules); import mixupbook;"
        "print(*sorted(set(sys.modules) - before))"
    )
    assert python(code).split() == ["lazy_loader", "mixupbook"]


def test_mixup_needs_torch_alone():
    code = (
        "import sys, torch; before = {name.split('.')[0] for name in sys.modules};"
        "import mixupbook as mb; mb.Mixup(num_classes=3)(torch.rand(2, 2), torch.tensor([0, 2]));"
        "print(*sorted({name.split('.')[0] for name in sys.modules} - before))"
    )
    assert set(python(code).split()) <= {"lazy_loader", "mixupbook", "numpy"}


def test_star_import_gives_every_public_name():
    given = python("before = set(dir()); from mixupbook import *; print(*(set(dir()) - before))")
    assert set(given.split()) == {*mb.__all__, "before"}

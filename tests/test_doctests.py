"""The examples in the package's docstrings run, and every public name has one."""

import doctest
import importlib
import inspect

import pytest
from notebooks import ROOT

import mixupbook

MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "mixupbook").rglob("*.py")
)
PUBLIC = [getattr(mixupbook, name) for name in mixupbook.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    result = doctest.testmod(importlib.import_module(name), verbose=False)
    assert result.failed == 0


@pytest.mark.parametrize("value", PUBLIC, ids=lambda value: value.__name__)
def test_public_name_is_documented_with_an_example(value):
    examples = doctest.DocTestFinder(exclude_empty=False).find(value, value.__name__)
    assert inspect.getdoc(value)
    is_error = inspect.isclass(value) and issubclass(value, BaseException)
    assert is_error or any(test.examples for test in examples), f"{value.__name__}: no example"

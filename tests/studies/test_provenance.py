"""Digests of source, and the environment."""

import platform
import textwrap

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixupbook.studies import provenance

ORIGINAL = textwrap.dedent('''
    """Module."""
    import torch

    class Failure(ValueError):
        """Only a docstring."""

    def step(weight: torch.Tensor, rate: float = 0.1) -> torch.Tensor:
        """One step."""
        if rate < 0:
            raise ValueError(f"rate must not be negative, got {rate!r}")
        return weight - rate * weight**2  # descend
''')


def changed(old, new):
    assert old in ORIGINAL
    return ORIGINAL.replace(old, new)


@pytest.mark.parametrize(
    "source",
    [
        changed("  # descend", ""),
        changed('"""Module."""', '"""Another text."""'),
        changed('    """Only a docstring."""', '    """Other."""\n    # comment'),
        changed("weight - rate * weight**2", "(weight - (rate * weight ** 2))"),
        changed("weight: torch.Tensor, rate: float", "weight, rate"),
        changed(" -> torch.Tensor", ""),
        changed("rate must not be negative", "rate is negative"),
    ],
)
def test_what_cannot_change_a_result_leaves_the_digest(source):
    assert provenance.source_digest(source) == provenance.source_digest(ORIGINAL)


@pytest.mark.parametrize(
    "source",
    [
        changed("0.1", "0.2"),
        changed("weight**2", "weight**3"),
        changed("weight - rate", "weight + rate"),
        changed("rate < 0", "rate <= 0"),
        changed("import torch", "import numpy as torch"),
        changed("def step", "def leap"),
        changed("return weight - rate * weight**2", "weight - rate * weight**2"),
    ],
)
def test_what_can_change_a_result_changes_the_digest(source):
    assert provenance.source_digest(source) != provenance.source_digest(ORIGINAL)


def test_none_as_a_value_is_not_dropped():
    assert provenance.source_digest("f(None)") != provenance.source_digest("f()")
    assert provenance.source_digest("x = None") != provenance.source_digest("x = 0")


def test_the_digest_is_the_same_under_every_python():
    # Fixed here so that a version of Python with another syntax tree would be noticed: a record
    # made under one version must not be stale under another.
    assert provenance.source_digest(ORIGINAL) == "54ae1f0911c4eeab"


def test_digests_of_modules():
    digests = provenance.source_digests(["_arguments", "studies.provenance", "images.nowhere"])
    assert list(digests) == ["_arguments", "studies.provenance", "images.nowhere"]
    assert digests["images.nowhere"] == "missing"
    assert digests["_arguments"] != digests["studies.provenance"]
    assert all(len(digest) == 16 for name, digest in digests.items() if name != "images.nowhere")


def test_a_folder_stands_for_its_modules():
    found = provenance.source_digests(["mixup", "images.networks"])
    assert {"mixup.transform", "mixup.label_maps", "images.networks"} <= set(found)
    assert found["mixup.transform"] == provenance.source_digests(["mixup.transform"]).popitem()[1]


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.integers(), st.integers(), st.sampled_from(["+", "-", "*"]))
def test_digests_differ_exactly_where_the_numbers_do(first, second, sign):
    sources = [f"def f(x):\n    return x {sign} {number}\n" for number in (first, second)]
    digests = [provenance.source_digest(source) for source in sources]
    assert (digests[0] == digests[1]) == (first == second)
    rough = f"# {second}\ndef f(x: 'int') -> {first!r}: 'text'; return (x{sign}({first}))"
    assert provenance.source_digest(rough) == digests[0]


def test_environment_names_no_machine():
    found = provenance.environment(torch.device("cpu"))
    assert platform.node() not in found.values()
    assert not any("/" in value for value in found.values())

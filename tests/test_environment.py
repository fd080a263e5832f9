"""One environment: pyproject, constraints, environment.yml and CITATION.cff say the same."""

import datetime
import importlib.metadata
import importlib.util
import re
import tomllib

import yaml
from notebooks import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import mixupbook

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# `make browser`, which installs the browser extra, runs these tests with it.
INSTALLED = "browser" if importlib.util.find_spec("playwright") else "test"
# Names that conda-forge spells in its own way.
CONDA_NAMES = {
    "pytorch-cpu": "torch",
    "matplotlib-base": "matplotlib",
    "lazy_loader": "lazy-loader",
}
# What only Binder needs: an interpreter, an installer, and somewhere to open the notebooks.
BINDER_ONLY = {"python", "pip", "jupyterlab"}


def requirements(lines: list[str]) -> dict[str, Requirement]:
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(item.name): item for item in parsed if item.name != "mixupbook"}


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines()
    stated = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in stated), "exact versions only"
    pairs = [line.split("==") for line in stated]
    assert len({name for name, _ in pairs}) == len(pairs)
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def conda_requirements() -> dict[str, Requirement]:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf8"))
    named = [line for line in environment["dependencies"] if isinstance(line, str)]
    found = {}
    for line in named:
        name, rest = re.fullmatch(r"([\w-]+)(.*)", line).groups()
        found[CONDA_NAMES.get(name, name)] = Requirement(
            CONDA_NAMES.get(name, name)
            + (rest.replace("=", "==", 1) if re.match(r"=\d", rest) else rest)
        )
    return found


def test_constraints_satisfy_every_requirement():
    everything = PROJECT["dependencies"] + [line for extra in EXTRAS.values() for line in extra]
    pinned = pins()
    for name, requirement in requirements(everything).items():
        assert name in pinned, f"{name} has no version in constraints.txt"
        assert pinned[name] in requirement.specifier


def test_constraints_reach_every_dependency():
    """Whatever the package and its tools pull in has its version pinned, too."""
    pinned, seen = pins(), set()
    waiting = [Requirement(f"mixupbook[{INSTALLED}]")]
    while waiting:
        requirement = waiting.pop()
        for line in importlib.metadata.requires(requirement.name) or []:
            needed = Requirement(line)
            extras = requirement.extras or {""}
            wanted = any(
                needed.marker is None or needed.marker.evaluate({"extra": extra})
                for extra in {"", *extras}
            )
            key = (canonicalize_name(needed.name), frozenset(needed.extras))
            if wanted and key not in seen:
                seen.add(key)
                waiting.append(needed)
    # Drivers and compilers that only PyTorch's CUDA build brings along follow from its version.
    cuda = re.compile(r"nvidia-|cuda-|triton$")
    missing = {name for name, _ in seen if name not in pinned and not cuda.match(name)}
    assert missing - {"mixupbook"} == set()


def test_environment_is_the_pinned_one():
    for name, version in pins().items():
        try:
            installed = Version(importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            continue  # of the browser extra, say
        assert installed.public == version.public, f"run: make env ({name})"


def test_binder_gets_what_a_launched_chapter_needs():
    conda = conda_requirements()
    needed = requirements(PROJECT["dependencies"] + EXTRAS["pages"])
    assert set(conda) - BINDER_ONLY == set(needed), "so that pip adds nothing but the package"
    for name, requirement in needed.items():
        assert conda[name].specifier == requirement.specifier
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf8"))
    assert environment["channels"] == ["conda-forge"]
    assert environment["dependencies"][-1] == {"pip": ["-e ."]}


def test_binder_has_a_python_that_the_package_allows():
    (pin,) = conda_requirements()["python"].specifier
    assert pin.version in Requirement(f"python{PROJECT['requires-python']}").specifier


def test_package_bounds_are_lower_bounds_only():
    # An upper bound or an exact version would break hosted notebooks that are ahead of ours.
    for requirement in requirements(PROJECT["dependencies"] + EXTRAS["pages"]).values():
        assert [bound.operator for bound in requirement.specifier] == [">="]


def test_jupyter_book_stays_at_version_one():
    # Version 2 reads other files than _config.yml and _toc.yml.
    assert "2.0" not in requirements(EXTRAS["book"])["jupyter-book"].specifier


def test_citation_repeats_the_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert citation["license"] == PROJECT["license"]
    assert citation["version"] == mixupbook.__version__


def test_version_stands_in_the_package_alone_and_the_changes_begin_with_it():
    assert PROJECT["dynamic"] == ["version"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf8")
    version, date = re.search(r"^## (\S+) \((\S+)\)$", changes, re.MULTILINE).groups()
    assert version == mixupbook.__version__
    assert datetime.date.fromisoformat(date)

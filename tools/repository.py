"""The repository's address: it stands in `_config.yml`, and this rewrites what has to repeat it.

A badge, a citation file and the cell that installs the package on Colab cannot read a setting.
Each repeats the address in a form that follows from it: `places` says which, and where.

    make repository URL=https://github.com/owner/name
"""

import argparse
import re
import sys
from pathlib import Path

import nbformat
import yaml
from notebooks import ROOT, chapters, read_chapter

GUARD_CELL = """\
try:
    import mixupbook as mb
except ImportError:  # on Colab, say
    %pip install --quiet "mixupbook[pages] @ git+{url}"
    import mixupbook as mb"""


def current_url(root: Path = ROOT) -> str:
    """The address that `_config.yml` states."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf8"))
    return config["repository"]["url"]


def check_url(url: str) -> str:
    """The address, where it is one that Colab and Binder can open."""
    if not re.fullmatch(r"https://github\.com/[\w-]+/[\w.-]*[\w-]", url) or url.endswith(".git"):
        raise ValueError(f"URL must read https://github.com/owner/name, got {url!r}")
    return url


def forms(url: str) -> list[str]:
    """The address in each form in which the project repeats it."""
    owner, name = url.split("/")[-2:]
    return [
        f"github.com/{owner}/{name}",
        f"colab.research.google.com/github/{owner}/{name}",
        f"mybinder.org/v2/gh/{owner}/{name}",
        f"{owner}.github.io/{name}",
    ]


def places(root: Path = ROOT) -> list[Path]:
    """The text files in which the address may stand."""
    top = ["_config.yml", "README.md", "CONTRIBUTING.md", "CITATION.cff", "environment.yml"]
    return [root / name for name in top] + sorted((root / "book").glob("*.md"))


def rewrite(new: str, root: Path = ROOT) -> None:
    """Replace the address in every place, then bring the notebooks' code in step."""
    exchange = list(zip(forms(current_url(root)), forms(check_url(new)), strict=True))
    for page in chapters(root):
        _check_in_step(page)
    for place in places(root):
        text = changed = place.read_text(encoding="utf8")
        for before, after in exchange:
            # Not where the old address is merely the beginning of another.
            changed = re.sub(rf"{re.escape(before)}(?![\w-])", lambda _, to=after: to, changed)
        if changed != text:
            place.write_text(changed, encoding="utf8")
    for page in chapters(root):
        _update_sources(page)


def _check_in_step(page: Path) -> None:
    """Raises a ValueError where a chapter was edited since its notebook was refreshed."""
    cells = read_chapter(page).cells, nbformat.read(page.with_suffix(".ipynb"), as_version=4).cells
    kinds = [[cell.cell_type for cell in each] for each in cells]
    if kinds[0] != kinds[1]:
        raise ValueError(f"{page.name} has changed since its notebook was made: run make notebooks")


def _update_sources(page: Path) -> None:
    """Give a notebook the chapter's present text and code, and leave its outputs as they are."""
    twin = page.with_suffix(".ipynb")
    before, after = nbformat.read(twin, as_version=4), read_chapter(page)
    for old, new in zip(before.cells, after.cells, strict=True):
        if new.cell_type == "code":
            new.outputs, new.execution_count = old.outputs, old.execution_count
    nbformat.write(after, twin)


def main() -> None:
    """Rewrite the address to the one on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="https://github.com/owner/name")
    try:
        rewrite(parser.parse_args().url)
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

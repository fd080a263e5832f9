"""Build the wheel and the sdist, and use each as a newcomer would, in an environment of its own.

    python tools/package.py lowest   the wheel, with the lowest version allowed of what it needs
    python tools/package.py newest   the sdist, with the newest
    python tools/package.py          both, one after the other

PyTorch is a download of gigabytes in most of its versions, so that both take the version of
`constraints.txt`; `--lowest-torch` takes the lowest. What is run there is `tests/package/use.py`.
"""

import argparse
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
USE = ROOT / "tests" / "package" / "use.py"
WAYS = {"lowest": "*.whl", "newest": "*.tar.gz"}


def lowest_versions() -> list[str]:
    """The lower bound of everything that the package needs, as an exact version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    return [_exactly(Requirement(line)) for line in project["dependencies"]]


def _exactly(requirement: Requirement) -> str:
    (bound,) = requirement.specifier
    return f"{requirement.name}=={bound.version}"


def tested_torch() -> str:
    """PyTorch as in `constraints.txt`."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines()
    (torch,) = [line for line in lines if line.startswith("torch==")]
    return torch


def run(*command: str | Path, **options: Path) -> None:
    """Run a command, and show what it prints where it fails."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}")


def main() -> None:
    """Build, install and use."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("way", nargs="?", choices=WAYS, help="default: both")
    parser.add_argument("--lowest-torch", action="store_true", help="with the lowest PyTorch, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder, "built")
        run(sys.executable, "-m", "build", "--outdir", built, ROOT)
        for way in [arguments.way] if arguments.way else WAYS:
            (file,) = built.glob(WAYS[way])
            versions = [] if way == "newest" else lowest_versions()
            if not arguments.lowest_torch:
                versions = [line for line in versions if not line.startswith("torch==")]
                versions.append(tested_torch())
            use(file, versions, Path(folder, way))


def use(file: Path, versions: list[str], folder: Path) -> None:
    """Install a built file with these versions in a new environment, and use it."""
    print(f"{file.name} with {' '.join(versions)}: ", end="", flush=True)
    venv.create(folder, with_pip=True)
    python, empty = folder / "bin" / "python", folder / "empty"
    empty.mkdir()
    run(python, "-m", "pip", "install", "--quiet", "--no-compile", file, *versions)
    run(python, "-I", USE, cwd=empty)
    print("works", flush=True)


if __name__ == "__main__":
    main()

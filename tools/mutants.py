"""Mutation testing of a room: how many small changes of its code do its tests notice?

    python tools/mutants.py mixup --sample 60

Cosmic Ray (``pip install cosmic-ray``) makes the changes, one at a time, in a copy of the tracked
files; a sample of them is tested, drawn by a seed. Those that no test noticed are printed.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COSMIC_RAY = Path(sys.executable).with_name("cosmic-ray")
TRAINING = "mixupbook/images/training"
# The code of a room, and the tests that are to notice its changes.
ROOMS = {
    "mixup": (["mixupbook/mixup"], ["tests/mixup"]),
    "cutmix": (
        [f"mixupbook/mixup/{name}.py" for name in ("boxes", "cutmix", "criteria", "mixing")],
        [f"tests/mixup/test_{name}.py" for name in ("cutmix", "draw", "transform", "bad_input")],
    ),
    "theory": (["mixupbook/theory"], ["tests/theory"]),
    "identity": (
        [f"mixupbook/identity/{name}.py" for name in ("parts", "contents", "reads")],
        ["tests/images/test_identity.py", "tests/identity/test_parts.py"],
    ),
    "files": (
        ["mixupbook/_files.py", f"{TRAINING}/checkpoint.py", f"{TRAINING}/keeping.py"],
        ["tests/test_files.py", "tests/images/test_checkpoint.py", "tests/images/test_trial.py"],
    ),
}
CONFIG = """
[cosmic-ray]
module-path = {modules}
timeout = 300.0
excluded-modules = []
test-command = "{python} -m pytest -q -x -p no:cacheprovider --no-header {tests}"

[cosmic-ray.distributor]
name = "local"
"""
# Annotations say `int | None`, and a bitwise operator in place of `|` there means nothing.
UNTRIED = "ReplaceBinaryOperator_BitOr"


def tested(session: Path, folder: Path, sample: int, seed: int) -> tuple[int, list[str]]:
    """Tests a sample of the session's mutants: how many there were, and diffs of the survivors."""
    # Not part of the environment: whoever looks for mutants installs it.
    from cosmic_ray.work_db import WorkDB, use_db
    from cosmic_ray.work_item import TestOutcome

    with use_db(str(session), WorkDB.Mode.open) as work:
        items = [item for item in work.work_items if UNTRIED not in item.mutations[0].operator_name]
        chosen = random.Random(seed).sample(items, min(sample, len(items)))
        work.clear()
        work.add_work_items(chosen)
    subprocess.run([COSMIC_RAY, "exec", "config.toml", session], cwd=folder, check=True)
    with use_db(str(session), WorkDB.Mode.open) as work:
        results = [result for _, result in work.completed_work_items]
    alive = [result.diff for result in results if result.test_outcome == TestOutcome.SURVIVED]
    return len(results), alive


def copied(folder: Path) -> None:
    """The tracked files, so that a mutant never touches the working tree."""
    subprocess.run(["git", "checkout-index", "--all", f"--prefix={folder}/"], cwd=ROOT, check=True)


def main() -> None:
    """Test the mutants of one room."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument("--sample", type=int, default=60, help="mutants (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="which sample (default: %(default)s)")
    options = parser.parse_args()
    modules, tests = ROOMS[options.room]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copied(folder)
        config = CONFIG.format(modules=modules, tests=" ".join(tests), python=sys.executable)
        (folder / "config.toml").write_text(config, encoding="utf-8")
        subprocess.run([COSMIC_RAY, "init", "config.toml", "session"], cwd=folder, check=True)
        count, alive = tested(folder / "session", folder, options.sample, options.seed)
    print("\n\n".join(alive))
    print(f"{options.room}: {len(alive)} of {count} mutants were noticed by no test")


if __name__ == "__main__":
    main()

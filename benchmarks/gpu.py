"""All that a GPU is wanted for, in one call, where one is there for minutes.

    python benchmarks/gpu.py FOLDER --data images.npz [--minutes 10] [--study NAME] [--small]

Runs the tests that are about a GPU, the benchmark of images, 4096 runs of the theory, and with the
minutes that are left a study. The output of each goes to a file of its own in FOLDER, the record to
FOLDER/records, and what is under way to FOLDER/work: the same call goes on with the study there. A
step that fails, or takes more than its share of the minutes, does not keep the next from running,
and makes the exit status 1.

`--small` tries all of it on a processor, where the tests are only collected.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
STUDY = "cifar10-resnet18-triangular"
SMALL_STUDY = "cifar10-small-cpu"


@dataclass(frozen=True)
class Step:
    """Arguments of Python, and the seconds after which it is ended."""

    name: str
    arguments: list[str]
    limit: float


def steps_before(minutes: float, small: bool) -> list[Step]:
    """Tests and benchmarks. Together they leave half of the minutes to the study."""
    tests = ["-m", "pytest", "-m", "gpu", "tests", "-q", "-p", "no:cacheprovider"]
    tests += ["--collect-only"] if small else ["-n", "4"]
    theory = ["benchmarks/theory.py", "--quick", "--only", "throughput"]
    theory += [] if small else ["--runs", "4096"]
    return [
        Step("tests", tests, 60 * 0.15 * minutes),
        Step("images", ["benchmarks/images.py", "--quick"], 60 * 0.15 * minutes),
        Step("theory", theory, 60 * 0.2 * minutes),
    ]


def study_step(study: str, data: Path | None, folder: Path, seconds: float) -> Step:
    """The study, which ends by itself in `seconds`; it is given a little longer to do so."""
    arguments = ["-m", "mixupbook.studies", study, "--minutes", f"{seconds / 60:.2f}"]
    arguments += ["--work", str(folder / "work"), "--out", str(folder / "records")]
    if data is not None:
        arguments += ["--data", str(data)]
    return Step("study", arguments, seconds + 30)


def run(step: Step, folder: Path) -> str:
    """Runs a step with its output in a file; returns in words what went wrong, or nothing."""
    with (folder / f"{step.name}.txt").open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-u", *step.arguments],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, so that its workers end with it
        )
        try:
            status = process.wait(timeout=step.limit)
        except subprocess.TimeoutExpired:
            return f"ended after {step.limit:.0f} s, its share of the minutes"
        finally:
            end_group(process)
    return f"failed with status {status}" if status else ""


def end_group(process: subprocess.Popen) -> None:
    """Ends a process and what is left of all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run_all(options: argparse.Namespace) -> list[str]:
    """Runs all steps and says how each ended; returns those that went wrong."""
    start, wrong = time.monotonic(), []

    def run_one(step: Step) -> None:
        begun = time.monotonic()
        problem = run(step, options.folder)
        print(f"{step.name}: {problem or 'done'}, {time.monotonic() - begun:.0f} s", flush=True)
        if problem:
            wrong.append(f"{step.name} {problem}")

    for step in steps_before(options.minutes, options.small):
        run_one(step)
    left = 60 * options.minutes - (time.monotonic() - start)
    run_one(study_step(options.study, options.data, options.folder, left))
    return wrong


def parsed() -> argparse.Namespace:
    """The command line, checked before anything takes time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, help="for all output; the same folder goes on with the study")
    add("--data", type=Path, help="images as load_npz reads them (the official CIFAR-10)")
    add("--minutes", type=float, default=10, help="for everything (%(default)s)")
    add("--study", help=f"its name ({STUDY}; with --small {SMALL_STUDY})")
    add("--small", action="store_true", help="try it on a processor, at small size")
    options = parser.parse_args()
    if not 0 < options.minutes < float("inf"):
        parser.error(f"--minutes must be positive and finite, got {options.minutes}")
    if options.data is not None and not options.data.is_file():
        parser.error(f"--data must be an existing .npz file, got {str(options.data)!r}")
    if not options.small and not torch.cuda.is_available():
        parser.error("torch sees no CUDA GPU here: --small tries the script without one")
    options.study = options.study or (SMALL_STUDY if options.small else STUDY)
    options.folder = options.folder.resolve()
    options.data = options.data and options.data.resolve()
    return options


def main() -> int:
    options = parsed()
    options.folder.mkdir(parents=True, exist_ok=True)
    where = "a processor" if options.small else torch.cuda.get_device_name()
    print(f"{options.minutes:g} minutes on {where}; output in {options.folder}", flush=True)
    wrong = run_all(options)
    print("all steps done" if not wrong else f"not all is well: {'; '.join(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

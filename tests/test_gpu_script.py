"""The script for a GPU that is there for minutes: what it runs, and that it goes on."""

import argparse
import importlib.util
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "gpu.py"
STEPS = ("tests", "images", "theory", "study")


def loaded():
    """The script as a module, without its folder on the path: names there are names of tests."""
    spec = importlib.util.spec_from_file_location("gpu_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


gpu = loaded()


def python(name, code, limit=60.0):
    return gpu.Step(name, ["-c", code], limit)


def options(folder, **changes):
    given = {"folder": folder, "data": None, "minutes": 9.0, "study": "tiny", "small": True}
    return argparse.Namespace(**(given | changes))


def test_a_step_leaves_its_output_and_says_what_went_wrong(tmp_path):
    assert gpu.run(python("good", "print('here')"), tmp_path) == ""
    assert (tmp_path / "good.txt").read_text() == "here\n"
    failed = gpu.run(python("bad", "print('half'); raise SystemExit(3)"), tmp_path)
    assert failed == "failed with status 3"
    assert (tmp_path / "bad.txt").read_text() == "half\n"


def test_a_step_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path):
    code = """
import subprocess, sys, time
worker = "import time; time.sleep(2); print('still there')"
subprocess.Popen([sys.executable, "-c", worker])
time.sleep(60)
"""
    said = gpu.run(python("long", code, limit=1.0), tmp_path)
    assert said == "ended after 1 s, its share of the minutes"
    time.sleep(2)
    assert (tmp_path / "long.txt").read_text() == ""


def test_a_failure_keeps_no_step_from_running(tmp_path, monkeypatch, capsys):
    run = []

    def failing(step, folder):
        run.append(step.name)
        return "" if step.name == "images" else "failed with status 1"

    monkeypatch.setattr(gpu, "run", failing)
    wrong = gpu.run_all(options(tmp_path))
    assert tuple(run) == STEPS
    assert [each.split()[0] for each in wrong] == ["tests", "theory", "study"]
    assert "images: done" in capsys.readouterr().out


@pytest.mark.parametrize("small", [False, True])
def test_half_of_the_minutes_at_least_are_the_studys(tmp_path, monkeypatch, small):
    before = gpu.steps_before(10, small)
    assert tuple(step.name for step in before) == STEPS[:3]
    assert sum(step.limit for step in before) <= 300
    assert ("4096" in before[2].arguments) == (not small)
    assert ("--collect-only" in before[0].arguments) == small


def test_the_study_is_given_data_folders_and_what_is_left(tmp_path):
    step = gpu.study_step("tiny", tmp_path / "images.npz", tmp_path, 90.0)
    text = " ".join(step.arguments)
    assert text.startswith("-m mixupbook.studies tiny --minutes 1.50 ")
    for option, name in (("work", "work"), ("out", "records"), ("data", "images.npz")):
        assert f"--{option} {tmp_path / name}" in text
    assert "--data" not in gpu.study_step("tiny", None, tmp_path, 90.0).arguments


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x", "--small", "--minutes", "0"], "--minutes must be positive and finite, got 0.0"),
        (["x", "--small", "--minutes", "nan"], "--minutes must be positive and finite, got nan"),
        (
            ["x", "--small", "--data", "no.npz"],
            "--data must be an existing .npz file, got 'no.npz'",
        ),
        (["x"], "torch sees no CUDA GPU here: --small tries the script without one"),
    ],
)
def test_mistakes_are_refused_before_anything_runs(arguments, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu.py", *arguments])
    with pytest.raises(SystemExit):
        gpu.parsed()
    assert said in capsys.readouterr().err

"""One checkpoint has one writer, and only a file of the same run is ever replaced."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from mixupbook.images.data.digits import load_digits
from mixupbook.images.training.checkpoint import Checkpoint
from mixupbook.images.training.fit import fit

DATA = load_digits(train=14, test=5)
SETTINGS = {"epochs": 2, "batch_size": 7, "lr": 0.05, "progress": False, "device": "cpu"}

# Trains for ever: it waits in its first batch, and says so by a file.
WAITING = """
import sys, time
from pathlib import Path
import mixupbook as mb

def wait(x, y):
    Path(sys.argv[1], "waits").touch()
    time.sleep(600)
    return x, y

mb.fit(
    mb.load_digits(train=14, test=5), "small_convnet", mixup=wait, epochs=2, batch_size=7, lr=0.05,
    progress=False, device="cpu", checkpoint=Path(sys.argv[1], "a.pt"),
)
"""


@pytest.fixture
def another_process(tmp_path):
    """A process in the middle of a run whose checkpoint is ``a.pt``."""
    process = subprocess.Popen([sys.executable, "-c", WAITING, str(tmp_path)])
    for _ in range(1200):
        if (tmp_path / "waits").exists():
            break
        assert process.poll() is None
        time.sleep(0.1)
    yield process
    process.kill()
    process.wait()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_second_writer_is_refused_and_a_dead_one_is_not(another_process, tmp_path):
    path = tmp_path / "a.pt"
    before = path.read_bytes()
    message = rf"checkpoint '.*a\.pt' is in use by process {another_process.pid}: wait until it has"
    with pytest.raises(ValueError, match=message):
        fit(DATA, "small_convnet", **SETTINGS, checkpoint=path)
    assert path.read_bytes() == before

    another_process.send_signal(signal.SIGKILL)
    another_process.wait()
    assert names(tmp_path) == [".a.pt.lock", "a.pt", "waits"]
    with pytest.raises(ValueError, match="belongs to another run: mixup is 'wait "):
        fit(DATA, "small_convnet", **SETTINGS, checkpoint=path)
    assert path.read_bytes() == before
    assert names(tmp_path) == ["a.pt", "waits"]


def test_within_one_process_too(tmp_path):
    checkpoint = Checkpoint(tmp_path / "a.pt")
    with (
        checkpoint.held(),
        pytest.raises(ValueError, match=f"is in use by process {os.getpid()}"),
    ):
        fit(DATA, "small_convnet", **SETTINGS, checkpoint=checkpoint)
    assert names(tmp_path) == []
    fit(DATA, "small_convnet", **SETTINGS, checkpoint=checkpoint)
    assert names(tmp_path) == ["a.pt"]


def test_it_is_held_while_training(tmp_path):
    path, seen = tmp_path / "a.pt", []

    def look(x, generator):
        seen.append(names(tmp_path))
        return x

    fit(DATA, "small_convnet", **SETTINGS, augment=look, checkpoint=Checkpoint(path, key="look"))
    assert seen == [[".a.pt.lock", "a.pt"]] * 4
    assert names(tmp_path) == ["a.pt"]


@pytest.mark.parametrize("content", [b"", b"notes of mine", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_no_checkpoint_stays(tmp_path, content):
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged or no checkpoint .*choose another path, or del"):
        fit(DATA, "small_convnet", **SETTINGS, checkpoint=path)
    assert path.read_bytes() == content
    assert names(tmp_path) == ["a.pt"]


def test_another_file_of_torchs_stays(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"weight": torch.ones(3)}, path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not written by mixupbook"):
        fit(DATA, "small_convnet", **SETTINGS, checkpoint=path)
    assert path.read_bytes() == before


def test_the_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    fit(DATA, "small_convnet", **SETTINGS, checkpoint="~/a.pt")
    assert names(tmp_path) == ["a.pt"]


def test_a_lock_that_cannot_be_had_names_the_checkpoint(tmp_path):
    (tmp_path / ".a.pt.lock").mkdir()
    with pytest.raises(OSError, match=r"the checkpoint could not be written: .*a\.pt'") as caught:
        fit(DATA, "small_convnet", **SETTINGS, checkpoint=tmp_path / "a.pt")
    assert caught.value.filename == str(tmp_path / "a.pt")

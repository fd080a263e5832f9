"""Files written whole or not at all, and locks."""

import os
import subprocess
import sys

import pytest

from mixupbook._files import as_path, digest, locked, write_atomically

HOLD = """
import sys, time
from pathlib import Path
from mixupbook._files import locked
with locked(Path(sys.argv[1]), "file"):
    print("held", flush=True)
    time.sleep(600)
"""


def hold(path):
    """A process that holds the lock, and says so before this returns."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_writes_are_whole_and_leave_nothing_beside(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"one")
    path.chmod(0o640)
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0, 0o666)])
def test_a_new_file_has_the_permissions_of_any_other(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "file", b"one")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_a_failed_write_keeps_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"one")
    monkeypatch.setattr(os, "fsync", lambda file: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_atomically(path, b"two")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_has_one_holder_at_a_time(tmp_path):
    path = tmp_path / "file"
    in_use = pytest.raises(ValueError, match=f"file '{path}' is in use by process {os.getpid()}")
    with locked(path, "file"), in_use, locked(path, "file"):
        pass
    with locked(path, "file"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_lock_is_held_across_processes_and_ends_with_its_process(tmp_path):
    path = tmp_path / "file"
    process = hold(path)
    try:
        in_use = pytest.raises(ValueError, match=f"in use by process {process.pid}: wait")
        with in_use, locked(path, "file"):
            pass
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    with locked(path, "file"):
        pass


def test_paths_are_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert as_path("root", "~/data") == tmp_path / "data"
    with pytest.raises(TypeError, match="root must be a path, got 3"):
        as_path("root", 3)
    with pytest.raises(TypeError, match="root must be a path, got b'a'"):
        as_path("root", b"a")
    with pytest.raises(ValueError, match=r"root must be a path, which holds no null byte, got 'a"):
        as_path("root", "a\0b")
    with pytest.raises(ValueError, match="root must begin with a home folder that is known, got"):
        as_path("root", "~nobody-of-this-name/data")


def test_a_link_stays_and_has_the_lock_of_what_it_leads_to(tmp_path):
    (tmp_path / "store").mkdir()
    link, real = tmp_path / "link", tmp_path / "store" / "file"
    link.symlink_to(real)
    write_atomically(link, b"one")
    assert (link.readlink(), real.read_bytes()) == (real, b"one")
    with locked(link, "file"), pytest.raises(ValueError, match="in use"), locked(real, "file"):
        pass
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["file", "link", "store"]


def test_digests_differ():
    assert len(digest(b"")) == 16
    assert digest(b"a") != digest(b"b")

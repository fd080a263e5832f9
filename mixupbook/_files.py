"""Files that are written whole or not at all, digests of what they hold, and locks.

Nothing here deletes or replaces a file that it was not asked to write.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["as_path", "digest", "locked", "write_atomically"]


def as_path(name: str, value: object) -> Path:
    """A path argument as a `Path`, with ``~`` expanded.

    Raises:
        TypeError: it is no path.
        ValueError: it holds a null byte, or names a user's home that is not known.
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a path, got {value!r}")
    if "\0" in text:
        raise ValueError(f"{name} must be a path, which holds no null byte, got {value!r}")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"{name} must begin with a home folder that is known, got {value!r}"
        ) from error


def digest(*parts: bytes | memoryview) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the parts, one after another.

    Example:
        >>> digest(b"mixup")
        'c73daf6649ef6a59'
    """
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()[:16]


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces a file in one step: at any moment it is either what it was, or `content`.

    Where `path` is a symbolic link, the file that it leads to is replaced, and the link stays.

    Raises:
        OSError: it could not be written. The file that was there is unchanged, and no other is
            left.
    """
    path = path.resolve()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode(path))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Holds the lock on what is kept at `path`, or refuses to start.

    The lock is a file ``.NAME.lock`` beside it (beside what a link leads to) that the system holds
    for this process, and that is gone afterwards. It ends with the process, however that ends: a
    dead one holds nobody up.

    Args:
        path: the file or folder that has one writer at a time.
        what: how a message calls it, such as ``"checkpoint"``.

    Raises:
        ValueError: another process, or another call in this one, holds it; the message says which.
        OSError: the lock's file cannot be written.
    """
    real = path.resolve()  # one file has one lock, by whatever name it goes
    place = real.with_name(f".{real.name}.lock")
    lock = FileLock(place, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(
            f"{what} {str(path)!r} is in use by {_holder(place)}: wait until it has finished, or "
            "choose another path"
        ) from None
    try:
        place.write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        # While it is held: whoever waits for this file finds it gone, and makes another.
        place.unlink(missing_ok=True)
        lock.release()


def _holder(place: Path) -> str:
    """The process that a lock's file names."""
    try:
        return f"process {int(place.read_text(encoding='utf-8'))}"
    except (OSError, ValueError):
        return "another process"


def _mode(path: Path) -> int:
    """The permissions of the file that is there; those of a new file otherwise."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask

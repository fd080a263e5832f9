"""Checkpoints: a run killed at any moment goes on from the last one as if nothing had happened."""

import contextlib
import errno
import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from mixupbook._arguments import whole_number
from mixupbook._files import as_path, locked, write_atomically
from mixupbook.images.training.identity import Identity, difference

__all__ = ["Checkpoint", "as_checkpoint"]

FORMAT = 3
# Hexadecimal digits of a SHA-256.
CHECKSUM = 64


# `| Any`: what else is given is refused by hand, with messages for people.
@dataclass(frozen=True)
class Checkpoint:
    """Where `fit` keeps the state of a run, and how often it writes it.

    The file is replaced in one step, so at any moment it is either the previous state or the next.
    A file that is no checkpoint of the same run is left alone, and `fit` refuses to start; so it
    does while another process, or another call, uses the checkpoint. It is read with
    ``weights_only=True``: a file from a stranger cannot run code.

    Attributes:
        path: the file; its folder must exist. ``~`` is your home folder.
        every: epochs between two states. One is also written before the first epoch, which finds
            an unwritable folder at once, and after the last.
        key: a name of your own for what a run does, with which you vouch that parts which cannot
            be told apart (an open file, a function of a C library) are the same under one key.
            Everything else is still compared.

    Raises:
        TypeError: `path` is no path, `every` not an integer, or `key` not a string.
        ValueError: `path` names no file, or `every` is below 1.

    Example:
        >>> Checkpoint("digits.pt", every=10)
        Checkpoint(path=PosixPath('digits.pt'), every=10, key=None)
    """

    path: Path | Any
    every: int | Any = 1
    key: str | Any | None = None

    def __post_init__(self) -> None:
        path = as_path("path", self.path)
        if not path.name:
            raise ValueError(f"path must name a file, got {str(path)!r}")
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "every", whole_number("every", self.every, at_least=1))
        if self.key is not None and not isinstance(self.key, str):
            raise TypeError(f"key must be a string or None, got {self.key!r}")
        object.__setattr__(self, "key", None if self.key is None else str(self.key))

    def for_seed(self, seed: int) -> "Checkpoint":
        """The same with the seed in the file's name, for one of several runs."""
        name = f"{self.path.stem}-seed{seed}{self.path.suffix}"
        return replace(self, path=self.path.with_name(name))

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keeps the file for this call alone.

        Raises:
            ValueError: another process, or another call in this one, holds it.
            OSError: its folder is missing, or cannot be written to.
        """
        with contextlib.ExitStack() as stack:
            with _naming(self.path):
                if not self.path.resolve().parent.is_dir():  # which a lock would make
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
                stack.enter_context(locked(self.path, "checkpoint"))
            yield

    def write(self, identity: Identity, state: Mapping[str, Any]) -> None:
        """Replaces the file by the state of the run that `identity` tells from others.

        Raises:
            ValueError: the state holds something that could not be read again.
            OSError: it could not be written; the message names it, and an earlier state is kept.
        """
        file = io.BytesIO()
        try:
            torch.save({"format": FORMAT, "identity": identity, "state": dict(state)}, file)
            content = _sealed(file.getvalue())
            _load(content)
        except Exception as error:  # what a module gives as its extra state may raise anything
            raise ValueError(
                "network must have a state that a checkpoint can hold and give back: tensors, "
                "numbers and strings of Python's own, and lists and dictionaries of them"
            ) from error
        with _naming(self.path):
            write_atomically(self.path, content)

    def read(self, identity: Identity) -> dict[str, Any] | None:
        """The state in the file, or None where there is no file yet.

        Raises:
            ValueError: the file is damaged, of an unknown format, or belongs to a run with another
                identity; the message names what differs.
        """
        if self.path.exists() and not self.path.is_file():
            raise ValueError(f"checkpoint must be a plain file, got {str(self.path)!r}")
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            saved = _load(content)
        except ValueError as error:
            raise ValueError(
                f"checkpoint {str(self.path)!r} is damaged or no checkpoint ({error}): choose "
                "another path, or delete it to start anew"
            ) from error
        if saved["format"] != FORMAT:
            raise ValueError(
                f"checkpoint {str(self.path)!r} has format {saved['format']!r}, and this version "
                f"of mixupbook reads {FORMAT}: go on with the version that wrote it, or delete it "
                "to start anew"
            )
        differing = difference(saved["identity"], identity)
        if differing:
            raise ValueError(
                f"checkpoint {str(self.path)!r} belongs to another run: {differing}. "
                "Choose another path, or delete the file to start anew"
            )
        return saved["state"]


def as_checkpoint(value: object) -> Checkpoint | None:
    """A checkpoint from what `fit` takes for one; None for None.

    Raises:
        TypeError: it is neither a path nor a `Checkpoint`.
    """
    if isinstance(value, str | os.PathLike):
        return Checkpoint(value)
    if value is not None and not isinstance(value, Checkpoint):
        raise TypeError(f"checkpoint must be a path or a Checkpoint, got {value!r}")
    return value


def _sealed(content: bytes) -> bytes:
    """A zip file with the SHA-256 of all that comes before in its comment, which ends it."""
    length = CHECKSUM.to_bytes(2, "little")
    body = content[:-2] + length
    return body + hashlib.sha256(body).hexdigest().encode()


def _is_sealed(content: bytes) -> bool:
    return _sealed(content[: -CHECKSUM - 2] + bytes(2)) == content


def _load(content: bytes) -> dict[str, Any]:
    """The dictionary in a checkpoint, whose checksum is right if it is of this format."""
    try:
        saved = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except Exception as error:  # a damaged file makes torch and pickle raise almost anything
        raise ValueError("torch.load cannot read it") from error
    if not isinstance(saved, dict) or not saved.keys() >= {"format", "identity", "state"}:
        raise ValueError("not written by mixupbook")
    if not isinstance(saved["identity"], dict) or not isinstance(saved["state"], dict):
        raise ValueError("not written by mixupbook")
    if saved["format"] == FORMAT and not _is_sealed(content):
        raise ValueError("wrong checksum")
    return saved


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Makes a failure to write name the checkpoint, not a file beside it."""
    try:
        yield
    except OSError as error:
        reason = f"the checkpoint could not be written: {error.strerror}"
        raise OSError(error.errno, reason, str(path)) from error

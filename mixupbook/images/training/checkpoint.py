"""Checkpoints: a run killed at any moment goes on from the last one as if nothing had happened."""

import hashlib
import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mixupbook._arguments import whole_number

__all__ = ["Checkpoint", "as_checkpoint", "fingerprint"]

FORMAT = 2
SEED_FIRST = ". Where the network is a module of your own, seed torch before you build it"


@dataclass(frozen=True)
class Checkpoint:
    """Where `fit` keeps the state of a run, and how often it writes it.

    The file is replaced in one step (written beside it first, as ``NAME.partial``), so at any
    moment it is either the previous state or the next. It is read with ``weights_only=True``: a
    file from a stranger cannot run code.

    Attributes:
        path: the file; its folder must exist.
        every: epochs between two states. One is also written before the first epoch, which finds
            an unwritable folder at once, and after the last.

    Raises:
        TypeError: `every` is not an integer.
        ValueError: `every` is below 1.

    Example:
        >>> Checkpoint("digits.pt", every=10)
        Checkpoint(path=PosixPath('digits.pt'), every=10)
    """

    path: str | os.PathLike
    every: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        whole_number("every", self.every, at_least=1)

    def for_seed(self, seed: int) -> "Checkpoint":
        """The same with the seed in the file's name, for one of several runs."""
        name = f"{self.path.stem}-seed{seed}{self.path.suffix}"
        return Checkpoint(self.path.with_name(name), self.every)

    def write(self, identity: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """Replaces the file by the state of the run that `identity` tells from others.

        Raises:
            OSError: it could not be written; the message names it, and an earlier state is kept.
        """
        content = io.BytesIO()
        torch.save({"format": FORMAT, "identity": dict(identity), "state": dict(state)}, content)
        partial = self.path.with_name(self.path.name + ".partial")
        try:
            try:
                with partial.open("wb") as file:
                    file.write(content.getbuffer())
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(self.path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            reason = f"the checkpoint could not be written: {error.strerror}"
            raise OSError(error.errno, reason, str(self.path)) from error

    def read(self, identity: Mapping[str, Any]) -> dict[str, Any] | None:
        """The state in the file, or None where there is no file yet.

        Raises:
            ValueError: the file is damaged, of an unknown format, or belongs to a run with another
                identity; the message names what differs.
        """
        if self.path.is_dir():
            raise ValueError(f"checkpoint must be a file, got the folder {str(self.path)!r}")
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        saved = _load(content, self.path)
        if saved["format"] != FORMAT:
            raise ValueError(
                f"checkpoint {str(self.path)!r} has format {saved['format']!r}, and this version "
                f"of mixupbook reads {FORMAT}: delete it to start anew"
            )
        differing = [
            f"{name} is {saved['identity'].get(name)!r} there and {identity.get(name)!r} here"
            for name in sorted(saved["identity"].keys() | identity.keys())
            if saved["identity"].get(name) != identity.get(name)
        ]
        if differing:
            raise ValueError(
                f"checkpoint {str(self.path)!r} belongs to another run: {'; '.join(differing)}. "
                "Choose another path, or delete the file to start anew"
                + (SEED_FIRST if "initial_weights is" in differing[0] else "")
            )
        return saved["state"]


def as_checkpoint(value: object) -> Checkpoint:
    """A checkpoint from what `fit` takes for one.

    Raises:
        TypeError: it is neither a path nor a `Checkpoint`.
    """
    if isinstance(value, str | os.PathLike):
        return Checkpoint(value)
    if not isinstance(value, Checkpoint):
        raise TypeError(f"checkpoint must be a path or a Checkpoint, got {value!r}")
    return value


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """A short digest of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, tensor in tensors.items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def _load(content: bytes, path: Path) -> dict[str, Any]:
    """The dictionary in a checkpoint file, after its checksums were verified."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"wrong checksum of {damaged}")
        saved = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        if not isinstance(saved, dict) or not saved.keys() >= {"format", "identity", "state"}:
            raise ValueError("not written by mixupbook")
        if not isinstance(saved["identity"], dict) or not isinstance(saved["state"], dict):
            raise ValueError("not written by mixupbook")
    # A damaged file makes zipfile, zlib, struct, torch and pickle raise almost anything.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"checkpoint {str(path)!r} is damaged or no checkpoint ({reason}): "
            "delete it to start anew"
        ) from error
    return saved

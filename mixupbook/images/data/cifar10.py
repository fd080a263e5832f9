"""CIFAR-10 from its official archive: downloaded once, verified, and read without trust."""

import io
import os
import pickle
import tarfile
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import torch

from mixupbook._files import as_path
from mixupbook.images.data.download import cache_folder, check_request, fetch
from mixupbook.images.data.images import ImageData

__all__ = ["ARCHIVE", "MIRRORS", "load_cifar10"]

ARCHIVE = "cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)

FOLDER = "cifar-10-batches-py"
META = "batches.meta"
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = ("test_batch",)

# All that a pickled dictionary of plain arrays may name. NumPy's function that rebuilds an array
# is private and has moved between versions; an array tells where it is.
_RECONSTRUCT = np.zeros(0).__reduce__()[0]
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


# `| Any`: what else is given is refused by hand, with messages for people.
def load_cifar10(
    root: str | os.PathLike | Any | None = None,
    download: bool | Any = True,
    *,
    mirrors: Sequence[str] | Any = MIRRORS,
    timeout: float | Any = 30.0,
    progress: bool | Any = True,
) -> ImageData:
    """CIFAR-10: 50 000 training and 10 000 test images of 32 x 32 pixels in ten classes.

    The archive (170 MB) is downloaded once, and its SHA-256 is verified whenever it is read. It
    holds pickles; they are read by an unpickler that knows arrays and nothing else, so that no code
    in them can run. Nothing that lies in the folder is changed.

    Args:
        root: folder of the archive ``cifar-10-python.tar.gz``, or of what was extracted from it
            (then its digest cannot be verified); None is a cache folder of the user's.
        download: whether to download the archive where there is neither.
        mirrors: addresses of folders to download it from, tried in turn.
        timeout: seconds without a byte after which a mirror is given up. It is after an hour, too.
        progress: show a progress bar.

    Returns:
        `ImageData` with images of shape (3, 32, 32).

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: `timeout` is not positive; or `root` is no folder, or holds another archive
            under that name, perhaps one still being copied, or extracted files of another layout.
        FileNotFoundError: there is no archive, and `download` is False.
        ConnectionError: no mirror had it; the message says where to put it by hand.
        OSError: the folder cannot be written, or is full.

    Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009).

    Example:
        >>> load_cifar10()  # doctest: +SKIP
        ImageData(50000 training and 10000 test images of 3x32x32, 10 classes)
    """
    folder = cache_folder() if root is None else as_path("root", root)
    timeout = check_request(mirrors, download, timeout, progress, MIRRORS)
    archive = folder / ARCHIVE
    if folder.is_file() or archive.is_dir():
        raise ValueError(f"root must be a folder in which {ARCHIVE} is a file, got {str(folder)!r}")
    if not archive.exists():
        for extracted in (folder / FOLDER, folder):
            if (extracted / META).is_file():
                files = {at.name: at.read_bytes() for at in extracted.iterdir() if at.is_file()}
                return _images(files, extracted)
        if not download:
            raise FileNotFoundError(
                f"no archive {str(archive)!r}: put it there, or call with download=True"
            )
        fetch(archive, mirrors, _wrong, of="CIFAR-10", timeout=timeout, progress=progress)
    found = pooch.file_hash(str(archive))
    if found != SHA256:
        raise ValueError(
            f"archive {str(archive)!r} must have the SHA-256 {SHA256}, got {found}: if it is still "
            "being copied, wait; if it is damaged, remove it and call again"
        )
    with tarfile.open(archive, "r:gz") as tar:
        files = {Path(at.name).name: tar.extractfile(at).read() for at in tar if at.isfile()}  # type: ignore[union-attr]
    return _images(files, archive)


def _wrong(archive: Path) -> str | None:
    """What is wrong with the digest of an archive, if anything."""
    found = pooch.file_hash(str(archive))
    return None if found == SHA256 else f"its SHA-256 is {found}, not {SHA256}"


class _ArrayUnpickler(pickle.Unpickler):
    """Knows dictionaries, lists, strings, numbers and NumPy arrays, and no function at all."""

    def find_class(self, module: str, name: str) -> object:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is refused") from None


def _images(files: Mapping[str, bytes], place: Path) -> ImageData:
    """The images in the files of an archive or a folder."""
    try:
        # Python 2 pickled them, whose strings are bytes.
        tables = {
            name: _ArrayUnpickler(io.BytesIO(files[name]), encoding="bytes").load()
            for name in (*TRAIN, *TEST, META)
        }
        parts = {}
        for split, names in (("train", TRAIN), ("test", TEST)):
            images = [tables[name][b"data"] for name in names]
            labels = [tables[name][b"labels"] for name in names]
            for name, pixels, classes in zip(names, images, labels, strict=True):
                if pixels.dtype != np.uint8 or pixels.shape != (len(classes), 3072):
                    raise ValueError(f"{name} must have 3072 bytes for each label")
            parts[f"x_{split}"] = torch.from_numpy(np.concatenate(images)).reshape(-1, 3, 32, 32)
            parts[f"y_{split}"] = torch.tensor(list(chain.from_iterable(labels)))
        return ImageData(**parts, classes=[name.decode() for name in tables[META][b"label_names"]])
    except Exception as error:  # what is not as published raises nearly anything
        raise ValueError(f"{str(place)!r} must hold CIFAR-10 as published: {error!r}") from error

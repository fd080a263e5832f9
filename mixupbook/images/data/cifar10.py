"""CIFAR-10 from its official archive: downloaded once, verified, and read without trust."""

import errno
import gzip
import io
import os
import pickle
import tarfile
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pooch
import torch
from requests import RequestException, Response
from torch import Tensor

from mixupbook._arguments import in_interval, true_or_false
from mixupbook.images.data.images import ImageData

__all__ = ["ARCHIVE", "MIRRORS", "load_cifar10"]

ARCHIVE = "cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)

FOLDER = "cifar-10-batches-py"
TRAIN = tuple(f"{FOLDER}/data_batch_{number}" for number in range(1, 6))
TEST = (f"{FOLDER}/test_batch",)
META = f"{FOLDER}/batches.meta"

# All that a pickled dictionary of plain arrays may name. NumPy's function that rebuilds an array
# is private and has moved between versions; an array tells where it is.
_RECONSTRUCT = np.zeros(0).__reduce__()[0]
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


def load_cifar10(
    root: str | os.PathLike | None = None,
    download: bool = True,
    *,
    mirrors: Sequence[str] = MIRRORS,
    timeout: float = 30.0,
    progress: bool = True,
) -> ImageData:
    """CIFAR-10: 50 000 training and 10 000 test images of 32 x 32 pixels in ten classes.

    The archive (170 MB) is downloaded once and its SHA-256 is verified, every time, before
    anything in it is read. It holds pickles; they are read by an unpickler that knows arrays and
    nothing else, so that no code in them can run, and nothing is unpacked to disk.

    Args:
        root: folder of the archive ``cifar-10-python.tar.gz``; None is a cache folder of the
            user's. An archive that already lies there is not downloaded again.
        download: whether to download an archive that is not there.
        mirrors: addresses of folders to download it from, tried in turn.
        timeout: seconds without a byte after which a mirror is given up.
        progress: show a progress bar.

    Returns:
        `ImageData` with images of shape (3, 32, 32).

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: `timeout` is not positive, `root` is no folder or has a folder in the archive's
            place; or the archive is truncated or altered (it has been deleted), or holds what it
            should not.
        FileNotFoundError: there is no archive, and `download` is False.
        ConnectionError: no mirror had it; the message says where to put it by hand.
        OSError: the folder cannot be written, or is full.

    Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009).

    Example:
        >>> load_cifar10()  # doctest: +SKIP
        ImageData(50000 training and 10000 test images of 3x32x32, 10 classes)
    """
    archive = _archive_in(root)
    _check_mirrors(mirrors)
    timeout = in_interval("timeout", timeout, 0, open_low=True)
    download = true_or_false("download", download)
    progress = true_or_false("progress", progress)
    if not archive.is_file():
        if not download:
            raise FileNotFoundError(
                f"no archive {str(archive)!r}: put it there, or call with download=True"
            )
        _download(archive, mirrors, timeout, progress)
    elif pooch.file_hash(str(archive)) != SHA256:
        archive.unlink(missing_ok=True)
        raise ValueError(
            f"archive {str(archive)!r} was truncated or altered (its SHA-256 was not {SHA256}); "
            "it has been deleted: call again to download it"
        )
    return _read(archive)


def _archive_in(root: object) -> Path:
    """Where the archive lies, or is to lie."""
    if root is not None and not isinstance(root, str | os.PathLike):
        raise TypeError(f"root must be the path of a folder, or None, got {root!r}")
    folder = Path(pooch.os_cache("mixupbook") if root is None else root)
    if folder.is_file():
        raise ValueError(f"root must be the folder of {ARCHIVE}, got the file {str(folder)!r}")
    archive = folder / ARCHIVE
    if archive.is_dir():
        raise ValueError(
            f"root must be a folder where {ARCHIVE} is a file, got {str(folder)!r}, "
            "where it is a folder"
        )
    return archive


def _check_mirrors(mirrors: object) -> None:
    is_list = isinstance(mirrors, Sequence) and not isinstance(mirrors, str)
    if not is_list or not all(isinstance(mirror, str) for mirror in mirrors):
        raise TypeError(f"mirrors must be a sequence such as {list(MIRRORS)}, got {mirrors!r}")


def _download(archive: Path, mirrors: Sequence[str], timeout: float, progress: bool) -> None:
    """Downloads the archive from the first mirror that has it, or leaves nothing behind."""
    fetch = pooch.HTTPDownloader(
        progressbar=progress,
        timeout=timeout,
        headers={"Accept-Encoding": "identity"},
        hooks={"response": _keep_encoded},
    )
    failures = []
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        # A folder of its own, as several processes may download into one cache at the same time.
        with tempfile.TemporaryDirectory(prefix=f"{ARCHIVE}.", dir=archive.parent) as own:
            partial = Path(own) / ARCHIVE
            for mirror in mirrors:
                url = f"{mirror.rstrip('/')}/{ARCHIVE}"
                failure = _fetch(fetch, url, partial)
                if failure is None:
                    partial.replace(archive)
                    return
                failures.append(f"{url}: {failure}")
    except OSError as error:
        reason = f"the archive could not be written: {error.strerror or error}"
        raise OSError(error.errno or errno.EIO, reason, str(archive)) from error
    raise ConnectionError(
        f"CIFAR-10 could not be downloaded ({'; '.join(failures) or 'no mirrors given'}). "
        f"Get {ARCHIVE} by other means, put it into {str(archive.parent)!r}, and call again"
    )


def _keep_encoded(response: Response, **_: object) -> None:
    """Some servers call the archive's own gzip an encoding of theirs; it would be unpacked."""
    response.raw.headers.pop("Content-Encoding", None)


def _fetch(fetch: pooch.HTTPDownloader, url: str, target: Path) -> str | None:
    """Downloads and verifies; what went wrong on the mirror's side, or None."""
    try:
        fetch(url, str(target), None)
    except RequestException as error:
        return str(error)
    except OSError:  # any other is of our own writing
        raise
    except Exception as error:  # an absurd header or redirect raises nearly anything
        return f"{type(error).__name__}: {error}"
    if pooch.file_hash(str(target)) != SHA256:
        return f"truncated or altered, its SHA-256 is not {SHA256}"
    return None


def _read(archive: Path) -> ImageData:
    """The images in an archive; what is not laid out as CIFAR-10 is refused."""
    wanted = {*TRAIN, *TEST, META}
    contents = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                _check_member(member)
                if member.name in wanted and member.isfile():
                    contents[member.name] = _unpickle(tar.extractfile(member).read(), member.name)
        missing = wanted - contents.keys()
        if missing:
            raise ValueError(f"it has no {', '.join(sorted(missing))}")
        classes = _class_names(contents[META])
        x_train, y_train = _stack([_batch(contents[name], name, len(classes)) for name in TRAIN])
        x_test, y_test = _stack([_batch(contents[name], name, len(classes)) for name in TEST])
        return ImageData(x_train, y_train, x_test, y_test, classes)
    except (ValueError, tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"archive {str(archive)!r} cannot be read: {error}") from error


def _check_member(member: tarfile.TarInfo) -> None:
    parts = member.name.split("/")
    if parts[0] != FOLDER or ".." in parts or not (member.isfile() or member.isdir()):
        raise ValueError(f"its member {member.name!r} is no plain file inside {FOLDER!r}")


class _ArrayUnpickler(pickle.Unpickler):
    """Knows dictionaries, lists, strings, numbers and NumPy arrays, and no function at all."""

    def find_class(self, module: str, name: str) -> object:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is refused") from None


def _unpickle(content: bytes, name: str) -> dict[bytes, object]:
    try:
        # The official files were pickled by Python 2, whose strings are bytes.
        values = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    # Damaged pickles raise nearly anything.
    except Exception as error:
        raise ValueError(f"{name} is no pickle of plain arrays: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{name} must hold a dictionary, got {type(values).__name__}")
    return values


def _batch(
    values: dict[bytes, object], name: str, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 3, 32, 32) and labels (n,) of one file."""
    images, labels = values.get(b"data"), values.get(b"labels")
    if not (
        isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.shape[1:] == (3072,)
    ):
        raise ValueError(f"{name} has no images of 3072 bytes under 'data'")
    if not (isinstance(labels, list) and all(isinstance(label, int) for label in labels)):
        raise ValueError(f"{name} has no list of integers under 'labels'")
    if len(labels) != len(images):
        raise ValueError(f"{name} has {len(labels)} labels for {len(images)} images")
    unknown = [label for label in labels if not 0 <= label < num_classes]
    if unknown:
        raise ValueError(f"{name} must have labels in 0..{num_classes - 1}, got {unknown[0]}")
    return images.reshape(-1, 3, 32, 32), np.array(labels, dtype=np.int64)


def _stack(batches: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Tensor, Tensor]:
    images, labels = zip(*batches, strict=True)
    return torch.from_numpy(np.concatenate(images)), torch.from_numpy(np.concatenate(labels))


def _class_names(meta: dict[bytes, object]) -> tuple[str, ...]:
    names = meta.get(b"label_names")
    if not (isinstance(names, list) and all(isinstance(name, bytes) for name in names)):
        raise ValueError(f"{META} has no list of names under 'label_names'")
    if len(names) < 2:
        raise ValueError(f"{META} must name at least two classes, got {len(names)}")
    return tuple(name.decode("ascii") for name in names)

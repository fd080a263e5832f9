"""Fashion-MNIST from its four files: downloaded once, or those of Debian, and verified."""

import gzip
import hashlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mixupbook._files import as_path
from mixupbook.images.data.download import cache_folder, check_request, fetch
from mixupbook.images.data.images import ImageData

__all__ = ["FILES", "MIRRORS", "load_fashion_mnist"]

# The SHA-256 of what each file holds: packed anew, as Debian does, it is still the same.
FILES = {
    "train-images-idx3-ubyte.gz": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte.gz": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}
MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
)
# Where Debian's package dataset-fashion-mnist puts them.
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
CLASSES = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
IMAGES_HEADER, LABELS_HEADER = 16, 8  # bytes before the pixels, and before the labels


# `| Any`: what else is given is refused by hand, with messages for people.
def load_fashion_mnist(
    root: str | os.PathLike | Any | None = None,
    download: bool | Any = True,
    *,
    mirrors: Sequence[str] | Any = MIRRORS,
    timeout: float | Any = 30.0,
    progress: bool | Any = True,
) -> ImageData:
    """Fashion-MNIST: 60 000 training and 10 000 test images of clothes, 28 x 28 greys, ten classes.

    The four files (31 MB) are downloaded once, and the SHA-256 of what they hold is verified
    whenever they are read. Nothing that lies in the folder is changed.

    Args:
        root: folder of the four files. None is the folder of Debian's package
            ``dataset-fashion-mnist`` where that is installed, else a cache folder of the user's.
        download: whether to download the files that are not there.
        mirrors: addresses of folders to download them from, tried in turn for each.
        timeout: seconds without a byte after which a mirror is given up. It is after an hour, too.
        progress: show a progress bar.

    Returns:
        `ImageData` with images of shape (1, 28, 28).

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: `timeout` is not positive; or `root` is no folder, or holds another file under
            one of the names, perhaps one still being copied.
        FileNotFoundError: a file is not there, and `download` is False.
        ConnectionError: no mirror had it; the message says where to put it by hand.
        OSError: the folder cannot be written, or is full.

    Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms" (2017), arXiv:1708.07747.

    Example:
        >>> load_fashion_mnist()  # doctest: +SKIP
        ImageData(60000 training and 10000 test images of 1x28x28, 10 classes)
    """
    folder = _default_folder() if root is None else as_path("root", root)
    timeout = check_request(mirrors, download, timeout, progress, MIRRORS)
    if folder.is_file():
        raise ValueError(f"root must be a folder, got the file {str(folder)!r}")
    missing = [name for name in FILES if not (folder / name).exists()]
    if missing and not download:
        raise FileNotFoundError(
            f"no file {str(folder / missing[0])!r}: put it there, or call with download=True"
        )
    for name in missing:
        fetch(
            folder / name, mirrors, _wrong, of="Fashion-MNIST", timeout=timeout, progress=progress
        )
    held = [_unpacked(folder / name) for name in FILES]
    for (name, digest), found in zip(FILES.items(), held, strict=True):
        if found is None or hashlib.sha256(found).hexdigest() != digest:
            raise ValueError(
                f"file {str(folder / name)!r} must hold {name} of Fashion-MNIST: if it is still "
                "being copied, wait; if it is damaged, remove it and call again"
            )
    x_train, y_train, x_test, y_test = (_bytes(found) for found in held if found is not None)
    return ImageData(
        x_train[IMAGES_HEADER:].reshape(-1, 1, 28, 28),
        y_train[LABELS_HEADER:],
        x_test[IMAGES_HEADER:].reshape(-1, 1, 28, 28),
        y_test[LABELS_HEADER:],
        classes=CLASSES,
    )


def _default_folder() -> Path:
    return DEBIAN if DEBIAN.is_dir() else cache_folder() / "fashion-mnist"


def _unpacked(path: Path) -> bytes | None:
    """What a packed file holds, or None where it is not one."""
    try:
        return gzip.decompress(path.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return None


def _wrong(path: Path) -> str | None:
    """What is wrong with a file, if anything."""
    held = _unpacked(path)
    if held is None:
        return "it is not packed by gzip, or not whole"
    found = hashlib.sha256(held).hexdigest()
    wanted = FILES[path.name]
    return None if found == wanted else f"the SHA-256 of what it holds is {found}, not {wanted}"


def _bytes(held: bytes) -> Tensor:
    return torch.from_numpy(np.frombuffer(held, dtype=np.uint8).copy())

"""One's own images, from an .npz file."""

import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from mixupbook._files import as_path
from mixupbook.images.data.images import ImageData

__all__ = ["load_npz"]

# What a damaged file makes numpy and zipfile raise.
DAMAGED = (
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    SyntaxError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
# An image 1, 3 or 4 pixels high with as many channels as this is one with its channels first.
MANY_CHANNELS = 8
KEYS = ("x_train", "y_train", "x_test", "y_test")
OPTIONAL = ("classes", "group_train", "group_test")


# `| Any`: what else is given is refused by hand, with messages for people.
def load_npz(path: str | os.PathLike | Any) -> ImageData:
    """One's own images, from an ``.npz`` file as ``numpy.savez`` writes it.

    The file holds the arrays ``x_train`` and ``x_test`` of uint8, shape (N, H, W) or (N, H, W, C),
    and ``y_train`` and ``y_test`` of integers 0..K-1, shape (N,). An optional array ``classes`` of
    strings names the K classes; otherwise they are called "0", "1" and so on, and each must have an
    image. Optional arrays ``group_train`` and ``group_test`` of integers give each image a group.
    Pickled objects are never loaded.

    Args:
        path: the file.

    Returns:
        `ImageData` with images of shape (C, H, W).

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: `path` is no path, images are not uint8, or labels or groups are not integers.
        ValueError: not an .npz file, a missing, damaged or pickled array, arrays that do not fit,
            channels that come first, or labels that leave a number out.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "squares.npz")
        >>> images, labels = np.zeros((4, 6, 6), dtype=np.uint8), np.array([0, 1, 0, 1])
        >>> np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
        >>> load_npz(path)
        ImageData(4 training and 4 test images of 1x6x6, 2 classes)
    """
    path = as_path("path", path)
    if not path.is_file():
        raise FileNotFoundError(f"path must be an existing .npz file, got {str(path)!r}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"path must be an .npz file (numpy.savez writes one), got {str(path)!r}")
    # Opened here: numpy would leave a damaged file open.
    with path.open("rb") as file:
        arrays = _read_arrays(file, path)
    names = arrays.pop("classes", None)
    tensors = {}
    for split in ("train", "test"):
        x, y = f"x_{split}", f"y_{split}"
        tensors[x] = _image_tensor(x, arrays[x], path)
        tensors[y] = _label_tensor(y, arrays[y], path)
        group = f"group_{split}"
        if group in arrays:
            tensors[group] = _label_tensor(group, arrays[group], path)
    if names is None:
        found = torch.cat([tensors["y_train"], tensors["y_test"]]).unique()
        # Of a negative one `ImageData` says in which part it is.
        if found[0] >= 0 and not torch.equal(found, torch.arange(len(found))):
            listed = ", ".join(map(str, found[:5].tolist())) + (", ..." if len(found) > 5 else "")
            raise ValueError(
                f"labels in {path} must be 0..K-1 with each in use, or `classes` must name the "
                f"K classes; got {listed}"
            )
        names = np.arange(len(found)).astype(str)
    elif names.ndim != 1 or names.dtype.kind != "U":
        raise TypeError(f"classes in {path} must be a row of strings, got {names.dtype} array")
    return ImageData(**tensors, classes=names.tolist())


def _read_arrays(file: BinaryIO, path: Path) -> dict[str, np.ndarray]:
    """The arrays of `KEYS`, and those of `OPTIONAL` that are there."""
    try:
        archive = np.load(file, allow_pickle=False)
    except DAMAGED as error:
        raise ValueError(f"{path} cannot be read, the file is damaged: {error}") from error
    with archive:
        missing = [key for key in KEYS if key not in archive]
        if missing:
            raise ValueError(
                f"{path} must hold {', '.join(KEYS)}; it has no {', '.join(missing)}, "
                f"only {', '.join(archive.files) or 'nothing'}"
            )
        found = [key for key in (*KEYS, *OPTIONAL) if key in archive]
        return {key: _read_array(archive, key, path) for key in found}


def _read_array(archive: np.lib.npyio.NpzFile, key: str, path: Path) -> np.ndarray:
    try:
        array = archive[key]
    except MemoryError as error:
        raise ValueError(f"{key} in {path} must fit into memory: {error}") from error
    except DAMAGED as error:
        if "allow_pickle" in str(error):
            raise ValueError(
                f"{key} in {path} is a pickled object, and loading one could run any code: "
                "save it as a plain array of numbers (allow_pickle=False)"
            ) from error
        raise ValueError(f"{key} in {path} cannot be read, the file is damaged: {error}") from error
    if not isinstance(array, np.ndarray):  # numpy hands on the bytes of what it does not know
        raise ValueError(f"{key} in {path} must be an array as numpy.savez writes it")
    return array


def _image_tensor(name: str, images: np.ndarray, path: Path) -> Tensor:
    """Images of shape (N, H, W) or (N, H, W, C) as (N, C, H, W)."""
    if images.dtype != np.uint8:
        raise TypeError(f"{name} in {path} must be uint8, got {images.dtype}")
    if images.ndim not in (3, 4):
        raise ValueError(
            f"{name} in {path} must have shape (N, H, W) or (N, H, W, C), got {images.shape}"
        )
    if images.ndim == 4 and images.shape[1] in (1, 3, 4) and min(images.shape[2:]) >= MANY_CHANNELS:
        raise ValueError(
            f"{name} in {path} must have the channels last, (N, H, W, C), got {images.shape}: "
            f"save {name}.transpose(0, 2, 3, 1)"
        )
    if images.ndim == 3:
        images = images[..., np.newaxis]
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def _label_tensor(name: str, labels: np.ndarray, path: Path) -> Tensor:
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name} in {path} must hold integers, got {labels.dtype}")
    if labels.size == 0:
        raise ValueError(f"{name} in {path} must hold at least one label, got {labels.shape}")
    if labels.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} in {path} must be the numbers of classes, got {labels.max()}")
    return torch.from_numpy(labels.astype(np.int64))

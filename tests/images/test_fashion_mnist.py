"""Fashion-MNIST from its files, from a mirror, and from Debian's package where there is one."""

import functools
import gzip
import hashlib
import http.server
import threading

import numpy as np
import pytest
import torch

import mixupbook as mb
from mixupbook.images.data import fashion_mnist

HEADERS = {"images": fashion_mnist.IMAGES_HEADER, "labels": fashion_mnist.LABELS_HEADER}
COUNTS = {"train": 5, "t10k": 3}
OTHERS = [b"", b"no gzip", gzip.compress(b"another")]


def held(name):
    """A small file of the official layout: header, then bytes."""
    part, kind, _ = name.split("-", 2)
    rng = np.random.default_rng(COUNTS[part])
    shape, high = ((28, 28), 256) if kind == "images" else ((), 10)
    values = rng.integers(0, high, (COUNTS[part], *shape)).astype(np.uint8)
    return bytes(HEADERS[kind]) + values.tobytes()


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Small files, known by their digests."""
    small = {name: hashlib.sha256(held(name)).hexdigest() for name in fashion_mnist.FILES}
    monkeypatch.setattr(fashion_mnist, "FILES", small)
    folder = tmp_path / "files"
    folder.mkdir()
    for name in small:
        (folder / name).write_bytes(gzip.compress(held(name)))
    return folder


@pytest.fixture
def mirror(files):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Say nothing."""

    handler = functools.partial(Quiet, directory=files)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_reads_the_official_layout_however_it_is_packed(files):
    data = mb.load_fashion_mnist(files, download=False)
    assert repr(data) == "ImageData(5 training and 3 test images of 1x28x28, 10 classes)"
    raw = torch.frombuffer(bytearray(held("train-images-idx3-ubyte.gz")[16:]), dtype=torch.uint8)
    assert torch.equal((data.x_train * 255).round().byte().flatten(), raw)
    raw = held("t10k-labels-idx1-ubyte.gz")[8:]
    assert data.y_test.tolist() == list(raw)


def test_downloads_what_is_missing_from_the_first_good_mirror(files, mirror, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    kept = "train-labels-idx1-ubyte.gz"
    (folder / kept).write_bytes(gzip.compress(held(kept), 1))
    before = (folder / kept).read_bytes()
    mirrors = [f"{mirror}nothing/", mirror]
    data = mb.load_fashion_mnist(folder, mirrors=mirrors, progress=False)
    assert len(data.x_train) == 5
    assert (folder / kept).read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == sorted(fashion_mnist.FILES)


@pytest.mark.parametrize("content", OTHERS, ids=["empty", "not packed", "another"])
def test_a_bad_mirror_leaves_nothing(files, mirror, tmp_path, content):
    (files / "train-images-idx3-ubyte.gz").write_bytes(content)
    folder = tmp_path / "other"
    with pytest.raises(ConnectionError, match=r"^Fashion-MNIST could not be downloaded"):
        mb.load_fashion_mnist(folder, mirrors=[mirror], progress=False)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [*OTHERS, None], ids=["empty", "not packed", "another", "cut"])
def test_another_file_is_named_and_left_alone(files, content):
    path = files / "t10k-images-idx3-ubyte.gz"
    content = path.read_bytes()[:-9] if content is None else content
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"must hold t10k-images-idx3-ubyte.gz of Fashion-MNIST"):
        mb.load_fashion_mnist(files)
    assert path.read_bytes() == content


def test_without_download_says_where_to_put_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte.gz': put it there"):
        mb.load_fashion_mnist(tmp_path, download=False)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"root": 3}, TypeError, "root"),
        ({"download": 1}, TypeError, "download must be True or False, got 1"),
        ({"mirrors": "http://x"}, TypeError, "mirrors must be a sequence"),
        ({"timeout": 0}, ValueError, "timeout must lie in"),
        ({"progress": None}, TypeError, "progress must be True or False"),
        ({"root": __file__}, ValueError, "root must be a folder"),
    ],
)
def test_refuses_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        mb.load_fashion_mnist(**arguments)


def test_the_files_of_the_default_folder_are_the_published_ones():
    """Debian's package, where it is installed; elsewhere a missing file is said to be missing."""
    if not fashion_mnist.DEBIAN.is_dir():
        with pytest.raises(FileNotFoundError, match="put it there"):
            mb.load_fashion_mnist("/nowhere", download=False)
        return
    data = mb.load_fashion_mnist(download=False)
    assert data.y_train.bincount().tolist() == [6000] * 10
    assert data.y_test.bincount().tolist() == [1000] * 10
    assert data.image_shape == (1, 28, 28)

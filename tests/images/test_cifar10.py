import gc
import gzip
import hashlib
import io
import pickle
import resource
import socket
import tarfile
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch

from mixupbook.images.data import cifar10, download
from mixupbook.images.data.cifar10 import ARCHIVE, load_cifar10

# After an error, pooch leaves its connection to the garbage collector, which complains.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module", autouse=True)
def _collect_abandoned_connections():
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


NAMES = [b"airplane", b"cat", b"ship"]


def batch(seed, count):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 3072)).astype(np.uint8)
    return {b"data": images, b"labels": rng.integers(0, 3, count).tolist()}


def plain_files(**changes):
    """Small files in the official layout; a change of None leaves one out."""
    files = {name: batch(number, 3 + number) for number, name in enumerate(cifar10.TRAIN)}
    files |= {"test_batch": batch(9, 5), "batches.meta": {b"label_names": NAMES}} | changes
    files = {name: values for name, values in files.items() if values is not None}
    return {
        name: values if isinstance(values, bytes) else pickle.dumps(values)
        for name, values in files.items()
    }


def packed(files):
    """A gzipped tar archive of the files in their folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        folder = tarfile.TarInfo(cifar10.FOLDER)
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in files.items():
            member = tarfile.TarInfo(f"{cifar10.FOLDER}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def extracted(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def same(first, second):
    parts = ("x_train", "y_train", "x_test", "y_test")
    return all(torch.equal(getattr(first, part), getattr(second, part)) for part in parts)


@pytest.fixture
def official(monkeypatch):
    """An archive, taken for the official one."""
    content = packed(plain_files())
    monkeypatch.setattr(cifar10, "SHA256", hashlib.sha256(content).hexdigest())
    return content


def test_reads_the_official_layout(tmp_path, official):
    (tmp_path / ARCHIVE).write_bytes(official)
    data = load_cifar10(tmp_path, download=False)
    assert data.x_train.shape == (3 + 4 + 5 + 6 + 7, 3, 32, 32)
    assert data.classes == ("airplane", "cat", "ship")
    second = batch(1, 4)
    # The bytes of an image are its red, green and blue planes, row by row.
    red, blue = second[b"data"][2, 33], second[b"data"][2, 2048 + 5]
    assert data.x_train[3 + 2, 0, 1, 1].item() == pytest.approx(red / 255)
    assert data.x_train[3 + 2, 2, 0, 5].item() == pytest.approx(blue / 255)
    assert data.y_train[3:7].tolist() == second[b"labels"]
    assert data.y_test.tolist() == batch(9, 5)[b"labels"]


@pytest.mark.parametrize("inner", [cifar10.FOLDER, "."])
def test_reads_an_extracted_folder(tmp_path, official, inner):
    extracted(tmp_path / "a" / inner, plain_files())
    data = load_cifar10(tmp_path / "a", download=False)
    (tmp_path / ARCHIVE).write_bytes(official)
    assert same(data, load_cifar10(tmp_path))


def test_reads_pickles_of_python_2(tmp_path):
    """Protocol 2 with byte strings and NumPy's old module name, as the official files have."""
    old = python_2_pickle(batch(0, 3))
    assert b"cnumpy.core.multiarray\n_reconstruct" in old
    data = load_cifar10(extracted(tmp_path / "old", plain_files(data_batch_1=old)))
    assert same(data, load_cifar10(extracted(tmp_path / "new", plain_files())))


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("builtins", "eval"), ("numpy", "load"), ("torch.storage", "_load")],
)
def test_no_pickle_runs_code(tmp_path, module, name):
    mark = tmp_path / "owned"
    argument = f"touch {mark}".encode()
    evil = b"c%b\n%b\n(U%c%btR." % (module.encode(), name.encode(), len(argument), argument)
    extracted(tmp_path, plain_files(data_batch_3=evil))
    with pytest.raises(ValueError, match=f"names {module}.{name}, which is refused"):
        load_cifar10(tmp_path)
    assert not mark.exists()
    if name == "system":  # which would have worked
        pickle.loads(evil)
        assert mark.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"data_batch_2": None},
        {"data_batch_2": [1]},
        {"data_batch_2": {}},
        {"data_batch_2": batch(0, 3) | {b"data": np.zeros((3, 3072))}},
        {"data_batch_2": batch(0, 3) | {b"data": np.zeros((3, 6144), np.uint8)}},
        {"data_batch_2": plain_files()["data_batch_2"][:-100]},
        {"test_batch": batch(0, 0)},
        {"test_batch": batch(0, 2) | {b"labels": 3}},
        {"test_batch": batch(0, 2) | {b"labels": [0, 1.5]}},
        {"test_batch": batch(0, 2) | {b"labels": [0, 2**70]}},
        {"test_batch": batch(0, 2) | {b"labels": [0, 3]}},
        # As many labels as images in all, but not in each file.
        {"data_batch_1": batch(0, 2) | {b"labels": [0] * 3}, "data_batch_2": batch(0, 3)},
        {"batches.meta": {b"label_names": ["a", "b"]}},
        {"batches.meta": {b"label_names": [b"a"]}},
    ],
)
def test_refuses_another_layout(tmp_path, changes):
    extracted(tmp_path, plain_files(**changes))
    with pytest.raises(ValueError, match=f"{tmp_path}' must hold CIFAR-10 as published: "):
        load_cifar10(tmp_path)


@pytest.mark.parametrize("download", [True, False])
@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c[:50] + b"?" + c[51:]])
def test_another_archive_is_left_alone(tmp_path, official, damage, download):
    """One that is still being copied, say."""
    content = damage(official)
    (tmp_path / ARCHIVE).write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    with pytest.raises(ValueError, match=f"SHA-256 {cifar10.SHA256}, got {found}: if it is still"):
        load_cifar10(tmp_path, download, mirrors=[])
    assert (tmp_path / ARCHIVE).read_bytes() == content


def test_without_download_says_where_to_put_it(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=f"no archive '{tmp_path}/{ARCHIVE}': put it"):
        load_cifar10(tmp_path, download=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"no archive '{tmp_path}/images/{ARCHIVE}'"):
        load_cifar10("~/images", download=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "cache" / "mixupbook")):
        load_cifar10(download=False)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"root": 5}, TypeError, "root must be a path, got 5"),
        ({"download": "no"}, TypeError, "download must be True or False, got 'no'"),
        ({"progress": "no"}, TypeError, "progress must be True or False, got 'no'"),
        ({"mirrors": "http://a"}, TypeError, "mirrors must be a sequence .*, got 'http://a'"),
        ({"mirrors": None}, TypeError, r"a sequence such as \['https://.*'\], got None"),
        ({"mirrors": ["http://a", 5]}, TypeError, r"mirrors must be .*, got \['http://a', 5\]"),
        ({"timeout": "a"}, TypeError, "timeout must be a real number, got 'a'"),
        ({"timeout": 0}, ValueError, r"timeout must lie in \(0, inf\), got 0"),
    ],
)
def test_refuses_arguments(tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        load_cifar10(**{"root": tmp_path / "new", "mirrors": [], **arguments})
    assert list(tmp_path.iterdir()) == []


def test_refuses_roots_that_are_no_folder_of_the_archive(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / ARCHIVE).mkdir()
    for root in (tmp_path / "file", tmp_path):
        with pytest.raises(ValueError, match=f"folder in which {ARCHIVE} is a file, got '{root}'"):
            load_cifar10(root, mirrors=[])


# What some mirrors redirect to.
LOCATIONS = {"redirecting": f"/good/{ARCHIVE}", "misleading": "http://[::bad/"}


@pytest.fixture
def server(official, monkeypatch):
    """A mirror on this machine with the archive, and some that fail."""
    done, four = threading.Event(), threading.Barrier(4)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            kind = self.path.split("/")[1]
            Handler.asked.append(self.path)
            if kind in LOCATIONS:
                self.send_response(302)
                self.send_header("Location", LOCATIONS[kind])
                self.end_headers()
                return
            if kind == "missing":
                self.send_error(404)
                return
            if kind == "waiting":
                four.wait(20)
            body = official if kind != "corrupting" else official[:99] + b"?" + official[100:]
            self.send_response(200)
            if kind == "compressing" and "gzip" in self.headers["Accept-Encoding"]:
                body = gzip.compress(body)
                self.send_header("Content-Encoding", "gzip")
            if kind == "x-gzip":
                self.send_header("Content-Encoding", kind)
            self.send_header("Content-Length", "abc" if kind == "miscounting" else str(len(body)))
            self.end_headers()
            if kind in ("truncating", "stalling"):
                body = body[: len(body) // 2]
            if kind == "dripping":
                for place in range(40):
                    self.wfile.write(body[place : place + 1])
                    done.wait(0.1)
                return
            self.wfile.write(body)
            if kind == "stalling":
                done.wait(20)

        def log_message(self, *_):
            pass

    Handler.asked = []
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as service:
        thread = threading.Thread(target=service.serve_forever, args=(0.01,))
        thread.start()
        service.address = f"http://127.0.0.1:{service.server_port}"
        service.asked = Handler.asked
        yield service
        done.set()
        service.shutdown()
        thread.join()


def load_from(root, server, *kinds, progress=False):
    mirrors = [f"{server.address}/{kind}/" for kind in kinds]
    return load_cifar10(root, mirrors=mirrors, timeout=0.3, progress=progress)


@pytest.mark.parametrize("kind", ["good", "redirecting", "x-gzip", "compressing"])
def test_downloads_once_whatever_the_server_says_of_its_encoding(tmp_path, server, kind):
    root = tmp_path / "new" / "folder"
    assert len(load_from(root, server, kind).x_test) == 5
    assert [path.name for path in root.iterdir()] == [ARCHIVE]
    asked = len(server.asked)
    assert len(load_from(root, server, kind).x_test) == 5
    assert len(server.asked) == asked


def test_calls_at_the_same_time(tmp_path, server):
    """The server answers none of them before all have asked."""
    with ThreadPoolExecutor(4) as pool:
        mirrors = [f"{server.address}/waiting"]
        calls = [
            pool.submit(load_cifar10, tmp_path, mirrors=mirrors, progress=False) for _ in range(4)
        ]
    assert [len(call.result().x_test) for call in calls] == [5] * 4
    assert [path.name for path in tmp_path.iterdir()] == [ARCHIVE]


@pytest.mark.parametrize(
    "kind",
    ["truncating", "stalling", "dripping", "corrupting", "missing", "miscounting", "misleading"],
)
def test_a_bad_mirror_leaves_nothing_and_the_next_is_tried(tmp_path, server, kind, monkeypatch):
    monkeypatch.setattr(download, "LONGEST", 0.5)
    with pytest.raises(ConnectionError, match=f"Get {ARCHIVE} by other means") as caught:
        load_from(tmp_path, server, kind)
    assert f"{server.address}/{kind}/{ARCHIVE}: " in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert ("had not sent all after 0.5 seconds" in str(caught.value)) == (kind == "dripping")
    assert list(tmp_path.iterdir()) == []
    assert len(load_from(tmp_path, server, kind, "good").x_test) == 5
    assert [path.name for path in tmp_path.iterdir()] == [ARCHIVE]


def test_without_network(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        mirror = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConnectionError, match=r"could not be downloaded .* put it into"):
            load_cifar10(tmp_path, mirrors=[mirror], timeout=0.5, progress=False)
    with pytest.raises(ConnectionError, match="no mirrors given"):
        load_cifar10(tmp_path, mirrors=[])


def test_shows_progress_on_request(tmp_path, server, capsys):
    load_from(tmp_path, server, "good", progress=True)
    output = capsys.readouterr()
    assert output.out == ""
    assert "100%" in output.err
    load_from(tmp_path, server, "good", progress=True)
    assert capsys.readouterr().err == ""


def test_a_full_disk(tmp_path, server):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match=f"File too large: '{tmp_path}/{ARCHIVE}'"):
            load_from(tmp_path, server, "good", "good")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
    assert len(server.asked) == 1


def test_what_comes_while_downloading_is_not_overwritten(tmp_path, server, monkeypatch):
    (tmp_path / "mine").write_bytes(b"still being copied")
    hash_of = cifar10.pooch.file_hash

    def and_a_file_comes(path):
        if path != str(tmp_path / ARCHIVE):
            (tmp_path / "mine").rename(tmp_path / ARCHIVE)
        return hash_of(path)

    monkeypatch.setattr(cifar10.pooch, "file_hash", and_a_file_comes)
    with pytest.raises(ValueError, match="still being copied, wait"):
        load_from(tmp_path, server, "good")
    assert (tmp_path / ARCHIVE).read_bytes() == b"still being copied"


def python_2_pickle(values):
    """What Python 2 wrote for a dictionary of one uint8 array and a list of small integers."""
    images, labels = values[b"data"], values[b"labels"]
    raw = images.tobytes()

    def string(text):
        return b"U" + bytes([len(text)]) + text

    def integer(number):
        return b"J" + number.to_bytes(4, "little", signed=True)

    dtype = b"cnumpy\ndtype\n(" + string(b"u1") + integer(0) + integer(1) + b"tR"
    dtype += b"(" + integer(3) + string(b"|") + b"NNN" + integer(-1) * 2 + integer(0) + b"tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(" + integer(0) + b"t"
    array += string(b"b") + b"tR"
    array += b"(" + integer(1) + b"(" + b"".join(map(integer, images.shape)) + b"t" + dtype
    array += b"\x89" + b"T" + len(raw).to_bytes(4, "little") + raw + b"tb"
    numbers = b"](" + b"".join(map(integer, labels)) + b"e"
    return b"\x80\x02}(" + string(b"data") + array + string(b"labels") + numbers + b"u."

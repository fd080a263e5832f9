import errno
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

from mixupbook.images.data import cifar10
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


def labelled(labels, count):
    """Images, and labels of one's choice."""
    return {**batch(0, count), b"labels": labels}


def plain_files():
    files = {name: batch(number, 3 + number) for number, name in enumerate(cifar10.TRAIN)}
    files |= {cifar10.TEST[0]: batch(9, 5), cifar10.META: {b"label_names": NAMES}}
    return {name: pickle.dumps(values) for name, values in files.items()}


def packed(files, extra=()):
    """A gzipped tar archive of files; `extra` are further members without content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        folder = tarfile.TarInfo(cifar10.FOLDER)
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in extra:
            tar.addfile(member)
    return buffer.getvalue()


@pytest.fixture
def trust(monkeypatch):
    """Makes an archive the official one."""

    def trusted(content):
        monkeypatch.setattr(cifar10, "SHA256", hashlib.sha256(content).hexdigest())
        return content

    return trusted


@pytest.fixture
def local(tmp_path, trust):
    """Loads trusted content from a local archive."""

    def load(content):
        (tmp_path / ARCHIVE).write_bytes(trust(content))
        return load_cifar10(tmp_path, download=False)

    return load


class TestReading:
    def test_reads_the_official_layout(self, local):
        data = local(packed(plain_files()))
        assert data.x_train.shape == (3 + 4 + 5 + 6 + 7, 3, 32, 32)
        assert data.classes == ("airplane", "cat", "ship")
        second = batch(1, 4)
        # The bytes of an image are its red, green and blue planes, row by row.
        red, blue = second[b"data"][2, 33], second[b"data"][2, 2048 + 5]
        assert data.x_train[3 + 2, 0, 1, 1].item() == pytest.approx(red / 255)
        assert data.x_train[3 + 2, 2, 0, 5].item() == pytest.approx(blue / 255)
        assert data.y_train[3:7].tolist() == second[b"labels"]
        assert data.y_test.tolist() == batch(9, 5)[b"labels"]

    def test_reads_pickles_of_python_2(self, local):
        """Protocol 2 with byte strings and NumPy's old module name, as the official files have."""
        files = plain_files()
        name = cifar10.TRAIN[0]
        files[name] = python_2_pickle(pickle.loads(files[name]))
        assert b"cnumpy.core.multiarray\n_reconstruct" in files[name]
        data = local(packed(files))
        assert torch.equal(data.x_train, local(packed(plain_files())).x_train)

    @pytest.mark.parametrize(
        ("module", "name"),
        [("os", "system"), ("builtins", "eval"), ("numpy", "load"), ("torch.storage", "_load")],
    )
    def test_refuses_a_pickle_that_names_a_function(self, local, tmp_path, module, name):
        mark = tmp_path / "owned"
        argument = f"touch {mark}".encode()
        evil = b"c%b\n%b\n(U%c%btR." % (module.encode(), name.encode(), len(argument), argument)
        with pytest.raises(ValueError, match=f"names {module}.{name}, which is refused"):
            local(packed({**plain_files(), cifar10.TRAIN[2]: evil}))
        assert not mark.exists()

    def test_the_evil_pickle_would_have_worked(self, tmp_path):
        mark = tmp_path / "owned"
        argument = f"touch {mark}".encode()
        pickle.loads(b"cos\nsystem\n(U%c%btR." % (len(argument), argument))
        assert mark.exists()

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("../escaped", tarfile.REGTYPE),
            ("/etc/escaped", tarfile.REGTYPE),
            (f"{cifar10.FOLDER}/../escaped", tarfile.REGTYPE),
            (f"{cifar10.FOLDER}/link", tarfile.SYMTYPE),
            (f"{cifar10.FOLDER}/device", tarfile.CHRTYPE),
        ],
    )
    def test_refuses_members_that_escape(self, local, tmp_path, name, kind):
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        with pytest.raises(ValueError, match="is no plain file inside 'cifar-10-batches-py'"):
            local(packed(plain_files(), [member]))
        assert [path.name for path in tmp_path.iterdir()] == [ARCHIVE]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({cifar10.TRAIN[1]: None, cifar10.META: None}, "has no .*batches.meta, .*data_batch_2"),
            ({cifar10.TRAIN[1]: [1]}, "data_batch_2 must hold a dictionary, got list"),
            ({cifar10.TRAIN[1]: {}}, "data_batch_2 has no images of 3072 bytes"),
            ({cifar10.TRAIN[1]: {b"data": np.zeros((2, 3072))}}, "has no images of 3072 bytes"),
            (
                {cifar10.TRAIN[1]: batch(0, 0), cifar10.TEST[0]: batch(0, 0)},
                "x_test must hold at l",
            ),
            ({cifar10.TEST[0]: labelled(3, 3)}, "test_batch has no list of integers"),
            ({cifar10.TEST[0]: labelled([0, 2**70], 2)}, rf"labels in 0\.\.2, got {2**70}"),
            (
                {cifar10.TEST[0]: labelled([0, 3], 2)},
                r"test_batch must have labels in 0\.\.2, got 3",
            ),
            ({cifar10.TRAIN[4]: labelled([-1, 0], 2)}, r"data_batch_5 must have .*, got -1"),
            (
                {cifar10.TRAIN[0]: labelled([0] * 3, 2), cifar10.TRAIN[1]: labelled([0], 2)},
                "data_batch_1 has 3 labels for 2 images",
            ),
            ({cifar10.META: {b"label_names": ["a", "b"]}}, "batches.meta has no list of names"),
            (
                {cifar10.META: {b"label_names": [b"a"]}},
                "batches.meta must name at least two .*got 1",
            ),
        ],
    )
    def test_refuses_another_layout(self, local, changes, message):
        files = {**plain_files(), **{k: v and pickle.dumps(v) for k, v in changes.items()}}
        files |= {name: pickle.dumps(value) for name, value in changes.items() if value == {}}
        files = {name: content for name, content in files.items() if content is not None}
        with pytest.raises(ValueError, match=f"cannot be read: .*{message}"):
            local(packed(files))

    def test_refuses_a_folder_in_place_of_a_file(self, local):
        files = plain_files()
        del files[cifar10.TRAIN[1]]
        folder = tarfile.TarInfo(cifar10.TRAIN[1])
        folder.type = tarfile.DIRTYPE
        with pytest.raises(ValueError, match=r"it has no .*data_batch_2"):
            local(packed(files, [folder]))

    @pytest.mark.parametrize("content", [b"", b"no archive", packed(plain_files())[:-2000]])
    def test_refuses_what_is_no_archive(self, local, content):
        with pytest.raises(ValueError, match="cannot be read"):
            local(content)

    def test_refuses_a_truncated_pickle(self, local):
        files = plain_files()
        files[cifar10.TRAIN[0]] = files[cifar10.TRAIN[0]][:-100]
        with pytest.raises(ValueError, match="data_batch_1 is no pickle of plain arrays"):
            local(packed(files))


class TestLocalCopy:
    @pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c[:50] + b"?" + c[51:]])
    def test_an_altered_archive_is_deleted_before_it_is_read(self, tmp_path, trust, damage):
        content = trust(packed(plain_files()))
        (tmp_path / ARCHIVE).write_bytes(damage(content))
        with pytest.raises(ValueError, match=r"truncated or altered .* it has been deleted"):
            load_cifar10(tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_without_download_says_where_to_put_it(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=f"no archive '{tmp_path}/{ARCHIVE}': put it"):
            load_cifar10(tmp_path, download=False)

    def test_the_cache_is_a_folder_of_the_users(self, monkeypatch, tmp_path):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        with pytest.raises(FileNotFoundError, match=str(tmp_path / "mixupbook")):
            load_cifar10(download=False)


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"root": 5}, TypeError, "root must be the path of a folder, or None, got 5"),
            ({"download": "no"}, TypeError, "download must be True or False, got 'no'"),
            ({"progress": "no"}, TypeError, "progress must be True or False, got 'no'"),
            ({"mirrors": "http://a"}, TypeError, "mirrors must be a sequence .*, got 'http://a'"),
            ({"mirrors": None}, TypeError, r"a sequence such as \['https://.*'\], got None"),
            ({"mirrors": ["http://a", 5]}, TypeError, r"mirrors must be .*, got \['http://a', 5\]"),
            ({"timeout": "a"}, TypeError, "timeout must be a real number, got 'a'"),
            ({"timeout": 0}, ValueError, r"timeout must lie in \(0, inf\), got 0"),
            ({"timeout": -1}, ValueError, r"timeout must lie in \(0, inf\), got -1"),
        ],
    )
    def test_refuses(self, tmp_path, arguments, error, message):
        # As a reader calls it: the tests' own type checker would be first to complain.
        with pytest.raises(error, match=message):
            load_cifar10.__wrapped__(**{"root": tmp_path / "new", "mirrors": [], **arguments})
        assert list(tmp_path.iterdir()) == []

    def test_refuses_the_archive_itself(self, local, tmp_path):
        local(packed(plain_files()))
        archive = tmp_path / ARCHIVE
        with pytest.raises(ValueError, match=f"root must be the folder of {ARCHIVE}.* '{archive}'"):
            load_cifar10(archive)
        assert archive.is_file()

    @pytest.mark.parametrize("download", [True, False])
    def test_refuses_a_folder_in_the_place_of_the_archive(self, tmp_path, server, download):
        (tmp_path / ARCHIVE).mkdir()
        with pytest.raises(ValueError, match=f"{ARCHIVE} is a file, got '{tmp_path}', where it is"):
            load_cifar10(tmp_path, download, mirrors=[f"{server.address}/good"])
        assert server.asked == []


# What some mirrors redirect to.
LOCATIONS = {
    "redirecting": f"/good/{ARCHIVE}",
    "misleading": "http://[::bad/",
    "misspelling": "http://a..b/",
}


@pytest.fixture
def server(trust, monkeypatch):
    """A mirror on this machine with an archive, and some that fail."""
    content = trust(packed(plain_files()))
    stalled = threading.Event()
    four = threading.Barrier(4)

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
            body = content if kind != "corrupting" else content[:99] + b"?" + content[100:]
            self.send_response(200)
            if kind == "compressing" and "gzip" in self.headers["Accept-Encoding"]:
                body = gzip.compress(body)
                self.send_header("Content-Encoding", "gzip")
            if kind in ("gzip", "x-gzip"):
                self.send_header("Content-Encoding", kind)
            length = "abc" if kind == "miscounting" else str(len(body))
            self.send_header("Content-Length", length)
            self.end_headers()
            if kind in ("truncating", "stalling"):
                body = body[: len(body) // 2]
            self.wfile.write(body)
            if kind == "stalling":
                stalled.wait(20)

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
        stalled.set()
        service.shutdown()
        thread.join()


BAD_KINDS = ["truncating", "stalling", "corrupting", "missing"]
BAD_KINDS += ["miscounting", "misleading", "misspelling"]


class TestDownload:
    def load(self, root, server, *kinds):
        mirrors = [f"{server.address}/{kind}/" for kind in kinds]
        return load_cifar10(root, mirrors=mirrors, timeout=0.5, progress=False)

    @pytest.mark.parametrize("kind", ["good", "redirecting"])
    def test_downloads_once(self, tmp_path, server, kind):
        root = tmp_path / "new" / "folder"
        assert len(self.load(root, server, kind).x_test) == 5
        assert [path.name for path in root.iterdir()] == [ARCHIVE]
        asked = len(server.asked)
        assert len(self.load(root, server, kind).x_test) == 5
        assert len(server.asked) == asked

    @pytest.mark.parametrize("kind", ["gzip", "x-gzip", "compressing"])
    def test_takes_the_archive_as_it_is(self, tmp_path, server, kind):
        """Whatever the server says about its encoding."""
        assert len(self.load(tmp_path, server, kind).x_test) == 5

    def test_calls_at_the_same_time(self, tmp_path, server):
        """The server answers none of them before all have asked."""
        mirrors = [f"{server.address}/waiting"]
        with ThreadPoolExecutor(4) as pool:
            calls = [
                pool.submit(load_cifar10, tmp_path, mirrors=mirrors, progress=False)
                for _ in range(4)
            ]
        assert [len(call.result().x_test) for call in calls] == [5] * 4
        assert [path.name for path in tmp_path.iterdir()] == [ARCHIVE]

    @pytest.mark.parametrize("kind", BAD_KINDS)
    def test_a_bad_mirror_leaves_nothing_and_says_what_to_do(self, tmp_path, server, kind):
        with pytest.raises(ConnectionError, match=f"Get {ARCHIVE} by other means") as caught:
            self.load(tmp_path, server, kind)
        message = str(caught.value)
        assert f"{server.address}/{kind}/{ARCHIVE}: " in message
        assert str(tmp_path) in message
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("kind", BAD_KINDS)
    def test_goes_on_to_the_next_mirror(self, tmp_path, server, kind):
        assert len(self.load(tmp_path, server, kind, "good").x_test) == 5
        assert [path.name for path in tmp_path.iterdir()] == [ARCHIVE]

    def test_without_network(self, tmp_path):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            mirror = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(ConnectionError, match=r"could not be downloaded .* put it into"):
                load_cifar10(tmp_path, mirrors=[mirror], timeout=0.5, progress=False)
        with pytest.raises(ConnectionError, match="no mirrors given"):
            load_cifar10(tmp_path, mirrors=[])

    def test_shows_progress_on_request(self, tmp_path, server, capsys):
        load_cifar10(tmp_path, mirrors=[f"{server.address}/good"], progress=True)
        output = capsys.readouterr()
        assert output.out == ""
        assert "100%" in output.err
        load_cifar10(tmp_path, mirrors=[f"{server.address}/good"], progress=True)
        assert capsys.readouterr().err == ""

    def test_a_full_disk(self, tmp_path, server):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            with pytest.raises(OSError, match="could not be written: File too large") as caught:
                self.load(tmp_path, server, "good", "good")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert caught.value.errno == errno.EFBIG
        assert caught.value.filename == str(tmp_path / ARCHIVE)
        assert list(tmp_path.iterdir()) == []
        assert len(server.asked) == 1

    def test_an_unwritable_cache(self, tmp_path, server):
        (tmp_path / "file").touch()
        with pytest.raises(OSError, match="the archive could not be written: Not a directory"):
            self.load(tmp_path / "file" / "cache", server, "good")
        assert server.asked == []


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

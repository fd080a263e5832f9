"""One file from the first mirror that has it, verified, or nothing."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pooch
from requests import RequestException, Response

from mixupbook._arguments import in_interval, true_or_false

__all__ = ["cache_folder", "check_request", "fetch"]

# Seconds in which a mirror has to send all, however steadily it drips.
LONGEST = 3600.0


def cache_folder() -> Path:
    """Where this package keeps what it downloads, in the user's cache."""
    return Path(pooch.os_cache("mixupbook"))


def check_request(
    mirrors: Any, download: Any, timeout: Any, progress: Any, example: Sequence[str]
) -> float:
    """Checks what a loader is told about downloading, and returns the timeout in seconds.

    Raises:
        TypeError: an argument of the wrong kind; the message on `mirrors` shows the example.
        ValueError: `timeout` is not positive.
    """
    is_list = isinstance(mirrors, Sequence) and not isinstance(mirrors, str)
    if not is_list or not all(isinstance(mirror, str) for mirror in mirrors):
        raise TypeError(f"mirrors must be a sequence such as {list(example)}, got {mirrors!r}")
    true_or_false("download", download)
    true_or_false("progress", progress)
    return in_interval("timeout", timeout, 0, open_low=True)


def fetch(
    path: Path,
    mirrors: Sequence[str],
    check: Callable[[Path], str | None],
    *,
    of: str,
    timeout: float,
    progress: bool,
) -> None:
    """Downloads a file into its folder, or leaves nothing behind.

    Args:
        path: where it is to lie; its name is that in the mirrors' folders.
        mirrors: addresses of folders, tried in turn.
        check: what is wrong with a file, or None.
        of: what the file belongs to, for the message.
        timeout: seconds without a byte after which a mirror is given up. It is after an hour, too.
        progress: show a progress bar.

    Raises:
        ConnectionError: no mirror had it; the message says where to put it by hand.
        OSError: the folder cannot be written, or is full.
    """
    plain = {"headers": {"Accept-Encoding": "identity"}, "hooks": {"response": _as_sent}}
    download = pooch.HTTPDownloader(progressbar=progress, timeout=timeout, **plain)
    failures = []
    path.parent.mkdir(parents=True, exist_ok=True)
    # A folder of its own, as several processes may download into one cache at the same time.
    with tempfile.TemporaryDirectory(prefix=f"{path.name}.", dir=path.parent) as own:
        for mirror in mirrors:
            url, partial = f"{mirror.rstrip('/')}/{path.name}", Path(own, path.name)
            try:
                download(url, str(partial), None)
            except Exception as error:  # an absurd header or redirect raises nearly anything
                if isinstance(error, OSError) and not isinstance(error, RequestException):
                    error.filename = str(path)  # it could not be written
                    raise
                failures.append(f"{url}: {error or type(error).__name__}")
                continue
            wrong = check(partial)
            if wrong is not None:
                failures.append(f"{url}: {wrong}")
            elif not path.exists():  # another process may have been faster
                partial.replace(path)
            if path.exists():
                return
    raise ConnectionError(
        f"{of} could not be downloaded ({'; '.join(failures) or 'no mirrors given'}). "
        f"Get {path.name} by other means, put it into {str(path.parent)!r}, and call again"
    )


def _as_sent(response: Response, **_: object) -> None:
    """Has the bytes read as they come, for so long and no longer, and none of them unpacked.

    Some servers call the archive's own gzip an encoding of theirs.
    """
    end = time.monotonic() + LONGEST
    read = getattr(response.raw, "read1", response.raw.read)  # urllib3 before 2.1 waits for all

    def chunks(chunk_size: int) -> Iterator[bytes]:
        while chunk := read(chunk_size):
            if time.monotonic() > end:
                raise RequestException(f"it had not sent all after {LONGEST:g} seconds")
            yield chunk

    response.iter_content = chunks  # type: ignore[method-assign, assignment]

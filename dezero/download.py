"""Knows how to get a file from the network into the cache folder, whole and checked or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from .files import atomic_file

_CHUNK = 1 << 20  # bytes read at once
_CHECKSUMS = {64: "sha256", 32: "md5"}  # hexadecimal digits -> what they are


class _Failed(Exception):
    """One attempt at one URL came to nothing; ``final`` where another attempt would end the same."""

    def __init__(self, reason: str, final: bool = False):
        super().__init__(reason)
        self.final = final


def get_cache_dir() -> str:
    """The folder for downloaded files: the environment's ``DEZERO_CACHE_DIR``, else ``~/.dezero``.

    Also there as ``cache_dir``, which is looked up anew each time it is read.
    """
    return os.path.expanduser(os.environ.get("DEZERO_CACHE_DIR") or os.path.join("~", ".dezero"))


def __getattr__(name: str) -> str:
    if name == "cache_dir":
        return get_cache_dir()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def get_file(
    url: str | Sequence[str],
    file_name: str | None = None,
    checksum: str | None = None,
    timeout: float = 30.0,
    tries: int = 3,
) -> str:
    """The path of a downloaded file. Downloads it if the cache does not hold it yet.

    The file appears in the cache when it is complete and its checksum is right, never before. A cached file
    that does not have the checksum is downloaded again.

    Args:
        url: Where the file is, or several URLs of the same file, tried in turn.
        file_name: Its place below the cache folder. Left out, it is the name in the URL, in a folder that
            belongs to this URL alone.
        checksum: SHA-256 (64 hexadecimal digits) or MD5 (32) of the content.
        timeout: Seconds to wait for an answer of the server.
        tries: Attempts per URL, with a growing pause between them.

    Returns:
        The path, in the cache folder.

    Raises:
        ValueError: A URL, the file name or the checksum is malformed.
        OSError: No URL gave the file. The text says why, and where the file may be put by hand.

    Example:
        >>> get_file("https://example.org/weights.npz")  # doctest: +SKIP
        '/home/ada/.dezero/1d4c9f5a6f0b/weights.npz'
    """
    urls = [url] if isinstance(url, str) else list(url)
    _check(urls, checksum)
    path = cache_path(urls[0], file_name)
    if _is_whole(path, checksum):
        return path
    os.makedirs(os.path.dirname(path), exist_ok=True)
    reasons: dict[str, str] = {}
    for attempt in range(tries):
        if attempt:
            time.sleep(0.5 * 2**attempt)
        for candidate in list(urls):
            try:
                _download(candidate, path, checksum, timeout)
                return path
            except _Failed as failed:
                reasons[candidate] = str(failed)
                if failed.final:
                    urls.remove(candidate)
        if not urls:
            break
    folder, name = os.path.split(path)
    raise OSError(
        f"get_file: could not download {name} ({'; '.join(f'{u}: {why}' for u, why in reasons.items())}). "
        f"Try again later, or put the file there by hand: folder {folder}, file name {name}."
    )


def cache_path(url: str, file_name: str | None = None) -> str:
    """Where the cache keeps the file of ``url``, whether it is there yet or not.

    Args:
        url: The file's URL.
        file_name: A path below the cache folder, if the name in the URL is not to be used.

    Raises:
        ValueError: ``file_name`` leads out of the cache folder.

    Example:
        >>> cache_path("https://example.org/a/weights.npz").endswith("weights.npz")
        True
    """
    if file_name is None:
        name = unquote(urlsplit(url).path).replace("\\", "/").rpartition("/")[2].replace("\0", "")
        if name in ("", ".", ".."):
            name = "download"
        return os.path.join(get_cache_dir(), hashlib.sha256(url.encode()).hexdigest()[:12], name)
    parts = file_name.replace("\\", "/").split("/")
    if os.path.isabs(file_name) or ":" in parts[0] or not all(part.strip(". ") for part in parts):
        raise ValueError(f"get_file: file_name must be a name or path inside the cache folder, got {file_name!r}.")
    return os.path.join(get_cache_dir(), *parts)


def _check(urls: list[str], checksum: str | None) -> None:
    """Raises ValueError where the arguments of ``get_file`` cannot be meant."""
    if not urls:
        raise ValueError("get_file: at least one URL is wanted, got none.")
    for url in urls:
        if urlsplit(url).scheme not in ("http", "https", "ftp", "file"):
            raise ValueError(f"get_file: a URL that starts with https:, http:, ftp: or file: is wanted, got {url!r}.")
    if checksum is not None and (len(checksum) not in _CHECKSUMS or set(checksum.lower()) - set("0123456789abcdef")):
        raise ValueError(f"get_file: checksum must be 64 (SHA-256) or 32 (MD5) hexadecimal digits, got {checksum!r}.")


def _is_whole(path: str, checksum: str | None) -> bool:
    """Whether ``path`` is a file with that checksum; where there is none, with any content at all."""
    if not os.path.isfile(path) or os.path.getsize(path) == 0:
        return False
    return checksum is None or _digest(path, checksum) == checksum.lower()


def _digest(path: str, like: str) -> str:
    """The checksum of a file, of the kind that ``like`` is."""
    digest = hashlib.new(_CHECKSUMS[len(like)], usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _download(url: str, path: str, checksum: str | None, timeout: float) -> None:
    """Puts the content of ``url`` at ``path``, or raises ``_Failed`` and leaves ``path`` as it was."""
    import urllib.request  # with what it imports, a tenth of the time that `import dezero` takes

    request = urllib.request.Request(url, headers={"User-Agent": "dezero"})
    with _network():
        response = urllib.request.urlopen(request, timeout=timeout)
    with response, atomic_file(path) as file:
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None  # servers may leave it out
        with _progress(os.path.basename(path), total) as advance:
            while chunk := _read(response):
                file.write(chunk)
                advance(len(chunk))
        size = file.tell()
        if total is not None and size != total:
            raise _Failed(f"ended after {size} of {total} bytes")
        if size == 0:
            raise _Failed("is empty (0 bytes)")
        file.flush()
        if checksum is not None and (found := _digest(file.name, checksum)) != checksum.lower():
            raise _Failed(f"its {_CHECKSUMS[len(checksum)]} is {found}, wanted {checksum}", final=True)


def _read(response: BinaryIO) -> bytes:
    with _network():
        return response.read(_CHUNK)


@contextmanager
def _network() -> Iterator[None]:
    """Turns what goes wrong between here and the server into ``_Failed``; a full disk stays what it is."""
    import http.client
    import urllib.error

    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        final = 400 <= error.code < 500 and error.code not in (408, 425, 429)  # these ask to come again
        raise _Failed(f"HTTP {error.code} {error.reason}", final) from error
    except urllib.error.URLError as error:
        raise _Failed(str(error.reason), final=_is_offline(error.reason)) from error
    except (OSError, http.client.HTTPException) as error:
        raise _Failed(str(error) or type(error).__name__) from error


def _is_offline(reason: Any) -> bool:
    """Whether no name can be looked up or no network reached: to try again in a second would end the same."""
    import socket

    return isinstance(reason, socket.gaierror) or getattr(reason, "errno", None) == errno.ENETUNREACH


@contextmanager
def _progress(name: str, total: int | None) -> Iterator[Callable[[int], object]]:
    """What to tell each count of bytes that came: a bar, if somebody is watching and tqdm is installed."""
    if sys.stderr is not None and sys.stderr.isatty():
        with suppress(ImportError):
            from tqdm import tqdm

            with tqdm(total=total, desc=name, unit="B", unit_scale=True) as bar:
                yield bar.update
            return
    yield lambda count: None

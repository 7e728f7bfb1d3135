"""Files come from a server of our own on 127.0.0.1, or from file:// URLs; nothing here needs a network."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dezero import download
from dezero.download import cache_path, get_file

CONTENT = b"forty-two" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DEZERO_CACHE_DIR", str(tmp_path / "the cache"))
    return tmp_path / "the cache"


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """The pauses between attempts, in seconds; nobody waits for them here."""
    waited: list[float] = []
    monkeypatch.setattr(download.time, "sleep", waited.append)
    return waited


@pytest.fixture
def server():
    """A server that answers each request with the next of ``replies``, the last of them for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.paths.append(self.path)
            status, body, headers = server.replies[min(len(server.paths), len(server.replies)) - 1]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{server.server_port}/data/file.bin"
    server.paths, server.replies = [], [reply(CONTENT)]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def reply(body, status=200, **headers):
    return status, body, {"Content-Length": str(len(body))} | {k.replace("_", "-"): v for k, v in headers.items()}


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_is_downloaded_once_and_then_comes_from_the_cache(server, cache):
    path = get_file(server.url)
    assert Path(path).read_bytes() == CONTENT and Path(path).is_relative_to(cache)
    assert get_file(server.url) == path
    assert server.paths == ["/data/file.bin"]


def test_the_path_ends_with_the_name_in_the_url_without_its_query(cache):
    assert cache_path("https://example.org/a/my%20file.npz?token=1#part").endswith(os.sep + "my file.npz")


def test_urls_with_the_same_file_name_do_not_meet_in_the_cache(tmp_path, cache):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "weights.npz").write_text(folder)
    paths = [get_file((tmp_path / folder / "weights.npz").as_uri()) for folder in ("a", "b")]
    assert [Path(p).read_text() for p in paths] == ["a", "b"]


def test_a_file_name_places_the_file_in_the_cache_folder(server, cache):
    assert get_file(server.url, "mine/name.bin") == str(cache / "mine" / "name.bin")
    assert get_file(server.url, "name.bin") == str(cache / "name.bin")


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "a//b", "..", "a\\..\\x", "C:\\x", "a/. ./x"])
def test_a_file_name_cannot_lead_out_of_the_cache_folder(name, cache):
    with pytest.raises(ValueError, match="inside the cache folder"):
        get_file("https://example.org/x", name)


@pytest.mark.parametrize("url", ["https://example.org", "https://example.org/a/%2E%2E", "https://example.org/a/%2e"])
def test_a_url_without_a_file_name_stays_inside_the_cache_folder(url, cache):
    path = Path(cache_path(url))
    assert path.name == "download" and path.parent.parent == cache


def test_the_cache_folder_follows_the_environment_at_each_call(monkeypatch, tmp_path):
    monkeypatch.setenv("DEZERO_CACHE_DIR", str(tmp_path))
    assert download.cache_dir == str(tmp_path)
    monkeypatch.delenv("DEZERO_CACHE_DIR")
    assert download.cache_dir == os.path.join(os.path.expanduser("~"), ".dezero")
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = download.no_such_name


@pytest.mark.parametrize("checksum", [SHA256, SHA256.upper(), MD5])
def test_a_right_checksum_is_accepted(checksum, server, cache):
    assert Path(get_file(server.url, checksum=checksum)).read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing_behind_and_is_not_tried_again(server, cache):
    with pytest.raises(OSError, match=f"sha256 is {SHA256}, wanted 0000"):
        get_file(server.url, checksum="0" * 64)
    assert files_below(cache) == [] and len(server.paths) == 1


def test_a_cached_file_with_a_wrong_checksum_is_downloaded_again(server, cache):
    path = Path(get_file(server.url, "x.bin"))
    path.write_bytes(b"damaged")
    assert get_file(server.url, "x.bin", checksum=SHA256) == str(path)
    assert path.read_bytes() == CONTENT


def test_a_cached_file_survives_a_download_that_fails(server, cache):
    path = Path(get_file(server.url, "x.bin"))
    server.replies = [reply(b"", status=404)]
    with pytest.raises(OSError, match="HTTP 404"):
        get_file(server.url, "x.bin", checksum="0" * 64)
    assert path.read_bytes() == CONTENT and files_below(cache) == ["x.bin"]


def test_a_file_put_there_by_hand_is_used(server, cache):
    cache.mkdir()
    (cache / "x.bin").write_bytes(b"by hand")
    assert Path(get_file(server.url, "x.bin")).read_bytes() == b"by hand"
    assert server.paths == []


@pytest.mark.parametrize("checksum", ["", "123", "z" * 64])
def test_a_malformed_checksum_is_an_error(checksum, cache):
    with pytest.raises(ValueError, match="checksum must be 64"):
        get_file("https://example.org/x", checksum=checksum)


@pytest.mark.parametrize("url", ["weights.npz", "data:text/plain,x", "/tmp/weights.npz", ""])
def test_something_that_is_no_url_is_an_error(url, cache):
    with pytest.raises(ValueError, match="a URL that starts with https:"):
        get_file(url)
    with pytest.raises(ValueError, match="at least one URL"):
        get_file([])


def test_an_unknown_length_is_no_obstacle(server, cache):
    server.replies = [(200, CONTENT, {})]
    assert Path(get_file(server.url)).read_bytes() == CONTENT


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "0"}])
def test_an_empty_file_is_an_error(headers, server, cache):
    server.replies = [(200, b"", headers)]
    with pytest.raises(OSError, match=r"is empty \(0 bytes\)"):
        get_file(server.url)
    assert files_below(cache) == []


def test_an_empty_file_in_the_cache_is_downloaded_again(server, cache):
    cache.mkdir()
    (cache / "x.bin").touch()
    assert Path(get_file(server.url, "x.bin")).read_bytes() == CONTENT


def test_a_connection_that_breaks_off_is_tried_again(server, cache, pauses):
    server.replies = [(200, CONTENT[:100], {"Content-Length": str(len(CONTENT))}), reply(CONTENT)]
    assert Path(get_file(server.url)).read_bytes() == CONTENT
    assert len(server.paths) == 2 and pauses == [1.0]


def test_attempts_are_bounded_with_growing_pauses_between(server, cache, pauses):
    server.replies = [reply(b"", status=503)]
    with pytest.raises(OSError, match="HTTP 503"):
        get_file(server.url, tries=4)
    assert len(server.paths) == 4 and pauses == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (403, 1), (429, 3), (408, 3), (500, 3)])
def test_only_what_may_pass_is_tried_again(status, attempts, server, cache):
    server.replies = [reply(b"", status=status)]
    with pytest.raises(OSError, match=f"HTTP {status}"):
        get_file(server.url)
    assert len(server.paths) == attempts


def test_mirrors_are_tried_in_turn_before_any_pause(server, cache, pauses):
    server.replies = [reply(b"", status=503), reply(b"<html>", Content_Type="text/html"), reply(CONTENT)]
    mirrors = [server.url.replace("file", f"mirror{i}") for i in range(3)]
    path = get_file(mirrors, "x.bin", checksum=SHA256)
    assert Path(path).read_bytes() == CONTENT and pauses == []
    assert server.paths == [f"/data/mirror{i}.bin" for i in range(3)]


def test_a_server_that_does_not_answer_is_given_up(cache):
    silent = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # accepts, and never serves
    with silent, pytest.raises(OSError, match="timed out"):
        get_file(f"http://127.0.0.1:{silent.server_port}/x", timeout=0.05, tries=1)


def test_offline_the_message_says_where_to_put_the_file_by_hand(cache):
    with pytest.raises(OSError) as caught:
        get_file("http://127.0.0.1:1/weights.npz", "models/weights.npz")
    text = str(caught.value)
    assert text.startswith("get_file: could not download weights.npz (http://127.0.0.1:1/weights.npz: ")
    assert f"folder {cache / 'models'}, file name weights.npz." in text


def test_without_a_network_it_says_so_at_once(cache, pauses, monkeypatch):
    def nobody_knows(*args, **kwargs):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", nobody_knows)
    with pytest.raises(OSError, match="Temporary failure in name resolution"):
        get_file(["http://a.example/x.bin", "http://b.example/x.bin"])
    assert pauses == []


def test_a_full_disk_is_not_taken_for_the_network(server, cache, monkeypatch):
    def no_space(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        get_file(server.url)
    assert files_below(cache) == [] and len(server.paths) == 1


@pytest.mark.parametrize("somebody_watches", [True, False])
def test_a_progress_bar_is_drawn_only_on_a_terminal(somebody_watches, server, cache, capfd, monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: somebody_watches)
    get_file(server.url)
    assert ("file.bin" in capfd.readouterr().err) == somebody_watches


def test_without_tqdm_there_is_no_progress_bar(server, cache, capfd, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert Path(get_file(server.url)).read_bytes() == CONTENT
    assert capfd.readouterr().err == ""

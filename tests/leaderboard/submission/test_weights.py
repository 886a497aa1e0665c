"""Weights of a submission: fetched once by the harness, from public servers alone."""

import hashlib
import socket
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from benchmark.api import weights_file
from benchmark.errors import CallError, DataError, UnknownNameError
from benchmark.handed import WEIGHTS_VARIABLE
from leaderboard.submission import load, weights
from leaderboard.submission.weights import refuse_private, weights_folder
from tests.leaderboard.submission.test_manifest import WHOLE, write

CONTENT = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    content, cut = CONTENT, 10**9
    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        self.wfile.write(self.content[start : start + self.cut])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Handler]]:
    """A server on this machine that stands in for the public one, and its own cache."""
    handler = type("Fresh", (Handler,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        class Here(urllib.request.HTTPSHandler):
            def https_open(self, req: urllib.request.Request) -> object:
                there = req.full_url.replace(
                    "https://example.org", f"http://127.0.0.1:{server.server_port}"
                )
                request = urllib.request.Request(there, headers=dict(req.headers))
                return urllib.request.urlopen(request, timeout=5)

        opener = urllib.request.build_opener(Here)
        monkeypatch.setattr(weights.urllib.request, "build_opener", lambda *_: opener)
        monkeypatch.setattr(weights, "refuse_private", lambda url: None)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield handler
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def folder_with(tmp_path: Path, sha256: str = SHA256, size: int = len(CONTENT)) -> Path:
    text = WHOLE.replace("a" * 64, sha256).replace("bytes = 1234", f"bytes = {size}")
    return write(tmp_path, text)


def test_they_are_fetched_once_and_found_by_name(
    tmp_path: Path, served: type[Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = load(folder_with(tmp_path))
    folder = weights_folder(submission)
    assert folder == weights_folder(submission)
    assert served.asked == [None]
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(folder))
    found = weights_file("net.safetensors")
    assert found.read_bytes() == CONTENT
    assert found.stat().st_mode & 0o222 == 0
    with pytest.raises(UnknownNameError, match=r"did you mean net\.safetensors\?"):
        weights_file("nets.safetensors")


def test_a_broken_download_goes_on_where_it_broke(tmp_path: Path, served: type[Handler]) -> None:
    submission = load(folder_with(tmp_path))
    served.cut = 1000
    with pytest.raises(DataError, match="call again to go on"):
        weights_folder(submission)
    served.cut = 10**9
    weights_folder(submission)
    assert served.asked == [None, "bytes=1000-"]


def test_no_more_is_kept_than_the_manifest_says(tmp_path: Path, served: type[Handler]) -> None:
    served.content = CONTENT * 8  # 8 MiB where 1 MiB is due
    with pytest.raises(DataError, match="expected 1048576; it was removed"):
        weights_folder(load(folder_with(tmp_path)))
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in kept) == 0


def test_another_hash_is_refused(tmp_path: Path, served: type[Handler]) -> None:
    with pytest.raises(DataError, match=r"has sha256 .* expected 000000000000"):
        weights_folder(load(folder_with(tmp_path, sha256="0" * 64)))


def test_a_copy_in_the_data_folder_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(tmp_path / "data"))
    (tmp_path / "data" / "weights").mkdir(parents=True)
    (tmp_path / "data" / "weights" / "net.safetensors").write_bytes(CONTENT)
    folder = weights_folder(load(folder_with(tmp_path)))
    assert folder is not None
    assert (folder / "net.safetensors").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("100.64.0.1", False),
        ("8.8.8.8", True),
    ],
)
def test_our_machine_is_not_led_to_a_neighbor(
    monkeypatch: pytest.MonkeyPatch, address: str, allowed: bool
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answer = [(family, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
    if allowed:
        refuse_private("https://example.org/x")
        return
    with pytest.raises(DataError, match="no public server"):
        refuse_private("https://example.org/x")


def test_only_https_is_followed() -> None:
    for url in ("http://example.org/x", "file:///etc/passwd", "ftp://example.org/x"):
        with pytest.raises(DataError, match="expected an https address"):
            refuse_private(url)


def test_a_submission_without_weights_is_handed_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
    with pytest.raises(CallError, match=r"handed no weights; name them under \[\[weights\]\]"):
        weights_file("net.safetensors")
